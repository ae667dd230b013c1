"""Shape rules of the ONNX standard that ONNX's own shape inference does not enforce."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.model import SourceNode

Shape = tuple[int, ...]


def check_consistent(
    op: str, attrs: Mapping[str, object], inputs: Sequence[Shape], outputs: Sequence[Shape], where: str
) -> None:
    """Refuse a standard node whose shapes contradict each other.

    Args:
        op: the operator.
        attrs: its attributes.
        inputs: shape of each input, ``()`` where an optional one is absent.
        outputs: shape of each output.
        where: the node, for the message.

    Raises:
        IsobitError: E106.
    """
    rule = _RULES.get(op)
    problem = rule(attrs, inputs, outputs) if rule else ""
    if problem:
        raise IsobitError("E106", f"operator {op}: {problem}", where=where)


def check_elements(nodes: Iterable[SourceNode], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse a node that makes a tensor without elements: no hardware moves it.

    Raises:
        IsobitError: E106.
    """
    for node in nodes:
        empty = [name for name in node.outputs if name and 0 in shapes[name]]
        if empty:
            message = f"operator {node.op} makes a tensor of shape {list(shapes[empty[0]])}, which has no elements"
            raise IsobitError("E106", message, where=f"node '{printable(node.name)}'", hint="leave it out of the model")


def _reshape(attrs: Mapping[str, object], inputs: Sequence[Shape], outputs: Sequence[Shape]) -> str:
    if math.prod(inputs[0]) == math.prod(outputs[0]):
        return ""
    fixed = "; the batch stands fixed in its target: write 0 or -1 there, or export with a batch of 1"
    return f"shape {list(inputs[0])} cannot become {list(outputs[0])} at batch size 1{fixed}"


def _gemm(attrs: Mapping[str, object], inputs: Sequence[Shape], outputs: Sequence[Shape]) -> str:
    left = inputs[0][0 if attrs.get("transA", 0) else 1]
    right = inputs[1][1 if attrs.get("transB", 0) else 0]
    return "" if left == right else f"inner sizes {left} and {right} differ"


def _conv(attrs: Mapping[str, object], inputs: Sequence[Shape], outputs: Sequence[Shape]) -> str:
    group = attrs.get("group", 1)
    data, weight = inputs[0], inputs[1]
    if not isinstance(group, int) or group < 1 or weight[0] % group or data[1] != weight[1] * group:
        return f"{data[1]} input channels, weight shape {list(weight)} and group {group} do not fit"
    if len(inputs) > 2 and inputs[2] not in ((), (weight[0],)):
        return f"bias shape {list(inputs[2])} does not fit {weight[0]} output channels"
    return ""


def _batch_norm(attrs: Mapping[str, object], inputs: Sequence[Shape], outputs: Sequence[Shape]) -> str:
    wanted = (inputs[0][1],) if len(inputs[0]) > 1 else (1,)
    bad = [list(shape) for shape in inputs[1:] if shape != wanted]
    return f"parameter shape {bad[0]} does not fit {wanted[0]} channels" if bad else ""


_RULES: Mapping[str, Callable[[Mapping[str, object], Sequence[Shape], Sequence[Shape]], str]] = {
    "Reshape": _reshape,
    "Gemm": _gemm,
    "Conv": _conv,
    "BatchNormalization": _batch_norm,
}
