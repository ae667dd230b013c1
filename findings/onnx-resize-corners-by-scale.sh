#!/bin/sh
# onnx 1.23.2 (its reference evaluator), onnxruntime 1.32.0: Resize by a scale of 1.5 with align_corners.
# One would expect the last element of the result to be the last of the input: that is what the mode is named after.
# Seen: in ONNX Runtime it is. The evaluator divides by 1.5 * 5 - 1 where the result has 7 elements, so that the corners
# are not aligned; the two differ at all elements but the first. With a size in place of the scale they agree.
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

x = np.array([[[0, 13, 26, 39, 52]]], np.float32)
print(f"onnx {onnx.__version__}, onnxruntime {ort.__version__}: {x.reshape(-1).tolist()} to 7 elements")
for what in ("scales", "sizes"):
    given = ["x", "", "scales"] if what == "scales" else ["x", "", "", "sizes"]
    values = [1, 1, 1.5] if what == "scales" else [1, 1, 7]
    kind = TensorProto.FLOAT if what == "scales" else TensorProto.INT64
    mode = "align_corners"
    graph = helper.make_graph(
        [helper.make_node("Resize", given, ["y"], mode="linear", coordinate_transformation_mode=mode)],
        "resize",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 7])],
        [helper.make_tensor(what, kind, [3], values)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    (reference,) = ReferenceEvaluator(model).run(None, {"x": x})
    (runtime,) = ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})
    shown = [np.round(y.reshape(-1).astype(float), 3).tolist() for y in (reference, runtime)]
    print(f"by {what}: reference {shown[0]}, ONNX Runtime {shown[1]}")
    assert shown[1][-1] == 52 and shown[0][-1] == (48 if what == "scales" else 52)
    assert (shown[0] == shown[1]) == (what == "sizes")
PY
