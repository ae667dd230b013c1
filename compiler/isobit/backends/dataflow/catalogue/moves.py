"""What only moves words: borders, parts, orders, upsampling."""

from __future__ import annotations

from isobit.backends.dataflow import schedules as s
from isobit.backends.dataflow.catalogue import cost
from isobit.backends.dataflow.catalogue.kernel import Kernel
from isobit.backends.dataflow.catalogue.template import (
    BORDER,
    IMAGE,
    WORDS,
    ArrayOf,
    RtlUnit,
    Template,
    clocks,
    stream,
)  # fmt: skip
from isobit.backends.dataflow.design import Array, Stream
from isobit.backends.dataflow.geometry import Box, border, box, upsampling
from isobit.backends.dataflow.layer import LayerPlan
from isobit.backends.ports import IntType
from isobit.hardware import rom_memory
from isobit.ir import Graph
from isobit.ir.ops import Pad, Reindex


def pad(graph: Graph, node: Pad, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::pad``."""
    b, channels = border(graph, node), graph.types[node.name].channels
    constants = (
        ("H", b.height), ("W", b.width), ("CHANNELS", channels), ("LANES", layer.lanes[1]), ("TOP", b.top),
        ("BOTTOM", b.bottom), ("LEFT", b.left), ("RIGHT", b.right), ("VALUE", node.value),
    )  # fmt: skip
    out = IntType.of(*graph.types[node.name].bounds)
    return Kernel("pad", constants, (("in_t", inputs[0].elem), ("out_t", out)), (), out, layer.lanes[1])


def reindex(graph: Graph, node: Reindex, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::upsample`` for a nearest upsampling, ``isobit::slice`` for a part, ``isobit::reorder`` for the rest."""
    x, elem = graph.types[node.inputs[0]], inputs[0].elem
    factors = upsampling(graph, node)
    if factors:
        height, width, channels = (1, *x.shape)[-3:]
        constants: tuple[tuple[str, int], ...] = (
            ("H", height), ("W", width), ("CHANNELS", channels), ("LANES", layer.lanes[1]),
            ("FACTOR_H", factors[0]), ("FACTOR_W", factors[1]),
        )  # fmt: skip
        return Kernel("upsample", constants, (("elem_t", elem),), (), elem, layer.lanes[1])
    cut = box(graph, node)
    if cut:
        return Kernel("slice", _cut(cut, x.channels, layer), (("elem_t", elem),), (), elem, layer.lanes[1])
    index = node.index.reshape(-1, layer.pe)[:, 0] // layer.pe
    constants = (("IN_WORDS", x.size // layer.pe), ("OUT_WORDS", len(index)), ("LANES", layer.pe))
    index_type = IntType.of(0, x.size // layer.pe - 1)
    array = Array(node.name + "_index", index_type, index, rom_memory(len(index), index_type.bits))
    return Kernel("reorder", constants, (("elem_t", elem), ("index_t", index_type)), (array,), elem, layer.pe)


def _cut(cut: Box, channels: int, layer: LayerPlan) -> tuple[tuple[str, int], ...]:
    """A part in words: shares of a pixel, or several pixels of a row."""
    (top, left, first), (rows, columns, taken) = cut.first, cut.size
    return (
        ("H", cut.height), ("W", cut.width // layer.samples), ("IN_WORDS", channels // layer.pe),
        ("LANES", layer.lanes[1]), ("TOP", top), ("LEFT", left // layer.samples), ("FIRST", first // layer.pe),
        ("OUT_H", rows), ("OUT_W", columns // layer.samples), ("OUT_WORDS", taken // layer.pe),
    )  # fmt: skip


TEMPLATES = (
    Template("pad", "pad", (*IMAGE, *BORDER), ("in_t", "out_t"),
             (stream("in_t", "LANES"),), (stream("out_t", "LANES"),), s.pad,
             latency=clocks(3), cost=cost.word_by_word("pad"),
        rtl=RtlUnit("pad", clocks(1)),
        make=pad,
    ),
    Template(
        "reorder", "reorder", ("IN_WORDS", "OUT_WORDS", "LANES"), ("elem_t", "index_t"), WORDS, WORDS,
        s.reorder, (ArrayOf("index_t", lambda c: (c["OUT_WORDS"],)),),
        latency=clocks(5), cost=cost.reordered,
        rtl=RtlUnit("reorder", clocks(2), arrays=("INDEX",), in_files=frozenset({"INDEX"}), parts=("rom",)),
        make=reindex,
    ),
    Template(
        "slice", "slice",
        ("H", "W", "IN_WORDS", "LANES", "TOP", "LEFT", "FIRST", "OUT_H", "OUT_W", "OUT_WORDS"), ("elem_t",),
        WORDS, WORDS,
        s.cut_out,
        latency=clocks(3), cost=cost.word_by_word("slice"),
        rtl=RtlUnit("slice", clocks(1)),
        make=reindex,
    ),
    Template("upsample", "upsample", (*IMAGE, "FACTOR_H", "FACTOR_W"), ("elem_t",), WORDS, WORDS, s.upsample,
             latency=clocks(3), cost=cost.stored("upsample"),
        rtl=RtlUnit("upsample", clocks(2)),
        make=reindex,
    ),
)  # fmt: skip
