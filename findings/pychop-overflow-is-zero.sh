#!/bin/sh
# pychop 0.6.2, numpy: what becomes of numbers beyond the largest one of a small floating-point format.
# One would expect infinity, as for IEEE formats, or the largest number, as for saturating ones; and that a rounding leaves
# alone what the format already holds.
# Seen: with three exponent and two fraction bits the largest number is 14; 15 becomes 16, which the format lacks, what lies
# from 16 up to 32 becomes 0 (its sign lost), from 32 on infinity. float16 does the same from 65520, 65536 and 131072 on.
# Fixed point with rounding mode 6 ("stochastic rounding with 50% probability") moves half of the numbers that are in the
# format, mode 5 none.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in numpy==2.4.6 pychop==0.6.2; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
"$work/venv/bin/python" - 2>/dev/null <<'PY'
import numpy as np
import pychop

pychop.backend("numpy")
for exponent, fraction in ((3, 2), (5, 10)):
    bias = 2 ** (exponent - 1) - 1
    largest = 2.0**bias * (2 - 2.0**-fraction)
    top = 2.0 ** (bias + 1)
    x = np.array([largest, (largest + top) / 2, top, 1.5 * top, -1.5 * top, 2 * top, 100 * top])
    got = np.asarray(pychop.Chop(exp_bits=exponent, sig_bits=fraction)(x))
    print(f"{exponent} exponent and {fraction} fraction bits, largest {largest}:", dict(zip(x.tolist(), got.tolist(), strict=True)))
    assert got.tolist() == [largest, top, 0, 0, 0, np.inf, np.inf]

held = np.arange(-7, 8) / 2
moved = {m: np.mean([np.asarray(pychop.Chopf(ibits=4, fbits=1, rmode=m)(held)) != held for _ in range(200)]) for m in (1, 5, 6)}
print("numbers of the format that fixed point moves, by rounding mode:", {m: f"{share:.0%}" for m, share in moved.items()})
assert moved[1] == 0 and moved[5] == 0 and 0.4 < moved[6] < 0.55
PY
