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
from isobit.numerics import (
    MAX_LEVELS,
    Curve,
    Cuts,
    MultiplyShift,
    NoMultiplyShift,
    proves,
    shared_multiply_shift,
    shared_round_shift,
)

FEW_LEVELS = 255
"""Up to so many levels a step may be built as thresholds."""
SMALL_DOMAIN = 1 << 16
"""Up to so many input values a step may be built as a table."""
NO_MULTIPLY_SHIFT = "no multiply-shift: "


def shrink_multiplicands(graph: Graph, node: Node) -> tuple[Node, ...] | None:
    """``f(x) = clamp((m x + c) >> k)`` on the reachable interval, least ``m``, one ``k`` and clamp for all channels.

    Where no such integers exist ``f`` is kept, as its generator if all scales are powers of two, else as its cuts.
    """
    if not isinstance(node, Step) or _settled(graph, node):
        return None
    los, his = reachable(node, graph.types[node.inputs[0]])
    found = shared_multiply_shift(node.curves, los, his, graph.types[node.name].bounds)
    if isinstance(found, NoMultiplyShift):
        dyadic = shared_round_shift(node.curves, los, his, graph.types[node.name].bounds)
        kept = node.curves if dyadic else tuple(_as_cuts(c) for c in node.curves)
        return (replace(node, curves=kept, rules=(NO_MULTIPLY_SHIFT + found.reason,)),)
    for scaled, curve, lo, hi in zip(found, node.curves, los, his, strict=True):
        assert proves(scaled, curve, lo, hi)
    return (replace(node, curves=tuple(found)),)


def reachable(node: Step, x: ValueType) -> tuple[list[int], list[int]]:
    """The reachable interval of each curve of a step whose input has type ``x``."""
    if len(node.curves) == 1:
        lo, hi = x.bounds
        return [lo], [hi]
    return [int(v) for v in x.lo], [int(v) for v in x.hi]


def is_buildable(node: Step, x: ValueType) -> bool:
    """Does the step have few levels, or a small domain, or integers that compute it?"""
    lo, hi = x.bounds
    if max(c.levels for c in node.curves) <= FEW_LEVELS or hi - lo < SMALL_DOMAIN:
        return True
    los, his = reachable(node, x)
    ends = [v for c, a, b in zip(node.curves, los, his, strict=True) for v in c.interval_on(a, b)]
    clamp = min(ends), max(ends)
    if shared_round_shift(node.curves, los, his, clamp) is not None:
        return True
    return not isinstance(shared_multiply_shift(node.curves, los, his, clamp), NoMultiplyShift)


def _as_cuts(curve: Curve) -> Curve:
    return Cuts(curve.start, curve.cuts()) if curve.levels <= MAX_LEVELS else curve


def _settled(graph: Graph, node: Step) -> bool:
    if any(r.startswith(NO_MULTIPLY_SHIFT) for r in node.rules):
        return True
    scaled = [c for c in node.curves if isinstance(c, MultiplyShift)]
    shared = {(c.k, c.lo, c.hi) for c in scaled}
    return len(scaled) == len(node.curves) and shared == {(scaled[0].k, *graph.types[node.name].bounds)}
