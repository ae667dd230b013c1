"""A hardware design before it is text: dataflow processes, the streams between them, constant arrays, ports.

Everything a template needs is a number or a type here; names are C identifiers by construction. A design is complete:
whoever writes it, in whatever language, decides nothing more. ``design.json`` of a build is this, field by field
(:mod:`isobit.backends.dataflow.design_file`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import PlainSerializer, PlainValidator

from isobit.backends.dataflow.packed import pack, unpack
from isobit.backends.ports import Identifier, IntType, Port, Positive
from isobit.errors import printable, promised
from isobit.ir.types import IntArray

FifoGoal = Literal["throughput", "least"]
Values = Annotated[IntArray, PlainValidator(unpack), PlainSerializer(pack)]


def _named(name: str) -> None:
    """Names reach the generated C++ as they are."""
    promised(name.isascii() and name.isidentifier(), "a name is no C++ identifier", where=printable(name))


@dataclass(frozen=True)
class Stream:
    """A FIFO of words of ``lanes`` elements; ``words`` per frame, ``depth`` in words.

    ``throughput`` and ``least`` are the depths that either goal asks for; ``depth`` is one of them, or the user's.
    """

    name: Identifier
    elem: IntType
    lanes: Positive
    words: Positive
    depth: Positive = 2
    throughput: Positive = 2
    least: Positive = 2

    @property
    def bits(self) -> int:
        """Width of a word."""
        return self.lanes * self.elem.bits

    @property
    def type(self) -> str:
        return f"isobit::lanes<{self.elem}, {self.lanes}>"


@dataclass(frozen=True, eq=False)
class Array:
    """A constant array of a process. ``storage`` is ``auto``, ``bram`` or ``lutram``."""

    name: Identifier
    elem: IntType
    values: Values
    storage: str = "auto"

    def __post_init__(self) -> None:
        _named(self.name)
        (lo, hi), (least, most) = (int(np.min(self.values)), int(np.max(self.values))), self.elem.interval
        promised(least <= lo <= hi <= most, f"values from {lo} to {hi} do not fit {self.elem}", where=self.name)


@dataclass(frozen=True, eq=False)
class Process:
    """One call of a template: ``isobit::<template><cfg_<name>>(inputs, outputs, arrays)``.

    ``node`` is the graph value it makes (also its tap), or "" for plumbing; ``memory`` where its line buffer lies, or
    "" without one.
    """

    name: Identifier
    template: str
    constants: tuple[tuple[str, int | bool | str], ...]
    types: tuple[tuple[str, IntType], ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    arrays: tuple[Array, ...] = ()
    node: str = ""
    memory: str = ""

    def __post_init__(self) -> None:
        _named(self.name)


@dataclass(frozen=True)
class Design:
    """Processes in topological order, streams, ports, and the streams of frame-end flags.

    Depths, the ``goal`` they were made for, and the ``interval`` between frames and the ``latency`` of one (clocks,
    with FIFOs for full throughput) are set by the backend's FIFO sizing.
    """

    processes: tuple[Process, ...]
    streams: tuple[Stream, ...]
    ports: tuple[Port, ...]
    flags: tuple[str, ...] = ("frame_end",)
    flag_depth: Positive = 2
    goal: FifoGoal = "throughput"
    interval: int = 0
    latency: int = 0

    @property
    def inputs(self) -> tuple[Port, ...]:
        return tuple(p for p in self.ports if p.is_input)

    @property
    def outputs(self) -> tuple[Port, ...]:
        return tuple(p for p in self.ports if not p.is_input)
