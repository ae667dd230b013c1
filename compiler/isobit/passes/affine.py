"""A map that becomes ``slope * a + constant`` of another: layers and sums hand that on to what is behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np

from isobit.ir import Graph, Node, frozen_ints
from isobit.ir.channels import Curves, of_channel, rows
from isobit.ir.ops import Add, Const, Linear, MaxPool, Output, Pad, Reindex, Select, Step
from isobit.ir.types import IntArray
from isobit.numerics import Rounded, Rounding, as_int_array, compose
from isobit.numerics.intervals import INT64_MAX, INT64_MIN
from isobit.passes.rewrite import fresh_name, sole_reader

Reached = tuple[list[Node], list[Node], frozenset[str]]


def reached(graph: Graph, source: Node, border: Callable[[int], int | None]) -> Reached | None:
    """Through all that moves or compares the values of ``source``: borders as ``border`` makes them, readers, names.

    The names are those of what the readers read. None where there is no reader, or a border that it does not take.
    """
    moved, layers, names = list[Node](), list[Node](), [source.name]
    for name in names:
        for reader in graph.consumers[name]:
            if isinstance(reader, Pad):
                value = border(reader.value)
                if value is None:
                    return None
                moved.append(replace(reader, value=value))
            elif not isinstance(reader, MaxPool | Reindex):
                layers += [reader] if reader not in layers else []
                continue
            names.append(reader.name)
    return (moved, layers, frozenset(names)) if layers else None


def row_sums(weights: IntArray) -> IntArray:
    """``W 1``: per output the sum of its weights."""
    return as_int_array(weights.reshape(len(weights), -1).astype(object).sum(axis=1))


def in_64_bits(graph: Graph, node: Step) -> bool:
    """Whether a curve can name every value that arrives."""
    low, high = graph.types[node.inputs[0]].bounds
    return low >= INT64_MIN and high <= INT64_MAX


def behind(graph: Graph, layer: Node, slope: int, constant: IntArray) -> list[Node] | None:
    """What reads ``slope * a + constant`` as readers of ``a``, what ``layer`` makes; None where they cannot take it."""
    readers = graph.consumers[layer.name]
    if all(isinstance(reader, Step) and in_64_bits(graph, reader) for reader in readers):
        return [stepped(graph, reader, slope, constant) for reader in readers if isinstance(reader, Step)]
    if not sole_reader(graph, layer.name):
        return None
    (reader,) = readers
    if isinstance(reader, Output):
        count = rows(constant, reader.scale, reader.offset)
        scale = [of_channel(reader.scale, c) for c in range(count)]
        offset = (of_channel(reader.offset, c) + s * int(of_channel(constant, c)) for c, s in enumerate(scale))
        return [replace(reader, scale=tuple(s * slope for s in reader.scale), offset=tuple(offset))]
    if isinstance(reader, Select) and isinstance(layer, Linear):
        return list(_summed(graph, layer, slope, constant, reader))
    return None


def stepped(graph: Graph, reader: Step, slope: int, constant: IntArray) -> Step:
    """``f(slope * a + constant)``, on what arrived before."""
    x = graph.types[reader.inputs[0]]
    shared = reader.curves.shared and len(np.unique(constant)) == 1
    curves = reader.curves if shared else reader.curves.each(x.channels)
    offsets = [int(of_channel(constant, c)) for c in range(len(curves))]
    if slope == 1:
        return replace(reader, curves=Curves(c.shift(o) for c, o in zip(curves, offsets, strict=True)))
    inner = (
        Rounded(Fraction(slope), Fraction(offset), Rounding.FLOOR, *span)
        for offset, span in zip(offsets, curves.spans(x), strict=True)
    )
    return replace(reader, curves=Curves(map(compose, curves, inner)))


def _summed(graph: Graph, layer: Linear, slope: int, constant: IntArray, reader: Select) -> Iterator[Node]:
    """The sum as a node of its own, which :class:`CoarsenBeforeSelect` makes small."""
    bias = Const(name=fresh_name(graph, layer.name + "_bias"), value=frozen_ints(constant))
    factors = frozen_ints(slope), frozen_ints(1)
    total = Add(name=fresh_name(graph, layer.name + "_sum"), inputs=(layer.name, bias.name), coefficients=factors)
    yield from (bias, total, replace(reader, inputs=(total.name,)))
