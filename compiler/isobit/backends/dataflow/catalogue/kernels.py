"""From one node to one template instance: its constants, types and parameter arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from isobit.backends.dataflow.catalogue import lines, parallel
from isobit.backends.dataflow.catalogue.kernel import Kernel, in_rows
from isobit.backends.dataflow.design import Array, Stream
from isobit.backends.dataflow.planner import LayerPlan
from isobit.backends.dataflow.planner.geometry import Box, border, box, geometry, upsampling
from isobit.backends.dataflow.planner.layers import CHANNEL_PRODUCT
from isobit.backends.dataflow.planner.weights import encoded
from isobit.backends.ports import IntType
from isobit.errors import IsobitError
from isobit.hardware import rom_memory
from isobit.ir import Graph, Node, accumulator_interval, channels
from isobit.ir.ops import Add, Concat, Const, Linear, MaxPool, Pad, Product, Reindex, Select, Step, Table
from isobit.ir.types import IntArray
from isobit.numerics import Curve, as_int_array


def linear(graph: Graph, node: Linear, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::dense`` or ``isobit::depthwise`` on the windows of the input; accumulators hold every partial sum."""
    weights = graph.by_name[node.inputs[1]]
    if not isinstance(weights, Const):
        raise IsobitError("E504", "run-time weights have no template yet", where=node.name)
    g = geometry(graph, node)
    lo, hi = accumulator_interval(node, graph.types[node.inputs[0]], weights.value)
    acc, w_type = IntType.of(int(lo.min()), int(hi.max())), IntType.holding(weights.value)
    types: tuple[tuple[str, IntType], ...] = (("in_t", inputs[0].elem), ("weight_t", w_type), ("acc_t", acc))
    folding: tuple[tuple[str, int], ...] = (("OUT", g.outputs), ("SIMD", layer.simd), ("PE", layer.pe))
    if g.depthwise:
        rows = weights.value.reshape(g.channels, g.taps).T.reshape(-1, g.channels if layer.parallel else layer.simd)
        constants: tuple[tuple[str, int], ...] = (
            ("CHANNELS", g.channels), ("PE", layer.simd), ("TAPS", g.taps), ("VECTORS", g.positions)
        )  # fmt: skip
        template, folding = "depthwise", ()
    else:
        rows = fold(full_matrix(weights.value, node.groups), layer.pe, layer.simd)
        constants, template = (("IN", g.fan_in), *folding, ("VECTORS", g.positions)), "dense"
    if layer.parallel:
        constants, template = (*parallel.unit_constants(g, layer.samples), *folding), "parallel_" + template
    if layer.code:
        constants, types = (*constants, ("RUN", layer.code.run)), (*types, ("code_t", IntType(layer.code.bits, True)))
        rows, w_type = encoded(layer.code, rows), IntType(layer.code.bits, True)
    array = Array(node.name + "_weights", w_type, rows, layer.memory or "auto")
    return Kernel(template, constants, types, (array,), acc, g.outputs * layer.samples if layer.parallel else layer.pe)


