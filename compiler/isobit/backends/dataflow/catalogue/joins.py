"""What takes two values, or all channels of one: sums, products, concatenations, selections."""

from __future__ import annotations

import math

import numpy as np

from isobit.backends.dataflow import schedules as s
from isobit.backends.dataflow.catalogue import cost, scaling
from isobit.backends.dataflow.catalogue.kernel import Kernel, in_rows, per_element, words_out
from isobit.backends.dataflow.catalogue.template import (
    ELEMENTWISE,
    TWO_INPUTS,
    RtlUnit,
    StreamOf,
    Template,
    clocks,
    pixel,
    rows,
    samples_of,
    stream,
)  # fmt: skip
from isobit.backends.dataflow.design import Array, Stream
from isobit.backends.dataflow.latencies import depth_of_tree
from isobit.backends.dataflow.layer import LayerPlan
from isobit.backends.dataflow.rows import words_of
from isobit.backends.dataflow.schedule import Constants
from isobit.backends.ports import IntType
from isobit.errors import IsobitError
from isobit.hardware import Prices
from isobit.ir import Graph
from isobit.ir.ops import Add, Concat, Product, Select


def add(graph: Graph, node: Add, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::add``: two streams with integer coefficients; one stream and constants are an affine map."""
    if len(inputs) == 1:
        return scaling.affine(graph, node, layer, inputs[0])
    if len(inputs) != 2:
        raise IsobitError("E504", f"the add template takes 2 operands, not {len(inputs)}", where=node.name)
    if len({graph.types[i].shape for i in node.inputs}) != 1:
        raise IsobitError("E504", "the add template does not broadcast", where=node.name)
    rows = max(len(c) for c in node.coefficients)
    first, second = (np.array(np.broadcast_to(c, (rows,))) for c in node.coefficients)
    out = IntType.of(*graph.types[node.name].bounds)
    types = (
        ("a_t", inputs[0].elem), ("b_t", inputs[1].elem),
        ("ka_t", IntType.holding(first)), ("kb_t", IntType.holding(second)), ("out_t", out),
    )  # fmt: skip
    arrays = tuple(
        Array(f"{node.name}_{k}", IntType.holding(v), in_rows(v, layer.lanes[1]))
        for k, v in (("ka", first), ("kb", second))
    )
    return Kernel("add", per_element(graph, node, layer, rows), types, arrays, out, layer.lanes[1])


def product(graph: Graph, node: Product, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::product`` of two streams, or ``isobit::channel_product`` of a map and a factor per channel."""
    kind, lanes = graph.types[node.name], layer.lanes[1]
    out = IntType.of(*kind.bounds)
    types = (("a_t", inputs[0].elem), ("b_t", inputs[1].elem), ("out_t", out))
    constants: tuple[tuple[str, int], ...] = (("PE", lanes), ("FOLDS", words_out(graph, node, layer)))
    if layer.implementation == "channel_product":
        constants = (("CHANNELS", kind.channels), *constants)
    return Kernel(layer.implementation, constants, types, (), out, lanes)


def select(graph: Graph, node: Select, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::argmax`` or ``isobit::top_k`` over the channels of every position."""
    x = graph.types[node.inputs[0]]
    index = IntType.of(0, x.channels - 1)
    constants: list[tuple[str, int | bool]] = [("FRAME", x.channels), ("LANES", layer.lanes[0])]
    constants.append(("VECTORS", words_of(x, layer.samples) * layer.samples))
    template = "argmax" if node.k == 1 else "top_k"
    if node.k > 1:
        constants.append(("K", node.k))
    types = (("in_t", inputs[0].elem), ("index_t", index))
    return Kernel(template, tuple(constants), types, (), index, layer.lanes[1])


def concat(graph: Graph, node: Concat, layer: LayerPlan, inputs: list[Stream], number: int) -> Kernel:
    """``isobit::concat`` of what was joined so far and value ``number``, along any axis."""
    kinds = [graph.types[i] for i in node.inputs[: number + 1]]
    out = IntType.of(min(k.bounds[0] for k in kinds), max(k.bounds[1] for k in kinds))
    types = (("a_t", inputs[0].elem), ("b_t", inputs[1].elem), ("out_t", out))
    sizes = sum(k.size for k in kinds[:-1]), kinds[-1].size
    lanes, along_channels = layer.lanes[1], node.axis == len(kinds[0].shape) - 1
    if layer.samples > 1 and along_channels:
        channels = sum(k.channels for k in kinds[:-1]), kinds[-1].channels
        words = words_of(kinds[0], layer.samples)
        constants = (("WORDS", words), ("SAMPLES", layer.samples), ("A", channels[0]), ("B", channels[1]))
        return Kernel("parallel_concat", constants, types, (), out, layer.samples * sum(channels))
    # What follows the axis lies together: a position is all of it.
    positions = math.prod(kinds[0].shape[: node.axis])
    a_words, b_words = (size // positions // lanes for size in sizes)
    constants = (("POSITIONS", positions), ("A_WORDS", a_words), ("B_WORDS", b_words), ("LANES", lanes))
    return Kernel("concat", constants, types, (), out, lanes)


def _selections(c: Constants) -> int:
    """Positions in a word of a selection."""
    return max(c["LANES"] // c["FRAME"], 1)


_FACTORS = ("a_t", "b_t", "out_t")
_TWO_VALUES = RtlUnit("product", clocks(2), TWO_INPUTS)
_CONCAT = RtlUnit("concat", clocks(1), TWO_INPUTS)


TEMPLATES = (
    Template(
        "add", "add", ELEMENTWISE, ("a_t", "b_t", "ka_t", "kb_t", "out_t"),
        (stream("a_t", "PE"), stream("b_t", "PE")), (stream("out_t", "PE"),), s.add, (rows("ka_t"), rows("kb_t")),
        latency=clocks(6), cost=Prices.joined,
        rtl=RtlUnit("add", clocks(3), TWO_INPUTS, arrays=("KA", "KB"), parts=("rom",)),
        make=add,
    ),
    Template(
        "argmax", "argmax", ("FRAME", "LANES", "VECTORS"), ("in_t", "index_t"),
        (stream("in_t", "LANES"),), (StreamOf("index_t", _selections),), s.argmax,
        latency=lambda c: 3 + depth_of_tree(min(c["LANES"], c["FRAME"])), cost=cost.word_by_word("argmax"),
        rtl=RtlUnit(
            "argmax", lambda c: 2 + depth_of_tree(min(c["LANES"], c["FRAME"])), parts=("largest",)
        ),
        make=select,
        also=("select",),
    ),
    Template(
        "channel_product", "product", ELEMENTWISE, _FACTORS,
        (stream("a_t", "PE"), StreamOf("b_t", pixel)), (stream("out_t", "PE"),), s.channel_product,
        latency=clocks(7), cost=cost.multiplied_by_channel,
        rtl=_TWO_VALUES,
        make=product,
    ),
    Template(
        "concat", "concat", ("POSITIONS", "A_WORDS", "B_WORDS", "LANES"), ("a_t", "b_t", "out_t"),
        (stream("a_t", "LANES"), stream("b_t", "LANES")), (stream("out_t", "LANES"),), s.concat,
        latency=clocks(3), cost=cost.word_by_word("concat"),
        rtl=_CONCAT,
    ),
    Template(
        "parallel_concat", "concat", ("WORDS", "SAMPLES", "A", "B"), ("a_t", "b_t", "out_t"),
        (samples_of("a_t", "A"), samples_of("b_t", "B")),
        (StreamOf("out_t", lambda c: c["SAMPLES"] * (c["A"] + c["B"])),), s.parallel_concat,
        latency=clocks(3), cost=cost.word_by_word("parallel_concat"),
        rtl=_CONCAT,
    ),
    Template(
        "product", "product", ("PE", "FOLDS"), _FACTORS,
        (stream("a_t", "PE"), stream("b_t", "PE")), (stream("out_t", "PE"),), s.add,
        latency=clocks(7), cost=cost.multiplied,
        rtl=_TWO_VALUES,
        make=product,
    ),
    Template(
        "top_k", "argmax", ("FRAME", "LANES", "VECTORS", "K"), ("in_t", "index_t"),
        (stream("in_t", "LANES"),), (StreamOf("index_t", lambda c: c["K"] * _selections(c)),), s.top_k,
        latency=clocks(4), cost=cost.word_by_word("top_k"),
        rtl=RtlUnit("argmax", clocks(2)),
        make=select,
    ),
)  # fmt: skip
