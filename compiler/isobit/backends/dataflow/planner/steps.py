"""Choosing how a step is built: every body's cost, the cheapest legal one first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from isobit.backends.dataflow.catalogue import CATALOGUE
from isobit.backends.dataflow.catalogue.scaling import half_even_of, round_shift_of
from isobit.backends.dataflow.layer import Candidate, LayerPlan
from isobit.hardware import Board, Prices
from isobit.ir import Graph
from isobit.ir.ops import Step, Table
from isobit.numerics import MultiplyShift


def candidates(graph: Graph, node: Step | Table, pe: int, board: Board) -> tuple[Candidate, ...]:
    """The bodies of ``node`` at ``pe`` lanes, possible ones first, then by cost."""
    prices = Prices.of(board)
    bodies = [template.candidate for template in CATALOGUE.values() if template.candidate is not None]
    made = [candidate for body in bodies if (candidate := body(graph, node, pe, prices)) is not None]
    return tuple(sorted(made, key=lambda c: (not c.possible, prices.weigh(c.cost))))


BODIES = frozenset(template.name for template in CATALOGUE.values() if template.candidate is not None)
"""What a step or a table may be built as."""


def other_bodies(layer: LayerPlan) -> Iterator[LayerPlan]:
    """A step with its other bodies: where one resource is scarce, another one than the cheapest may be the better."""
    for body in layer.candidates[1:] if layer.implementation in BODIES else ():
        if body.possible:
            ranked = (body, *(c for c in layer.candidates if c is not body))
            yield replace(layer, cost=body.cost, implementation=body.implementation, candidates=ranked)


def multiplicand_bits(graph: Graph, node: Step, implementation: str) -> int:
    """The widest multiplicand of a step built so, in bits; 0 for a body without one."""
    if implementation == "multiply_shift":
        return max(c.m for c in node.curves if isinstance(c, MultiplyShift)).bit_length()
    if implementation == "round_shift":
        found = round_shift_of(graph, node)
        return max(found.m).bit_length() if found else 0
    if implementation == "half_even":
        even = half_even_of(graph, node)
        return max(even.m).bit_length() if even else 0
    return 0
