#!/bin/sh
# onnx 1.23.2 (its reference evaluator), beside onnxruntime 1.32.0: QLinearConv of one spatial axis, a scale per channel.
# One would expect the evaluator to know how many axes the data has, as it does for the sums themselves.
# Seen: the scales are always laid out for two spatial axes. A (1, 3, 3) result becomes (1, 3, 3, 3), every channel of the
# sums under every scale; with one scale for all channels the result is right.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.23.2 onnxruntime==1.32.0; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
"$work/venv/bin/python" - 2>/dev/null <<'PY'
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

x, w = np.array([[[10, 20, 30]]], np.uint8), np.array([[[1]], [[2]], [[3]]], np.int8)
wanted = [[[10, 20, 30], [10, 20, 30], [60, 120, 180]]]
print(f"onnx {onnx.__version__}, onnxruntime {ort.__version__}")
for what, scales in (("a scale per channel", [1, 0.5, 2]), ("one scale", 1)):
    constants = {
        "x_scale": np.float32(1), "x_zero": np.uint8(0), "w": w, "w_scale": np.array(scales, np.float32),
        "w_zero": np.zeros_like(scales, np.int8), "y_scale": np.float32(1), "y_zero": np.uint8(0),
    }
    inputs = ["x", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero"]
    graph = helper.make_graph(
        [helper.make_node("QLinearConv", inputs, ["y"])],
        "conv",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, 1, 3])],
        [helper.make_tensor_value_info("y", TensorProto.UINT8, [1, 3, 3])],
        [numpy_helper.from_array(v, k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    (reference,) = ReferenceEvaluator(model).run(None, {"x": x})
    (runtime,) = ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})
    print(f"{what}: reference {reference.shape}, ONNX Runtime {runtime.shape} {runtime.tolist()}")
    if what == "one scale":
        assert reference.tolist() == runtime.tolist() == [[[10, 20, 30], [20, 40, 60], [30, 60, 90]]]
    else:
        assert runtime.tolist() == wanted and reference.shape == (1, 3, 3, 3)
        assert reference[0, 2, 0].tolist() == [20, 40, 60]  # channel 0 under the scale of channel 2
PY
