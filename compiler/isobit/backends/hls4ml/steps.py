"""Steps and tables as isobit's layers: the C++ of each body, with types from the intervals (``isobit_step.h``)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isobit.backends.dataflow.catalogue.scaling import half_even_of, multiply_shifts_of
from isobit.backends.hls4ml.constants import STRUCT, alias, array, as_array, integer, literal
from isobit.backends.hls4ml.design import Body
from isobit.backends.ports import IntType
from isobit.errors import IsobitError, printable
from isobit.ir import Graph
from isobit.ir.channels import rows
from isobit.ir.ops import Step, Table
from isobit.ir.types import IntArray
from isobit.numerics import shared_round_shift

_HEADER = "isobit_step.h"
WORD = 32
"""Bits of a C++ int."""
_MODES = {"ROUND_TO_ZERO": "DOWN"}
Pairs = list[tuple[str, str]]


def step_body(graph: Graph, node: Step, implementation: str) -> Body:
    """The body of a step that the plan builds as ``implementation``.

    Raises:
        IsobitError: E503 for one that the step cannot have, as a plan that was edited may say.
    """
    if implementation not in _BODIES:
        raise _no_such(node, implementation)
    return _BODIES[implementation](graph, node)


def _no_such(node: Step, implementation: str) -> IsobitError:
    return IsobitError("E503", f"the step cannot be built as {printable(implementation)}", where=node.name)


def table_body(graph: Graph, node: Table) -> Body:
    """Look-up, a row for all channels or one for each."""
    kind, lows = graph.types[node.name], [int(v) for v in node.lo]
    values = np.broadcast_to(node.values, (rows(node.values, lows), node.values.shape[1]))
    return _lookup(values, lows, IntType.of(*kind.bounds), kind.size)


def elementwise(
    header: str, operation: str, size: int, count: int, members: Sequence[str], arrays: Pairs, operands: int = 1
) -> Body:  # fmt: skip
    """A body of ``isobit_layers.h``: ``operation`` applied element by element, to one operand or two.

    Args:
        count: rows of constants, 1 or one per channel.
        members: beyond ``SIZE``, ``ROWS`` and the operation; ``out_t`` is among them.
        arrays: declarations with their definitions.
    """
    kinds, given = ("class X", "const X &x") if operands == 1 else ("class X, class Y", "const X &x, const Y &y")
    call = f"isobit::{operation}<{STRUCT}>({'x' if operands == 1 else 'x, y'}, row)"
    apply = f"template <{kinds}> static out_t apply({given}, int row) {{ return {call}; }}"
    everything = (integer("SIZE", size), integer("ROWS", count), *members, *(line for line, _ in arrays), apply)
    return Body(header, "isobit::map" if operands == 1 else "isobit::zip", everything, tuple(d for _, d in arrays))


def line_types(
    m: Sequence[int], c: Sequence[int], reach: Sequence[tuple[int, int]], least_bits: int = 1
) -> tuple[IntType, IntType]:  # fmt: skip
    """The types of ``m * x`` and of ``m * x + c``, the second signed, for every row and all ``x`` that it sees."""
    products = [a * v for a, span in zip(m, reach, strict=True) for v in span]
    sums = [p + b for p, b in zip(products, (b for b in c for _ in (0, 1)), strict=True)]
    total = IntType.of(min(*sums, *products), max(*sums, *products))
    signed = IntType(max(total.bits + (not total.signed), least_bits), True)
    return IntType.of(min(*products, 0), max(products)), signed


def _multiply_shift(graph: Graph, node: Step) -> Body:
    curves = multiply_shifts_of(graph, node)
    if curves is None:
        raise _no_such(node, "multiply_shift")
    m, c, k = ([getattr(f, a) for f in curves] for a in ("m", "c", "k"))
    members, arrays, total = _line(graph, node, m, c)
    shifts = [min(s, total.bits - 1) for s in k]  # the sign stays: as good as any longer shift
    if len(set(shifts)) == 1:
        members.append(f"static int shift(int) {{ return {shifts[0]}; }}")
    else:
        arrays.append(array("shifts", "int", as_array(shifts), IntType(32, True)))
        members.append("static int shift(int row) { return shifts[row]; }")
    return elementwise(_HEADER, "multiply_shift", graph.types[node.name].size, len(m), members, arrays)


def _round_shift(graph: Graph, node: Step) -> Body:
    reach, bounds = node.curves.spans(graph.types[node.inputs[0]]), graph.types[node.name].bounds
    los, his = zip(*reach, strict=True)
    found = shared_round_shift(node.curves, los, his, bounds)
    if found is None:
        raise _no_such(node, "round_shift")
    members, arrays, _ = _line(graph, node, found.m, found.c, found.k + 2)
    mode = _MODES.get(found.rounding.name, found.rounding.name)
    members += [integer("K", found.k), f"static const int ROUNDING = isobit::{mode};"]
    return elementwise(_HEADER, "round_shift", graph.types[node.name].size, len(found.m), members, arrays)


def _half_even(graph: Graph, node: Step) -> Body:
    found, reach = half_even_of(graph, node), node.curves.spans(graph.types[node.inputs[0]])
    if found is None:
        raise _no_such(node, "half_even")
    wide = line_types(found.m, found.up, reach)[1].bits  # the sum is as wide as the greater one, with the gap
    members, arrays, _ = _line(graph, node, found.m, found.down, max(wide, found.k + 2))
    gaps = as_array(found.gaps)
    members += [integer("K", found.k), alias("gap_t", IntType.holding(gaps))]
    arrays.append(array("gaps", "gap_t", gaps, IntType.holding(gaps)))
    return elementwise(_HEADER, "half_even", graph.types[node.name].size, len(found.m), members, arrays)


def _line(
    graph: Graph, node: Step, m: Sequence[int], c: Sequence[int], least_bits: int = 1
) -> tuple[list[str], Pairs, IntType]:
    """The members, the constants and the sum's type of a step with one product."""
    lo, hi = graph.types[node.name].bounds
    product, total = line_types(m, c, node.curves.spans(graph.types[node.inputs[0]]), least_bits)
    factors, offsets = as_array(m), as_array(c)
    kinds = {
        "multiplier_t": IntType.holding(factors), "offset_t": IntType.holding(offsets), "product_t": product,
        "sum_t": total, "out_t": IntType.of(lo, hi),
    }  # fmt: skip
    members = [integer("LO", lo), integer("HI", hi), *(alias(name, kind) for name, kind in kinds.items())]
    arrays = [
        array("multipliers", "multiplier_t", factors, kinds["multiplier_t"]),
        array("offsets", "offset_t", offsets, kinds["offset_t"]),
    ]
    return members, arrays, total


