"""A hardware design before it is text: dataflow processes, the streams between them, constant arrays, ports.

Everything a template needs is a number or a type here; names are C identifiers by construction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from isobit.errors import printable, promised
from isobit.ir.types import IntArray
from isobit.numerics import bit_width, is_signed
from isobit.plan import FifoGoal

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class IntType:
    """``ap_int<bits>`` or ``ap_uint<bits>``."""

    bits: int
    signed: bool

    @classmethod
    def of(cls, lo: int, hi: int) -> IntType:
        """The narrowest type that holds ``lo .. hi``."""
        return cls(bit_width(lo, hi), is_signed(lo))

    @classmethod
    def holding(cls, values: IntArray) -> IntType:
        return cls.of(int(values.min()), int(values.max()))

    def __str__(self) -> str:
        return f"{'ap_int' if self.signed else 'ap_uint'}<{self.bits}>"


@dataclass(frozen=True)
class Stream:
    """A FIFO of words of ``lanes`` elements; ``words`` per frame, ``depth`` in words.

    ``throughput`` and ``least`` are the depths that either goal asks for; ``depth`` is one of them, or the user's.
    """

    name: str
    elem: IntType
    lanes: int
    words: int
    depth: int = 2
    throughput: int = 2
    least: int = 2

    @property
    def bits(self) -> int:
        """Width of a word."""
        return self.lanes * self.elem.bits

    @property
    def type(self) -> str:
        return f"isobit::lanes<{self.elem}, {self.lanes}>"


def _named(name: str) -> None:
    """Names reach the generated C++ as they are."""
    promised(_IDENTIFIER.fullmatch(name) is not None, "a name is no C++ identifier", where=printable(name))


@dataclass(frozen=True, eq=False)
class Array:
    """A constant array of a process. ``storage`` is ``auto``, ``bram`` or ``lutram``."""

    name: str
    elem: IntType
    values: IntArray
    storage: str = "auto"

    def __post_init__(self) -> None:
        _named(self.name)
        lo, hi = int(np.min(self.values)), int(np.max(self.values))
        fits = bit_width(lo, hi) <= self.elem.bits + (self.elem.signed and lo >= 0)
        promised(fits, f"values from {lo} to {hi} do not fit {self.elem}", where=self.name)


@dataclass(frozen=True, eq=False)
class Process:
    """One call of a template: ``isobit::<template><cfg_<name>>(inputs, outputs, arrays)``.

    ``node`` is the graph value it makes (also its tap), or "" for plumbing; ``memory`` where its line buffer lies, or
    "" without one.
    """

    name: str
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
class Port:
    """An AXI-stream port: ``frame`` elements per sample, ``lanes`` per word, each in a container of ``elem_bits``."""

    name: str
    node: str
    outside: str
    is_input: bool
    frame: int
    lanes: int
    elem: IntType
    elem_bits: int

    @property
    def word_bits(self) -> int:
        return self.lanes * self.elem_bits

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The numpy type of one container."""
        return np.dtype(f"{'i' if self.elem.signed else 'u'}{self.elem_bits // 8}").newbyteorder("<")


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
    flag_depth: int = 2
    goal: FifoGoal = "throughput"
    interval: int = 0
    latency: int = 0

    @property
    def headers(self) -> tuple[str, ...]:
        """The template headers the top function needs."""
        return tuple(sorted({HEADER_OF[p.template] for p in self.processes}))

    @property
    def inputs(self) -> tuple[Port, ...]:
        return tuple(p for p in self.ports if p.is_input)

    @property
    def outputs(self) -> tuple[Port, ...]:
        return tuple(p for p in self.ports if not p.is_input)


HEADER_OF = {
    "add": "add",
    "argmax": "argmax",
    "concat": "concat",
    "dense": "dense",
    "depthwise": "depthwise",
    "fork": "fork",
    "fork_flag": "stream_io",
    "lookup": "lookup",
    "max_pool": "max_pool",
    "multiply_shift": "multiply_shift",
    "pad": "pad",
    "parallel_concat": "concat",
    "parallel_dense": "parallel_dense",
    "parallel_depthwise": "parallel_depthwise",
    "parallel_max_pool": "parallel_max_pool",
    "parallel_window": "parallel_window",
    "read_frame": "stream_io",
    "read_further_frame": "stream_io",
    "round_shift": "round_shift",
    "reorder": "reorder",
    "slice": "slice",
    "sliding_window": "sliding_window",
    "thresholds": "thresholds",
    "top_k": "argmax",
    "upsample": "upsample",
    "width_converter": "width_converter",
    "write_frame": "stream_io",
}
