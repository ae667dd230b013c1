#!/bin/sh
# hls4ml 1.3.0 with qonnx 1.0.0, Vitis back end: one dense layer behind a quantiser of 4 bits with a zero point of 3, at a
# scale that is a power of two, and at one that is not.
# One would expect powers of two to be the easy scales, and a zero point to count at all of them.
# Seen: at 0.3 every output is the file's; at 0.25 the zero point is left out without a word, and nearly none is.
# isobit's back end keeps zero points (compiler/isobit/frontend/qonnx), and isobit check-hls4ml names the quantiser.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.22.0 onnxruntime==1.31.1 qonnx==1.0.0 hls4ml==1.3.0; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
python="$work/venv/bin/python"
export PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=3
"$python" - <<'PY'
import tempfile

import numpy as np
from hls4ml_network import converted, file, outputs, weights_of_three_bits
from onnx import helper

weights = np.random.default_rng(0).integers(-3, 4, (6, 5)).astype(np.float32)
samples = np.random.default_rng(1).normal(0, 1, (64, 6)).astype(np.float32)
nodes = [weights_of_three_bits(), helper.make_node("MatMul", ["xq", "wq"], ["y"])]
for scale, zero_point in ((0.25, 0.0), (0.3, 3.0), (0.25, 3.0)):
    levels = np.clip(np.round(samples / np.float32(scale)) + zero_point, 0, 15)
    wanted = (levels - zero_point) * np.float32(scale) @ weights
    model = file((6,), {"w": weights}, nodes, scale, zero_point, bits=4.0, signed=0)
    with tempfile.TemporaryDirectory() as folder:
        found = outputs(converted(model, folder, "io_parallel", "fixed<32,16>"), samples)
    right = int((np.abs(found - wanted) < 0.01).sum())
    print(f"scale {scale}, zero point {zero_point:g}: {right} of {wanted.size} outputs right")
    assert right == wanted.size if (scale, zero_point) != (0.25, 3.0) else right < wanted.size / 5
PY
