"""A matrix unit as additions: where all its weights are constants of the logic, and that is the cheaper way."""

from __future__ import annotations

from dataclasses import replace

from isobit.backends.dataflow.catalogue import cost_of
from isobit.backends.dataflow.catalogue.additions import additions
from isobit.backends.dataflow.geometry import geometry
from isobit.backends.dataflow.layer import Candidate, LayerChoice, LayerPlan
from isobit.backends.dataflow.planner.foldings import MAX_CONSTANT, MAX_UNROLL
from isobit.errors import IsobitError
from isobit.hardware import Cost
from isobit.ir import Graph
from isobit.ir.ops import Linear


def with_additions(graph: Graph, node: Linear, made: LayerPlan, choice: LayerChoice, window: Cost) -> LayerPlan:
    """``made``, or the same folding as additions, and the ways to multiply with them among these.

    Looked at unasked where a frame is one vector, and of blocks up to as many products as a unit multiplies at most. A
    matrix of more products is additions or nothing.

    Args:
        window: what makes the windows of ``made`` takes, which its cost holds.

    Raises:
        IsobitError: E503 when ``choice`` asks for additions that there are none of, or a unit would have more
            multipliers than it may.
    """
    asked, products = choice.multiplier == "adders", made.pe * made.simd
    reason = _not_constant(graph, node, made)
    if asked and reason:
        hint = "keep that folding, or leave out its multiplier and its implementation"
        raise IsobitError("E503", f"it cannot be built as additions: {reason}", where=node.name, hint=hint)
    large, stored = products > MAX_UNROLL, choice.weights in ("tapered", "bipolar")
    slow = products * made.samples > MAX_UNROLL if made.parallel else geometry(graph, node).positions > 1
    if reason or (not asked and (stored or slow or (large and choice.multiplier != ""))):
        if large:
            message = f"{products} products in one unit are more than {MAX_UNROLL}"
            raise IsobitError("E503", message, where=node.name, hint='multiplier = "adders", or a smaller folding')
        return made
    samples, name = (made.samples, "parallel_constant_dense") if made.parallel else (0, "constant_dense")
    found = additions(graph, node, samples)
    why = f"{len(found.adders)} additions, {max(found.depths)} deep, of weights that are constants"
    way = Candidate("adders", cost_of("constant_dense", graph, node, samples) + window, True, why)
    others = made.multipliers or (Candidate("single", made.cost, True, "a product for every weight"),)
    cheaper = choice.multiplier == "" and way.cost.weight < made.cost.weight
    if not (asked or large or cheaper):
        return replace(made, multipliers=(*others, way))
    ways = (way,) if large else (way, *others)
    return LayerPlan(
        made.pe, made.simd, made.cycles, way.cost, name, line_buffer=made.line_buffer, samples=made.samples,
        multipliers=ways,
    )  # fmt: skip


def _not_constant(graph: Graph, node: Linear, made: LayerPlan) -> str:
    """Why the weights of a unit are no constants of its logic; "" where they are."""
    g = geometry(graph, node)
    if made.implementation not in ("dense", "parallel_dense"):
        return "only dense units whose inputs come as whole vectors or blocks have such a form"
    if (made.pe, made.simd) != (g.outputs, g.fan_in):
        return f"its weights are constants of the logic at PE {g.outputs} and SIMD {g.fan_in} alone"
    weights = g.outputs * g.fan_in * (made.samples if made.parallel else 1)
    if weights > MAX_CONSTANT:
        return f"{weights} weights are more than {MAX_CONSTANT}"
    return ""
