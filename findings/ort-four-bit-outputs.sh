#!/bin/sh
# onnx 1.23.2, onnxruntime 1.32.0 (CPU): tensors of INT4 and UINT4, made by QuantizeLinear at opset 21.
# One would expect a network that ends in one to give its integers, as with INT8, and a Reshape of one to work where
# Transpose does: both allow the type in opset 21.
# Seen: the session is made, and run fails (no numpy type, though ml_dtypes has one); a Cast to INT8 behind it is handed
# out. There is a Transpose of such tensors and no Reshape. onnx's own evaluator gives all of them.
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
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

x = np.array([[-3.0, 0.2, 1.6, 40.0]], np.float32)
print(f"onnx {onnx.__version__}, onnxruntime {ort.__version__}\nx {x.tolist()}, scale 1, zero point 3")


def model(kind, move, narrow):
    """x through QuantizeLinear and ``move``, cast to INT8 unless ``narrow``."""
    constants = [helper.make_tensor("zero", kind, [], [3]), numpy_helper.from_array(np.float32(1), "scale")]
    nodes, last, shape = [helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"])], "q", [1, 4]
    if move:
        extra = ["shape"] if move == "Reshape" else []
        constants += [numpy_helper.from_array(np.array([4, 1]), "shape")] if extra else []
        nodes.append(helper.make_node(move, ["q", *extra], ["moved"]))
        last, shape = "moved", [4, 1]
    if not narrow:
        nodes.append(helper.make_node("Cast", [last], ["wide"], to=TensorProto.INT8))
        last = "wide"
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])
    end = helper.make_tensor_value_info(last, kind if narrow else TensorProto.INT8, shape)
    graph = helper.make_graph(nodes, "g", [given], [end], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(made, full_check=True)
    return made


def runtime(made):
    """What ONNX Runtime gives, or the beginning of what it says."""
    try:
        session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, {"x": x})[0].ravel().tolist()
    except Exception as error:
        return str(error)


for name, top in (("UINT4", 15), ("INT4", 7)):
    for move, narrow, says in (
        ("", False, ""), ("", True, "No corresponding Numpy type"), ("Transpose", False, ""),
        ("Reshape", False, "Could not find an implementation for Reshape"),
    ):
        made = model(getattr(TensorProto, name), move, narrow)
        evaluator = ReferenceEvaluator(made).run(None, {"x": x})[0].astype(np.int8).ravel().tolist()
        found = runtime(made)
        print(f"{name:5} {move or '-':9} {'as it is' if narrow else 'cast'}: onnx {evaluator}, ORT {str(found)[:90]}")
        assert evaluator == [0, 3, 5, top]
        assert says in found if says else found == evaluator
PY
