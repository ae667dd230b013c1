#!/bin/sh
# veriforge 0.1.11: casts, enums and parts of packed arrays of SystemVerilog in signed arithmetic, simulated with its default engine,
# beside $signed of the same bits.
# One would expect IEEE 1800's signs: signed'() and byte'() are signed (6.24.1, 6.11), an enum has its base's sign (6.19), an element of a
# packed array is a part-select and unsigned (7.4.1).
# Seen: signed'(u) and byte'(u) are unsigned, and with them the whole expression, an enum of logic signed too, and the elements of a
# packed array are signed.
# $signed(u), ports and elements of unpacked arrays are right. No file is refused.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check veriforge==0.1.11
cd "$work"
cat >signs.sv <<'SV'
module signs(input logic signed [7:0] a, input logic signed [7:0] b, input logic [7:0] u,
             output logic signed [15:0] system, output logic signed [15:0] cast, output logic signed [15:0] narrow,
             output logic signed [15:0] member, output logic signed [15:0] packed_, output logic signed [15:0] unpacked);
  typedef enum logic signed [3:0] {LOW = -2, HIGH = 3} level;
  level l;
  logic signed [1:0][7:0] p;
  logic signed [7:0] q [0:1];
  assign l = u[0] ? LOW : HIGH;
  assign p = {a, b};
  assign q[0] = b;
  assign q[1] = a;
  assign system = $signed(u[3:0]) * b;
  assign cast = signed'(u[3:0]) * b;
  assign narrow = byte'(u) + a;
  assign member = l;
  assign packed_ = p[1] - p[0];
  assign unpacked = q[1] - q[0];
endmodule
SV
PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" - <<'PY'
import random
from importlib.metadata import version

from veriforge.project import parse_file
from veriforge.sim import Simulator

NAMES = "system", "cast", "narrow", "member", "packed_", "unpacked"
WRONG = "cast", "narrow", "member", "packed_"


def signed(value, bits):
    value %= 1 << bits
    return value - (value >> bits - 1 << bits)


def meant(a, b, u):
    low = signed(u, 4)
    return low * b, low * b, signed(u, 8) + a, -2 if u % 2 else 3, a % 256 - b % 256, a - b


def seen_as(a, b, u):
    return signed(u, 4) * b, signed(u % 16 * (b % 256), 16), u + a % 256, 14 if u % 2 else 3, a - b, a - b


draw = random.Random(0)
vectors = [(-3, 5, 9)] + [(draw.randrange(-128, 128), draw.randrange(-128, 128), draw.randrange(256)) for _ in range(199)]
rows = []


def drive(simulator):
    for vector in vectors:
        for name, value in zip("abu", vector):
            simulator.drive(name, value % 256)
        simulator.settle()
        rows.append([signed(int(simulator.read(n)), 16) for n in NAMES])


Simulator(parse_file("signs.sv").modules[0]).run(drive, max_time=10)
print("veriforge", version("veriforge"))
assert len(rows) == len(vectors)
for index, name in enumerate(NAMES):
    differ = sum(row[index] != meant(*v)[index] for row, v in zip(rows, vectors))
    print(f"{name.strip('_')}: {differ} of {len(rows)} differ; a = -3, b = 5, u = 9: {rows[0][index]} for {meant(*vectors[0])[index]}")
    assert bool(differ) == (name in WRONG)
assert all(tuple(row) == seen_as(*v) for row, v in zip(rows, vectors))
PY
