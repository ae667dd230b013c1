"""Rung 1 of the ladder: every requantizer becomes the least multiply-and-shift that equals it, where one exists.

Hardware has one shift and one clamp for all channels of a layer, so the search gets the layer's output range as clamp
and every curve it makes has the same ``k``, ``lo`` and ``hi``. The proof is complete: all cuts inside the reachable
interval, their left neighbours and both ends are checked (:func:`isobit.numerics.proves`). Where no such integers
exist the step keeps its cuts and says why in its provenance.
"""

from __future__ import annotations

from dataclasses import replace

from isobit.ir import Graph, Node
from isobit.ir.ops import Step
from isobit.ir.types import ValueType
from isobit.numerics import Cuts, MultiplyShift, NoMultiplyShift, proves, shared_multiply_shift

NO_MULTIPLY_SHIFT = "no multiply-shift: "


def shrink_multiplicands(graph: Graph, node: Node) -> tuple[Node, ...] | None:
    """``f(x) = clamp((m x + c) >> k)`` on the reachable interval, least ``m``, one ``k`` and clamp for all channels.

    Where no such integers exist ``f`` is kept as its cut points.
    """
    if not isinstance(node, Step) or _settled(graph, node):
        return None
    los, his = reachable(node, graph.types[node.inputs[0]])
    found = shared_multiply_shift(node.curves, los, his, graph.types[node.name].bounds)
    if isinstance(found, NoMultiplyShift):
        cuts = tuple(Cuts(c.start, c.cuts()) for c in node.curves)
        return (replace(node, curves=cuts, rules=(NO_MULTIPLY_SHIFT + found.reason,)),)
    for scaled, curve, lo, hi in zip(found, node.curves, los, his, strict=True):
        assert proves(scaled, curve, lo, hi)
    return (replace(node, curves=tuple(found)),)


def reachable(node: Step, x: ValueType) -> tuple[list[int], list[int]]:
    """The reachable interval of each curve of a step whose input has type ``x``."""
    if len(node.curves) == 1:
        lo, hi = x.bounds
        return [lo], [hi]
    return [int(v) for v in x.lo], [int(v) for v in x.hi]


def _settled(graph: Graph, node: Step) -> bool:
    if any(r.startswith(NO_MULTIPLY_SHIFT) for r in node.rules):
        return True
    scaled = [c for c in node.curves if isinstance(c, MultiplyShift)]
    shared = {(c.k, c.lo, c.hi) for c in scaled}
    return len(scaled) == len(node.curves) and shared == {(scaled[0].k, *graph.types[node.name].bounds)}
