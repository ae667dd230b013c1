#!/bin/sh
# hls4ml 1.3.0 with qonnx 1.0.0, Vitis back end: a map of small integers behind its global average, ONNX's
# GlobalAveragePool. One would expect a mean per channel.
# Seen: qonnx turns the map back to channels first in front of the operator, which its channels-last conversion does not
# know; hls4ml takes every pool to be channels last, and averages over channels and rows: 253 and 255 of 256 means are other
# numbers. io_parallel says nothing; the simulation of io_stream warns that an empty stream is read.
# isobit's back end never meets it (a mean is a depthwise sum there), and isobit check-hls4ml names the layer.
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
from hls4ml_network import converted, file, outputs
from onnx import helper

images = np.random.default_rng(1).integers(-8, 8, (64, 4, 6, 6)).astype(np.float32)
model = file((4, 6, 6), {}, [helper.make_node("GlobalAveragePool", ["xq"], ["y"])])
wanted = images.mean(axis=(2, 3))
for io_type in ("io_parallel", "io_stream"):
    with tempfile.TemporaryDirectory() as folder:
        found = outputs(converted(model, folder, io_type), images).reshape(64, 4)
    far = np.abs(found - wanted)
    print(f"{io_type}: {int((far > 0.01).sum())} of {far.size} means are off, by up to {far.max():.3g}")
    assert (far > 0.01).mean() > 0.9
PY
