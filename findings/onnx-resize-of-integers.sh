#!/bin/sh
# onnx 1.23.2 (its reference evaluator), onnxruntime 1.32.0: a linear Resize of UINT8, as QOperator files have it.
# One would expect both to make the same integer of what lies between two of them, or one of them to refuse.
# Seen: ONNX Runtime cuts off, the evaluator rounds halves to even; the same Resize behind a DequantizeLinear keeps the
# fractions. A quantised U-Net has three answers, by who runs it and by the form of its file.
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

x = np.array([[[[1, 2, 7, 0]]]], np.uint8)
print(f"onnx {onnx.__version__}, onnxruntime {ort.__version__}: {x.tolist()} twice as wide")


def resize(kind, data):
    graph = helper.make_graph(
        [helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="linear")],
        "resize",
        [helper.make_tensor_value_info("x", kind, x.shape)],
        [helper.make_tensor_value_info("y", kind, [1, 1, 1, 8])],
        [helper.make_tensor("scales", TensorProto.FLOAT, [4], [1, 1, 1, 2])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    runs = ReferenceEvaluator(model), ort.InferenceSession(model.SerializeToString())
    return [run.run(None, {"x": data})[0].reshape(-1).tolist() for run in runs]


rounded, cut = resize(TensorProto.UINT8, x)
whole = resize(TensorProto.FLOAT, x.astype(np.float32))
print(f"as FLOAT: {whole[1]}\nas UINT8: reference {rounded}, ONNX Runtime {cut}")
assert whole[0] == whole[1] == [1, 1.25, 1.75, 3.25, 5.75, 5.25, 1.75, 0]
assert cut == [1, 1, 1, 3, 5, 5, 1, 0] and rounded == [1, 1, 2, 3, 6, 5, 2, 0]
PY
