#!/bin/sh
# openvino 2026.4.1 (CPU, f32), onnx 1.23.2, onnxruntime 1.32.0: a padded AveragePool between DequantizeLinear and QuantizeLinear.
# One would expect a border of zeros, as count_include_pad=1 says (and torch's AvgPool2d does unless told otherwise).
# Seen: with UINT8 or INT8 and a zero point that isn't 0, the border holds stored zeros, which mean -scale * zero point: the rim of
# every picture is averaged with another number. Zero point 0, 16 bits, and a border that isn't counted are right.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
"$work/venv/bin/python" -W ignore - <<'PY'
import numpy as np
import onnx
import onnxruntime as ort
import openvino
from onnx import helper, numpy_helper

print("openvino", openvino.__version__, "onnxruntime", ort.__version__)
node, core = helper.make_node, openvino.Core()
for kind, zero, counted, broken in (
    (np.uint8, 128, 1, True), (np.int8, -128, 1, True), (np.uint8, 0, 1, False), (np.uint8, 128, 0, False), (np.int16, 128, 1, False),
):  # fmt: skip
    x = np.full((1, 1, 4, 4), zero + 90, kind)
    nodes = [
        node("DequantizeLinear", ["x", "scale", "zero"], ["a"]),
        node("AveragePool", ["a"], ["b"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=counted),
        node("QuantizeLinear", ["b", "scale", "zero"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape) for n in ("x", "y")]
    tensors = [numpy_helper.from_array(np.float32(0.5), "scale"), numpy_helper.from_array(kind(zero), "zero")]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString()
    (right,) = ort.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"x": x})
    compiled = core.compile_model(core.read_model(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    # of a 3x3 window 4 pixels of 90 steps lie inside at a corner, 6 at an edge, 9 within
    inside = np.array([2, 3, 3, 2])
    exact = zero + (10 * np.outer(inside, inside) if counted else np.full((4, 4), 90))
    seen = compiled({"x": x})[0][0, 0]
    print(f"{kind.__name__:5} zero point {zero:4} count_include_pad={counted}: exact {exact[0].tolist()}, openvino {seen[0].tolist()}")
    assert (right[0, 0] == exact).all()
    assert (seen != exact).sum() == 12 if broken else (seen == exact).all()
PY
