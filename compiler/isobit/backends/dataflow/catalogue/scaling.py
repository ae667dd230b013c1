"""One multiplication and one addition per element: affine maps, shifts that floor, shifts that round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from isobit.backends.dataflow import schedules as s
from isobit.backends.dataflow.catalogue.kernel import Kernel, in_rows, per_element
from isobit.backends.dataflow.catalogue.template import ELEMENTWISE, RtlUnit, Template, clocks, rows, stream
from isobit.backends.dataflow.design import Array, Stream
from isobit.backends.dataflow.layer import Candidate, LayerPlan
from isobit.backends.ports import IntType
from isobit.errors import IsobitError
from isobit.hardware import Cost, Prices
from isobit.ir import Graph, Node
from isobit.ir.memo import per_graph
from isobit.ir.ops import Add, Const, Step
from isobit.numerics import (
    HalfEven,
    MultiplyShift,
    RoundShift,
    as_int_array,
    bit_width,
    shared_half_even,
    shared_round_shift,
)
from isobit.passes.bodies import half_even_cost, looks_below
from isobit.passes.shrink import no_product

MOST_BITS = 63
"""Of a clamped result: its ends are numbers of C++ and SystemVerilog, of 64 bits at most."""


def multiply_shift_candidate(graph: Graph, node: Node, pe: int, prices: Prices) -> Candidate | None:
    """For steps whose curves all are products and shifts."""
    if not isinstance(node, Step):
        return None
    curves = [c for c in node.curves if isinstance(c, MultiplyShift)]
    if len(curves) != len(node.curves):
        why = no_product(node)
        said = f"no multiply-shift: {why}" if why else "the step is kept as cut points"
        return Candidate("multiply_shift", Cost(), False, said)
    if multiply_shifts_of(graph, node) is None:
        return Candidate("multiply_shift", Cost(), False, "its channels are clamped at different levels")
    if graph.types[node.name].bits > MOST_BITS:
        return Candidate("multiply_shift", Cost(), False, f"its result has more than {MOST_BITS} bits")
    x = graph.types[node.inputs[0]]
    m_bits = max(c.m for c in curves).bit_length()
    c_bits = bit_width(min(c.c for c in curves), max(c.c for c in curves))
    shifts = sorted({c.k for c in curves})
    total = prices.multiply_shift(
        pe, len(curves), x.bits, m_bits, c_bits, shifts, clamp=graph.types[node.name].bounds,
        multiplicands=[c.m for c in curves],
    )  # fmt: skip
    if len(shifts) == 1:
        return Candidate("multiply_shift", total, True, f"{m_bits}-bit multiplicands, shift {shifts[0]}")
    return Candidate(
        "multiply_shift", total, True,
        f"{m_bits}-bit multiplicands, {len(shifts)} shifts from {shifts[0]} to {shifts[-1]}",
    )  # fmt: skip


@per_graph
def multiply_shifts_of(graph: Graph, node: Step) -> tuple[MultiplyShift, ...] | None:
    """The curves of a step where all are products and shifts that the clamp of the whole tensor serves; else None."""
    curves = tuple(c for c in node.curves if isinstance(c, MultiplyShift))
    if len(curves) != len(node.curves):
        return None
    lo, hi = graph.types[node.name].bounds
    for f, (first, last) in zip(curves, node.curves.spans(graph.types[node.inputs[0]]), strict=True):
        least, most = (f.m * v + f.c >> f.k for v in (first, last))
        if max(least, f.lo) != max(least, lo) or min(most, f.hi) != min(most, hi):
            return None
    return curves


def round_shift_candidate(graph: Graph, node: Node, pe: int, prices: Prices) -> Candidate | None:
    """For steps whose multipliers and offsets are multiples of a power of two and that round in one mode."""
    if not isinstance(node, Step):
        return None
    x, kind, found = graph.types[node.inputs[0]], graph.types[node.name], round_shift_of(graph, node)
    if found is None:
        return Candidate("round_shift", Cost(), False, "scales are no powers of two")
    if kind.bits > MOST_BITS:
        return Candidate("round_shift", Cost(), False, f"its result has more than {MOST_BITS} bits")
    m_bits, c_bits = max(found.m).bit_length(), bit_width(min(found.c), max(found.c))
    total = prices.round_shift(pe, len(found.m), x.bits, m_bits, c_bits, kind.bounds, looks_below(found), found.m)
    return Candidate("round_shift", total, True, f"{found.rounding.name} of {m_bits}-bit multiples, shift {found.k}")


def half_even_candidate(graph: Graph, node: Node, pe: int, prices: Prices) -> Candidate | None:
    """For steps that round ties to even and that neither a product and a shift nor a rounding shift builds."""
    if not isinstance(node, Step):
        return None
    if multiply_shifts_of(graph, node) is not None or round_shift_of(graph, node) is not None:
        return Candidate("half_even", Cost(), False, "a simpler body builds it")
    found = half_even_of(graph, node)
    if found is None:
        return Candidate("half_even", Cost(), False, "the levels are not those of ties to even on a line")
    if graph.types[node.name].bits > MOST_BITS:
        return Candidate("half_even", Cost(), False, f"its result has more than {MOST_BITS} bits")
    said = f"{max(found.m).bit_length()}-bit multiplicands, two offsets, shift {found.k}"
    return Candidate("half_even", half_even_cost(found, pe, graph.types[node.inputs[0]].bits, prices), True, said)


@per_graph
def half_even_of(graph: Graph, node: Step) -> HalfEven | None:
    """The product with two offsets that a step is; None where it is none."""
    return shared_half_even(node.curves, *node.curves.reach(graph.types[node.inputs[0]]), graph.types[node.name].bounds)


@per_graph
def round_shift_of(graph: Graph, node: Step) -> RoundShift | None:
    """The rounding shift that a step is; None where it is none."""
    los, his = node.curves.reach(graph.types[node.inputs[0]])
    return shared_round_shift(node.curves, los, his, graph.types[node.name].bounds)


def multiply_shift(graph: Graph, node: Step, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::multiply_shift`` for a step whose curves share a clamp; one shift for all, or one per channel."""
    curves, bounds = multiply_shifts_of(graph, node), graph.types[node.name].bounds
    if curves is None:
        raise IsobitError("E503", "the step cannot be built as multiply_shift", where=node.name)
    reach = node.curves.spans(graph.types[node.inputs[0]])
    ends = [f.m * v + f.c >> f.k for f, span in zip(curves, reach, strict=True) for v in span]
    clamp = not all(bounds[0] <= y <= bounds[1] for y in ends)
    constants = (("LO", bounds[0]), ("HI", bounds[1]), ("CLAMP", clamp))
    m, c, shifts = ([getattr(f, a) for f in curves] for a in ("m", "c", "k"))
    if len(set(shifts)) == 1:
        return _line("multiply_shift", graph, node, layer, inputs[0], m, c, reach, (("K", shifts[0]), *constants))
    return _with_shifts(_line("multiply_shift", graph, node, layer, inputs[0], m, c, reach, constants), node, shifts)


