"""Sum and Mean of any number of tensors, written as additions of two."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper

_STANDARD = ("", "ai.onnx")


def pairwise_nodes(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """``node`` itself, or the additions that it stands for, from left to right, and Mean's division behind them."""
    if node.op_type not in ("Mean", "Sum") or node.domain not in _STANDARD or not node.input or len(node.output) != 1:
        return [node]
    output = node.output[0]
    total, made = node.input[0], []
    for index, name in enumerate(node.input[1:]):
        result = f"{output} sum of {index + 2}"
        made.append(helper.make_node("Add", [total, name], [result], name=node.name))
        total = result
    if node.op_type == "Sum":
        return [*made, helper.make_node("Identity", [total], [output], name=node.name)]
    count = helper.make_tensor(f"{output} count", TensorProto.FLOAT, [], [len(node.input)])
    divisor = helper.make_node("Constant", [], [count.name], name=node.name, value=count)
    return [*made, divisor, helper.make_node("Div", [total, count.name], [output], name=node.name)]
