"""The catalogue: one record per template. To add a template, add its record here, its header and its test case."""

from __future__ import annotations

from isobit.backends.dataflow import schedules as s
from isobit.backends.dataflow import schedules_windows as windows
from isobit.backends.dataflow.catalogue import cost
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
from isobit.backends.dataflow.latencies import PORT_LATENCY, depth_of_tree
from isobit.backends.dataflow.schedule import Constants

_ELEMENTWISE = ("CHANNELS", "PE", "FOLDS")
_CLAMP = ("LO", "HI", "CLAMP")
_PORT = ("FRAME", "LANES", "ELEM", "WORD")
_IMAGE = ("H", "W", "CHANNELS", "LANES")
_BORDER = ("TOP", "BOTTOM", "LEFT", "RIGHT", "VALUE")
_BLOCK = ("SAMPLES", "CHANNELS", "KH", "KW", "SW", "DW")
_MAC = ("in_t", "weight_t", "acc_t")
_CODES = ("RUN", "code_t")
_LINE = ("in_t", "multiplier_t", "offset_t", "product_t", "sum_t", "out_t")
_FACTORS = ("a_t", "b_t", "out_t")
_WORDS = (stream("elem_t", "LANES"),)


def _pixel(c: Constants) -> int:
    """Lanes of one pixel, or of a share of it, beside a unit that takes several pixels of one frame a word."""
    return min(c["PE"], c["CHANNELS"])


