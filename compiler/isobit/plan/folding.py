"""Folding: the fastest balanced design whose estimate stays inside a share of the board.

For a target of T clocks per frame every layer takes its cheapest legal folding of at most T clocks. The targets worth
trying are the cycle counts that some layer can have; the smallest that fits wins.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from isobit.errors import DoesNotFit, IsobitError
from isobit.hardware import Board, Cost, cost
from isobit.ir import Graph, Node, accumulator_interval
from isobit.ir.ops import Add, Concat, Const, Linear, MaxPool, Pad, Reindex, Select, Step, Table
from isobit.numerics import bit_width
from isobit.plan.geometry import block_lanes, geometry, keeps_order, upsampling
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
    """All legal ``(cycles, pe, simd)`` of a linear node: SIMD divides the channels, or is whole pixels of a window.

    A depthwise node has one input per output: its SIMD is its PE.
    """
    g = geometry(graph, node)
    if g.depthwise:
        yield from ((g.window_cycles(pe), pe, pe) for pe in divisors(g.channels) if pe <= MAX_UNROLL)
        return
    simds = divisors(g.channels) + [g.channels * d for d in divisors(g.taps)[1:]]
    for pe in divisors(g.outputs):
        for simd in simds:
            if pe * simd <= MAX_UNROLL:
                cycles = g.positions * (g.outputs // pe) * (g.fan_in // simd)
                yield max(cycles, g.window_cycles(g.window_lanes(simd))), pe, simd


def _plan(graph: Graph, board: Board, target: int) -> Plan:
    layers = {}
    for node in graph.nodes:
        if isinstance(node, Linear):
            layers[node.name] = _linear(graph, node, board, target)
        elif isinstance(node, Step | Table):
            layers[node.name] = _step(graph, node, board, target)
        elif isinstance(node, MaxPool):
            layers[node.name] = _maxpool(graph, node, target)
        elif isinstance(node, Add | Select | Pad | Concat) or (
            isinstance(node, Reindex) and not keeps_order(graph, node)
        ):
            layers[node.name] = _simple(graph, node, target)
    return checked(graph, board, layers)


def _linear(graph: Graph, node: Linear, board: Board, target: int) -> LayerPlan:
    g, w, x = geometry(graph, node), graph.types[node.inputs[1]], graph.types[node.inputs[0]]
    acc_bits = accumulator_bits(graph, node)
    every = list(foldings(graph, node))
    legal = [f for f in every if f[0] <= target] or [min(every)]
    # Fewest multipliers first; among equals the squarest, whose streams are narrowest.
    cycles, pe, simd = min(legal, key=lambda f: (f[1] * f[2], abs(f[1] - f[2]), f[1]))
    lanes = g.window_lanes(simd)
    window = cost.line_buffer(g.span * g.channels // lanes, lanes * x.bits) if g.windowed else Cost()
    if g.depthwise:
        body = cost.dense(pe, 1, g.fan_in // pe, x.bits, w.bits, acc_bits, board.dsp)
        return LayerPlan(pe, pe, cycles, body + window, "depthwise")
    body = cost.dense(pe, simd, (g.outputs // pe) * (g.fan_in // simd), x.bits, w.bits, acc_bits, board.dsp)
    return LayerPlan(pe, simd, cycles, body + window, "convolution" if g.windowed else "dense")


def _maxpool(graph: Graph, node: MaxPool, target: int) -> LayerPlan:
    g, bits = geometry(graph, node), graph.types[node.name].bits
    lanes = next((d for d in divisors(g.channels) if g.window_cycles(d) <= target), g.channels)
    window = cost.line_buffer(g.span * g.channels // lanes, lanes * bits)
    return LayerPlan(lanes, lanes, g.window_cycles(lanes), window + Cost(lut=lanes * bits * 2 + 40), "max_pool")


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
    if not best.possible:
        reasons = "; ".join(f"{c.implementation}: {c.reason}" for c in ranked)
        raise IsobitError("E504", f"no body can build this step ({reasons})", where=node.name)
    return LayerPlan(pe, pe, graph.types[node.name].size // pe, best.cost, best.implementation, ranked)


def _simple(graph: Graph, node: Node, target: int) -> LayerPlan:
    x, y = graph.types[node.inputs[0]], graph.types[node.name]
    size = max(x.size, y.size)
    lanes = lanes_for(size, _common_channels(graph, node), target)
    area = Cost(lut=lanes * (x.bits + y.bits) * 2 + 40)
    implementation = node.op
    if isinstance(node, Reindex):
        implementation = "upsample" if upsampling(graph, node) else "reorder"
        depth = x.size if implementation == "reorder" else x.size // x.shape[0]
        area += cost.line_buffer(depth // lanes, lanes * x.bits)
        size = x.size + y.size if implementation == "reorder" else y.size
    pe = y.channels if isinstance(node, Select) else lanes
    return LayerPlan(pe, lanes, size // lanes, area, implementation)


def _common_channels(graph: Graph, node: Node) -> int:
    """What the word width of a node that moves elements must divide."""
    if isinstance(node, Reindex):
        return graph.types[node.name].channels if upsampling(graph, node) else block_lanes(graph, node)
    if isinstance(node, Concat):
        return math.gcd(*(graph.types[i].channels for i in node.inputs))
    return graph.types[node.inputs[0]].channels


def lanes_for(size: int, channels: int, target: int) -> int:
    """The fewest elements per clock (a divisor of the channels) that move ``size`` elements in ``target`` clocks."""
    return next((d for d in divisors(channels) if size // d <= target), channels)


def _excess(total: Cost, board: Board) -> str:
    needs = [("LUT", total.lut, board.lut), ("DSP", total.dsp, board.dsps), ("BRAM36", total.bram36, board.bram36)]
    over = ", ".join(f"{used} of {limit} {name}" for name, used, limit in needs if used > limit)
    return f"the smallest folding is estimated at {over} on {board.title}"
