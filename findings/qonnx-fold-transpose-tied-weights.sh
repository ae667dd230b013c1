#!/bin/sh
# qonnx 1.0.0, onnx 1.22.0: FoldTransposeIntoQuantInit, where a quantised matrix is used twice, once transposed (tied weights, as
# of an autoencoder), or has a scale per column that is written as a vector.
# One would expect the Transpose to stay where something else still reads the matrix, and a scale to follow its columns.
# Seen: (1) the matrix disappears for the other reader, and qonnx' execution takes the missing tensor for zeros: every output is
# 0, without a word. (2) Of a square matrix the numbers are transposed and the vector of scales is not: each scale goes to
# another column.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.22.0 qonnx==1.0.0; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
"$work/venv/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.transformation.quant_constant_folding import FoldTransposeIntoQuantInit

node = helper.make_node


def before_and_after(nodes, weights, scale):
    """What qonnx' execution says of the graph for ones, before and after the transformation, and the latter."""
    x = np.ones((1, len(weights)), np.float32)
    quant = node("Quant", ["w", "s", "z", "b"], ["q"], domain="qonnx.custom_op.general", signed=1, narrow=0, rounding_mode="ROUND")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape) for name in ("x", "y")]
    known = {"w": weights, "s": scale, "z": 0, "b": 8}
    tensors = [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in known.items()]
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("qonnx.custom_op.general", 1)]
    graph = helper.make_graph([quant, *nodes], "g", ends[:1], ends[1:], tensors)
    made = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(made)
    model = ModelWrapper(made).transform(InferShapes())
    changed = model.transform(FoldTransposeIntoQuantInit()).transform(InferShapes())
    assert "Transpose" not in [n.op_type for n in changed.graph.node]
    return [execute_onnx(m, {"x": x})["y"][0].tolist() for m in (model, changed)], changed


print("qonnx", version("qonnx"))
transpose = node("Transpose", ["q"], ["t"], perm=[1, 0])
tied = [node("MatMul", ["x", "q"], ["h"]), transpose, node("MatMul", ["h", "t"], ["y"])]
weights = np.array([[-3, -2], [-1, 0], [1, 2]])
seen, changed = before_and_after(tied, weights, 1)
print("tied weights:          ", *seen, "node outputs", [n.output[0] for n in changed.graph.node])
assert seen == [(weights.sum(axis=0) @ weights.T).tolist(), [0, 0, 0]]
assert "q" not in [n.output[0] for n in changed.graph.node]

weights, scale = np.arange(9).reshape(3, 3), np.array([1, 2, 4])
seen, _ = before_and_after([transpose, node("MatMul", ["x", "t"], ["y"])], weights, scale)
print("a vector of scales, 3x3:", *seen)
per_column = np.rint(weights / scale).clip(-128, 127) * scale
assert seen[0] == per_column.sum(axis=1).tolist() and seen[1] != seen[0]
assert seen[1] == (np.rint(weights.T / scale) * scale).sum(axis=0).tolist()
PY
