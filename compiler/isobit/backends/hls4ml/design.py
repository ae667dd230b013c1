"""What the back end builds, before hls4ml sees it: layers with their types, in the order of the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from isobit.backends.ports import IntType, Port

IoType = Literal["io_parallel", "io_stream"]
Tool = Literal["Vitis", "VivadoAccelerator"]
"""hls4ml's own back ends that projects are written for."""
ACCELERATOR: Tool = "VivadoAccelerator"


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer of hls4ml's list.

    ``name`` is hls4ml's, ``kind`` its class, ``node`` the value of the graph that it makes ("" for a step on the way
    there), ``out`` the type of its elements, ``attributes`` what the class wants to know. ``types`` are the other types
    by hls4ml's names for them (``accum``, ``weight``). isobit's own layers have a ``body``.
    """

    name: str
    kind: str
    node: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    out: IntType
    attributes: Mapping[str, Any] = field(default_factory=dict)
    types: Mapping[str, IntType] = field(default_factory=dict)
    body: Body | None = None
    multiplies: bool = False

    @property
    def traced(self) -> bool:
        """Does hls4ml's trace hold its integers? It stores double precision numbers."""
        return bool(self.node) and self.kind not in ("Input", "Reshape") and self.out.bits <= 53


@dataclass(frozen=True)
class Body:
    """An isobit layer's C++: the header, the function, and the lines of its configuration struct.

    ``definitions`` are the constants that belong to the struct but are defined behind it; ``CONFIG`` stands for the
    struct's name in both.
    """

    header: str
    function: str
    members: tuple[str, ...]
    definitions: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Design:
    """The layers and the ports of a project; ``outputs`` are names of layers, in the graph's order.

    ``settings`` has hls4ml's strategy and reuse factor of every layer that multiplies; ``tool`` writes the project.
    """

    io_type: IoType
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...]
    ports: tuple[Port, ...]
    settings: Mapping[str, tuple[str, int]]
    tool: Tool = "Vitis"

    @property
    def inputs(self) -> Sequence[Layer]:
        """The layers that are the graph's inputs."""
        return [layer for layer in self.layers if layer.kind == "Input"]

    @property
    def word_bits(self) -> int:
        """Bits of a word of an accelerator's two streams: hls4ml's scripts know DMAs of one width, of 32 at least."""
        return max(32, *(port.elem_bits for port in self.ports))
