"""The catalogue: one record per template. To add a template, add its record here, its header and its test case."""

from __future__ import annotations

from isobit.backends.dataflow import schedules as s
from isobit.backends.dataflow import schedules_windows as windows
from isobit.backends.dataflow.catalogue.template import (
    AXIS,
    FLAG,
    ArrayOf,
    StreamOf,
    Template,
    block_lanes,
    rows,
    stream,
)
from isobit.backends.dataflow.schedule import Constants

_ELEMENTWISE = ("CHANNELS", "PE", "FOLDS")
_CLAMP = ("LO", "HI", "CLAMP")
_PORT = ("FRAME", "LANES", "ELEM", "WORD")
_IMAGE = ("H", "W", "CHANNELS", "LANES")
_BORDER = ("TOP", "BOTTOM", "LEFT", "RIGHT", "VALUE")
_BLOCK = ("SAMPLES", "CHANNELS", "KH", "KW", "SW", "DW")
_MAC = ("in_t", "weight_t", "acc_t")
_LINE = ("in_t", "multiplier_t", "offset_t", "product_t", "sum_t", "out_t")
_FACTORS = ("a_t", "b_t", "out_t")
_WORDS = (stream("elem_t", "LANES"),)


def _pixel(c: Constants) -> int:
    """Lanes of one pixel, or of a share of it, beside a unit that takes several pixels of one frame a word."""
    return min(c["PE"], c["CHANNELS"])


