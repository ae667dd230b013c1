"""Every way to build each node of a graph that some plan could want: the points that the solver chooses among.

Beside the points of the planner (one for each folding and body, with the memories that its prices choose) there are
those with products of few bits in shared DSPs, and one for every other place of a memory. What another point beats in
everything, clocks included, is left out, which changes no optimum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from isobit.backends.dataflow.layer import LayerChoice
from isobit.backends.dataflow.optimal.energy import memory_energy
from isobit.backends.dataflow.optimal.others import other_points
from isobit.backends.dataflow.optimal.wires import fifo_luts
from isobit.backends.dataflow.planner.points import Point
from isobit.backends.dataflow.planner.units import units
from isobit.hardware import Board, Cost
from isobit.ir import Graph

Goal = Literal["area", "lut", "dsp", "bram", "energy"]
"""What a plan is to have least of: ``area`` is :attr:`isobit.hardware.Cost.weight`, all resources at their prices."""


@dataclass(frozen=True)
class Way:
    """A point, its cost, and the energy of the memory words it reads for a frame, in femtojoules.

    ``fifos`` is the LUTs of the FIFOs around it as far as they are known before there is a design
    (:func:`isobit.backends.dataflow.optimal.wires.fifo_luts`); ``cost`` is without them.
    """

    point: Point
    cost: Cost
    fifos: int
    femtojoules: int

    @property
    def clocks(self) -> int:
        """Clocks per frame."""
        return self.point.clocks

    def measure(self, goal: Goal) -> int:
        """What it has of that of which there is to be least."""
        luts = self.cost.lut + self.fifos
        by = {"lut": luts, "dsp": self.cost.dsp, "bram": self.cost.bram18, "energy": self.femtojoules}
        return by.get(goal, self.cost.weight + self.fifos)

    @property
    def amounts(self) -> tuple[int, int, int, int]:
        """LUTs (those of the FIFOs too), DSPs, halves of block RAMs and UltraRAMs."""
        return self.cost.lut + self.fifos, self.cost.dsp, self.cost.bram18, self.cost.uram

    @property
    def vector(self) -> tuple[int, ...]:
        """All that another way must not have more of, to beat this one at any speed; clocks come last."""
        return (*self.amounts, self.femtojoules, self.clocks)


def ways_of(graph: Graph, board: Board, choices: Mapping[str, LayerChoice]) -> dict[str, tuple[Way, ...]]:
    """Every unit of ``graph`` by name, with the ways that agree with ``choices`` and that no other beats.

    Raises:
        IsobitError: E503 to E505 where nothing agrees with a choice or can build a node.
    """
    found = {}
    for unit in units(graph):
        fixed = choices.get(unit.node.name, LayerChoice())
        points = (*unit.points(graph, board, choices), *unit.sharing(graph, board, choices))
        placed = (q for p in points for q in other_points(graph, board, p, fixed))
        found[unit.node.name] = tuple(
            unbeaten([Way(p, p.cost, fifo_luts(graph, p), memory_energy(graph, p)) for p in placed])
        )
    return found


def unbeaten(ways: Sequence[Way], most_clocks: int | None = None) -> list[Way]:
    """The ways of at most ``most_clocks`` that no other of them beats; of equal ones the simplest.

    Without ``most_clocks`` a way must also be as fast as one that it beats.
    """
    fast = [w for w in ways if most_clocks is None or w.clocks <= most_clocks]
    fast.sort(key=lambda w: (w.vector, w.point.order))
    last = None if most_clocks is None else -1
    vectors = np.array([w.vector[:last] for w in fast], dtype=np.int64).reshape(len(fast), 6 if last is None else 5)
    kept: list[int] = []
    for i in range(len(fast)):  # in lexicographic order nothing later can beat what comes before it
        if not kept or not (vectors[kept] <= vectors[i]).all(axis=1).any():
            kept.append(i)
    return [fast[i] for i in kept]
