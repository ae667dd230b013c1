#!/bin/sh
# onnx 1.23.2 (its reference evaluator), beside onnxruntime 1.32.0: QuantizeLinear of values far outside the range.
# One would expect what lies beyond 2^31 steps to saturate as what lies beyond 255 does; the standard says "saturate".
# Seen: the evaluator casts to int32 before it clamps, and great positive values become the least integer.
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

x = np.array([100, 300, 3e9, 1e12, -3e9], np.float32)
print(f"onnx {onnx.__version__}, onnxruntime {ort.__version__}\nx                      {x.tolist()}")
for name, kind, lo, hi in (("UINT8", np.uint8, 0, 255), ("INT8", np.int8, -128, 127), ("INT16", np.int16, -32768, 32767)):
    constants = {"scale": np.float32(1), "zero": kind(0)}
    graph = helper.make_graph(
        [helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["y"])],
        "far",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", getattr(TensorProto, name), x.shape)],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    (reference,) = ReferenceEvaluator(model).run(None, {"x": x})
    (runtime,) = ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})
    print(f"{name:5} reference        {reference.tolist()}\n{name:5} ONNX Runtime     {runtime.tolist()}")
    inside = [100, min(300, hi)]
    assert reference.tolist() == [*inside, lo, lo, lo]
    assert runtime.tolist() == [*inside, hi, hi, lo]
PY
