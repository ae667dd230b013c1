#!/bin/sh
# finn-plus 1.6.1, qonnx 1.0.0: streamlining steps that move equal operations of two branches behind the sum that joins them.
# One would expect constants that differ from channel to channel to be added channel by channel, and branches that are
# transposed in different ways to be left alone, which the code checks for.
# Seen: MoveAddPastJoinAdd adds all constants of all channels into one number (channels of 1, 2, 3 and 10, 20, 30 get 66
# each); MoveTransposePastJoinAdd takes the first branch's order for all: the check for it ends without a return.
# MoveMulPastJoinAdd, of the same family, leaves factors that differ alone.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check finn-plus==1.6.1 psutil==7.2.2 # with PyTorch: some 6 GB
"$work/venv/bin/python" -W ignore - 2>/dev/null <<'PY'
import numpy as np
from finn.transformation.streamline.reorder import MoveAddPastJoinAdd, MoveMulPastJoinAdd, MoveTransposePastJoinAdd
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes


def both(shape, branch, step, **constants):
    """What two branches, one of positive and one of negated numbers, give before the step and after it."""
    nodes = [helper.make_node("Relu", ["x"], ["p"]), helper.make_node("Neg", ["x"], ["n"]), *branch]
    nodes.append(helper.make_node("Add", ["a", "b"], ["y"]))
    ends = [helper.make_tensor_value_info("x", 1, shape), helper.make_tensor_value_info("y", 1, None)]
    graph = helper.make_graph(nodes, "join", ends[:1], ends[1:])
    model = ModelWrapper(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8))
    for name, values in constants.items():
        model.set_initializer(name, np.array(values, np.float32))
    model = model.transform(InferShapes())
    x = np.random.default_rng(0).integers(-8, 8, shape).astype(np.float32)
    return [execute_onnx(m, {"x": x})["y"] for m in (model, model.transform(step))]


def with_constants(operator):
    return [helper.make_node(operator, [s, c], [o]) for s, c, o in (("p", "k", "a"), ("n", "l", "b"))]


def with_orders(*orders):
    return [helper.make_node("Transpose", [s], [o], perm=p) for s, o, p in zip("pn", "ab", orders, strict=True)]


before, after = both((1, 3), with_constants("Add"), MoveAddPastJoinAdd(), k=[[1, 2, 3]], l=[[10, 20, 30]])
print("sums behind constants that differ by channel:", before.tolist(), "becomes", after.tolist())
assert np.array_equal(after - before, [[55, 44, 33]])

before, after = both((1, 3), with_constants("Mul"), MoveMulPastJoinAdd(), k=2, l=3)
assert np.array_equal(before, after), "factors that differ are left alone"

for orders, equal in ((([0, 2, 3, 1], [0, 2, 3, 1]), True), (([0, 2, 3, 1], [0, 3, 2, 1]), False)):
    before, after = both((1, 4, 6, 6), with_orders(*orders), MoveTransposePastJoinAdd())
    print(f"orders {orders[0]} and {orders[1]}: {np.count_nonzero(before != after)} of {before.size} sums change")
    assert np.array_equal(before, after) == equal
PY
