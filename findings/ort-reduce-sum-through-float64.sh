#!/bin/sh
# onnxruntime 1.32.0: ReduceSum of INT64 and INT32 along the only axis.
# One would expect integers to be added as integers: exactly, and round the corner of the type like Add.
# Seen: one axis that is reduced alone passes through float64. INT64 sums lose their last bits from 2^53 on, INT32 sums
# saturate where Add wraps; a sum of rows is exact in INT64.
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


def run(op, dtype, first, *others):
    """``op`` of constant integers, the first of them a graph input."""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = helper.make_graph(
        [helper.make_node(op, ["x", *(f"c{i}" for i in range(len(others)))], ["y"])],
        op,
        [helper.make_tensor_value_info("x", kind, first.shape)],
        [helper.make_tensor_value_info("y", kind, [1, 1])],
        [numpy_helper.from_array(value, f"c{i}") for i, value in enumerate(others)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return ort.InferenceSession(model.SerializeToString()).run(None, {"x": first})[0].reshape(-1).tolist()


print(f"onnxruntime {ort.__version__}")
axis = np.array([1], np.int64)
big = np.array([[2**53 + 1, 2]], np.int64)
long = run("ReduceSum", np.int64, big, axis)
print(f"INT64 {big.tolist()} adds up to {long}, exactly {int(big.sum())}")
top = np.array([[2**31 - 1, 1]], np.int32)
short = run("ReduceSum", np.int32, top, axis)
added = run("Add", np.int32, top[:, :1], top[:, 1:])
print(f"INT32 {top.tolist()}: ReduceSum {short}, Add {added}")
assert long == [2**53 + 2] and short == [2**31 - 1] and added == [-(2**31)]
PY
