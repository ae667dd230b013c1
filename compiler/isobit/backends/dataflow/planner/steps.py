"""Choosing how a step is built: every body's cost, the cheapest legal one first."""

from __future__ import annotations

from isobit.backends.dataflow.catalogue import cost_of
from isobit.backends.dataflow.catalogue.cost import shift_selection
from isobit.backends.dataflow.planner.plan import Candidate
from isobit.hardware import Board, Cost
from isobit.hardware.prices import MOST_ENTRIES, MOST_LEVELS, MOST_ROW_BITS
from isobit.ir import Graph
from isobit.ir.memo import per_graph
from isobit.ir.ops import Step, Table
from isobit.numerics import MultiplyShift, RoundShift, bit_width, shared_round_shift
from isobit.passes.shrink import no_product


def candidates(graph: Graph, node: Step | Table, pe: int, board: Board) -> tuple[Candidate, ...]:
    """The bodies of ``node`` at ``pe`` lanes, possible ones first, then by cost."""
    made = [_lookup(graph, node, pe)]
    if isinstance(node, Step):
        made += [_multiply_shift(graph, node, pe, board), _thresholds(graph, node, pe, board)]
        made.append(_round_shift(graph, node, pe, board))
    return tuple(sorted(made, key=lambda c: (not c.possible, c.cost.weight)))


def _multiply_shift(graph: Graph, node: Step, pe: int, board: Board) -> Candidate:
    curves = [c for c in node.curves if isinstance(c, MultiplyShift)]
    if len(curves) != len(node.curves):
        why = no_product(node)
        said = f"no multiply-shift: {why}" if why else "the step is kept as cut points"
        return Candidate("multiply_shift", Cost(), False, said)
    x = graph.types[node.inputs[0]]
    m_bits = max(c.m for c in curves).bit_length()
    c_bits = bit_width(min(c.c for c in curves), max(c.c for c in curves))
    total = cost_of("multiply_shift", pe, len(curves), x.bits, m_bits, c_bits, board.dsp)
    shifts = sorted({c.k for c in curves})
    if len(shifts) == 1:
        return Candidate("multiply_shift", total, True, f"{m_bits}-bit multiplicands, shift {shifts[0]}")
    total += shift_selection(pe, len(curves), x.bits + m_bits, shifts)
    return Candidate(
        "multiply_shift", total, True,
        f"{m_bits}-bit multiplicands, {len(shifts)} shifts from {shifts[0]} to {shifts[-1]}",
    )  # fmt: skip


def multiplicand_bits(graph: Graph, node: Step, implementation: str) -> int:
    """The widest multiplicand of a step built so, in bits; 0 for a body without one."""
    if implementation == "multiply_shift":
        return max(c.m for c in node.curves if isinstance(c, MultiplyShift)).bit_length()
    if implementation == "round_shift":
        found = _shared(graph, node)
        return max(found.m).bit_length() if found else 0
    return 0


def _round_shift(graph: Graph, node: Step, pe: int, board: Board) -> Candidate:
    """A body for steps whose multipliers and offsets are multiples of a power of two and that round in one mode."""
    x, kind, found = graph.types[node.inputs[0]], graph.types[node.name], _shared(graph, node)
    if found is None:
        return Candidate("round_shift", Cost(), False, "scales are no powers of two")
    m_bits, c_bits = max(found.m).bit_length(), bit_width(min(found.c), max(found.c))
    total = cost_of("round_shift", pe, len(found.m), x.bits, m_bits, c_bits, kind.bits, board.dsp)
    return Candidate("round_shift", total, True, f"{found.rounding.name} of {m_bits}-bit multiples, shift {found.k}")


@per_graph
def _shared(graph: Graph, node: Step) -> RoundShift | None:
    los, his = node.curves.reach(graph.types[node.inputs[0]])
    return shared_round_shift(node.curves, los, his, graph.types[node.name].bounds)


@per_graph
def threshold_levels(graph: Graph, node: Step) -> int:
    """Comparisons of one lane: the most cut points that any channel's curve has inside what it can see."""
    return max(1, *(curve.levels for curve in node.curves.narrowed(graph.types[node.inputs[0]])))


def _thresholds(graph: Graph, node: Step, pe: int, board: Board) -> Candidate:
    levels = max(c.levels for c in node.curves)
    if levels > MOST_LEVELS:
        return Candidate("thresholds", Cost(), False, f"{levels} thresholds are more than {MOST_LEVELS}")
    row = pe * levels * graph.types[node.inputs[0]].bits
    if row > MOST_ROW_BITS:
        return Candidate("thresholds", Cost(), False, f"{row} bits of cuts a clock are more than {MOST_ROW_BITS}")
    total = cost_of("thresholds", pe, max(levels, 1), len(node.curves), graph.types[node.inputs[0]].bits, board.dsp)
    return Candidate("thresholds", total, True, f"{levels} thresholds")


def _lookup(graph: Graph, node: Step | Table, pe: int) -> Candidate:
    lo, hi = graph.types[node.inputs[0]].bounds
    rows = len(node.curves) if isinstance(node, Step) else len(node.values)
    size = hi - lo + 1
    if isinstance(node, Step) and size > MOST_ENTRIES:
        return Candidate("lookup", Cost(), False, f"a table of {size} entries per channel is more than {MOST_ENTRIES}")
    return Candidate("lookup", cost_of("lookup", pe, rows, size, graph.types[node.name].bits), True, f"{size} entries")
