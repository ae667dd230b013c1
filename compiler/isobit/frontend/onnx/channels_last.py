"""QONNX's channels-last operators, written as the standard ones between two transposes.

``qonnx.custom_op.channels_last`` wraps Conv, MaxPool and BatchNormalization: the first input, the output and the
weights of a convolution have their channels on the last axis. The transposes cost nothing later: they only change a
layout.
"""

from __future__ import annotations

from collections.abc import Callable

import onnx
from onnx import helper

_DOMAIN = "qonnx.custom_op.channels_last"
_TURNED_INPUTS = {"Conv": 2, "MaxPool": 1, "BatchNormalization": 1}


def standard_nodes(node: onnx.NodeProto, rank_of: Callable[[str], int]) -> list[onnx.NodeProto]:
    """``node`` itself, or its standard form when it is a channels-last operator; ``rank_of`` gives a tensor's rank."""
    if node.domain != _DOMAIN or node.op_type not in _TURNED_INPUTS or not node.input or not node.output:
        return [node]
    rank = rank_of(node.input[0])
    first, last = (0, rank - 1, *range(1, rank - 1)), (0, *range(2, rank), 1)
    plain = onnx.NodeProto()
    plain.CopyFrom(node)
    plain.domain = ""
    turned = []
    for index in range(min(_TURNED_INPUTS[node.op_type], len(node.input))):
        plain.input[index] = f"{node.input[index]} channels first for {node.output[0]}"
        turned.append(helper.make_node("Transpose", [node.input[index]], [plain.input[index]], perm=first))
    plain.output[0] = f"{node.output[0]} channels first"
    back = helper.make_node("Transpose", [plain.output[0]], [node.output[0]], perm=last)
    return [*turned, plain, back]