def _selections(c: Constants) -> int:
    """Positions in a word of a selection."""
    return max(c["LANES"] // c["FRAME"], 1)


def _samples_of(elem: str, channels: str) -> StreamOf:
    return StreamOf(elem, lambda c: c["SAMPLES"] * c[channels])


_TEMPLATES = (
    Template(
        "add", "add", _ELEMENTWISE, ("a_t", "b_t", "ka_t", "kb_t", "out_t"),
        (stream("a_t", "PE"), stream("b_t", "PE")), (stream("out_t", "PE"),), s.add, (rows("ka_t"), rows("kb_t")),
    ),
    Template(
        "argmax", "argmax", ("FRAME", "LANES", "VECTORS"), ("in_t", "index_t"),
        (stream("in_t", "LANES"),), (StreamOf("index_t", _selections),), s.argmax,
    ),
    Template(
        "channel_product", "product", _ELEMENTWISE, _FACTORS,
        (stream("a_t", "PE"), StreamOf("b_t", _pixel)), (stream("out_t", "PE"),), s.channel_product,
    ),
    Template(
        "concat", "concat", ("POSITIONS", "A_WORDS", "B_WORDS", "LANES"), ("a_t", "b_t", "out_t"),
        (stream("a_t", "LANES"), stream("b_t", "LANES")), (stream("out_t", "LANES"),), s.concat,
    ),
    Template(
        "dense", "dense", ("IN", "OUT", "SIMD", "PE", "VECTORS"), _MAC,
        (stream("in_t", "SIMD"),), (stream("acc_t", "PE"),), s.dense,
        (ArrayOf("weight_t", lambda c: (c["OUT"] // c["PE"] * (c["IN"] // c["SIMD"]), c["PE"], c["SIMD"])),),
    ),
    Template(
        "depthwise", "depthwise", ("CHANNELS", "PE", "TAPS", "VECTORS"), _MAC,
        (stream("in_t", "PE"),), (StreamOf("acc_t", _pixel),), s.per_channel,
        (ArrayOf("weight_t", lambda c: (c["TAPS"] * c["CHANNELS"] // c["PE"], c["PE"])),),
    ),
    Template(
        "fork", "fork", ("WORDS", "LANES"), ("elem_t",),
        (stream("elem_t", "LANES"),), (stream("elem_t", "LANES"),) * 2, s.fork,
    ),
    Template("fork_flag", "stream_io", ("FLAGS",), (), (FLAG,), (FLAG, FLAG), s.fork_flag),
    Template(
        "lookup", "lookup", (*_ELEMENTWISE, "LO", "SIZE"), ("in_t", "out_t"),
        (stream("in_t", "PE"),), (stream("out_t", "PE"),), s.elementwise, (rows("out_t", "SIZE"),),
    ),
    Template(
        "max_pool", "max_pool", ("CHANNELS", "PE", "TAPS", "VECTORS"), ("elem_t",),
        (stream("elem_t", "PE"),), (StreamOf("elem_t", _pixel),), s.per_channel,
    ),
    Template(
        "multiply_shift", "multiply_shift", (*_ELEMENTWISE, "K", *_CLAMP), (*_LINE, "shift_t"),
        (stream("in_t", "PE"),), (stream("out_t", "PE"),), s.elementwise,
        (rows("multiplier_t"), rows("offset_t"), rows("shift_t")), optional=("K", "shift_t"),
    ),
    Template("pad", "pad", (*_IMAGE, *_BORDER), ("in_t", "out_t"),
             (stream("in_t", "LANES"),), (stream("out_t", "LANES"),), s.pad),
    Template(
        "parallel_concat", "concat", ("WORDS", "SAMPLES", "A", "B"), ("a_t", "b_t", "out_t"),
        (_samples_of("a_t", "A"), _samples_of("b_t", "B")),
        (StreamOf("out_t", lambda c: c["SAMPLES"] * (c["A"] + c["B"])),), s.parallel_concat,
    ),
    Template(
        "parallel_dense", "parallel_dense", (*_BLOCK, "WORDS", "OUT", "SIMD", "PE"), _MAC,
        (StreamOf("in_t", block_lanes),), (_samples_of("acc_t", "OUT"),), windows.parallel_dense,
        (ArrayOf("weight_t", lambda c: (
            c["OUT"] // c["PE"] * (c["KH"] * c["KW"] * c["CHANNELS"] // c["SIMD"]), c["PE"], c["SIMD"]
        )),),
    ),
    Template(
        "parallel_depthwise", "parallel_depthwise", (*_BLOCK, "WORDS"), _MAC,
        (StreamOf("in_t", block_lanes),), (_samples_of("acc_t", "CHANNELS"),), windows.per_block,
        (ArrayOf("weight_t", lambda c: (c["KH"] * c["KW"], c["CHANNELS"])),),
    ),
    Template(
        "parallel_max_pool", "parallel_max_pool", (*_BLOCK, "WORDS"), ("elem_t",),
        (StreamOf("elem_t", block_lanes),), (_samples_of("elem_t", "CHANNELS"),), windows.per_block,
    ),
    Template(
        "parallel_window", "parallel_window", ("H", "W", *_BLOCK, "SH", "DH", *_BORDER), ("in_t", "out_t"),
        (StreamOf("in_t", lambda c: c["SAMPLES"] * c["SW"] * c["CHANNELS"]),), (StreamOf("out_t", block_lanes),),
        windows.parallel_window,
    ),
    Template(
        "product", "product", ("PE", "FOLDS"), _FACTORS,
        (stream("a_t", "PE"), stream("b_t", "PE")), (stream("out_t", "PE"),), s.add,
    ),
    Template("read_frame", "stream_io", _PORT, ("elem_t",),
             (AXIS,), (stream("elem_t", "LANES"), FLAG), s.read_frame),
    Template("read_further_frame", "stream_io", _PORT, ("elem_t",),
             (AXIS,), (stream("elem_t", "LANES"),), s.read_further_frame),
    Template(
        "reorder", "reorder", ("IN_WORDS", "OUT_WORDS", "LANES"), ("elem_t", "index_t"), _WORDS, _WORDS,
        s.reorder, (ArrayOf("index_t", lambda c: (c["OUT_WORDS"],)),),
    ),
    Template(
        "round_shift", "round_shift", (*_ELEMENTWISE, "K", "ROUNDING", *_CLAMP), _LINE,
        (stream("in_t", "PE"),), (stream("out_t", "PE"),), s.elementwise,
        (rows("multiplier_t"), rows("offset_t")),
    ),
    Template(
        "slice", "slice",
        ("H", "W", "IN_WORDS", "LANES", "TOP", "LEFT", "FIRST", "OUT_H", "OUT_W", "OUT_WORDS"), ("elem_t",),
        _WORDS, _WORDS,
        s.cut_out,
    ),
    Template(
        "sliding_window", "sliding_window", (*_IMAGE, "KH", "KW", "SH", "SW", "DH", "DW"), ("elem_t",), _WORDS, _WORDS,
        windows.sliding_window,
    ),
    Template(
        "thresholds", "thresholds", (*_ELEMENTWISE, "LEVELS"), ("in_t", "threshold_t", "start_t", "out_t"),
        (stream("in_t", "PE"),), (stream("out_t", "PE"),), s.elementwise,
        (rows("start_t"), rows("threshold_t", "LEVELS")),
    ),
    Template(
        "top_k", "argmax", ("FRAME", "LANES", "VECTORS", "K"), ("in_t", "index_t"),
        (stream("in_t", "LANES"),), (StreamOf("index_t", lambda c: c["K"] * _selections(c)),), s.top_k,
    ),
    Template("upsample", "upsample", (*_IMAGE, "FACTOR_H", "FACTOR_W"), ("elem_t",), _WORDS, _WORDS, s.upsample),
    Template("width_converter", "width_converter", ("FRAME", "IN_LANES", "OUT_LANES"), ("elem_t",),
             (stream("elem_t", "IN_LANES"),), (stream("elem_t", "OUT_LANES"),), s.width_converter),
    Template("write_frame", "stream_io", _PORT, ("elem_t",),
             (stream("elem_t", "LANES"), FLAG), (AXIS,), s.write_frame),
)  # fmt: skip

CATALOGUE: dict[str, Template] = {template.name: template for template in _TEMPLATES}
