"""What is planned as one: a node, and the border in front of it that its window can make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from isobit.backends.dataflow.layer import LayerChoice
from isobit.backends.dataflow.planner.blocks import border_of
from isobit.backends.dataflow.planner.foldings import foldings, planned
from isobit.backends.dataflow.planner.multipliers import may_share
from isobit.backends.dataflow.planner.points import Point, joined, points
from isobit.errors import IsobitError
from isobit.hardware import Board
from isobit.ir import Graph, Node
from isobit.ir.ops import Linear, MaxPool, Pad


@dataclass(frozen=True)
class Unit:
    """A node whose points are chosen as one, and the border in front of it that its window can make (None: none)."""

    node: Node
    pad: Pad | None

    def points(self, graph: Graph, board: Board, choices: Mapping[str, LayerChoice], least: int = 0) -> Sequence[Point]:
        """Every legal way to build it that agrees with ``choices``; ``least`` and refusals as :func:`points`."""
        choice = choices.get(self.node.name, LayerChoice())
        if self.pad is None:
            return points(graph, self.node, board, choice, least)
        both = choices.get(self.pad.name, LayerChoice()), choice
        return joined(graph, self.pad, self.node, both, board, least)

    def sharing(self, graph: Graph, board: Board, choices: Mapping[str, LayerChoice]) -> Sequence[Point]:
        """The points beyond :meth:`points` where products of few bits share DSPs; none where no two can."""
        choice = choices.get(self.node.name, LayerChoice())
        if choice.multiplier != "" or not may_share(graph, self.node, board):
            return ()
        try:
            return self.points(graph, board, {**choices, self.node.name: replace(choice, multiplier="packed")})
        except IsobitError:
            return ()


def least_clocks(graph: Graph) -> int:
    """Clocks a frame below which some matrix unit has no folding."""
    matrices = (node for node in graph.nodes if isinstance(node, Linear))
    return max((min((f.cycles for f in foldings(graph, node)), default=0) for node in matrices), default=0)


def units(graph: Graph) -> Iterable[Unit]:
    """Every planned node, the last first; a border goes with the window that can make it."""
    done = set[str]()
    for node in reversed(graph.nodes):
        if not planned(graph, node) or node.name in done:
            continue
        pad = border_of(graph, node) if isinstance(node, Linear | MaxPool) else None
        if pad is not None:
            done.add(pad.name)
        yield Unit(node, pad)
