"""The plan: how fast each layer runs and how it is built. It can never change an integer.

The interpreter never sees it; legality (every factor divides what it must) is checked here, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from isobit.backends.dataflow.planner.geometry import geometry
from isobit.errors import IsobitError
from isobit.hardware import Board, Cost, Memory
from isobit.ir import Graph
from isobit.ir.ops import Concat, Linear, MaxPool
from isobit.numerics.formats import Tapered

Implementation = Literal["multiply_shift", "round_shift", "thresholds", "lookup"]
WeightStorage = Literal["integers", "tapered"]


@dataclass(frozen=True)
class Candidate:
    """One way to build a step, or to store weights: the cost with the lanes it would get, or why it cannot be."""

    implementation: Implementation | WeightStorage
    cost: Cost
    possible: bool
    reason: str


@dataclass(frozen=True)
class LayerChoice:
    """What a user fixes of one layer; 0, "" and ``auto`` leave the choice to the planner."""

    pe: int = 0
    simd: int = 0
    implementation: str = ""
    memory: Memory = "auto"
    line_buffer: Memory = "auto"
    samples: int = 0
    weights: WeightStorage | Literal[""] = ""


@dataclass(frozen=True)
class LayerPlan:
    """How one node is built.

    ``pe`` output elements (dense: neurons) and ``simd`` input elements of each of ``samples`` positions per clock;
    ``cycles`` clocks per frame, ``clocks`` with the windows' fill, the pipeline's depth and the pause between frames.
    ``memory`` is where its weights lie and ``line_buffer`` where its window's pixels do ("" where it has none).
    ``candidates`` are the ways a step could be built or weights be stored, the chosen first (none where there is no
    choice); ``code`` is the format of weights that are stored as codes.
    """

    pe: int
    simd: int
    cycles: int
    cost: Cost
    implementation: str
    candidates: tuple[Candidate, ...] = ()
    memory: Memory | Literal[""] = ""
    line_buffer: Memory | Literal[""] = ""
    samples: int = 1
    clocks: int = 0
    code: Tapered | None = None

    @property
    def lanes(self) -> tuple[int, int]:
        """Elements of a word in and of a word out, where no window is in front."""
        return self.simd * self.samples, self.pe * self.samples

    @property
    def parallel(self) -> bool:
        """Do its windows come whole, several at a time?"""
        return self.implementation.startswith("parallel_")


@dataclass(frozen=True)
class Plan:
    """Every computing node's :class:`LayerPlan`, for one board.

    ``port_words`` is the most words of a frame that an AXI port may take (None: as many as 64-bit words make).
    ``share`` is the part of the board that was asked for, and ``beyond`` says in words what does not keep to it.
    """

    board: Board
    layers: Mapping[str, LayerPlan]
    port_words: int | None = None
    share: float = 1.0
    beyond: str = ""

    @property
    def cost(self) -> Cost:
        return sum((layer.cost for layer in self.layers.values()), Cost())

    @property
    def samples(self) -> int:
        """The most positions any layer takes per clock."""
        return max((layer.samples for layer in self.layers.values()), default=1)

    @property
    def interval(self) -> int:
        """Clocks per frame of the slowest layer's loop, without what fills and empties it."""
        return max((layer.cycles for layer in self.layers.values()), default=1)

    @property
    def clocks(self) -> int:
        """Clocks per frame of the slowest layer, all told: the interval of the design but for its ports."""
        return max((layer.clocks for layer in self.layers.values()), default=1)


def checked(graph: Graph, board: Board, layers: dict[str, LayerPlan]) -> Plan:
    """The plan, if every factor divides what it must.

    Raises:
        IsobitError: E503 naming the first layer whose PE or SIMD does not divide its outputs or inputs.
    """
    for name, layer in layers.items():
        node, kind = graph.by_name[name], graph.types[name]
        fan_in = graph.types[node.inputs[0]].channels
        if isinstance(node, Linear | MaxPool):
            fan_in = geometry(graph, node).fan_in
        elif isinstance(node, Concat):
            fan_in = kind.channels
        if fan_in % layer.simd:
            raise IsobitError("E503", f"SIMD {layer.simd} does not divide its {fan_in} inputs", where=name)
        if kind.size % layer.pe:
            raise IsobitError("E503", f"PE {layer.pe} does not divide its {kind.size} outputs", where=name)
    return Plan(board, MappingProxyType(dict(layers)))
