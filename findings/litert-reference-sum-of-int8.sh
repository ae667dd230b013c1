#!/bin/sh
# ai-edge-litert 2.3.0 (x86-64): SUM of an int8 tensor along two axes, by the three sets of kernels that the package ships.
# One would expect the reference kernels, which say what an operator means, to be right, or at least within a step.
# Seen: the optimised kernels and XNNPACK give the exact sum to within a step; the reference kernels read int8 as if it were
# uint8: with input and output at the same zero point and scale every sum is -1, elsewhere it is off by up to over a hundred.
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
from one_operator import RESOLVERS, file_of, litert, tensor

x = np.random.default_rng(0).integers(-128, 128, (1, 6, 6, 4)).astype(np.int8)
axes = tensor([2], "int32", data=np.array([1, 2], np.int32))
for scale, zero_point, out_scale, out_zero_point in ((0.1, 5, 2, -3), (0.1, 0, 0.1, 0), (0.1, 5, 4, 0)):
    inputs = [tensor(x.shape, "int8", scale, zero_point), axes]
    output = tensor((1, 4), "int8", out_scale, out_zero_point)
    file = file_of("SUM", inputs, output, 2, "ReducerOptions", keepDims=False)
    total = (x.astype(int) - zero_point).sum(axis=(1, 2)) * scale / out_scale + out_zero_point
    exact = np.clip(np.round(total), -128, 127).astype(int)
    got = {kernels: litert(file, [x], kernels).astype(int) for kernels in RESOLVERS}
    print(f"scale {scale} -> {out_scale}: exact", exact.tolist(), {k: v.tolist() for k, v in got.items()})
    assert np.abs(got["default"] - exact).max() <= 1 and np.abs(got["no delegate"] - exact).max() <= 1
    assert np.abs(got["reference"] - exact).max() > 30
    if scale == out_scale:
        assert np.all(got["reference"] == -1)
PY
