#!/bin/sh
# hls4ml 1.3.0 with qonnx 1.0.0, Vitis back end: one dilated convolution (3x3, dilation 2) of small integers.
# One would expect the sums of the file, or a refusal that names the dilation.
# Seen: in io_stream it converts and compiles without a word, as a convolution without dilation whose output hls4ml
# takes to be one row and one column short (it reads the kernel as 3 * 2 wide instead of 5): 48 sums an image where the
# file has 75, nearly none of them the file's; the simulation warns of words left in a stream. In io_parallel numpy stops
# the conversion: "array split does not result in an equal division".
# isobit's back end makes such kernels with zeros in between, and isobit check-hls4ml names the layer.
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

weights = np.random.default_rng(0).integers(-4, 4, (3, 2, 3, 3)).astype(np.float32)
images = np.random.default_rng(1).integers(-8, 8, (16, 2, 9, 9)).astype(np.float32)
conv = helper.make_node("Conv", ["xq", "wq"], ["y"], kernel_shape=[3, 3], strides=[1, 1], pads=[0] * 4,
                        dilations=[2, 2], group=1)
model = file((2, 9, 9), {"w": weights}, [weights_of_three_bits(), conv])
with tempfile.TemporaryDirectory() as folder:
    try:
        converted(model, folder, "io_parallel")
        raise SystemExit("io_parallel converts it")
    except ValueError as error:
        print(f"io_parallel: {error}")
with tempfile.TemporaryDirectory() as folder:
    found = outputs(converted(model, folder, "io_stream"), images).reshape(16, -1)
wanted = sum(np.einsum("bcyx,oc->boyx", images[:, :, 2 * i : 2 * i + 5, 2 * j : 2 * j + 5], weights[:, :, i, j])
             for i in range(3) for j in range(3))
print(f"io_stream: {found.shape[1]} sums an image, the file has {wanted[0].size}")
rows = found.reshape(16, 3, 4, 4)
same = int((rows == wanted[:, :, :4, :4]).sum())
print(f"of those in the same place {same} of {rows.size} are the file's")
assert found.shape[1] == 48 and wanted.shape == (16, 3, 5, 5) and same < rows.size / 10
PY
