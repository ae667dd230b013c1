"""What lies between layers and at the border: forks, width converters, AXI ports."""

from __future__ import annotations

from isobit.backends.dataflow import schedules as s
from isobit.backends.dataflow.catalogue.template import AXIS, FLAG, RtlUnit, Template, clocks, stream
from isobit.hardware import Cost

_PORT = ("FRAME", "LANES", "ELEM", "WORD")


def fork() -> Cost:
    """Both of its readers' readiness, whatever the word."""
    return Cost(lut=3)


def read_frame(frame: int, lanes: int) -> Cost:
    """A count of the words of a frame; what is in a word goes straight through."""
    place = _place(frame, lanes)
    return Cost(lut=place + 4 if place else 1, ff=place)


def write_frame(frame: int, lanes: int, bits: int) -> Cost:
    """A count of the words of a frame, and a register for one."""
    place = _place(frame, lanes)
    return Cost(lut=place + 4 if place else 2, ff=lanes * bits + place + 2)


def _place(frame: int, lanes: int) -> int:
    """Bits of a count of the words of a frame."""
    return (-(-frame // lanes) - 1).bit_length()


TEMPLATES = (
    Template(
        "fork", "fork", ("WORDS", "LANES"), ("elem_t",),
        (stream("elem_t", "LANES"),), (stream("elem_t", "LANES"),) * 2, s.fork,
        latency=clocks(2),
        rtl=RtlUnit("fork", clocks(0), outputs=("out_a", "out_b")),
    ),
    Template("fork_flag", "stream_io", ("FLAGS",), (), (FLAG,), (FLAG, FLAG), s.fork_flag,
             latency=clocks(1),
        rtl=RtlUnit("stream_io", clocks(0), outputs=("out_a", "out_b")),
    ),
    Template("read_frame", "stream_io", _PORT, ("elem_t",),
             (AXIS,), (stream("elem_t", "LANES"), FLAG), s.read_frame,
             latency=clocks(3),
        rtl=RtlUnit("stream_io", clocks(0), outputs=("out", "last")),
    ),
    Template("read_further_frame", "stream_io", _PORT, ("elem_t",),
             (AXIS,), (stream("elem_t", "LANES"),), s.read_further_frame,
             latency=clocks(3),
        rtl=RtlUnit("stream_io", clocks(0)),
    ),
    Template("width_converter", "width_converter", ("FRAME", "ROW", "CHANNELS", "IN_LANES", "OUT_LANES"), ("elem_t",),
             (stream("elem_t", "IN_LANES"),), (stream("elem_t", "OUT_LANES"),), s.width_converter,
             latency=clocks(3),
        rtl=RtlUnit("width_converter", clocks(1)),
    ),
    Template("write_frame", "stream_io", (*_PORT, "ROW"), ("elem_t",),
             (stream("elem_t", "LANES"), FLAG), (AXIS,), s.write_frame,
             latency=clocks(3),
        rtl=RtlUnit("stream_io", clocks(1), inputs=("in", "last")),
    ),
)  # fmt: skip