def _with_shifts(kernel: Kernel, node: Node, shifts: Sequence[int]) -> Kernel:
    """``kernel`` with a shift for each channel as its last parameter."""
    values = as_int_array(np.array(shifts))
    array = Array(node.name + "_shifts", IntType.holding(values), in_rows(values, kernel.out_lanes))
    return replace(
        kernel, types=(*kernel.types, ("shift_t", IntType.holding(values))), arrays=(*kernel.arrays, array)
    )  # fmt: skip


def round_shift(graph: Graph, node: Step, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::round_shift`` for a step whose scales are powers of two."""
    reach, bounds = node.curves.spans(graph.types[node.inputs[0]]), graph.types[node.name].bounds
    los, his = zip(*reach, strict=True)
    found = shared_round_shift(node.curves, los, his, bounds)
    if found is None:
        raise IsobitError("E503", "the step cannot be built as round_shift", where=node.name)
    constants = (
        ("K", found.k), ("ROUNDING", f"isobit::{_NAMES.get(found.rounding.name, found.rounding.name)}"),
        ("LO", bounds[0]), ("HI", bounds[1]), ("CLAMP", True),
    )  # fmt: skip
    return _line("round_shift", graph, node, layer, inputs[0], found.m, found.c, reach, constants, found.k + 2)


def half_even(graph: Graph, node: Step, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::half_even`` for a step whose ties go to the even level."""
    found, bounds = half_even_of(graph, node), graph.types[node.name].bounds
    if found is None:
        raise IsobitError("E503", "the step cannot be built as half_even", where=node.name)
    reach = node.curves.spans(graph.types[node.inputs[0]])
    constants = (("K", found.k), ("LO", bounds[0]), ("HI", bounds[1]), ("CLAMP", True))
    # the sum is as wide as the greater one, with the gap
    sums = [m * v + up for m, up, span in zip(found.m, found.up, reach, strict=True) for v in span]
    least = max(IntType.of(min(*sums, -1), max(sums)).bits, found.k + 2)
    line = _line("half_even", graph, node, layer, inputs[0], found.m, found.down, reach, constants, least)
    gaps = as_int_array(np.array(found.gaps, dtype=object))
    array = Array(node.name + "_gaps", IntType.holding(gaps), in_rows(gaps, layer.lanes[1]))
    return replace(line, types=(*line.types, ("gap_t", IntType.holding(gaps))), arrays=(*line.arrays, array))


def affine(graph: Graph, node: Add, layer: LayerPlan, x: Stream) -> Kernel:
    """``k * x + b`` with constants per channel: a multiply-shift without a shift or a clamp."""
    (value,) = (i for i, name in enumerate(node.inputs) if not isinstance(graph.by_name[name], Const))
    channels = graph.types[node.name].channels
    offset = np.zeros(channels, dtype=object)
    for coefficients, name in zip(node.coefficients, node.inputs, strict=True):
        constant = graph.by_name[name]
        if isinstance(constant, Const):
            if constant.value.size not in (1, channels):
                raise IsobitError("E504", "no template adds a constant that varies by position", where=node.name)
            offset = offset + constant.value.reshape(-1).astype(object) * coefficients.astype(object)
    factors = [int(v) for v in np.broadcast_to(node.coefficients[value], (channels,))]
    kind = graph.types[node.inputs[value]]
    reach = [(int(lo), int(hi)) for lo, hi in zip(kind.lo, kind.hi, strict=True)]
    constants = (("K", 0), ("LO", 0), ("HI", 0), ("CLAMP", False))
    return _line("multiply_shift", graph, node, layer, x, factors, [int(v) for v in offset], reach, constants)


_NAMES = {"ROUND_TO_ZERO": "DOWN"}


def _line(
    template: str,
    graph: Graph,
    node: Node,
    layer: LayerPlan,
    x: Stream,
    m: Sequence[int],
    c: Sequence[int],
    reach: Sequence[tuple[int, int]],
    constants: tuple[tuple[str, int | bool | str], ...],
    least_bits: int = 1,
) -> Kernel:
    """The template with types from the intervals of ``m * x`` and ``m * x + c`` over ``reach``."""
    products = [a * v for a, span in zip(m, reach, strict=True) for v in span]
    sums = [p + b for p, b in zip(products, (b for b in c for _ in (0, 1)), strict=True)]
    total, out = IntType.of(min(*sums, *products), max(*sums, *products)), IntType.of(*graph.types[node.name].bounds)
    factors, offsets = (as_int_array(np.array(v, dtype=object)) for v in (m, c))
    # m * acc is signed as soon as acc is; a product of unsigned operands stays unsigned.
    types = (
        ("in_t", x.elem), ("multiplier_t", IntType.holding(factors)), ("offset_t", IntType.holding(offsets)),
        ("product_t", IntType.of(min(*products, 0), max(products))),
        ("sum_t", IntType(max(total.bits + (not total.signed), least_bits), True)), ("out_t", out),
    )  # fmt: skip
    lanes = layer.lanes[1]
    arrays = (
        Array(node.name + "_multipliers", IntType.holding(factors), in_rows(factors, lanes)),
        Array(node.name + "_offsets", IntType.holding(offsets), in_rows(offsets, lanes)),
    )
    return Kernel(template, (*per_element(graph, node, layer, len(m)), *constants), types, arrays, out, lanes)


_CLAMP = ("LO", "HI", "CLAMP")
_LINE = ("in_t", "multiplier_t", "offset_t", "product_t", "sum_t", "out_t")
_PARTS = ("rom", "multiply_add", "clamp")


TEMPLATES = (
    Template(
        "multiply_shift", "multiply_shift", (*ELEMENTWISE, "K", *_CLAMP), (*_LINE, "shift_t"),
        (stream("in_t", "PE"),), (stream("out_t", "PE"),), s.elementwise,
        (rows("multiplier_t"), rows("offset_t"), rows("shift_t")), optional=("K", "shift_t"),
        latency=clocks(9),
        rtl=RtlUnit("multiply_shift", clocks(4), arrays=("MULTIPLIERS", "OFFSETS", "SHIFTS"), parts=_PARTS),
        make=multiply_shift,
        candidate=multiply_shift_candidate,
    ),
    Template(
        "round_shift", "round_shift", (*ELEMENTWISE, "K", "ROUNDING", *_CLAMP), _LINE,
        (stream("in_t", "PE"),), (stream("out_t", "PE"),), s.elementwise,
        (rows("multiplier_t"), rows("offset_t")),
        latency=clocks(10),
        rtl=RtlUnit("round_shift", clocks(5), arrays=("MULTIPLIERS", "OFFSETS"), parts=_PARTS),
        make=round_shift,
        candidate=round_shift_candidate,
    ),
    Template(
        "half_even", "half_even", (*ELEMENTWISE, "K", *_CLAMP), (*_LINE, "gap_t"),
        (stream("in_t", "PE"),), (stream("out_t", "PE"),), s.elementwise,
        (rows("multiplier_t"), rows("offset_t"), rows("gap_t")),
        latency=clocks(10),
        rtl=RtlUnit("half_even", clocks(5), arrays=("MULTIPLIERS", "OFFSETS", "GAPS"), parts=_PARTS),
        make=half_even,
        candidate=half_even_candidate,
    ),
)  # fmt: skip
