#!/bin/sh
# hwtypes 1.4.7, pysmt 0.9.6, z3-solver 4.15.4.0: bvsdiv and bvsrem of its BitVector, SMTBitVector and z3BitVector, over all pairs
# of 6-bit numbers, the same method of the same package on the same numbers.
# One would expect what SMT-LIB says of those two names in all three: quotients go towards 0, remainders have the dividend's sign.
# Seen: BitVector, which simulates, rounds down and takes Python's remainder; SMTBitVector, which proves, has SMT-LIB's; z3BitVector
# has SMT-LIB's quotient and the divisor's sign in the remainder, so that q * b + r is not a. SIntVector's // and % are these.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in setuptools==80.9.0 z3-solver==4.15.4.0 pysmt==0.9.6 gmpy2==2.3.2 hwtypes==1.4.7; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
cd "$work"
PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import z3
from hwtypes import BitVector, SIntVector, SMTBitVector, z3BitVector

BITS = 6
KINDS = {
    "BitVector": (BitVector[BITS], int),
    "SIntVector": (SIntVector[BITS], int),
    "SMTBitVector": (SMTBitVector[BITS], lambda v: int(v.value.simplify().constant_value())),
    "z3BitVector": (z3BitVector[BITS], lambda v: z3.simplify(v.value).as_long()),
}


def signed(value):
    value &= (1 << BITS) - 1
    return value - (value >> BITS - 1 << BITS)


def smtlib(a, b):
    """The quotient towards 0 and its remainder, in the numbers that 6 bits hold."""
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return signed(quotient), signed(a - quotient * b)


print("hwtypes", version("hwtypes"))
pairs = [(a, b) for a in range(-32, 32) for b in range(-32, 32) if b]
said = [smtlib(a, b) for a, b in pairs]
down = [(signed(a // b), signed(a % b)) for a, b in pairs]
answers = {}
for kind, (vector, value) in KINDS.items():
    answers[kind] = []
    for a, b in pairs:
        x, y = vector(a % (1 << BITS)), vector(b % (1 << BITS))
        answers[kind].append((signed(value(x.bvsdiv(y))), signed(value(x.bvsrem(y)))))
    differ = [sum(r[i] != s[i] for r, s in zip(answers[kind], said)) for i in (0, 1)]
    at = pairs.index((-7, 2))
    print(f"{kind}: of {len(pairs)} differ from SMT-LIB: {differ[0]} quotients, {differ[1]} remainders; -7 by 2 is {answers[kind][at]}")
assert answers["SMTBitVector"] == said
assert answers["BitVector"] == answers["SIntVector"] == down != said
assert answers["z3BitVector"] == [(s[0], d[1]) for s, d in zip(said, down)]
x, y = SIntVector[BITS](-7), SIntVector[BITS](2)
assert signed(int(x // y)) == -4 and signed(int(x % y)) == 1
PY
