"""Maps of two values as bits: streams, line buffers and FIFOs follow from the interval, which then is that of a bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from isobit.ir import Graph, Node, frozen_ints
from isobit.ir.channels import Curves, of_channel, rows
from isobit.ir.ops import Add, Const, Linear, MaxPool, Output, Pad, Reindex, Select, Step
from isobit.ir.types import IntArray
from isobit.numerics import Curve, Cuts, Rounded, Rounding, as_int_array, compose
from isobit.numerics.intervals import INT64_MAX, INT64_MIN
from isobit.passes.rewrite import Rule, fresh_name, sole_reader
from isobit.passes.weights import const_weights


@dataclass(frozen=True)
class TwoValuesToBits(Rule):
    """``f(W (d b + v)) = (f o (d a + v W 1))(a)``, ``a = W b``: a step of two values ``v``, ``v + d`` makes bits.

    Bipolar activations mostly (-1 and 1), of which an interval says two bits. Between step and layers may be what
    moves or compares values, and a border of one of the two. A border of zeros around -1 and 1 is a third value: such a
    map keeps its two bits. Behind the layers the slope and the constant go into steps, outputs, or a sum before a
    selection; elsewhere the map is left as it is.
    """

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        values = _two_values(graph, node)
        if values is None or not isinstance(node, Step):
            return None
        low, high = values
        reached = _reached(graph, node, values)
        if reached is None:
            return None
        moved, layers = reached
        made: list[Node] = []
        for layer in layers:
            weights = const_weights(graph, layer)
            behind = None if weights is None else _behind(graph, layer, high - low, low * _row_sums(weights.value))
            if behind is None:
                return None
            made += behind
        spans = node.curves.spans(graph.types[node.inputs[0]])
        bits = Curves(_bit(curve, *span, high) for curve, span in zip(node.curves, spans, strict=True))
        return (*moved, *made, replace(node, curves=bits))


def _two_values(graph: Graph, node: Node) -> tuple[int, int] | None:
    """The two values that a step takes, where they lie two or more apart."""
    if not isinstance(node, Step):
        return None
    low, high = graph.types[node.name].bounds
    if high - low < 2 or not _in_64_bits(graph, node):
        return None
    for curve, start, end in node.curves.reached(graph.types[node.inputs[0]]):
        ends = curve.interval_on(start, end)
        if not {*ends} <= {low, high} or (ends == (low, high) and curve.cut(low + 1) != curve.cut(high)):
            return None
    return low, high


def _in_64_bits(graph: Graph, node: Step) -> bool:
    """Whether a curve can name every value that arrives."""
    low, high = graph.types[node.inputs[0]].bounds
    return low >= INT64_MIN and high <= INT64_MAX


def _bit(curve: Curve, start: int, end: int, high: int) -> Cuts:
    """Whether a curve of two values takes the higher one."""
    low_end, high_end = curve.interval_on(start, end)
    return Cuts(int(low_end == high), [curve.cut(high)] if low_end < high_end else [])


def _reached(graph: Graph, source: Node, values: tuple[int, int]) -> tuple[list[Node], list[Linear]] | None:
    """What moves the map, with borders of bits, and the layers that it reaches; None where something else reads it."""
    moved, layers, names = list[Node](), list[Linear](), [source.name]
    for name in names:
        for reader in graph.consumers[name]:
            if isinstance(reader, Linear) and reader.inputs[0] == name:
                layers.append(reader)
                continue
            if isinstance(reader, Pad) and reader.value in values:
                moved.append(replace(reader, value=values.index(reader.value)))
            elif not isinstance(reader, MaxPool | Reindex):
                return None
            names.append(reader.name)
    return (moved, layers) if layers else None


def _row_sums(weights: IntArray) -> IntArray:
    """``W 1``: per output the sum of its weights."""
    return as_int_array(weights.reshape(len(weights), -1).astype(object).sum(axis=1))


def _behind(graph: Graph, layer: Linear, slope: int, constant: IntArray) -> list[Node] | None:
    """What reads ``slope * a + constant`` as readers of ``a``; None where they cannot take it."""
    readers = graph.consumers[layer.name]
    if all(isinstance(reader, Step) and _in_64_bits(graph, reader) for reader in readers):
        return [_step(graph, reader, slope, constant) for reader in readers if isinstance(reader, Step)]
    if not sole_reader(graph, layer.name):
        return None
    (reader,) = readers
    if isinstance(reader, Output):
        count = rows(constant, reader.scale, reader.offset)
        scale = [of_channel(reader.scale, c) for c in range(count)]
        offset = (of_channel(reader.offset, c) + s * int(of_channel(constant, c)) for c, s in enumerate(scale))
        return [replace(reader, scale=tuple(s * slope for s in reader.scale), offset=tuple(offset))]
    if isinstance(reader, Select):
        return list(_summed(graph, layer, slope, constant, reader))
    return None


def _step(graph: Graph, reader: Step, slope: int, constant: IntArray) -> Step:
    """``f(slope * a + constant)``, on what arrived before."""
    x = graph.types[reader.inputs[0]]
    shared = reader.curves.shared and len(np.unique(constant)) == 1
    curves = reader.curves if shared else reader.curves.each(x.channels)
    offsets = (Fraction(int(of_channel(constant, c))) for c in range(len(curves)))
    inner = (
        Rounded(Fraction(slope), offset, Rounding.FLOOR, *span)
        for offset, span in zip(offsets, curves.spans(x), strict=True)
    )
    return replace(reader, curves=Curves(map(compose, curves, inner)))


def _summed(graph: Graph, layer: Linear, slope: int, constant: IntArray, reader: Select) -> Iterator[Node]:
    """The sum as a node of its own, which :class:`CoarsenBeforeSelect` makes small."""
    bias = Const(name=fresh_name(graph, layer.name + "_bias"), value=frozen_ints(constant))
    factors = frozen_ints(slope), frozen_ints(1)
    total = Add(name=fresh_name(graph, layer.name + "_sum"), inputs=(layer.name, bias.name), coefficients=factors)
    yield from (bias, total, replace(reader, inputs=(total.name,)))
