"""From one node to one template instance: its constants, types and parameter arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from isobit.emit.design import Array, IntType, Stream
from isobit.errors import IsobitError
from isobit.ir import Graph, Node, accumulator_interval
from isobit.ir.ops import Add, Const, Linear, Select, Step, Table
from isobit.ir.types import IntArray
from isobit.numerics import Curve, MultiplyShift, as_int_array
from isobit.plan import LayerPlan


@dataclass(frozen=True, eq=False)
class Kernel:
    """A template's parameters. ``frames`` is how many whole frames it holds back before it answers."""

    template: str
    constants: tuple[tuple[str, int | bool], ...]
    types: tuple[tuple[str, IntType], ...]
    arrays: tuple[Array, ...]
    out_type: IntType
    out_lanes: int
    frames: int = 0


def dense(graph: Graph, node: Linear, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::dense``: weights folded to rows of PE x SIMD, the accumulator wide enough for every partial sum."""
    weights = graph.by_name[node.inputs[1]]
    x = graph.types[node.inputs[0]]
    if not isinstance(weights, Const) or weights.value.ndim != 2 or len(x.shape) != 1:
        raise IsobitError("E504", "only dense layers on vectors with constant weights have a template", where=node.name)
    outputs, fan_in = weights.value.shape
    lo, hi = accumulator_interval(node, x, weights.value)
    acc = IntType.of(int(lo.min()), int(hi.max()))
    w_type = IntType.holding(weights.value)
    rows = fold(weights.value, layer.pe, layer.simd)
    constants = (("IN", fan_in), ("OUT", outputs), ("SIMD", layer.simd), ("PE", layer.pe))
    types = (("in_t", inputs[0].elem), ("weight_t", w_type), ("acc_t", acc))
    storage = "bram" if rows.shape[0] > 256 else "auto"
    return Kernel("dense", constants, types, (Array(node.name + "_weights", w_type, rows, storage),), acc, layer.pe, 1)


def fold(weights: IntArray, pe: int, simd: int) -> IntArray:
    """``(out, in)`` weights as ``(NF * SF, PE, SIMD)``: row ``nf * SF + sf`` serves outputs ``nf * PE ..``, inputs ``sf * SIMD ..``."""
    outputs, fan_in = weights.shape
    blocks = weights.reshape(outputs // pe, pe, fan_in // simd, simd).transpose(0, 2, 1, 3)
    return blocks.reshape(-1, pe, simd)


def step(graph: Graph, node: Step, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """The chosen body of a step."""
    return _BODIES[layer.implementation](graph, node, layer, inputs[0])


def _geometry(graph: Graph, node: Node, layer: LayerPlan, rows: int) -> tuple[tuple[str, int], ...]:
    return (("CHANNELS", rows), ("PE", layer.pe), ("FOLDS", graph.types[node.name].size // layer.pe))


def _multiply_shift(graph: Graph, node: Step, layer: LayerPlan, x: Stream) -> Kernel:
    curves = [c for c in node.curves if isinstance(c, MultiplyShift)]
    m, c = (as_int_array(np.array([getattr(f, a) for f in curves], dtype=object)) for a in ("m", "c"))
    spans = _spans(graph, node)
    products = [f.m * v for f, span in zip(curves, spans, strict=True) for v in span]
    sums = [p + f.c for p, f in zip(products, [f for f in curves for _ in (0, 1)], strict=True)]
    shift, (lo, hi) = curves[0].k, graph.types[node.name].bounds
    clamp = any(not lo <= s >> shift <= hi for s in sums)
    product, out = IntType.of(min(*products, 0), max(products)), IntType.of(lo, hi)
    total = IntType.of(min(*sums, *products), max(*sums, *products))
    # m * acc is signed as soon as acc is; a product of unsigned operands stays unsigned.
    types = (
        ("in_t", x.elem), ("multiplier_t", IntType.holding(m)), ("offset_t", IntType.holding(c)),
        ("product_t", product), ("sum_t", IntType(total.bits + (not total.signed), True)), ("out_t", out),
    )  # fmt: skip
    constants = (*_geometry(graph, node, layer, len(curves)), ("K", shift), ("LO", lo), ("HI", hi), ("CLAMP", clamp))
    arrays = (
        Array(node.name + "_multipliers", IntType.holding(m), m),
        Array(node.name + "_offsets", IntType.holding(c), c),
    )
    return Kernel("multiply_shift", constants, types, arrays, out, layer.pe)


def _thresholds(graph: Graph, node: Step, layer: LayerPlan, x: Stream) -> Kernel:
    spans = _spans(graph, node)
    reach = [curve.restrict(*span) for curve, span in zip(node.curves, spans, strict=True)]
    levels = max(max(c.levels for c in reach), 1)
    never = max(hi for _, hi in spans) + 1
    cuts = as_int_array(np.array([_padded(c, levels, never) for c in reach], dtype=object))
    start = np.array([c.start for c in reach], dtype=np.int64)
    out = IntType.of(*graph.types[node.name].bounds)
    types = (
        ("in_t", x.elem), ("threshold_t", IntType.holding(cuts)), ("start_t", IntType.holding(start)), ("out_t", out)
    )  # fmt: skip
    constants = (*_geometry(graph, node, layer, len(reach)), ("LEVELS", levels))
    arrays = (
        Array(node.name + "_start", IntType.holding(start), start),
        Array(node.name + "_cuts", IntType.holding(cuts), cuts),
    )
    return Kernel("thresholds", constants, types, arrays, out, layer.pe)


def _padded(curve: Curve, levels: int, never: int) -> list[int]:
    cuts = [int(v) for v in curve.cuts()]
    return cuts + [never] * (levels - len(cuts))


def _step_lookup(graph: Graph, node: Step, layer: LayerPlan, x: Stream) -> Kernel:
    lo, hi = graph.types[node.inputs[0]].bounds
    domain = np.arange(lo, hi + 1)
    return _lookup(graph, node, layer, x, lo, np.stack([curve(domain) for curve in node.curves]))


def table(graph: Graph, node: Table, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """A table node: the rows cut to the reachable interval."""
    lo, hi = graph.types[node.inputs[0]].bounds
    first = [int(v) for v in node.lo] * (len(node.values) if len(node.lo) == 1 else 1)
    rows = [row[lo - a : hi - a + 1] for row, a in zip(node.values, first, strict=True)]
    return _lookup(graph, node, layer, inputs[0], lo, np.stack(rows))


def _lookup(graph: Graph, node: Node, layer: LayerPlan, x: Stream, lo: int, rows: IntArray) -> Kernel:
    out = IntType.holding(rows)
    constants = (*_geometry(graph, node, layer, len(rows)), ("LO", lo), ("SIZE", rows.shape[1]))
    return Kernel(
        "lookup",
        constants,
        (("in_t", x.elem), ("out_t", out)),
        (Array(node.name + "_table", out, rows),),
        out,
        layer.pe,
    )


def add(graph: Graph, node: Add, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::add``: two streams with integer coefficients."""
    if len(inputs) != 2:
        raise IsobitError("E504", f"the add template takes 2 operands, not {len(inputs)}", where=node.name)
    if len({graph.types[i].shape for i in node.inputs}) != 1:
        raise IsobitError("E504", "the add template does not broadcast", where=node.name)
    rows = max(len(c) for c in node.coefficients)
    first, second = (np.array(np.broadcast_to(c, (rows,))) for c in node.coefficients)
    out = IntType.of(*graph.types[node.name].bounds)
    types = (
        ("a_t", inputs[0].elem), ("b_t", inputs[1].elem), ("ka_t", IntType.holding(first)), ("kb_t", IntType.holding(second)),
        ("out_t", out),
    )  # fmt: skip
    arrays = tuple(Array(f"{node.name}_{k}", IntType.holding(v), v) for k, v in (("ka", first), ("kb", second)))
    return Kernel("add", _geometry(graph, node, layer, rows), types, arrays, out, layer.pe)


def select(graph: Graph, node: Select, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::argmax`` or ``isobit::top_k`` over one vector."""
    x = graph.types[node.inputs[0]]
    if len(x.shape) != 1:
        raise IsobitError("E504", "selection has a template on vectors only", where=node.name)
    index = IntType.of(0, x.channels - 1)
    constants: list[tuple[str, int | bool]] = [("FRAME", x.channels), ("LANES", layer.simd)]
    template = "argmax" if node.k == 1 else "top_k"
    if node.k > 1:
        constants.append(("K", node.k))
    return Kernel(template, tuple(constants), (("in_t", inputs[0].elem), ("index_t", index)), (), index, node.k, 1)


def _spans(graph: Graph, node: Step) -> list[tuple[int, int]]:
    """The reachable input interval of each curve."""
    x = graph.types[node.inputs[0]]
    if len(node.curves) == 1:
        return [x.bounds]
    return [(int(lo), int(hi)) for lo, hi in zip(x.lo, x.hi, strict=True)]


_BODIES: dict[str, Callable[[Graph, Step, LayerPlan, Stream], Kernel]] = {
    "multiply_shift": _multiply_shift,
    "thresholds": _thresholds,
    "lookup": _step_lookup,
}
KERNELS: dict[type[Node], Callable[[Graph, Any, LayerPlan, list[Stream]], Kernel]] = {
    Add: add,
    Linear: dense,
    Select: select,
    Step: step,
    Table: table,
}
