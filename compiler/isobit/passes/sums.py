"""Short coefficients for sums of two values with unrelated scales: residual joins, mostly.

The ratio of the branches' scales, in least terms, makes coefficients as long as two mantissas. But only steps read such
a sum, and they tell few sums apart: short integers put every reachable pair on the same side of every cut
(:func:`isobit.numerics.short_sums`), and the steps get new integers with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from isobit.hardware.prices import PRICES, Prices
from isobit.ir import Graph, Node, frozen_ints
from isobit.ir.channels import Curves, of_channel, rows
from isobit.ir.facts import ShortCoefficients
from isobit.ir.ops import Add, Const, Step
from isobit.ir.ranges import infer_type
from isobit.ir.types import ValueType
from isobit.numerics import (
    Edges,
    Interval,
    MultiplyShift,
    NoMultiplyShift,
    Reader,
    ShortSum,
    TooWide,
    edges_multiply_shift,
    layer_multiply_shift,
    short_sums,
)
from isobit.passes.bodies import body_luts, multiplicand_price, multiply_shift_luts
from isobit.passes.rewrite import Rule

SHORT = ShortCoefficients()


@dataclass(frozen=True)
class NarrowSum(Rule):
    """``f(a x + b y) = g(a' x + b' y)`` for every reachable x and y, with short ``a'`` and ``b'``.

    Where f is a multiply and shift g is one too, with no longer multiplicand. Left alone where that costs no less.
    """

    prices: Prices = PRICES

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        steps = _readers(graph, node)
        if steps is None or not isinstance(node, Add):
            return None
        layout = _Layout.of(graph, node, steps, self.prices)
        before = _Built(node, graph.types[node.name], layout.bits, steps, self.prices)
        most = before.multiplicand
        chosen = [
            _cheapest(short_sums(*pair, readers), layout.bits, most, self.prices) for pair, readers in layout.rows
        ]
        found = [short for short in chosen if short is not None]
        if len(found) < len(chosen):
            return None
        after = layout.built(found, most)
        lost = most is not None and after.multiplicand is None
        return None if lost or after.luts() >= before.luts() else (
            *after.steps, replace(after.node, facts=(*node.facts, SHORT))
        )  # fmt: skip


def _readers(graph: Graph, node: Node) -> tuple[Step, ...] | None:
    """The steps that read a sum of two values with other coefficients than 1 and -1; None where there is more to it."""
    if not isinstance(node, Add) or len(node.inputs) != 2 or SHORT in node.facts:
        return None
    plain = all((abs(c) == 1).all() for c in node.coefficients)
    if plain or any((c == 0).any() for c in node.coefficients):
        return None
    if any(isinstance(graph.by_name[name], Const) for name in node.inputs):
        return None
    readers = graph.consumers[node.name]
    steps = tuple(r for r in readers if isinstance(r, Step))
    return steps if steps and len(steps) == len(readers) else None


@dataclass(frozen=True)
class _Built:
    """A sum of this type, the bits of its operands, and the steps that read it."""

    node: Add
    kind: ValueType
    operands: tuple[int, int]
    steps: tuple[Step, ...]
    prices: Prices

    @property
    def multiplicand(self) -> int | None:
        """Bits of the longest multiplicand of the steps, None where a step has no multiply and shift."""
        scaled = [self._scaled(step) for step in self.steps]
        widths = [max(f.m for f in each).bit_length() for each in scaled if isinstance(each, tuple)]
        return max(widths) if len(widths) == len(scaled) else None

    def _scaled(self, step: Step) -> tuple[MultiplyShift, ...] | NoMultiplyShift | TooWide:
        x, price = self.kind, multiplicand_price(self.prices, len(step.curves), self.kind.bits)
        return layer_multiply_shift(step.curves, *step.curves.reach(x), step.curves.bounds(x), None, price)

    def luts(self) -> int:
        """Of one lane: the sum, and the cheapest body of every step."""
        rows = [[int(c) for c in row] for row in self.node.coefficients]
        joined = self.prices.joined(1, list(zip(self.operands, rows, strict=True)), self.kind.bits)
        bodies = (min(body_luts(step, self.kind, self.prices).values(), default=_UNBUILT) for step in self.steps)
        return self.prices.weigh(joined) + sum(bodies)


_UNBUILT = 1 << 40
"""LUTs of a step that no body can build."""


@dataclass(frozen=True)
class _Layout:
    """Which channels share a pair of coefficients: ``rows`` of a pair and its readers, step by step."""

    graph: Graph
    node: Add
    steps: tuple[Step, ...]
    bits: tuple[int, int]
    rows: tuple[tuple[tuple[int, int], tuple[Reader, ...]], ...]
    prices: Prices

    @classmethod
    def of(cls, graph: Graph, node: Add, steps: tuple[Step, ...], prices: Prices) -> _Layout:
        """The layout of a sum in a graph."""
        x, y = (graph.types[name] for name in node.inputs)
        a, b = node.coefficients
        count = rows(a, b)
        channels = range(graph.types[node.name].channels)
        pairs = []
        for row in range(count):
            of_row = [_reads(graph, s, x, y, channels if count == 1 else [row]) for s in steps]
            pairs.append(((int(of_channel(a, row)), int(of_channel(b, row))), tuple(chain(*of_row))))
        return cls(graph, node, steps, (x.bits, y.bits), tuple(pairs), prices)

    def built(self, chosen: Sequence[ShortSum], most: int | None) -> _Built:
        """The sum with one pair of coefficients per row, and steps that give the same levels behind it, with
        multiplicands of at most so many bits."""
        coefficients = frozen_ints([c.a for c in chosen]), frozen_ints([c.b for c in chosen])
        node = replace(self.node, coefficients=coefficients)
        operands = tuple(self.graph.types[name] for name in node.inputs)
        kind = infer_type(node, operands, self.graph.by_name)
        curves = [_curves(self._edges(chosen, index), kind.bits, most, self.prices) for index in range(len(self.steps))]
        steps = tuple(replace(s, curves=c) for s, c in zip(self.steps, curves, strict=True))
        return _Built(node, kind, self.bits, steps, self.prices)

    def _edges(self, chosen: Sequence[ShortSum], step: int) -> list[Edges]:
        """The edges of one step's curves: every row has as many for each step."""
        counts = [len(s.curves) if len(self.rows) == 1 else 1 for s in self.steps]
        start = sum(counts[:step])
        return [edges for row in chosen for edges in row.edges[start : start + counts[step]]]


