#!/bin/sh
# fxpmath 0.4.10, numpy 2.4.6: fixed-point numbers of 8 bits with a rounding mode, divided by 2.
# One would expect the mode to hold for every result that does not fit, as it does for new numbers and for products.
# Seen: a division whose result keeps the format (by an int, or with op_sizing "same") rounds down, whichever of the five
# modes is set. A requantizer that divides by a power of 2 with rounding="around" makes 0 of 3 / 4. Docstrings say otherwise.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in numpy==2.4.6 fxpmath==0.4.10; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
cd "$work"
PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
from fxpmath import Fxp

print("fxpmath", version("fxpmath"))
numbers = np.array([-7, -5, -3, -1, 1, 3, 5, 7])
modes = {"around": np.round, "floor": np.floor, "ceil": np.ceil, "fix": np.fix, "trunc": np.trunc}
for mode, rounded in modes.items():
    x, same = (Fxp(numbers, signed=True, n_word=8, n_frac=0, rounding=mode) for _ in range(2))
    same.config.op_sizing = "same"
    results = {"x / 2": x / 2, "x / Fxp(2)": same / Fxp(2, like=same)}
    new = Fxp(numbers / 2, like=x)
    product = Fxp(numbers / 2, signed=True, n_word=8, n_frac=1, rounding=mode)
    product.config.op_sizing = "same"
    product = product * Fxp(0.5, like=product)  # halves of a step, as of x / 2
    print(f"{mode:6} Fxp(x / 2) {new()}", *(f"{n} {r()}" for n, r in results.items()))
    assert (new() == rounded(numbers / 2)).all() and (product() == rounded(numbers / 2) / 2).all()
    assert all(r.dtype == "fxp-s8/0" and (r() == np.floor(numbers / 2)).all() for r in results.values()), results
x = Fxp([1, 2, 3], signed=True, n_word=8, n_frac=0, rounding="around")
print(f"around {x()} / 4: {(x / 4)()}")
assert (x / 4)().tolist() == [0, 0, 0]
PY
