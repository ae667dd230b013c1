#!/bin/sh
# ai-edge-litert 2.3.0 (x86-64): REDUCE_MAX and REDUCE_MIN of int8 whose output has another scale than the input.
# One would expect either the rescaled maximum or an error.
# Seen: LiteRT without delegate, with and without the reference resolver, refuses the file; by default (XNNPACK) the same
# file runs and gives the input's integer as it stands, here a value that is 30 % too large.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in ai-edge-litert==2.3.0; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
python="$work/venv/bin/python"
export PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=3
"$python" - 2>/dev/null <<'PY'
import numpy as np
from one_operator import file_of, litert, tensor

x = np.random.default_rng(0).integers(-128, 128, (1, 6, 6, 4)).astype(np.int8)
axes = tensor([2], "int32", data=np.array([1, 2], np.int32))
for operator, function in (("REDUCE_MAX", np.max), ("REDUCE_MIN", np.min)):
    file = file_of(operator, [tensor(x.shape, "int8", 0.1), axes], tensor((1, 4), "int8", 0.13), 2, "ReducerOptions", keepDims=False)
    for kernels in ("reference", "no delegate"):
        try:
            litert(file, [x], kernels)
        except RuntimeError as error:
            print(operator, kernels, "refuses:", str(error).split(" (")[0])
        else:
            raise AssertionError(f"{kernels} runs it now")
    got, extreme = litert(file, [x], "default"), function(x, axis=(1, 2)).astype(int)
    print(operator, "default gives", got.tolist(), "rescaled would be", np.round(extreme * 0.1 / 0.13).astype(int).tolist())
    assert np.array_equal(got, extreme)
PY