def _reads(graph: Graph, step: Step, x: ValueType, y: ValueType, channels: Sequence[int]) -> list[Reader]:
    """The curves of a step for these channels with their boxes; the one curve of a step with the box of them all."""
    clamp = graph.types[step.name].bounds
    if step.curves.shared and len(channels) > 1:
        return [Reader(step.curves[0], Interval(*x.bounds), Interval(*y.bounds), clamp)]
    return [Reader(step.curves.of(c), _interval(x, c), _interval(y, c), clamp) for c in channels]


def _interval(kind: ValueType, channel: int) -> Interval:
    c = channel % len(kind.lo)
    return Interval(int(kind.lo[c]), int(kind.hi[c]))


def _curves(edges: Sequence[Edges], bits: int, most: int | None, prices: Prices) -> Curves:
    """A multiply and shift for every curve, or the cuts of all where one has none."""
    found = edges_multiply_shift(edges, most, multiplicand_price(prices, len(edges), bits))
    if isinstance(found, tuple):
        return Curves(found)
    return Curves(e.staircase() for e in edges)


def _cheapest(sums: Iterator[ShortSum], bits: tuple[int, int], most: int | None, prices: Prices) -> ShortSum | None:
    """The cheapest of the sums that leave room for a multiply and shift of at most ``most`` bits, or the simplest where
    none does."""
    best, least = None, _UNBUILT
    for found in sums:
        best = best or found
        width = found.interval.bits
        joined = prices.weigh(prices.joined(1, [(bits[0], [found.a]), (bits[1], [found.b])], width))
        if joined >= least:
            break
        scaled = edges_multiply_shift(found.edges, most, multiplicand_price(prices, len(found.edges), width))
        if not isinstance(scaled, tuple):
            continue
        luts = joined + multiply_shift_luts(scaled, width, prices)
        if luts < least:
            best, least = found, luts
    return best
