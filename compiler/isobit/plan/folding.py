"""Folding: the fastest balanced design whose estimate stays inside a share of the board.

For a target of T clocks per frame every layer takes its cheapest legal folding of at most T clocks. The targets worth
trying are the cycle counts that some layer can have; the smallest that fits wins.
"""

from __future__ import annotations

from collections.abc import Iterator

from isobit.errors import DoesNotFit
from isobit.hardware import Board, Cost, cost
from isobit.ir import Graph, Node, accumulator_interval
from isobit.ir.ops import Add, Const, Linear, Select, Step, Table
from isobit.numerics import bit_width
from isobit.plan.plan import LayerPlan, Plan, checked
from isobit.plan.steps import candidates

DEFAULT_SHARE = 0.6
MAX_UNROLL = 1024


def plan_for(graph: Graph, board: Board, share: float = DEFAULT_SHARE) -> Plan:
    """The fastest folding of ``graph`` that takes at most ``share`` of ``board`` by the cost model.

    Raises:
        DoesNotFit: E502 when even the smallest folding exceeds the whole board; names what exceeds.
    """
    targets = sorted(
        {cycles for node in graph.nodes if isinstance(node, Linear) for cycles, _, _ in foldings(graph, node)}
    )
    smallest = _plan(graph, board, targets[-1] if targets else 1)
    if not smallest.cost.fits(board):
        raise DoesNotFit(
            "E502", _excess(smallest.cost, board), hint="use fewer bits or neurons, or a larger board (--board)"
        )
    low, high = 0, len(targets) - 1
    while low < high:
        middle = (low + high) // 2
        if _plan(graph, board, targets[middle]).cost.fits(board, share):
            high = middle
        else:
            low = middle + 1
    return _plan(graph, board, targets[low]) if targets else smallest


def divisors(n: int) -> list[int]:
    """Every divisor of ``n``, ascending."""
    small = [d for d in range(1, int(n**0.5) + 1) if n % d == 0]
    return small + [n // d for d in reversed(small) if d * d != n]


def foldings(graph: Graph, node: Linear) -> Iterator[tuple[int, int, int]]:
    """All legal ``(cycles, pe, simd)`` of a dense layer."""
    fan_in, outputs = graph.types[node.inputs[0]].channels, graph.types[node.name].channels
    for pe in divisors(outputs):
        for simd in divisors(fan_in):
            if pe * simd <= MAX_UNROLL:
                yield (outputs // pe) * (fan_in // simd), pe, simd


def _plan(graph: Graph, board: Board, target: int) -> Plan:
    layers = {}
    for node in graph.nodes:
        if isinstance(node, Linear):
            layers[node.name] = _dense(graph, node, board, target)
        elif isinstance(node, Step | Table):
            layers[node.name] = _step(graph, node, board, target)
        elif isinstance(node, Add | Select):
            layers[node.name] = _simple(graph, node, target)
    return checked(graph, board, layers)


def _dense(graph: Graph, node: Linear, board: Board, target: int) -> LayerPlan:
    x, kind = graph.types[node.inputs[0]], graph.types[node.name]
    w = graph.types[node.inputs[1]]
    acc_bits = accumulator_bits(graph, node)
    legal = [f for f in foldings(graph, node) if f[0] <= target] or [min(foldings(graph, node))]
    # Fewest multipliers first; among equals the squarest, whose streams are narrowest.
    cycles, pe, simd = min(legal, key=lambda f: (f[1] * f[2], abs(f[1] - f[2]), f[1]))
    rows = (kind.channels // pe) * (x.channels // simd)
    return LayerPlan(pe, simd, cycles, cost.dense(pe, simd, rows, x.bits, w.bits, acc_bits, board.dsp), "dense")


def accumulator_bits(graph: Graph, node: Linear) -> int:
    """Width of an accumulator that holds every partial sum of every channel."""
    weights = graph.by_name[node.inputs[1]]
    assert isinstance(weights, Const)
    lo, hi = accumulator_interval(node, graph.types[node.inputs[0]], weights.value)
    return bit_width(int(lo.min()), int(hi.max()))


def _step(graph: Graph, node: Step | Table, board: Board, target: int) -> LayerPlan:
    pe = lanes_for(graph.types[node.name].size, graph.types[node.name].channels, target)
    ranked = candidates(graph, node, pe, board)
    best = ranked[0]
    return LayerPlan(pe, pe, graph.types[node.name].size // pe, best.cost, best.implementation, ranked)


def _simple(graph: Graph, node: Node, target: int) -> LayerPlan:
    x = graph.types[node.inputs[0]]
    lanes = lanes_for(x.size, x.channels, target)
    size = Cost(lut=lanes * (x.bits + graph.types[node.name].bits) * 2 + 40)
    pe = lanes if isinstance(node, Add) else graph.types[node.name].channels
    return LayerPlan(pe, lanes, x.size // lanes, size, node.op)


def lanes_for(size: int, channels: int, target: int) -> int:
    """The fewest elements per clock (a divisor of the channels) that move ``size`` elements in ``target`` clocks."""
    return next((d for d in divisors(channels) if size // d <= target), channels)


def _excess(total: Cost, board: Board) -> str:
    needs = [("LUT", total.lut, board.lut), ("DSP", total.dsp, board.dsps), ("BRAM36", total.bram36, board.bram36)]
    over = ", ".join(f"{used} of {limit} {name}" for name, used, limit in needs if used > limit)
    return f"the smallest folding is estimated at {over} on {board.title}"
