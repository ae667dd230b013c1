#!/bin/sh
# apytypes 0.5.1: a cast of 32-bit integers to fixed point of 64 bits, 16 of them before the point, with overflow=SAT.
# One would expect the format's ends for what is beyond them, as for every narrower format.
# Seen: the number is moved to its new point in as many 64-bit words as the wider of the two formats has, and only what is left
# there is compared with the ends: 100000 becomes -31072, 2^30 becomes 0. Formats of up to 64 bits are so as soon as
# integer bits before and fractional bits after are more than 64; scalars and arrays alike. Rounding, too, carries out of the
# word: a 64-bit accumulator at its top, rounded and saturated to 8 bits, is the least number.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in numpy==2.4.6 apytypes==0.5.1; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
cd "$work"
PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" - <<'PY'
import random
from importlib.metadata import version

from apytypes import APyFixed, APyFixedArray, OverflowMode, QuantizationMode

print("apytypes", version("apytypes"))


def number(fixed):
    """The integer that the bits of a fixed-point number are, as two's complement."""
    bits = int(fixed.to_bits())
    return bits - (bits >> fixed.bits - 1 << fixed.bits)


draw = random.Random(0)
integers = [100_000, 40_000, -40_000, 1 << 30] + [draw.randrange(-(1 << 31), 1 << 31) for _ in range(2000)]
for bits, fraction in ((48, 24), (64, 32), (64, 33), (64, 48), (32, 40)):
    top = (1 << bits - 1) - 1
    wrong = {}
    for i in integers:
        said = max(-top - 1, min(top, i << fraction))
        single = APyFixed.from_float(i, int_bits=32, frac_bits=0)
        cast = {"bits": bits, "frac_bits": fraction, "overflow": OverflowMode.SAT}
        array = APyFixedArray.from_float([i], int_bits=32, frac_bits=0)
        result = number(single.cast(**cast))
        assert result == number(array.cast(**cast)[0])
        if result != said:
            wrong[i] = result / 2**fraction, said / 2**fraction
    print(f"{bits - fraction} bits before the point and {fraction} after: {len(wrong)} of {len(integers)} wrong", *list(wrong.items())[:3])
    assert bool(wrong) == (32 + fraction > 64)
    if (bits, fraction) == (64, 48):
        assert wrong[100_000] == (-31072, 2.0**15) and wrong[1 << 30] == (0, 2.0**15) and len(wrong) > 1900
accumulator = APyFixed((1 << 63) - 1, bits=64, int_bits=64)
byte = {"bits": 8, "frac_bits": -40, "overflow": OverflowMode.SAT}
for mode in ("TO_NEG", "TIES_EVEN", "TIES_POS"):
    result = number(accumulator.cast(**byte, quantization=getattr(QuantizationMode, mode)))
    print(f"2^63 - 1 to 8 bits by {mode}: {result}")
    assert result == (127 if mode == "TO_NEG" else -128)
PY