def full_matrix(weights: IntArray, groups: int) -> IntArray:
    """Weights ``(out, *kernel, in / groups)`` as a matrix ``(out, taps * in)``; other groups' inputs get zeros."""
    outputs, per_group = len(weights), weights.shape[-1]
    taps = weights.reshape(outputs, -1, per_group)
    if groups == 1:
        return taps.reshape(outputs, -1)
    full = np.zeros((outputs, taps.shape[1], per_group * groups), dtype=taps.dtype)
    for group in range(groups):
        rows = slice(group * outputs // groups, (group + 1) * outputs // groups)
        full[rows, :, group * per_group : (group + 1) * per_group] = taps[rows]
    return full.reshape(outputs, -1)


def fold(weights: IntArray, pe: int, simd: int) -> IntArray:
    """``(out, in)`` weights as ``(NF * SF, PE, SIMD)``.

    Row ``nf * SF + sf`` serves the PE outputs from ``nf * PE`` on and the SIMD inputs from ``sf * SIMD`` on.
    """
    outputs, fan_in = weights.shape
    blocks = weights.reshape(outputs // pe, pe, fan_in // simd, simd).transpose(0, 2, 1, 3)
    return blocks.reshape(-1, pe, simd)


def step(graph: Graph, node: Step, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """The chosen body of a step."""
    return _BODIES[layer.implementation](graph, node, layer, inputs[0])


def _geometry(graph: Graph, node: Node, layer: LayerPlan, rows: int) -> tuple[tuple[str, int], ...]:
    lanes = layer.lanes[1]
    return (("CHANNELS", rows), ("PE", lanes), ("FOLDS", graph.types[node.name].size // lanes))


def _thresholds(graph: Graph, node: Step, layer: LayerPlan, x: Stream) -> Kernel:
    reach = node.curves.narrowed(graph.types[node.inputs[0]])
    levels = max(1, *(c.levels for c in reach))
    never = graph.types[node.inputs[0]].bounds[1] + 1
    cuts = as_int_array(np.array([_padded(c, levels, never) for c in reach], dtype=object))
    start = np.array([c.start for c in reach], dtype=np.int64)
    out = IntType.of(*graph.types[node.name].bounds)
    types = (
        ("in_t", x.elem), ("threshold_t", IntType.holding(cuts)), ("start_t", IntType.holding(start)), ("out_t", out)
    )  # fmt: skip
    constants = (*_geometry(graph, node, layer, len(reach)), ("LEVELS", levels))
    arrays = (
        Array(node.name + "_start", IntType.holding(start), in_rows(start, layer.lanes[1])),
        Array(node.name + "_cuts", IntType.holding(cuts), in_rows(cuts, layer.lanes[1])),
    )
    return Kernel("thresholds", constants, types, arrays, out, layer.lanes[1])


def _padded(curve: Curve, levels: int, never: int) -> list[int]:
    cuts = [int(v) for v in curve.cuts()]
    return cuts + [never] * (levels - len(cuts))


def _step_lookup(graph: Graph, node: Step, layer: LayerPlan, x: Stream) -> Kernel:
    lo, hi = graph.types[node.inputs[0]].bounds
    domain = np.arange(lo, hi + 1)
    return _lookup(graph, node, layer, x, lo, np.stack([curve(domain) for curve in node.curves]))


def table(graph: Graph, node: Table, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """A table node: the rows over the reachable interval of all channels.

    Where that goes beyond a row's own, nothing of that channel arrives: its first or last entry stands there.
    """
    (lo, hi), last = graph.types[node.inputs[0]].bounds, node.values.shape[1] - 1
    domain, count = as_int_array(np.array(range(lo, hi + 1), dtype=object)), channels.rows(node.lo, node.values)
    entries = [
        channels.of_channel(node.values, c)[np.clip(domain - int(channels.of_channel(node.lo, c)), 0, last)]
        for c in range(count)
    ]
    return _lookup(graph, node, layer, inputs[0], lo, np.stack(entries))


def _lookup(graph: Graph, node: Node, layer: LayerPlan, x: Stream, lo: int, rows: IntArray) -> Kernel:
    out = IntType.holding(rows)
    constants = (*_geometry(graph, node, layer, len(rows)), ("LO", lo), ("SIZE", rows.shape[1]))
    return Kernel(
        "lookup",
        constants,
        (("in_t", x.elem), ("out_t", out)),
        (Array(node.name + "_table", out, in_rows(rows, layer.lanes[1])),),
        out,
        layer.lanes[1],
    )


def add(graph: Graph, node: Add, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::add``: two streams with integer coefficients; one stream and constants are an affine map."""
    if len(inputs) == 1:
        return lines.affine(graph, node, layer, inputs[0])
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
    return Kernel("add", _geometry(graph, node, layer, rows), types, arrays, out, layer.lanes[1])


def product(graph: Graph, node: Product, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::product`` of two streams, or ``isobit::channel_product`` of a map and a factor per channel."""
    kind, lanes = graph.types[node.name], layer.lanes[1]
    out = IntType.of(*kind.bounds)
    types = (("a_t", inputs[0].elem), ("b_t", inputs[1].elem), ("out_t", out))
    constants: tuple[tuple[str, int], ...] = (("PE", lanes), ("FOLDS", kind.size // lanes))
    if layer.implementation == CHANNEL_PRODUCT:
        constants = (("CHANNELS", kind.channels), *constants)
    return Kernel(layer.implementation, constants, types, (), out, lanes)


def select(graph: Graph, node: Select, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::argmax`` or ``isobit::top_k`` over the channels of every position."""
    x = graph.types[node.inputs[0]]
    index = IntType.of(0, x.channels - 1)
    constants: list[tuple[str, int | bool]] = [("FRAME", x.channels), ("LANES", layer.lanes[0])]
    constants.append(("VECTORS", x.size // x.channels))
    template = "argmax" if node.k == 1 else "top_k"
    if node.k > 1:
        constants.append(("K", node.k))
    types = (("in_t", inputs[0].elem), ("index_t", index))
    return Kernel(template, tuple(constants), types, (), index, layer.lanes[1])


def max_pool(graph: Graph, node: MaxPool, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::max_pool`` on the windows of the input."""
    if layer.parallel:
        return parallel.max_pool(graph, node, layer, inputs[0])
    g, elem = geometry(graph, node), inputs[0].elem
    constants = (("CHANNELS", g.channels), ("PE", layer.simd), ("TAPS", g.taps), ("VECTORS", g.positions))
    return Kernel("max_pool", constants, (("elem_t", elem),), (), elem, layer.pe)


def pad(graph: Graph, node: Pad, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::pad``."""
    b, channels = border(graph, node), graph.types[node.name].channels
    constants = (
        ("H", b.height), ("W", b.width), ("CHANNELS", channels), ("LANES", layer.lanes[1]), ("TOP", b.top),
        ("BOTTOM", b.bottom), ("LEFT", b.left), ("RIGHT", b.right), ("VALUE", node.value),
    )  # fmt: skip
    out = IntType.of(*graph.types[node.name].bounds)
    return Kernel("pad", constants, (("in_t", inputs[0].elem), ("out_t", out)), (), out, layer.lanes[1])


def concat(graph: Graph, node: Concat, layer: LayerPlan, inputs: list[Stream], number: int) -> Kernel:
    """``isobit::concat`` of what was joined so far and value ``number``, along any axis."""
    kinds = [graph.types[i] for i in node.inputs[: number + 1]]
    out = IntType.of(min(k.bounds[0] for k in kinds), max(k.bounds[1] for k in kinds))
    types = (("a_t", inputs[0].elem), ("b_t", inputs[1].elem), ("out_t", out))
    sizes = sum(k.size for k in kinds[:-1]), kinds[-1].size
    lanes, along_channels = layer.lanes[1], node.axis == len(kinds[0].shape) - 1
    if layer.samples > 1 and along_channels:
        channels = sum(k.channels for k in kinds[:-1]), kinds[-1].channels
        return parallel.concat(sizes[1] // channels[1] // layer.samples, layer.samples, channels, types)
    # What follows the axis lies together: a position is all of it.
    positions = math.prod(kinds[0].shape[: node.axis])
    words = [size // positions // lanes for size in sizes]
    constants = (("POSITIONS", positions), ("A_WORDS", words[0]), ("B_WORDS", words[1]), ("LANES", lanes))
    return Kernel("concat", constants, types, (), out, lanes)


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


_BODIES: dict[str, Callable[[Graph, Step, LayerPlan, Stream], Kernel]] = {
    "multiply_shift": lines.multiply_shift,
    "round_shift": lines.round_shift,
    "thresholds": _thresholds,
    "lookup": _step_lookup,
}
KERNELS: dict[type[Node], Callable[[Graph, Any, LayerPlan, list[Stream]], Kernel]] = {
    Add: add,
    Linear: linear,
    MaxPool: max_pool,
    Pad: pad,
    Product: product,
    Reindex: reindex,
    Select: select,
    Step: step,
    Table: table,
}
