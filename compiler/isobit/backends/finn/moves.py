"""What of a reordering FINN has: reshapes, and maps whose rows and columns are repeated.

An order that only dense layers see, behind a requantizer, is a reshape as well: their weights take it. So do those of
groups, which FINN multiplies as one.
"""

from __future__ import annotations

import numpy as np

from isobit.ir import Graph
from isobit.ir.ops import Linear, Reindex, Step
from isobit.ir.types import IntArray, ValueType


def reshapes(graph: Graph, node: Reindex) -> bool:
    """Is it a reshape, once the weights behind it have its order?"""
    return only_reshapes(node, graph.types[node.inputs[0]]) or _order_of_weights(graph, node)


def weights_in_order(graph: Graph, source: str, matrix: IntArray) -> IntArray:
    """The ``(fan-in, outputs)`` weights of a dense layer for the elements of ``source`` as FINN has them."""
    node = graph.by_name[source]
    while isinstance(node, Step) and len(graph.types[node.name].shape) == 1:
        node = graph.by_name[node.inputs[0]]
    if not isinstance(node, Reindex) or only_reshapes(node, graph.types[node.inputs[0]]) or not reshapes(graph, node):
        return matrix
    ordered = np.empty_like(matrix)
    ordered[node.index] = matrix
    return ordered


def _order_of_weights(graph: Graph, node: Reindex) -> bool:
    """Is every element there once, in a vector that only dense layers read?"""
    size = graph.types[node.inputs[0]].size
    once = node.index.ndim == 1 and np.array_equal(np.sort(node.index), np.arange(size))
    return once and _only_dense(graph, node.name)


def _only_dense(graph: Graph, name: str) -> bool:
    """Do dense layers alone read it, or read what a requantizer makes of it, which does so to every element alike?"""
    return bool(graph.consumers[name]) and all(
        not reader.strides
        if isinstance(reader, Linear)
        else isinstance(reader, Step) and len(reader.curves) == 1 and _only_dense(graph, reader.name)
        for reader in graph.consumers[name]
    )


def only_reshapes(node: Reindex, x: ValueType) -> bool:
    """Do all elements of ``x`` keep their order?"""
    return node.index.size == x.size and bool((node.index.reshape(-1) == np.arange(x.size)).all())


def repeats(node: Reindex, x: ValueType) -> tuple[int, ...]:
    """How often every row and column of ``x`` stands there (nearest upsampling), () of any other reordering."""
    wanted, have = node.index.shape, x.shape
    if (
        not 2 <= len(have) == len(wanted)
        or have[-1] != wanted[-1]
        or any(w % h for w, h in zip(wanted, have, strict=True))
    ):
        return ()
    times = tuple(w // h for w, h in zip(wanted[:-1], have[:-1], strict=True))
    index = np.arange(x.size).reshape(have)
    for axis, count in enumerate(times):
        index = index.repeat(count, axis)
    return times if np.array_equal(index, node.index) else ()


def ungrouped(weights: IntArray, groups: int) -> IntArray:
    """The weights of one group, zero between channels of different groups."""
    if groups == 1:
        return weights
    out, fan_in = weights.shape[0], weights.shape[-1]
    whole = np.zeros((*weights.shape[:-1], fan_in * groups), np.int64)
    for channel in range(out):
        first = channel // (out // groups) * fan_in
        whole[channel, ..., first : first + fan_in] = weights[channel]
    return whole
