"""Sliding windows, and the maxima over them; one position or several samples per clock."""

from __future__ import annotations

from collections.abc import Mapping

from isobit.backends.dataflow import schedules as s
from isobit.backends.dataflow import schedules_windows as windows
from isobit.backends.dataflow.catalogue import cost
from isobit.backends.dataflow.catalogue.kernel import Kernel
from isobit.backends.dataflow.catalogue.template import (
    BLOCK,
    BORDER,
    IMAGE,
    WORDS,
    RtlUnit,
    StreamOf,
    Template,
    block_lanes,
    clocks,
    pixel,
    pixels,
    samples_of,
    stream,
)  # fmt: skip
from isobit.backends.dataflow.design import Stream
from isobit.backends.dataflow.geometry import Geometry, geometry
from isobit.backends.dataflow.latencies import depth_of_tree, lag
from isobit.backends.dataflow.layer import LayerPlan
from isobit.backends.dataflow.rows import words_of
from isobit.ir import Graph
from isobit.ir.ops import Linear, MaxPool

Numbers = tuple[tuple[str, int], ...]


def block_constants(g: Geometry, samples: int) -> Numbers:
    """What the layout of a block is made from."""
    return (
        ("SAMPLES", samples), ("CHANNELS", g.channels), ("KH", g.kernel[0]), ("KW", g.kernel[1]),
        ("SW", g.strides[1]), ("DW", g.dilations[1]),
    )  # fmt: skip


def word_lanes(c: Mapping[str, int]) -> int:
    """Elements of a word that blocks are made from."""
    return c["SAMPLES"] * c["SW"] * c["CHANNELS"]


def unit_constants(graph: Graph, node: Linear | MaxPool, samples: int) -> Numbers:
    """The constants of a unit that takes blocks."""
    return (*block_constants(geometry(graph, node), samples), ("WORDS", words_of(graph.types[node.name], samples)))


def max_pool(graph: Graph, node: MaxPool, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::max_pool`` or ``isobit::parallel_max_pool`` on the windows of the input."""
    g, elem = geometry(graph, node), inputs[0].elem
    if layer.parallel:
        constants = unit_constants(graph, node, layer.samples)
        return Kernel("parallel_max_pool", constants, (("elem_t", elem),), (), elem, layer.lanes[1])
    constants = (("CHANNELS", g.channels), ("PE", layer.simd), ("TAPS", g.taps), ("VECTORS", g.positions))
    return Kernel("max_pool", constants, (("elem_t", elem),), (), elem, layer.pe)


_BLOCKS = (("H", "W", *BLOCK, "SH", "DH", *BORDER), ("in_t", "out_t"))


TEMPLATES = (
    Template(
        "line_window", "line_window", *_BLOCKS,
        (StreamOf("in_t", lambda c: lag(c) * word_lanes(c)), StreamOf("in_t", word_lanes)),
        (StreamOf("out_t", block_lanes),), windows.line_window,
        latency=clocks(4),
        rtl=RtlUnit("line_window", clocks(2), inputs=("head", "body")),
    ),
    Template(
        "look_ahead", "line_window", ("WORDS", "LANES", "AHEAD"), ("elem_t",),
        (stream("elem_t", "LANES"),),
        (StreamOf("elem_t", lambda c: c["AHEAD"] * c["LANES"]), stream("elem_t", "LANES")), windows.look_ahead,
        latency=clocks(3),
        rtl=RtlUnit("look_ahead", clocks(0), outputs=("head", "body")),
    ),
    Template(
        "max_pool", "max_pool", ("CHANNELS", "PE", "TAPS", "VECTORS"), ("elem_t",),
        (stream("elem_t", "PE"),), (StreamOf("elem_t", pixel),), s.per_channel,
        latency=lambda c: 3 + depth_of_tree(pixels(c)), cost=cost.compared("max_pool"),
        rtl=RtlUnit("max_pool", clocks(2)),
        make=max_pool,
    ),
    Template(
        "parallel_max_pool", "parallel_max_pool", (*BLOCK, "WORDS"), ("elem_t",),
        (StreamOf("elem_t", block_lanes),), (samples_of("elem_t", "CHANNELS"),), windows.per_block,
        latency=lambda c: 3 + depth_of_tree(c["KH"] * c["KW"]), cost=cost.compared("parallel_max_pool"),
        rtl=RtlUnit(
            "parallel_max_pool", lambda c: 1 + depth_of_tree(c["KH"] * c["KW"]), parts=("largest",)
        ),
        make=max_pool,
    ),
    Template(
        "parallel_window", "parallel_window", *_BLOCKS,
        (StreamOf("in_t", word_lanes),), (StreamOf("out_t", block_lanes),), windows.parallel_window,
        latency=clocks(4), cost=cost.parallel_window,
        rtl=RtlUnit("parallel_window", clocks(2)),
    ),
    Template(
        "sliding_window", "sliding_window", ("IMAGES", *IMAGE, "KH", "KW", "SH", "SW", "DH", "DW"), ("elem_t",),
        WORDS, WORDS, windows.sliding_window,
        latency=clocks(4), cost=cost.sliding_window,
        rtl=RtlUnit("sliding_window", clocks(2)),
    ),
)  # fmt: skip
