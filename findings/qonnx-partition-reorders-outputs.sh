#!/bin/sh
# qonnx 1.0.0: PartitionFromLambda, with which FINN and finn-plus cut the accelerator out of a model.
# One would expect a partition that is the whole model to have the model's outputs in the model's order: they become the
# accelerator's streams m_axis_0, m_axis_1 .., by their place.
# Seen: they are in the order of the nodes that make them. Of a model whose outputs are (last, first) the partition has (first, last).
# The model around it is wired by name and right, so that no check in Python notices; on the board the streams are exchanged.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check qonnx==1.0.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import numpy as np
from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.create_generic_partitions import PartitionFromLambda


def model(outputs):
    infos = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in ("x", "first", "last")}
    nodes = [helper.make_node("Neg", ["x"], ["first"]), helper.make_node("Relu", ["first"], ["last"])]
    graph = helper.make_graph(nodes, "g", [infos["x"]], [infos[name] for name in outputs])
    return ModelWrapper(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8))


for outputs in (["first", "last"], ["last", "first"]):
    whole = model(outputs)
    parent = whole.transform(PartitionFromLambda(lambda node: 0, partition_dir="-".join(outputs)))
    (node,) = parent.graph.node
    part = ModelWrapper(next(a.s.decode() for a in node.attribute if a.name == "model"))
    ends = [[o.name for o in m.graph.output] for m in (whole, parent, part)]
    x = {"x": np.array([[-1, 2]], np.float32)}
    was, became = execute_onnx(whole, x), execute_onnx(parent, x)
    assert all((was[name] == became[name]).all() for name in outputs)
    print(f"qonnx 1.0.0: the model has the outputs {ends[0]}, the partition that is all of it {ends[2]}")
    assert ends[0] == ends[1] == outputs and ends[2] == ["first", "last"]
PY
