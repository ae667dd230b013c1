"""A matrix unit as additions: where all its weights are constants of the logic, and that is the cheaper way."""

from __future__ import annotations

from dataclasses import replace

from isobit.backends.dataflow.catalogue import cost_of
from isobit.backends.dataflow.catalogue.additions import additions
from isobit.backends.dataflow.geometry import geometry
from isobit.backends.dataflow.layer import Candidate, LayerChoice, LayerPlan
from isobit.backends.dataflow.planner.foldings import MAX_CONSTANT, MAX_UNROLL
from isobit.errors import IsobitError
from isobit.ir import Graph
from isobit.ir.ops import Linear


def with_additions(graph: Graph, node: Linear, made: LayerPlan, choice: LayerChoice) -> LayerPlan:
    """``made``, or the same folding as additions, and the ways to multiply with them among these.

    Vectors of one position are looked at unasked; of others a rate that needs all weights at once is rare, and the
    search takes seconds.

    Raises:
        IsobitError: E503 when ``choice`` asks for additions that there are none of, or for more multipliers than a unit
            may have.
    """
    asked, products = choice.multiplier == "adders", made.pe * made.simd
    reason = _not_constant(graph, node, made)
    if asked and reason:
        hint = 'multiplier = "single", or leave the line out'
        raise IsobitError("E503", f"it cannot be built as additions: {reason}", where=node.name, hint=hint)
    if choice.multiplier in ("single", "packed") and products > MAX_UNROLL:
        message = f"{products} products in one unit are more than {MAX_UNROLL}"
        raise IsobitError("E503", message, where=node.name, hint='multiplier = "adders", or a smaller folding')
    stored = choice.weights in ("tapered", "bipolar")
    if reason or (not asked and (stored or geometry(graph, node).positions > 1)):
        return made
    found = additions(graph, node)
    why = f"{len(found.adders)} additions, {max(found.depths)} deep, of weights that are constants"
    way = Candidate("adders", cost_of("constant_dense", graph, node), True, why)
    others = made.multipliers or (Candidate("single", made.cost, True, "a product for every weight"),)
    cheaper = choice.multiplier == "" and way.cost.weight < made.cost.weight
    if not (asked or cheaper or products > MAX_UNROLL):
        return replace(made, multipliers=(*others, way))
    ways = (way, *others) if products <= MAX_UNROLL else (way,)
    return LayerPlan(made.pe, made.simd, made.cycles, way.cost, "constant_dense", multipliers=ways)


def _not_constant(graph: Graph, node: Linear, made: LayerPlan) -> str:
    """Why the weights of a unit are no constants of its logic; "" where they are."""
    g = geometry(graph, node)
    if made.implementation != "dense" or made.samples > 1:
        return "only dense units of one sample, without windows, have such a form"
    if (made.pe, made.simd) != (g.outputs, g.fan_in):
        return f"its weights are constants of the logic at PE {g.outputs} and SIMD {g.fan_in} alone"
    if g.outputs * g.fan_in > MAX_CONSTANT:
        return f"{g.outputs * g.fan_in} weights are more than {MAX_CONSTANT}"
    return ""
