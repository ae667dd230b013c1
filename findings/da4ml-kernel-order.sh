#!/bin/sh
# da4ml 0.6.0: adder graphs of one matrix, as numpy may keep it.
# One would expect an array to be read by its strides, or to be refused when they are not those of C.
# Seen: da4ml.cmvm.solve reads the memory row by row whatever the strides. Of a matrix that lies column by column, as
# W.T.astype(np.float32) does (transposed weights of a layer), or of a view of a wider one, it returns the graph of
# another matrix without a word; only a copy in C's order is right. The "@" of da4ml.trace copies, and is right.
# isobit hands such copies over, and proves every graph against the weights.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in da4ml==0.6.0; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" - <<'PY'
import numpy as np
from da4ml.cmvm import solve

rng = np.random.default_rng(0)
kernel = rng.integers(1, 100, (4, 5)).astype(np.float32)
samples = rng.integers(1, 100, (100, 4)).astype(float)
forms = {
    "C order": kernel,
    "Fortran order": np.asfortranarray(kernel),
    "every second column of a wider matrix": np.repeat(kernel, 2, axis=1)[:, ::2],
}
right = {}
for name, given in forms.items():
    assert np.array_equal(given, kernel)
    answers = np.array([np.array(solve(given)(sample), float) for sample in samples])
    right[name] = int((answers == samples @ kernel).sum())
    print(f"{name}: {right[name]} of {answers.size} products right")
assert list(right.values()) == [500, 0, 0], right
assert np.array_equal(solve(forms["Fortran order"]).kernel, kernel.ravel("F").reshape(kernel.shape))
PY
