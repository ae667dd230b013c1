#!/bin/sh
# tflite2onnx 0.4.1, ai-edge-litert 2.3.0, onnx 1.23.2, onnxruntime 1.32.0: float TFLite files of one RESIZE_NEAREST_NEIGHBOR or SOFTMAX,
# converted to ONNX.
# One would expect the ONNX file to pick the pixels that LiteRT picks, and an attribute that ONNX's operator lacks to be refused or made.
# Seen: half_pixel and align_corners keep their names and get nearest_mode round_prefer_floor, while LiteRT takes the pixel above
# where the place is half-way: from 4 to 6 places a third hold another pixel, from 4 to 8 none, so that an upsampling by 2 does not
# show it. beta of a SOFTMAX is left out without a word.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 ai-edge-litert==2.3.0 tflite==2.18.0 tflite2onnx==0.4.1; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
cd "$work"
cat >convert.py <<'PY'
from importlib.metadata import version

import numpy as np
import onnxruntime
import tflite2onnx
from one_operator import file_of, litert, tensor


def both(file, x, layout=None):
    """The outputs of LiteRT's reference kernel and of the converted file by ONNX Runtime."""
    with open("m.tflite", "wb") as target:
        target.write(file)
    tflite2onnx.convert("m.tflite", "m.onnx")
    session = onnxruntime.InferenceSession("m.onnx", providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    (y,) = session.run(None, {entry.name: x.transpose(0, 3, 1, 2) if layout else x})
    return litert(file, [x], "reference"), y.transpose(0, 2, 3, 1) if layout else y


print("tflite2onnx", version("tflite2onnx"))
x = np.arange(4, dtype=np.float32).reshape(1, 1, 4, 1).repeat(3, 3)
for mode, size, wrong in (("halfPixelCenters", 8, 0), ("halfPixelCenters", 6, 2), ("alignCorners", 7, 3), ("alignCorners", 10, 0)):
    shape = tensor((2,), "int32", data=np.array([1, size], np.int32))
    ends = [tensor(x.shape, "float32"), shape], tensor((1, 1, size, 3), "float32")
    right, seen = both(file_of("RESIZE_NEAREST_NEIGHBOR", *ends, options="ResizeNearestNeighborOptions", **{mode: True}), x, "NHWC")
    print(f"{mode}, 4 to {size}: LiteRT {right[0, 0, :, 0].astype(int)}, ONNX {seen[0, 0, :, 0].astype(int)}")
    assert (right != seen)[0, 0, :, 0].sum() == wrong
logits = np.array([[0, 1, 2, 3]], np.float32)
for beta in (1.0, 2.0):
    ends = [tensor(logits.shape, "float32")], tensor(logits.shape, "float32")
    right, seen = both(file_of("SOFTMAX", *ends, options="SoftmaxOptions", beta=beta), logits)
    print(f"SOFTMAX, beta {beta:g}: LiteRT {right[0].round(3)}, ONNX {seen[0].round(3)}")
    assert (np.abs(right - seen).max() > 0.1) == (beta == 2)
PY
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$here" "$work/venv/bin/python" -W ignore convert.py 2>"$work/log" || { cat "$work/log"; exit 1; }
