"""The plan: how fast each layer runs and how it is built. It can never change an integer.

The interpreter never sees it; legality (every factor divides what it must) is checked here, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from isobit.backends.dataflow.geometry import geometry
from isobit.backends.dataflow.layer import LayerPlan
from isobit.errors import IsobitError
from isobit.hardware import Board, Cost
from isobit.ir import Graph
from isobit.ir.ops import Concat, Linear, MaxPool


@dataclass(frozen=True)
class Plan:
    """Every computing node's :class:`LayerPlan`, for one board.

    ``port_words`` is the most words of a frame that an AXI port may take (None: as many as 64-bit words make).
    ``share`` is the part of the board that was asked for, and ``beyond`` says in words what does not keep to it,
    or to a plan file.
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
