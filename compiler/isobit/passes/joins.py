"""Layers behind a concatenation of values with unrelated scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from isobit.ir import Graph, Node, frozen_ints
from isobit.ir.ops import Add, Concat, Const, Linear, Pad
from isobit.ir.types import IntArray
from isobit.numerics import as_int_array, bit_width
from isobit.passes.rewrite import Rule, fresh_name


@dataclass(frozen=True)
class SplitOverConcat(Rule):
    """``W [x, y] = f ((W_x / f) x) + g ((W_y / g) y)``: a factor that one part's weights share leaves the products.

    Only where it makes the weights at least ``least_gain`` bits shorter (4). The factors are the ratio of the parts'
    scales, of 20 and more bits where these are free; in the sum behind, narrow-sum finds short ones. Padding moves to
    the parts.
    """

    least_gain: int = 4

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        if not isinstance(node, Linear) or node.groups != 1:
            return None
        weights = graph.by_name[node.inputs[1]]
        pad, joined = _padded(graph, graph.by_name[node.inputs[0]])
        if not isinstance(weights, Const) or not isinstance(joined, Concat):
            return None
        if joined.axis != len(graph.types[joined.name].shape) - 1 or len(joined.inputs) < 2:
            return None
        blocks = _blocks(weights.value, [graph.types[name].channels for name in joined.inputs])
        factors = [max(int(np.gcd.reduce(block, axis=None)), 1) for block in blocks]
        short = [as_int_array(block // factor) for block, factor in zip(blocks, factors, strict=True)]
        if _bits([weights.value]) - _bits(short) < self.least_gain:
            return None
        parts = [_part(graph, node, pad, *part) for part in enumerate(zip(joined.inputs, short, strict=True))]
        sums = _chained(graph, node.name, [part[-1].name for part in parts], factors)
        return (*chain.from_iterable(parts), *sums)


def _part(graph: Graph, node: Linear, pad: Pad | None, number: int, of: tuple[str, IntArray]) -> list[Node]:
    """The layer on one value of the concatenation: its padding, its weights, its sums."""
    (x, block), stem = of, f"{node.name}_part{number}"
    made: list[Node] = [Const(name=fresh_name(graph, f"{stem}_w"), value=frozen_ints(np.ascontiguousarray(block)))]
    if pad is not None:
        made.append(replace(pad, name=fresh_name(graph, f"{stem}_pad"), inputs=(x,)))
        x = made[-1].name
    return [*made, replace(node, name=fresh_name(graph, stem), inputs=(x, made[0].name))]


def _chained(graph: Graph, name: str, terms: Sequence[str], factors: Sequence[int]) -> list[Node]:
    """``sum of factors[i] * terms[i]`` as sums of two, the last one called ``name``."""
    sums: list[Node] = []
    total, factor = terms[0], factors[0]
    for number, (term, other) in enumerate(zip(terms[1:], factors[1:], strict=True), 2):
        last = number == len(terms)
        pair = frozen_ints(factor), frozen_ints(other)
        sums.append(
            Add(name=name if last else fresh_name(graph, f"{name}_of{number}"), inputs=(total, term), coefficients=pair)
        )
        total, factor = sums[-1].name, 1
    return sums


def _padded(graph: Graph, node: Node) -> tuple[Pad | None, Node]:
    return (node, graph.by_name[node.inputs[0]]) if isinstance(node, Pad) else (None, node)


def _blocks(weights: IntArray, channels: Sequence[int]) -> list[IntArray]:
    """The weights of every part: the last axis has its channels."""
    return np.split(weights.astype(object), np.cumsum(channels)[:-1], axis=-1)


def _bits(arrays: Sequence[IntArray]) -> int:
    return bit_width(min(int(a.min()) for a in arrays), max(int(a.max()) for a in arrays))
