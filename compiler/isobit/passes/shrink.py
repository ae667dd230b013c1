"""Rung 1 of the ladder: every requantizer becomes the least multiply-and-shift that equals it, where one exists.

Hardware has one multiplier width and one clamp for all channels of a layer, so the search gets the layer's output range
as clamp and looks at all channels at once; the shift is shared or not, whichever is cheaper
(:func:`isobit.numerics.layer_multiply_shift`). The proof is complete: all cuts inside the reachable interval, their
left neighbours and both ends are checked (:func:`isobit.numerics.wrong_at`; E901 names a counterexample). Where no such
integers exist the step keeps its cuts, and a fact says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from isobit.errors import promised
from isobit.hardware.prices import PRICES, Prices
from isobit.ir import Graph, Node
from isobit.ir.channels import Curves
from isobit.ir.facts import NoProduct
from isobit.ir.ops import Step
from isobit.numerics import (
    MAX_LEVELS,
    Curve,
    Cuts,
    MultiplyShift,
    NoMultiplyShift,
    TooWide,
    layer_multiply_shift,
    shared_round_shift,
    wrong_at,
)
from isobit.passes.bodies import multiplicand_price
from isobit.passes.rewrite import Rule


@dataclass(frozen=True)
class ShrinkMultiplicands(Rule):
    """``f(x) = clamp((m x + c) >> k)`` on the reachable interval, least ``m``, one width and clamp for all channels.

    The shift is one for all channels, or one per channel where that is cheaper. Where no such integers exist ``f`` is
    kept, as its generator if all scales are powers of two, else as its cuts. With ``bits`` a multiplicand of at most so
    many is chosen where the step has such.
    """

    bits: int | None = None
    prices: Prices = PRICES

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        if not isinstance(node, Step) or _settled(graph, node, self.bits):
            return None
        x, clamp = graph.types[node.inputs[0]], graph.types[node.name].bounds
        los, his = node.curves.reach(x)
        price = multiplicand_price(self.prices, len(node.curves), x.bits)
        found = layer_multiply_shift(node.curves, los, his, clamp, self.bits, price)
        if isinstance(found, TooWide):
            found = layer_multiply_shift(node.curves, los, his, clamp, None, price)
        if isinstance(found, NoMultiplyShift):
            dyadic = shared_round_shift(node.curves, los, his, clamp)
            kept = node.curves if dyadic else node.curves.map(_as_cuts)
            told = (f"no multiply-shift: {found.reason}",)  # for readers; what is acted on is the fact
            return (replace(node, curves=kept, rules=told, facts=(*node.facts, NoProduct(found.reason))),)
        assert not isinstance(found, TooWide)
        _check(node, found, los, his)
        return None if found == node.curves else (replace(node, curves=Curves(found)),)


def _check(node: Step, found: Sequence[MultiplyShift], los: Sequence[int], his: Sequence[int]) -> None:
    """E901 naming channel and counterexample unless every product equals its curve on the reachable interval."""
    for channel, (scaled, curve, lo, hi) in enumerate(zip(found, node.curves, los, his, strict=True)):
        x = wrong_at(scaled, curve, lo, hi)
        if x is not None:
            said = f"of {x} {scaled} makes {scaled.at(x)}, the exact staircase {curve.at(x)}"
            promised(False, said, where=f"{node.name}, channel {channel}")


def no_product(node: Step) -> str:
    """Why no multiply and shift equals the step, "" where one may."""
    return next((f.reason for f in node.facts if isinstance(f, NoProduct)), "")


def _as_cuts(curve: Curve) -> Curve:
    return Cuts(curve.start, curve.cuts()) if curve.levels <= MAX_LEVELS else curve


def _settled(graph: Graph, node: Step, bits: int | None) -> bool:
    if no_product(node):
        return True
    bounds = graph.types[node.name].bounds
    scaled = [c for c in node.curves if isinstance(c, MultiplyShift) and (c.lo, c.hi) == bounds]
    return len(scaled) == len(node.curves) and (bits is None or max(c.m for c in scaled) >> bits == 0)
