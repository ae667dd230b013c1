#!/bin/sh
# onnx 1.23.2, onnxruntime 1.32.0 (CPU): Cast from float32 to INT4 and UINT4.
# One would expect the fraction to be cut off, as both do for INT8 and as onnx's own evaluator does for INT4.
# Seen: ONNX Runtime rounds to nearest, halves away from zero, for the 4-bit types alone.
# A Cast is thus not a QuantizeLinear of scale 1 either, which rounds halves to even in both.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.23.2 onnxruntime==1.32.0; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
python="$work/venv/bin/python"
export PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=3
"$python" - <<'PY'
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

x = np.array([-2.5, -1.7, -1.5, -0.5, 0.5, 1.5, 1.7, 2.5, 6.5], np.float32)
CUT, AWAY = [-2, -1, -1, 0, 0, 1, 1, 2, 6], [-3, -2, -2, -1, 1, 2, 2, 3, 7]
print(f"onnx {onnx.__version__}, onnxruntime {ort.__version__}\nx            {x.tolist()}")
for name, kept in (("INT8", slice(None)), ("INT4", slice(None)), ("UINT4", slice(4, None))):
    given = x[kept]
    nodes = [
        helper.make_node("Cast", ["x"], ["q"], to=getattr(TensorProto, name)),
        helper.make_node("Cast", ["q"], ["y"], to=TensorProto.INT32),
    ]
    ends = [helper.make_tensor_value_info(n, t, [len(given)]) for n, t in (("x", TensorProto.FLOAT), ("y", TensorProto.INT32))]
    model = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:]), opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    evaluator = ReferenceEvaluator(model).run(None, {"x": given})[0].tolist()
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    runtime = session.run(None, {"x": given})[0].tolist()
    print(f"{name:6} onnx  {evaluator}\n{name:6} ORT   {runtime}")
    assert evaluator == CUT[kept]
    assert runtime == (CUT if name == "INT8" else AWAY)[kept]
PY
