"""A sample's rows on the batch axis: what a file reshapes to ``[rows, channels]`` is read as ``[1, rows, channels]``.

A dense layer on sequences is often written as a Gemm between two Reshapes, the first of which takes the batch axis
away (ONNX Runtime's preprocessing makes these of MatMul and Add). At batch 1 an axis of one element in front changes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType

from isobit.frontend.onnx.model import LINEAR_QUANTISERS, SourceModel, SourceNode

_RESHAPING = frozenset({"Flatten", "Reshape", "Squeeze", "Unsqueeze"})
_SAME = frozenset(
    """
    Abs Add Clip Div Elu Erf Exp Gelu Gemm HardSigmoid HardSwish Identity LeakyRelu MatMul Max Min Mul Neg PRelu Quant
    Relu Sigmoid Softplus Sqrt Sub Tanh
    """.split()
)
"""Element by element, or along the last axes."""
_AXIS = {"Concat": 0, "Gather": 0, "LogSoftmax": -1, "Softmax": -1, "Split": 0}
"""Operators with one axis and what it is where the file does not say."""


def with_batch(model: SourceModel) -> SourceModel:
    """The same network, every tensor that depends on an input with a batch axis; ``model`` itself where that is so.

    ``model`` too where an operator on rows is not known here: the import refuses it.
    """
    dependent, loose = {info.name for info in model.inputs}, set[str]()
    nodes = []
    for node in model.nodes:
        if not dependent.intersection(node.inputs):
            nodes.append(node)
            continue
        dependent.update(node.outputs)
        given = loose.intersection(node.inputs)
        turned = _turned(model, node) if given else node
        if turned is None:
            return model
        nodes.append(turned)
        ranks = {len(model.shapes[name]) for name in given}
        loose.update(o for o in node.outputs if o and _is_loose(node, model.shapes[o], ranks))
    if not loose:
        return model
    shapes = MappingProxyType({n: (1, *s) if n in loose else s for n, s in model.shapes.items()})
    outputs = tuple(replace(o, shape=(1, *o.shape)) if o.name in loose else o for o in model.outputs)
    return replace(model, nodes=tuple(nodes), shapes=shapes, outputs=outputs)


def _is_loose(node: SourceNode, shape: tuple[int, ...], ranks: Iterable[int]) -> bool:
    """Has this output no batch axis? ``ranks`` are those of the inputs without one."""
    return shape[:1] != (1,) if node.op in _RESHAPING else len(shape) in ranks


def _turned(model: SourceModel, node: SourceNode) -> SourceNode | None:
    """A node that reads rows, one axis further; None where it is not known here."""
    if node.op in _RESHAPING:
        return node
    if node.op in _SAME:
        return None if node.attrs.get("transA", 0) else node
    attrs = dict(node.attrs)
    if node.op in LINEAR_QUANTISERS:
        if attrs.get("block_size", 0):
            return None
        attrs["axis"] = _further(attrs.get("axis", 1))
    elif node.op == "Transpose":
        rank = len(model.shapes[node.inputs[0]])
        perm = attrs.get("perm", tuple(reversed(range(rank))))
        attrs["perm"] = (0, *(int(p) + 1 for p in perm)) if isinstance(perm, tuple) else perm
    elif node.op in _AXIS and (node.opset >= 13 or "oftmax" not in node.op):
        attrs["axis"] = _further(attrs.get("axis", _AXIS[node.op]))
    else:
        return None
    return replace(node, attrs=MappingProxyType(attrs))


def _further(axis: object) -> object:
    return axis + 1 if isinstance(axis, int) and axis >= 0 else axis
