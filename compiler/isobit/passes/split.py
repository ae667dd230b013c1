"""Steps that no product can build, in two halves that it can."""

from __future__ import annotations

from dataclasses import dataclass, replace

from isobit.hardware.prices import PRICES, Prices
from isobit.ir import Graph, Node, frozen_ints
from isobit.ir.channels import Curves
from isobit.ir.ops import Add, Step
from isobit.passes.bodies import body_luts, has_product
from isobit.passes.rewrite import Rule, fresh_name

_UNBUILT = 1 << 40


@dataclass(frozen=True)
class SplitAtZero(Rule):
    """``f(x) = max(f(x), 0) + min(f(x), 0)``: rounding towards zero is a floor above it and a ceiling below.

    Only where no multiply and shift follows ``f`` across zero, whose level is wider than the others (of all QONNX
    roundings towards zero, and of TFLite's two roundings, the second away from zero), and where two halves are cheaper
    than comparing with every cut.
    """

    prices: Prices = PRICES

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        if not isinstance(node, Step):
            return None
        x, (lo, hi) = graph.types[node.inputs[0]], graph.types[node.name].bounds
        if not lo < 0 < hi:
            return None
        if has_product(node, x):
            return None
        bodies = body_luts(node, x, self.prices)
        names = [fresh_name(graph, f"{node.name}_{side}") for side in ("above", "below")]
        limits = ((0, hi), (lo, 0))
        halves = [
            replace(node, name=name, curves=Curves(c.clamp(*ends) for c in node.curves))
            for name, ends in zip(names, limits, strict=True)
        ]
        costs = [min(body_luts(half, x, self.prices).values(), default=_UNBUILT) for half in halves]
        if sum(costs) + graph.types[node.name].bits >= min(bodies.values(), default=_UNBUILT):
            return None
        ones = (frozen_ints(1), frozen_ints(1))
        return (*halves, Add(name=node.name, inputs=tuple(names), coefficients=ones))
