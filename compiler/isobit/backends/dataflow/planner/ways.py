"""The foldings of one layer that a person may choose among."""

from __future__ import annotations

from isobit.backends.dataflow.layer import LayerChoice, LayerPlan
from isobit.backends.dataflow.planner.points import points
from isobit.hardware import Board
from isobit.ir import Graph, Node

_MOST = 12


def ways(graph: Graph, node: Node, board: Board, chosen: tuple[int, int, int]) -> list[LayerPlan]:
    """The layer as it may be folded, slowest first: every folding that no other beats in clocks and area at once.

    Args:
        chosen: PE, SIMD and samples of the folding that is kept in the list whatever it costs; so are the slowest and
            the fastest, and of more than a dozen the others evenly.
    """
    made = [layer for point in points(graph, node, board, LayerChoice()) for name, layer in point.layers]
    made.sort(key=lambda v: (v.cycles, v.cost.weight, v.samples, v.pe * v.simd, v.pe))
    front: list[LayerPlan] = []
    for layer in made:
        if not front or layer.cost.weight < front[-1].cost.weight:
            front.append(layer)
    step = -(-len(front) // _MOST)
    kept = [v for i, v in enumerate(front) if i % step == 0 or i == len(front) - 1]
    own = [v for v in made if (v.pe, v.simd, v.samples) == chosen and v not in kept]
    return sorted([*kept, *own[:1]], key=lambda v: (-v.cycles, v.cost.weight))