def _thresholds(graph: Graph, node: Step) -> Body:
    x, kind = graph.types[node.inputs[0]], graph.types[node.name]
    curves = node.curves.narrowed(x)
    beyond = x.bounds[1] + 1  # a cut that nothing reaches fills a shorter row
    stages = bisections(graph, node)
    cuts = np.full((len(curves), (1 << stages) - 1), beyond, dtype=object)
    for row, curve in zip(cuts, curves, strict=True):
        row[: curve.levels] = curve.cuts()
    starts, compared = as_array([f.start for f in curves]), IntType.of(min(x.bounds[0], -1), beyond)
    names = [f"cuts{stage}" for stage in range(stages)]
    calls = " ".join(f"n = isobit::branch(level, {name}, row, n);" for name in names)
    members = [
        alias("compared_t", compared), alias("start_t", IntType.holding(starts)),
        alias("count_t", IntType.of(0, (1 << stages) - 1)), alias("out_t", IntType.of(*kind.bounds)),
        f"static int reached(const compared_t &level, int row) {{ int n = 0; {calls} return n; }}",
    ]  # fmt: skip
    arrays = [array("starts", "start_t", starts, IntType.holding(starts))]
    for stage, name in enumerate(names):
        step = 1 << stages - 1 - stage  # what this stage adds to the count
        arrays.append(array(name, "compared_t", cuts[:, step - 1 :: 2 * step], compared))
    return elementwise(_HEADER, "thresholds", kind.size, len(curves), members, arrays)


def bisections(graph: Graph, node: Step) -> int:
    """Comparisons, one after the other, that find a level of the step: as many as its count of levels has bits."""
    return max(1, *(f.levels for f in node.curves.narrowed(graph.types[node.inputs[0]]))).bit_length()


def _step_lookup(graph: Graph, node: Step) -> Body:
    x, kind = graph.types[node.inputs[0]], graph.types[node.name]
    lo, hi = x.bounds
    values = np.stack([curve(np.arange(lo, hi + 1)) for curve in node.curves])
    return _lookup(values, [lo], IntType.of(*kind.bounds), kind.size)


def _lookup(values: IntArray, lows: Sequence[int], out: IntType, size: int) -> Body:
    arrays = [array("table", "out_t", values, out)]
    reach = IntType.of(min(*lows, 0), max(lows) + values.shape[1])
    members = [alias("out_t", out), f"typedef {'int' if reach.bits < WORD else 'long long'} index_t;"]
    if len(set(lows)) == 1:
        members.append(f"static index_t first(int) {{ return {literal(lows[0], reach)}; }}")
    else:
        arrays.append(array("lows", "index_t", as_array(lows), reach))
        members.append("static index_t first(int row) { return lows[row]; }")
    return elementwise(_HEADER, "lookup", size, len(values), members, arrays)


_BODIES = {
    "multiply_shift": _multiply_shift, "round_shift": _round_shift, "half_even": _half_even,
    "thresholds": _thresholds, "lookup": _step_lookup,
}  # fmt: skip
