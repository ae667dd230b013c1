#!/bin/sh
# da4ml 0.6.0: a matrix product of integers, traced into an adder graph.
# One would expect a compiler of distributed arithmetic to keep every integer coefficient, or to refuse one too wide.
# Seen: coefficients pass through float32. Up to 24 bits the adder graph is exact; 16,777,217 and its like become the
# nearest float32 without a word, and the result is off by the input times the difference.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in da4ml==0.6.0; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
python="$work/venv/bin/python"
export PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=3
"$python" - <<'PY'
import numpy as np
from da4ml.trace import FixedVariableArrayInput, comb_trace

samples = np.arange(-128, 128, dtype=float)[:, None]
for coefficient in (2**24 - 1, 2**24 + 1, 2**30 + 1):
    given = FixedVariableArrayInput(1)
    product = given.quantize(1, 7, 0) @ np.array([[float(coefficient)]])
    answers = comb_trace(given, product).predict(samples)
    wrong = int((answers != samples * coefficient).sum())
    print(f"times {coefficient}: {wrong} of 256 products wrong, 100 gives {int(answers[228, 0])}, should be {100 * coefficient}")
    kept = float(np.float32(coefficient))
    assert np.array_equal(answers, samples * kept)
    assert (wrong == 0) == (coefficient < 2**24)
PY
