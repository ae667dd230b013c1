"""Steps that no single body can build, in two halves that can."""

from __future__ import annotations

from dataclasses import replace

from isobit.ir import Graph, Node, frozen_ints
from isobit.ir.ops import Add, Step
from isobit.passes.rewrite import fresh_name
from isobit.passes.shrink import is_buildable


def split_at_zero(graph: Graph, node: Node) -> tuple[Node, ...] | None:
    """``f(x) = max(f(x), 0) + min(f(x), 0)``: rounding towards zero is a floor above it and a ceiling below.

    Only where ``f`` itself has no body and both halves have one: the level at zero is twice as wide as the others, so
    that no multiply and shift follows ``f`` across it.
    """
    if not isinstance(node, Step):
        return None
    x, (lo, hi) = graph.types[node.inputs[0]], graph.types[node.name].bounds
    if not lo < 0 < hi or is_buildable(node, x):
        return None
    names = [fresh_name(graph, f"{node.name}_{side}") for side in ("above", "below")]
    limits = ((0, hi), (lo, 0))
    halves = [
        replace(node, name=name, curves=tuple(c.clamp(*ends) for c in node.curves))
        for name, ends in zip(names, limits, strict=True)
    ]
    if not all(is_buildable(half, x) for half in halves):
        return None
    ones = (frozen_ints(1), frozen_ints(1))
    return (*halves, Add(name=node.name, inputs=tuple(names), coefficients=ones))
