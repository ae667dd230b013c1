#!/bin/sh
# openvino 2026.4.1 (CPU, f32), onnx 1.23.2, onnxruntime 1.32.0: QLinearConv with one weight scale per output channel.
# One would expect ONNX' meaning: w_scale has one element per output channel.
# Seen: OpenVINO puts the scales on the input channels. With as many inputs as outputs every number is another one, without a
# word: outputs whose weights are alike become equal though their scales are 1 and 4. With another number of inputs the file is
# refused, since "the number of dequantization scale elements must match the input shape dimension".
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
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

print("openvino", openvino.__version__, "onnxruntime", ort.__version__)
core = openvino.Core()
inputs = ["x", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero"]
for channels in (2, 3):
    x = np.array([3, 20, 40], np.uint8)[:channels].reshape(1, channels, 1, 1)
    known = {
        "x_scale": np.float32(1), "x_zero": np.uint8(0), "y_scale": np.float32(1), "y_zero": np.uint8(0),
        "w": np.ones((2, channels, 1, 1), np.int8), "w_scale": np.array([1, 4], np.float32), "w_zero": np.zeros(2, np.int8),
    }  # fmt: skip
    ends = [helper.make_tensor_value_info(n, TensorProto.UINT8, [1, c, 1, 1]) for n, c in (("x", channels), ("y", 2))]
    tensors = [numpy_helper.from_array(value, name) for name, value in known.items()]
    graph = helper.make_graph([helper.make_node("QLinearConv", inputs, ["y"])], "g", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString()
    exact = [int(x.sum()), 4 * int(x.sum())]
    assert ReferenceEvaluator(model).run(None, {"x": x})[0].ravel().tolist() == exact
    assert ort.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0].ravel().tolist() == exact
    try:
        compiled = core.compile_model(core.read_model(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        seen = compiled({"x": x})[0].ravel().tolist()
    except Exception as error:
        seen = next(line for line in str(error).splitlines() if "scale elements" in line)
    print(f"{channels} inputs, 2 outputs: onnx and onnxruntime {exact}, openvino: {seen}")
    if channels == 2:
        assert seen == [3 + 4 * 20] * 2
    else:
        assert "must match the input shape dimension '3" in seen
PY
