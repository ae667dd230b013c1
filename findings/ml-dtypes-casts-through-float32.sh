#!/bin/sh
# ml_dtypes 0.6.0, numpy 2.4.6: int32, int64 and float64 arrays, cast to bfloat16 and to the 8-, 6- and 4-bit float types.
# One would expect each cast to give the nearest number of the type, as NumPy's own cast to float16 does.
# Seen: the number is rounded to float32 first. Where that is half-way between two neighbours it is rounded a second time, to
# the even one, which may be the farther: 2^24 + 2^16 + 1, a 32-bit accumulator's value, is 2^24 in bfloat16 and not
# 2^24 + 2^17, and of float64 numbers next to a half-way place half go to the other side, for all twelve types.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in numpy==2.4.6 ml_dtypes==0.6.0; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
cd "$work"
PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" -W ignore - <<'PY'
from fractions import Fraction

import ml_dtypes
import numpy as np

print("ml_dtypes", ml_dtypes.__version__)
bfloat16 = ml_dtypes.bfloat16
for kind in (np.int32, np.int64):
    a = np.array([(1 << 24) + (1 << 16) + 1], kind)
    print(f"{kind.__name__} {a[0]} in bfloat16: {float(a.astype(bfloat16)[0]):.0f}, by way of float32: {float(a.astype(np.float32).astype(bfloat16)[0]):.0f}")
    assert a.astype(bfloat16)[0] == 1 << 24 and abs(a[0] - (1 << 24)) > abs((1 << 24) + (1 << 17) - a[0])
# of the accumulators of 2^24 .. 2^31 that are half a step and 1 above or below it
steps = [(m << e) + (1 << e - 1) + s for e in range(17, 24) for m in range(128, 256) for s in (-1, 1)]
a = np.array(steps, np.int64)
nearest = [min((n >> e << e, (n >> e) + 1 << e), key=lambda v: abs(n - v)) for n in steps for e in [n.bit_length() - 8]]
far = a.astype(bfloat16).astype(np.float64) != np.array(nearest, np.float64)
print(f"int64 next to half-way: {far.sum()} of {far.size} are the farther number")
assert far.mean() == 0.5

types = ["bfloat16", *(n for n in dir(ml_dtypes) if n.startswith("float"))]
wrong = {}
for name in types:
    kind = getattr(ml_dtypes, name)
    bits = ml_dtypes.finfo(kind).bits
    table = np.arange(1 << bits, dtype=np.uint8 if bits <= 8 else np.uint16).view(kind).astype(np.float64)
    table = np.unique(table[np.isfinite(table) & (np.abs(table) < 1e30) & (np.abs(table) > 1e-30)])
    low, high = table[:-1], table[1:]
    same_side = (low > 0) | (high < 0)
    low, high = low[same_side], high[same_side]
    above, below = (np.nextafter((low + high) / 2, to) for to in (np.inf, -np.inf))
    for x, said in ((above, high), (below, low)):
        assert all(abs(Fraction(v) - Fraction(s)) < abs(Fraction(v) - Fraction(o)) for v, s, o in zip(x, said, np.where(said is high, low, high)))
        cast = x.astype(kind).astype(np.float64)
        assert (cast == x.astype(np.float32).astype(kind).astype(np.float64)).all()
        wrong[name] = wrong.get(name, 0) + (cast != said).mean() / 2
print("float64 next to half-way, share of farther numbers:", {n: f"{w:.2f}" for n, w in wrong.items()})
assert all(0.45 < w < 0.55 for w in wrong.values()) and len(wrong) == 12
numbers = np.nextafter(np.float64(1 + 2**-11), 2)  # NumPy's own
assert np.float16(numbers) == 1 + 2**-10 and np.float16(np.float32(numbers)) == 1
PY
