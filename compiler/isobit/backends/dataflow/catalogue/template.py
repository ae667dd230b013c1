"""What is known of one hardware template: everything that isobit says of it outside its own source is in its record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from isobit.backends.dataflow.schedule import Constants, Schedule
from isobit.hardware import Cost

Lanes = Callable[[Constants], int]
Shape = Callable[[Constants], tuple[int, ...]]


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

    Where a configuration has the type ``coded``, the elements are codes of that type, which stand for ``elem``.
    """

    elem: str
    shape: Shape
    coded: str = ""


@dataclass(frozen=True)
class Template:
    """The record of one template.

    Attributes:
        name: the function ``isobit::<name>`` and the RTL module, where there is one.
        header: its file ``templates/hls/isobit/<header>.hpp``.
        constants: the numbers of its configuration; ``optional`` ones may be left out.
        types: the types of its configuration, likewise.
        reads, writes: its streams, in the order of its arguments.
        arrays: its constant arrays, behind the streams; the optional ones last.
        schedule: one frame in time, from the constants (:mod:`isobit.backends.dataflow.schedules`).
        latency: clocks from an iteration's start to its write: an estimate, generous on purpose (only synthesis knows).
        cost: what an instance takes (:mod:`isobit.backends.dataflow.catalogue.cost`, where the arguments are); None
            where that is not counted: ports, forks and width converters are wires and a register.
        rtl: its module ``templates/rtl/<rtl>.sv``; "" where there is none.
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
    rtl: str = ""
    latency: Callable[[Constants], int] = field(kw_only=True)
    cost: Callable[..., Cost] | None = field(default=None, kw_only=True)

    def timed(self, constants: Constants) -> Schedule:
        """The schedule with its latency."""
        return replace(self.schedule(constants), latency=self.latency(constants))


FLAG, AXIS = StreamOf("flag", lambda c: 1), StreamOf("axis", lambda c: c["LANES"])


def stream(elem: str, constant: str) -> StreamOf:
    """A stream whose words hold as many elements as a constant says."""
    return StreamOf(elem, lambda c: c[constant])


def rows(elem: str, *further: str) -> ArrayOf:
    """Constants by channel: what a word of ``PE`` elements takes lies in a row; ``further`` axes by constant."""

    def shape(c: Constants) -> tuple[int, ...]:
        width = min(c["CHANNELS"], c["PE"])
        return (c["CHANNELS"] // width, width, *(c[name] for name in further))

    return ArrayOf(elem, shape)


def block_lanes(c: Mapping[str, int]) -> int:
    """Elements of a block: what the windows of ``SAMPLES`` adjacent positions cover."""
    return c["KH"] * ((c["SAMPLES"] - 1) * c["SW"] + (c["KW"] - 1) * c["DW"] + 1) * c["CHANNELS"]
