#!/bin/sh
# onnx 1.23.2 (its reference evaluator): MatMulInteger with a zero point for every row of A.
# One would expect element m to be taken off row m: "an M element vector" is "per row quantization" in the standard.
# Seen: it is taken off column m. A square A gives other integers without a word, any other A an error of shapes.
# onnxruntime 1.32.0 refuses the file, so that nothing runs it as written.
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

a = np.array([[1, 2], [3, 4]], np.uint8)
zero = np.array([1, 0], np.uint8)
graph = helper.make_graph(
    [helper.make_node("MatMulInteger", ["a", "b", "zero"], ["y"])],
    "rows",
    [helper.make_tensor_value_info("a", TensorProto.UINT8, [2, 2])],
    [helper.make_tensor_value_info("y", TensorProto.INT32, [2, 2])],
    [numpy_helper.from_array(np.eye(2, dtype=np.uint8), "b"), numpy_helper.from_array(zero, "zero")],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model, full_check=True)
(found,) = ReferenceEvaluator(model).run(None, {"a": a})
rows, columns = a.astype(int) - zero[:, None], a.astype(int) - zero[None, :]
print(f"onnx {onnx.__version__}: {found.tolist()}; off rows {rows.tolist()}, off columns {columns.tolist()}")
assert found.tolist() == columns.tolist() != rows.tolist()
try:
    ort.InferenceSession(model.SerializeToString()).run(None, {"a": a})
    refused = False
except Exception as error:
    refused = "MatMulInteger" in str(error)
print(f"onnxruntime {ort.__version__} refuses it: {refused}")
assert refused
PY
