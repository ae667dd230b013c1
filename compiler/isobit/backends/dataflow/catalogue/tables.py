"""What compares or looks up: thresholds, and tables of steps and other functions."""

from __future__ import annotations

import numpy as np

from isobit.backends.dataflow import schedules as s
from isobit.backends.dataflow.catalogue.kernel import Kernel, in_rows, per_element
from isobit.backends.dataflow.catalogue.template import ELEMENTWISE, ArrayOf, RtlUnit, Template, clocks, rows, stream
from isobit.backends.dataflow.design import Array, Stream
from isobit.backends.dataflow.latencies import depth_of_tree
from isobit.backends.dataflow.layer import Candidate, LayerPlan
from isobit.backends.dataflow.schedule import Constants
from isobit.backends.ports import IntType
from isobit.hardware import Cost, Prices
from isobit.hardware.prices import MOST_ENTRIES, MOST_LEVELS
from isobit.ir import Graph, Node, channels
from isobit.ir.ops import Step, Table
from isobit.ir.types import IntArray
from isobit.numerics import Curve, as_int_array


def lookup_candidate(graph: Graph, node: Node, pe: int, prices: Prices) -> Candidate | None:
    """For tables, and for steps of an input that takes few values."""
    if not isinstance(node, Step | Table):
        return None
    lo, hi = graph.types[node.inputs[0]].bounds
    curves = len(node.curves) if isinstance(node, Step) else len(node.values)
    size = hi - lo + 1
    if isinstance(node, Step) and size > MOST_ENTRIES:
        return Candidate("lookup", Cost(), False, f"a table of {size} entries per channel is more than {MOST_ENTRIES}")
    if not -(2**31) < lo <= hi < 2**31:
        return Candidate("lookup", Cost(), False, "its input leaves 32 bits")
    total = prices.lookup(pe, curves, size, graph.types[node.name].bits)
    return Candidate("lookup", total, True, f"{size} entries")


def thresholds_candidate(graph: Graph, node: Node, pe: int, prices: Prices) -> Candidate | None:
    """For steps of few levels."""
    if not isinstance(node, Step):
        return None
    levels = max(c.levels for c in node.curves)
    if levels > MOST_LEVELS:
        return Candidate("thresholds", Cost(), False, f"{levels} thresholds are more than {MOST_LEVELS}")
    total = prices.thresholds(pe, len(node.curves), graph.types[node.inputs[0]].bits, max(levels, 1))
    return Candidate("thresholds", total, True, f"{levels} thresholds")


def thresholds(graph: Graph, node: Step, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::thresholds``: the cuts of every channel, a heap each, filled up with what no input reaches."""
    reach = node.curves.narrowed(graph.types[node.inputs[0]])
    levels = max(1, *(c.levels for c in reach))
    never = graph.types[node.inputs[0]].bounds[1] + 1
    cuts = as_int_array(np.array([_heap(c, levels, never) for c in reach], dtype=object))
    start = np.array([c.start for c in reach], dtype=np.int64)
    out = IntType.of(*graph.types[node.name].bounds)
    types = (
        ("in_t", inputs[0].elem), ("threshold_t", IntType.holding(cuts)), ("start_t", IntType.holding(start)),
        ("out_t", out),
    )  # fmt: skip
    constants = (*per_element(graph, node, layer, len(reach)), ("LEVELS", levels))
    arrays = (
        Array(node.name + "_start", IntType.holding(start), in_rows(start, layer.lanes[1])),
        Array(node.name + "_cuts", IntType.holding(cuts), in_rows(cuts, layer.lanes[1])),
    )
    return Kernel("thresholds", constants, types, arrays, out, layer.lanes[1])


def stages(levels: int) -> int:
    """Comparisons that find one of ``levels`` + 1 counts."""
    return depth_of_tree(levels + 1)


def _heap(curve: Curve, levels: int, never: int) -> list[int]:
    """Entry ``2^s - 1 + k``: the cut that stage ``s`` compares with where the leading bits of the count are ``k``."""
    count = stages(levels)
    cuts = [int(v) for v in curve.cuts()]
    cuts += [never] * ((1 << count) - 1 - len(cuts))
    return [cut for s in range(count) for cut in cuts[(1 << (count - 1 - s)) - 1 :: 1 << (count - s)]]


def _cuts(c: Constants) -> tuple[int, ...]:
    return (*rows("start_t").shape(c), (1 << stages(c["LEVELS"])) - 1)


def lookup(graph: Graph, node: Step | Table, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::lookup``: the values over the reachable interval of all channels, row by row."""
    lo, hi = graph.types[node.inputs[0]].bounds
    entries = _steps(node, lo, hi) if isinstance(node, Step) else _entries(node, lo, hi)
    out = IntType.holding(entries)
    constants = (*per_element(graph, node, layer, len(entries)), ("LO", lo), ("SIZE", entries.shape[1]))
    array = Array(node.name + "_table", out, in_rows(entries, layer.lanes[1]))
    return Kernel("lookup", constants, (("in_t", inputs[0].elem), ("out_t", out)), (array,), out, layer.lanes[1])


def _steps(node: Step, lo: int, hi: int) -> IntArray:
    domain = np.arange(lo, hi + 1)
    return np.stack([curve(domain) for curve in node.curves])


def _entries(node: Table, lo: int, hi: int) -> IntArray:
    """Beyond a row's own interval nothing of that channel arrives: its first or last entry stands there."""
    last, count = node.values.shape[1] - 1, channels.rows(node.lo, node.values)
    domain = as_int_array(np.array(range(lo, hi + 1), dtype=object))
    rows_of = (
        channels.of_channel(node.values, c)[np.clip(domain - int(channels.of_channel(node.lo, c)), 0, last)]
        for c in range(count)
    )
    return np.stack(list(rows_of))


TEMPLATES = (
    Template(
        "lookup", "lookup", (*ELEMENTWISE, "LO", "SIZE"), ("in_t", "out_t"),
        (stream("in_t", "PE"),), (stream("out_t", "PE"),), s.elementwise, (rows("out_t", "SIZE"),),
        latency=clocks(4),
        rtl=RtlUnit("lookup", clocks(2), arrays=("TABLE",), in_files=frozenset({"TABLE"}), parts=("rom",)),
        make=lookup,
        candidate=lookup_candidate,
    ),
    Template(
        "thresholds", "thresholds", (*ELEMENTWISE, "LEVELS"), ("in_t", "threshold_t", "start_t", "out_t"),
        (stream("in_t", "PE"),), (stream("out_t", "PE"),), s.elementwise,
        (rows("start_t"), ArrayOf("threshold_t", _cuts, layout="stages")),
        latency=lambda c: 4 + 2 * stages(c["LEVELS"]),
        rtl=RtlUnit("thresholds", lambda c: 2 + stages(c["LEVELS"]), arrays=("START", "CUTS")),
        make=thresholds,
        candidate=thresholds_candidate,
    ),
)  # fmt: skip
