#!/bin/sh
# onnx 1.23.2 (its reference evaluator), beside onnxruntime 1.32.0: Softmax of opset 11, axis 1 of three.
# One would expect the version that the model states: before opset 13 a Softmax spans all axes from its own to the last.
# Seen: the evaluator takes opset 13's meaning at every opset. Channels add up to 1 at each place; by the definition of
# opset 11, and in ONNX Runtime, the whole sample does. Files of old exporters, whose default axis is 1, are read so.
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

x = np.zeros((1, 2, 4), np.float32)
print(f"onnx {onnx.__version__}, onnxruntime {ort.__version__}")
for opset in (11, 13):
    graph = helper.make_graph(
        [helper.make_node("Softmax", ["x"], ["y"], axis=1)],
        "softmax",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, x.shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)
    onnx.checker.check_model(model, full_check=True)
    (reference,) = ReferenceEvaluator(model).run(None, {"x": x})
    (runtime,) = ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})
    print(f"opset {opset}: reference {reference[0, 0].tolist()}, ONNX Runtime {runtime[0, 0].tolist()}")
    assert (reference == 0.5).all() and (runtime == (0.125 if opset == 11 else 0.5)).all()
PY
