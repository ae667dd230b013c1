"""What lies between layers and at the border: forks, width converters, AXI ports."""

from __future__ import annotations

from isobit.backends.dataflow import schedules as s
from isobit.backends.dataflow.catalogue.template import AXIS, FLAG, RtlUnit, Template, clocks, stream

_PORT = ("FRAME", "LANES", "ELEM", "WORD")


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
