#!/bin/sh
# onnx 1.23.2 (its reference evaluator), beside onnxruntime 1.32.0: MaxPool with auto_pad SAME_LOWER and strides.
# One would expect what the evaluator's own AveragePool and the checker's shape inference say: ceil(size / stride).
# Seen: where padding is needed along an axis, the evaluator leaves a column out, so that the shape differs from that of
# the checked model; SAME_UPPER and stride 1 are right.
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
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

x = np.arange(21, dtype=np.float32).reshape(1, 1, 3, 7)
print(f"onnx {onnx.__version__}, onnxruntime {ort.__version__}")
for pad in ("SAME_UPPER", "SAME_LOWER"):
    for stride in (1, 2):
        attributes = {"kernel_shape": [1, 2], "strides": [1, stride], "auto_pad": pad}
        graph = helper.make_graph(
            [helper.make_node("MaxPool", ["x"], ["y"], **attributes)],
            "pool",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 3, -(-7 // stride)])],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        (reference,) = ReferenceEvaluator(model).run(None, {"x": x})
        (runtime,) = ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})
        shown = reference[0, 0, 0].tolist(), runtime[0, 0, 0].tolist()
        print(f"{pad}, stride {stride}: reference {shown[0]}, ONNX Runtime {shown[1]}")
        assert (shown[0] == shown[1]) == (pad == "SAME_UPPER" or stride == 1)
PY
