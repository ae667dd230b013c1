"""What is known of one hardware template: everything that isobit says of it outside its own source is in its record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from isobit.backends.dataflow.catalogue.kernel import Kernel
from isobit.backends.dataflow.design import Stream
from isobit.backends.dataflow.layer import Candidate, LayerPlan
from isobit.backends.dataflow.schedule import Constants, Schedule
from isobit.hardware import Cost, Prices
from isobit.ir import Graph, Node

Make = Callable[[Graph, Any, LayerPlan, list[Stream]], Kernel]
"""From a node, its plan and the streams that it reads to the parameters of an instance."""
Price = Callable[[Graph, Node, int, Prices], Candidate | None]
"""What a node would cost as this body with so many lanes; None for nodes that are never built so."""
Lanes = Callable[[Constants], int]
Shape = Callable[[Constants], tuple[int, ...]]
Layout = Literal["elements", "rows", "stages", "plain"]


@dataclass(frozen=True)
class StreamOf:
    """A port of a template: ``elem`` is the type of its elements by the name it has in the configuration.

    ``lanes`` gives how many make a word. A frame-end flag is of type ``flag``, a port at the border ``axis``.
    """

    elem: str
    lanes: Lanes


@dataclass(frozen=True)
class ArrayOf:
    """A constant array of a template: the type of its elements by name, and its shape.

    Where a configuration has the type ``coded``, the elements are codes of that type, which stand for ``elem``. The
    ``layout`` is that of the C++ (:mod:`isobit.backends.dataflow.words`). Of ``rows`` all that shares the first index
    is read in one clock, so that several values may lie in a word; ``stages`` are heaps along the last axis, an entry
    of the first stage, two of the second and so on, and every stage becomes an array. ``plain`` ones are no memories:
    every value is known where it is used, and the process names its arrays itself (``top.cpp.j2``).
    """

    elem: str
    shape: Shape
    coded: str = ""
    layout: Layout = "elements"


@dataclass(frozen=True)
class RtlUnit:
    """The SystemVerilog module of a template.

    A module's parameters have the names of the header's constants; a type ``in_t`` becomes ``IN_T``, its bits, and
    ``IN_T_SIGNED``. Port lists follow the order of a process's inputs and outputs.

    ``file``: its source in ``templates/rtl``; ``inputs``, ``outputs``: prefixes of its stream ports; ``arrays``: the
    parameters that take its constant arrays, in the process's order; ``in_files``: those of them that may lie in a file
    of their own; ``parts``: further sources that it instantiates. ``latency``: clocks from an iteration's issue to the
    word that it writes, which is exact here.
    """

    file: str
    latency: Callable[[Constants], int]
    inputs: tuple[str, ...] = ("in",)
    outputs: tuple[str, ...] = ("out",)
    arrays: tuple[str, ...] = ()
    in_files: frozenset[str] = frozenset()
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Template:
    """The record of one template.

    Attributes:
        name: the function ``isobit::<name>`` and the module ``isobit_<name>``.
        header: its file ``templates/hls/isobit/<header>.hpp``.
        constants: the numbers of its configuration; ``optional`` ones may be left out.
        types: the types of its configuration, likewise.
        reads, writes: its streams, in the order of its arguments.
        arrays: its constant arrays, behind the streams; the optional ones last.
        schedule: one frame in time, from the constants (:mod:`isobit.backends.dataflow.schedules`).
        latency: clocks from an iteration's start to its write: an estimate, generous on purpose (only synthesis knows).
        cost: what an instance takes (:mod:`isobit.backends.dataflow.catalogue.cost`, where the arguments are); None
            where that is not counted: ports and forks are wires and a register, width converters are counted apart.
        rtl: its SystemVerilog module.
        make: builds a node with it, by :attr:`LayerPlan.implementation`; None for what the lowering puts in between.
        also: further names that a plan has for it.
        candidate: where it is a body of steps, what a step would cost with it (instead of ``cost``).
    """

    name: str
    header: str
    constants: tuple[str, ...]
    types: tuple[str, ...]
    reads: tuple[StreamOf, ...]
    writes: tuple[StreamOf, ...]
    schedule: Callable[[Constants], Schedule]
    arrays: tuple[ArrayOf, ...] = ()
    optional: tuple[str, ...] = ()
    latency: Callable[[Constants], int] = field(kw_only=True)
    rtl: RtlUnit = field(kw_only=True)
    cost: Callable[..., Cost] | None = field(default=None, kw_only=True)
    make: Make | None = field(default=None, kw_only=True)
    also: tuple[str, ...] = field(default=(), kw_only=True)
    candidate: Price | None = field(default=None, kw_only=True)

    def timed(self, constants: Constants) -> Schedule:
        """The schedule with its latency."""
        return replace(self.schedule(constants), latency=self.latency(constants))


def clocks(number: int) -> Callable[[Constants], int]:
    """A latency that no constant changes."""
    return lambda c: number


ELEMENTWISE = ("CHANNELS", "PE", "FOLDS")
IMAGE = ("H", "W", "CHANNELS", "LANES")
BORDER = ("TOP", "BOTTOM", "LEFT", "RIGHT", "VALUE")
BLOCK = ("SAMPLES", "CHANNELS", "KH", "KW", "SW", "DW")
TWO_INPUTS = ("in_a", "in_b")
FLAG, AXIS = StreamOf("flag", lambda c: 1), StreamOf("axis", lambda c: c["LANES"])


def stream(elem: str, constant: str) -> StreamOf:
    """A stream whose words hold as many elements as a constant says."""
    return StreamOf(elem, lambda c: c[constant])


def rows(elem: str, *further: str) -> ArrayOf:
    """Constants by channel, a row for what a word of ``PE`` elements takes; ``further`` axes of tables, by constant."""

    def shape(c: Constants) -> tuple[int, ...]:
        width = min(c["CHANNELS"], c["PE"])
        return (c["CHANNELS"] // width, width, *(c[name] for name in further))

    return ArrayOf(elem, shape, layout="elements" if further else "rows")


def block_lanes(c: Mapping[str, int]) -> int:
    """Elements of a block: what the windows of ``SAMPLES`` adjacent positions cover."""
    return c["KH"] * ((c["SAMPLES"] - 1) * c["SW"] + (c["KW"] - 1) * c["DW"] + 1) * c["CHANNELS"]


WORDS = (stream("elem_t", "LANES"),)


def samples_of(elem: str, channels: str) -> StreamOf:
    """A stream whose words hold ``SAMPLES`` pixels."""
    return StreamOf(elem, lambda c: c["SAMPLES"] * c[channels])


def pixel(c: Constants) -> int:
    """Lanes of one pixel, or of a share of it, beside a unit that takes several pixels of one frame a word."""
    return min(c["PE"], c["CHANNELS"])


def pixels(c: Constants) -> int:
    """Pixels in a word of such a unit."""
    return max(c["PE"] // c["CHANNELS"], 1)
