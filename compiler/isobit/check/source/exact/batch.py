"""What the exact evaluator asks of a graph as a whole: what depends on data, what is a logit, what takes a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from isobit.check.source.exact.file import CHANNELS_LAST, FileNode, OnnxFile
from isobit.check.source.exact.quant import LINEAR_QUANTISERS
from isobit.errors import IsobitError

Shape = tuple[int, ...]
_RESHAPING = ("Reshape", "Flatten", "Squeeze", "Unsqueeze")
_SAME = ("Identity", "Dropout")
_ORDER_ONLY = ("ArgMax", "TopK")
_OF_SHAPE = ("Shape", "Size")
_AXIS_DEFAULT = {"Concat": 0, "ArgMax": 0, "Gather": 0, "Split": 0, "TopK": -1, "QLinearConcat": 0}
_KEEP_TYPE = frozenset(
    """
    Clip Concat DepthToSpace Expand Flatten Gather GlobalMaxPool Identity Max MaxPool Min Pad ReduceMax ReduceMin Relu
    Reshape Resize Slice SpaceToDepth Split Squeeze Tile Transpose Unsqueeze Upsample
    """.split()
)
"""Operators whose output has their first input's element type."""
_REDUCING = ("ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum")
_AXES_INPUT = {**dict.fromkeys(_REDUCING, 1), "Slice": 3}


def dependent_tensors(file: OnnxFile) -> frozenset[str]:
    """The tensors whose values depend on an input; a tensor's shape does not."""
    found = {info.name for info in file.inputs}
    for node in file.nodes:
        if node.op not in _OF_SHAPE and found.intersection(node.inputs):
            found.update(node.outputs)
    return frozenset(found - {""})


def integer_tensors(file: OnnxFile) -> frozenset[str]:
    """The tensors that depend on an input and have an integer element type, where it is 8 bits or more."""
    found = {info.name for info in file.inputs if info.dtype.kind in "iu"}
    for node in file.nodes:
        made = node.op in ("QuantizeLinear", "QGemm", "MatMulInteger", "ConvInteger") or node.op.startswith("QLinear")
        if made or (node.op in _KEEP_TYPE and node.inputs[0] in found):
            found.update(node.outputs)
    return frozenset(found - {""})


def behind_softmax(file: OnnxFile) -> frozenset[str]:
    """The tensors that hold logits here: those behind a Softmax, where nothing but the order is used after it.

    A quantiser can make classes equal, so that not even the order may be used behind one.

    Raises:
        IsobitError: E201 for other arithmetic behind a Softmax.
    """
    logits: set[str] = set()
    rounded: set[str] = set()
    for node in file.nodes:
        allowed = (*_RESHAPING, *_SAME, *LINEAR_QUANTISERS, *(() if rounded.intersection(node.inputs) else _ORDER_ONLY))
        if logits.intersection(node.inputs) and node.op not in allowed:
            raise IsobitError("E201", "a Softmax before other arithmetic", where=node.place)
        follows = node.op not in _ORDER_ONLY and logits.intersection(node.inputs)
        if node.op in ("Softmax", "LogSoftmax", "QLinearSoftmax") or follows:
            logits.update(node.outputs)
        quantised = follows and (node.op in LINEAR_QUANTISERS or rounded.intersection(node.inputs))
        if quantised or node.op == "QLinearSoftmax":
            rounded.update(node.outputs)
    return frozenset(logits)


def keeps_batch(
    file: OnnxFile, dependent: frozenset[str], shapes: Mapping[str, Shape], values: Mapping[str, Any]
) -> bool:
    """Whether every node treats the first axis as a batch, so that many samples can go through at once.

    Args:
        shapes: every tensor's shape for one sample.
        values: every tensor for one sample; only those that depend on no input are looked at.
    """
    nodes = (node for node in file.nodes if node.outputs[0] in dependent)
    return all(_keeps_batch(node, dependent, shapes, values) for node in nodes)


def _keeps_batch(
    node: FileNode, dependent: frozenset[str], shapes: Mapping[str, Shape], values: Mapping[str, Any]
) -> bool:
    data = [shapes[name] for name in node.inputs if name in dependent]
    out = shapes[node.outputs[0]]
    if any(shape[:1] != (1,) for shape in [*data, out]):
        return False
    if node.op in _RESHAPING or node.domain == CHANNELS_LAST:
        return True
    if node.op in ("MatMul", "MatMulInteger", "Gemm", "QLinearMatMul", "QGemm"):
        right = node.inputs[3 if node.op.startswith("Q") else 1]
        only_left = node.inputs[0] in dependent and right not in dependent
        return only_left and len(data[0]) == len(out) and not node.attrs.get("transA", 0)
    axes = _axes(node, values)
    same_rank = all(len(shape) == len(out) for shape in data)
    return all(axis % len(data[0]) for axis in axes) and (same_rank or node.op in ("ArgMax", *_REDUCING))


def _axes(node: FileNode, values: Mapping[str, Any]) -> tuple[int, ...]:
    """The axes a node mixes or moves; () where it works element by element or knows the batch axis itself."""
    if node.op == "Transpose":
        perm = node.attrs.get("perm")
        return () if isinstance(perm, tuple) and perm[0] == 0 else (0,)
    if node.op in _AXES_INPUT:
        axes, index = node.attrs.get("axes"), _AXES_INPUT[node.op]
        if axes is None and len(node.inputs) > index and isinstance(values.get(node.inputs[index]), np.ndarray):
            axes = tuple(values[node.inputs[index]].tolist())
        return axes if isinstance(axes, tuple) else (0,)
    if node.op in _AXIS_DEFAULT:
        axis = node.attrs.get("axis", _AXIS_DEFAULT[node.op])
        return (axis,) if isinstance(axis, int) else (0,)
    return ()