def _pixels(c: Constants) -> int:
    """Pixels in a word of such a unit."""
    return max(c["PE"] // c["CHANNELS"], 1)


def _selections(c: Constants) -> int:
    """Positions in a word of a selection."""
    return max(c["LANES"] // c["FRAME"], 1)


def _samples_of(elem: str, channels: str) -> StreamOf:
    return StreamOf(elem, lambda c: c["SAMPLES"] * c[channels])


_TEMPLATES = (
    Template(
        "add", "add", _ELEMENTWISE, ("a_t", "b_t", "ka_t", "kb_t", "out_t"),
        (stream("a_t", "PE"), stream("b_t", "PE")), (stream("out_t", "PE"),), s.add, (rows("ka_t"), rows("kb_t")),
        latency=lambda c: 6, cost=cost.word_by_word,
    ),
    Template(
        "argmax", "argmax", ("FRAME", "LANES", "VECTORS"), ("in_t", "index_t"),
        (stream("in_t", "LANES"),), (StreamOf("index_t", _selections),), s.argmax,
        latency=lambda c: 3 + depth_of_tree(min(c["LANES"], c["FRAME"])), cost=cost.word_by_word,
    ),
    Template(
        "channel_product", "product", _ELEMENTWISE, _FACTORS,
        (stream("a_t", "PE"), StreamOf("b_t", _pixel)), (stream("out_t", "PE"),), s.channel_product,
        latency=lambda c: 7, cost=cost.multiplied_by_channel,
    ),
    Template(
        "concat", "concat", ("POSITIONS", "A_WORDS", "B_WORDS", "LANES"), ("a_t", "b_t", "out_t"),
        (stream("a_t", "LANES"), stream("b_t", "LANES")), (stream("out_t", "LANES"),), s.concat,
        latency=lambda c: 3, cost=cost.word_by_word,
    ),
    Template(
        "dense", "dense", ("IN", "OUT", "SIMD", "PE", "VECTORS", "RUN"), (*_MAC, "code_t"),
        (stream("in_t", "SIMD"),), (stream("acc_t", "PE"),), s.dense,
        (ArrayOf("weight_t", lambda c: (c["OUT"] // c["PE"] * (c["IN"] // c["SIMD"]), c["PE"], c["SIMD"]), "code_t"),),
        optional=_CODES,
        latency=lambda c: 6 + depth_of_tree(c["SIMD"]), cost=cost.dense,
    ),
    Template(
        "depthwise", "depthwise", ("CHANNELS", "PE", "TAPS", "VECTORS"), _MAC,
        (stream("in_t", "PE"),), (StreamOf("acc_t", _pixel),), s.per_channel,
        (ArrayOf("weight_t", lambda c: (c["TAPS"] * c["CHANNELS"] // c["PE"], c["PE"])),),
        latency=lambda c: 6 + depth_of_tree(_pixels(c)), cost=cost.dense,
    ),
    Template(
        "fork", "fork", ("WORDS", "LANES"), ("elem_t",),
        (stream("elem_t", "LANES"),), (stream("elem_t", "LANES"),) * 2, s.fork,
        latency=lambda c: 2,
    ),
    Template("fork_flag", "stream_io", ("FLAGS",), (), (FLAG,), (FLAG, FLAG), s.fork_flag,
             latency=lambda c: 1),
    Template(
        "lookup", "lookup", (*_ELEMENTWISE, "LO", "SIZE"), ("in_t", "out_t"),
        (stream("in_t", "PE"),), (stream("out_t", "PE"),), s.elementwise, (rows("out_t", "SIZE"),),
        latency=lambda c: 4, cost=cost.lookup,
    ),
    Template(
        "max_pool", "max_pool", ("CHANNELS", "PE", "TAPS", "VECTORS"), ("elem_t",),
        (stream("elem_t", "PE"),), (StreamOf("elem_t", _pixel),), s.per_channel,
        latency=lambda c: 3 + depth_of_tree(_pixels(c)), cost=cost.word_by_word,
    ),
    Template(
        "multiply_shift", "multiply_shift", (*_ELEMENTWISE, "K", *_CLAMP), (*_LINE, "shift_t"),
        (stream("in_t", "PE"),), (stream("out_t", "PE"),), s.elementwise,
        (rows("multiplier_t"), rows("offset_t"), rows("shift_t")), optional=("K", "shift_t"),
        latency=lambda c: 9, cost=cost.multiply_shift,
    ),
    Template("pad", "pad", (*_IMAGE, *_BORDER), ("in_t", "out_t"),
             (stream("in_t", "LANES"),), (stream("out_t", "LANES"),), s.pad,
             latency=lambda c: 3, cost=cost.word_by_word),
    Template(
        "parallel_concat", "concat", ("WORDS", "SAMPLES", "A", "B"), ("a_t", "b_t", "out_t"),
        (_samples_of("a_t", "A"), _samples_of("b_t", "B")),
        (StreamOf("out_t", lambda c: c["SAMPLES"] * (c["A"] + c["B"])),), s.parallel_concat,
        latency=lambda c: 3, cost=cost.word_by_word,
    ),
    Template(
        "parallel_dense", "parallel_dense", (*_BLOCK, "WORDS", "OUT", "SIMD", "PE", "RUN"), (*_MAC, "code_t"),
        (StreamOf("in_t", block_lanes),), (_samples_of("acc_t", "OUT"),), windows.parallel_dense,
        (ArrayOf("weight_t", lambda c: (
            c["OUT"] // c["PE"] * (c["KH"] * c["KW"] * c["CHANNELS"] // c["SIMD"]), c["PE"], c["SIMD"]
        ), "code_t"),),
        optional=_CODES,
        latency=lambda c: 6 + depth_of_tree(c["SIMD"]), cost=cost.dense,
    ),
    Template(
        "parallel_depthwise", "parallel_depthwise", (*_BLOCK, "WORDS"), _MAC,
        (StreamOf("in_t", block_lanes),), (_samples_of("acc_t", "CHANNELS"),), windows.per_block,
        (ArrayOf("weight_t", lambda c: (c["KH"] * c["KW"], c["CHANNELS"])),),
        latency=lambda c: 6 + depth_of_tree(c["KH"] * c["KW"]), cost=cost.dense,
    ),
    Template(
        "parallel_max_pool", "parallel_max_pool", (*_BLOCK, "WORDS"), ("elem_t",),
        (StreamOf("elem_t", block_lanes),), (_samples_of("elem_t", "CHANNELS"),), windows.per_block,
        latency=lambda c: 3 + depth_of_tree(c["KH"] * c["KW"]), cost=cost.word_by_word,
    ),
    Template(
        "parallel_window", "parallel_window", ("H", "W", *_BLOCK, "SH", "DH", *_BORDER), ("in_t", "out_t"),
        (StreamOf("in_t", lambda c: c["SAMPLES"] * c["SW"] * c["CHANNELS"]),), (StreamOf("out_t", block_lanes),),
        windows.parallel_window,
        latency=lambda c: 4, cost=cost.line_buffer,
    ),
    Template(
        "product", "product", ("PE", "FOLDS"), _FACTORS,
        (stream("a_t", "PE"), stream("b_t", "PE")), (stream("out_t", "PE"),), s.add,
        latency=lambda c: 7, cost=cost.multiplied,
    ),
    Template("read_frame", "stream_io", _PORT, ("elem_t",),
             (AXIS,), (stream("elem_t", "LANES"), FLAG), s.read_frame,
             latency=lambda c: PORT_LATENCY),
    Template("read_further_frame", "stream_io", _PORT, ("elem_t",),
             (AXIS,), (stream("elem_t", "LANES"),), s.read_further_frame,
             latency=lambda c: PORT_LATENCY),
    Template(
        "reorder", "reorder", ("IN_WORDS", "OUT_WORDS", "LANES"), ("elem_t", "index_t"), _WORDS, _WORDS,
        s.reorder, (ArrayOf("index_t", lambda c: (c["OUT_WORDS"],)),),
        latency=lambda c: 5, cost=cost.stored,
    ),
    Template(
        "round_shift", "round_shift", (*_ELEMENTWISE, "K", "ROUNDING", *_CLAMP), _LINE,
        (stream("in_t", "PE"),), (stream("out_t", "PE"),), s.elementwise,
        (rows("multiplier_t"), rows("offset_t")),
        latency=lambda c: 10, cost=cost.round_shift,
    ),
    Template(
        "slice", "slice",
        ("H", "W", "IN_WORDS", "LANES", "TOP", "LEFT", "FIRST", "OUT_H", "OUT_W", "OUT_WORDS"), ("elem_t",),
        _WORDS, _WORDS,
        s.cut_out,
        latency=lambda c: 3, cost=cost.word_by_word,
    ),
    Template(
        "sliding_window", "sliding_window", (*_IMAGE, "KH", "KW", "SH", "SW", "DH", "DW"), ("elem_t",), _WORDS, _WORDS,
        windows.sliding_window,
        latency=lambda c: 4, cost=cost.line_buffer,
    ),
    Template(
        "thresholds", "thresholds", (*_ELEMENTWISE, "LEVELS"), ("in_t", "threshold_t", "start_t", "out_t"),
        (stream("in_t", "PE"),), (stream("out_t", "PE"),), s.elementwise,
        (rows("start_t"), rows("threshold_t", "LEVELS")),
        latency=lambda c: 4 + depth_of_tree(c["LEVELS"] + 1), cost=cost.thresholds,
    ),
    Template(
        "top_k", "argmax", ("FRAME", "LANES", "VECTORS", "K"), ("in_t", "index_t"),
        (stream("in_t", "LANES"),), (StreamOf("index_t", lambda c: c["K"] * _selections(c)),), s.top_k,
        latency=lambda c: 4, cost=cost.word_by_word,
    ),
    Template("upsample", "upsample", (*_IMAGE, "FACTOR_H", "FACTOR_W"), ("elem_t",), _WORDS, _WORDS, s.upsample,
             latency=lambda c: 3, cost=cost.stored),
    Template("width_converter", "width_converter", ("FRAME", "IN_LANES", "OUT_LANES"), ("elem_t",),
             (stream("elem_t", "IN_LANES"),), (stream("elem_t", "OUT_LANES"),), s.width_converter,
             latency=lambda c: 3),
    Template("write_frame", "stream_io", _PORT, ("elem_t",),
             (stream("elem_t", "LANES"), FLAG), (AXIS,), s.write_frame,
             latency=lambda c: PORT_LATENCY),
)  # fmt: skip

CATALOGUE: dict[str, Template] = {template.name: template for template in _TEMPLATES}
