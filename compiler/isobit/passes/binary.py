"""Maps of two values as bits: streams, line buffers and FIFOs follow from the interval, which then is that of a bit."""

from __future__ import annotations

from dataclasses import dataclass, replace

from isobit.ir import Graph, Node
from isobit.ir.channels import Curves
from isobit.ir.ops import Step
from isobit.numerics import Curve, Cuts
from isobit.passes.affine import behind, in_64_bits, reached, row_sums
from isobit.passes.rewrite import Rule
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
        found = reached(graph, node, lambda border: values.index(border) if border in values else None)
        if found is None:
            return None
        moved, layers, _ = found
        made: list[Node] = []
        for layer in layers:
            weights = const_weights(graph, layer)
            changed = None if weights is None else behind(graph, layer, high - low, low * row_sums(weights.value))
            if changed is None:
                return None
            made += changed
        spans = node.curves.spans(graph.types[node.inputs[0]])
        bits = Curves(_bit(curve, *span, high) for curve, span in zip(node.curves, spans, strict=True))
        return (*moved, *made, replace(node, curves=bits))


def _two_values(graph: Graph, node: Node) -> tuple[int, int] | None:
    """The two values that a step takes, where they lie two or more apart."""
    if not isinstance(node, Step):
        return None
    low, high = graph.types[node.name].bounds
    if high - low < 2 or not in_64_bits(graph, node):
        return None
    for curve, start, end in node.curves.reached(graph.types[node.inputs[0]]):
        ends = curve.interval_on(start, end)
        if not {*ends} <= {low, high} or (ends == (low, high) and curve.cut(low + 1) != curve.cut(high)):
            return None
    return low, high


def _bit(curve: Curve, start: int, end: int, high: int) -> Cuts:
    """Whether a curve of two values takes the higher one."""
    low_end, high_end = curve.interval_on(start, end)
    return Cuts(int(low_end == high), [curve.cut(high)] if low_end < high_end else [])
