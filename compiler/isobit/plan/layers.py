"""One node at one folding: which (PE, SIMD) are legal, how many clocks they take, what they cost."""

from __future__ import annotations

import math
from functools import lru_cache

from isobit.errors import IsobitError, printable
from isobit.hardware import Board, Cost, cost
from isobit.ir import Graph, Node, accumulator_interval
from isobit.ir.ops import Add, Concat, Const, Linear, MaxPool, Pad, Reindex, Select, Step, Table
from isobit.numerics import bit_width
from isobit.plan.geometry import Geometry, block_lanes, geometry, keeps_order, upsampling
from isobit.plan.plan import LayerPlan
from isobit.plan.steps import candidates

MAX_UNROLL = 1024


def planned(graph: Graph, node: Node) -> bool:
    """Does the node become a process of its own?"""
    if isinstance(node, Reindex):
        return not keeps_order(graph, node)
    return isinstance(node, Linear | MaxPool | Step | Table | Add | Select | Pad | Concat)


def divisors(n: int) -> list[int]:
    """Every divisor of ``n``, ascending."""
    small = [d for d in range(1, int(n**0.5) + 1) if n % d == 0]
    return small + [n // d for d in reversed(small) if d * d != n]


@lru_cache(maxsize=4096)
def foldings(graph: Graph, node: Node) -> tuple[tuple[int, int, int], ...]:
    """All legal ``(cycles, pe, simd)`` of a node.

    PE divides the outputs of a linear node; SIMD divides its input channels or is whole pixels of a window. Everything
    else takes and gives ``pe = simd`` elements per clock, a divisor of its channels.
    """
    if isinstance(node, Linear | MaxPool):
        g = geometry(graph, node)
        return _lane_foldings(g) if g.depthwise else _matrix_foldings(g)
    return tuple((_moved(graph, node) // d, d, d) for d in divisors(_word_channels(graph, node)))


def _matrix_foldings(g: Geometry) -> tuple[tuple[int, int, int], ...]:
    simds = divisors(g.channels) + [g.channels * d for d in divisors(g.taps)[1:]]
    return tuple(
        (max(g.positions * (g.outputs // pe) * (g.fan_in // simd), g.window_cycles(g.window_lanes(simd))), pe, simd)
        for pe in divisors(g.outputs)
        for simd in simds
        if pe * simd <= MAX_UNROLL
    )


def _lane_foldings(g: Geometry) -> tuple[tuple[int, int, int], ...]:
    return tuple((g.window_cycles(d), d, d) for d in divisors(g.channels) if d <= MAX_UNROLL)


def _moved(graph: Graph, node: Node) -> int:
    """Elements that pass the busier side of a node that does not fold a matrix."""
    x, y = graph.types[node.inputs[0]].size, graph.types[node.name].size
    return x + y if isinstance(node, Reindex) and not upsampling(graph, node) else max(x, y)


def _word_channels(graph: Graph, node: Node) -> int:
    """What the word width of such a node must divide."""
    if isinstance(node, Reindex) and not upsampling(graph, node):
        return block_lanes(graph, node)
    if isinstance(node, Concat):
        return math.gcd(*(graph.types[i].channels for i in node.inputs))
    return graph.types[node.inputs[0]].channels


def layer_plan(graph: Graph, node: Node, board: Board, folding: tuple[int, int, int], body: str = "") -> LayerPlan:
    """The plan of ``node`` at ``folding`` (``cycles, pe, simd``); ``body`` asks for one implementation of a step.

    Raises:
        IsobitError: E504 when no body can build a step, E503 when the one asked for cannot.
    """
    if isinstance(node, Step | Table):
        return _step(graph, node, board, folding, body)
    made = _linear(graph, node, board, folding) if isinstance(node, Linear) else _other(graph, node, folding)
    if body not in ("", made.implementation):
        raise IsobitError("E503", f"it is built as {made.implementation}, not as {printable(body)}", where=node.name)
    return made


def _other(graph: Graph, node: Node, folding: tuple[int, int, int]) -> LayerPlan:
    cycles, pe, simd = folding
    x, y = graph.types[node.inputs[0]], graph.types[node.name]
    area = Cost(lut=simd * (x.bits + y.bits) * 2 + 40)
    if isinstance(node, MaxPool):
        return LayerPlan(pe, simd, cycles, area + _window(geometry(graph, node), simd, x.bits), "max_pool")
    if isinstance(node, Reindex):
        row = upsampling(graph, node)
        depth = x.size // x.shape[0] if row else x.size
        area += cost.line_buffer(depth // simd, simd * x.bits)
        return LayerPlan(pe, simd, cycles, area, "upsample" if row else "reorder")
    return LayerPlan(y.channels if isinstance(node, Select) else pe, simd, cycles, area, node.op)


def _linear(graph: Graph, node: Linear, board: Board, folding: tuple[int, int, int]) -> LayerPlan:
    cycles, pe, simd = folding
    g, x, w = geometry(graph, node), graph.types[node.inputs[0]], graph.types[node.inputs[1]]
    window = _window(g, g.window_lanes(simd), x.bits)
    acc_bits = accumulator_bits(graph, node)
    if g.depthwise:
        body = cost.dense(pe, 1, g.fan_in // pe, x.bits, w.bits, acc_bits, board.dsp)
        return LayerPlan(pe, simd, cycles, body + window, "depthwise")
    body = cost.dense(pe, simd, (g.outputs // pe) * (g.fan_in // simd), x.bits, w.bits, acc_bits, board.dsp)
    return LayerPlan(pe, simd, cycles, body + window, "convolution" if g.windowed else "dense")


def _window(g: Geometry, lanes: int, bits: int) -> Cost:
    return cost.line_buffer(g.span * g.channels // lanes, lanes * bits) if g.windowed else Cost()


@lru_cache(maxsize=4096)
def accumulator_bits(graph: Graph, node: Linear) -> int:
    """Width of an accumulator that holds every partial sum of every channel."""
    weights = graph.by_name[node.inputs[1]]
    assert isinstance(weights, Const)
    lo, hi = accumulator_interval(node, graph.types[node.inputs[0]], weights.value)
    return bit_width(int(lo.min()), int(hi.max()))


def _step(graph: Graph, node: Step | Table, board: Board, folding: tuple[int, int, int], body: str) -> LayerPlan:
    cycles, pe, _ = folding
    ranked = candidates(graph, node, pe, board)
    chosen = [c for c in ranked if c.possible and body in ("", c.implementation)]
    if not chosen:
        reasons = "; ".join(f"{c.implementation}: {c.reason}" for c in ranked)
        code, asked = ("E503", f"as {printable(body)} ") if body else ("E504", "")
        raise IsobitError(code, f"the step cannot be built {asked}({reasons})", where=node.name)
    best = chosen[0]
    others = tuple(c for c in ranked if c is not best)
    return LayerPlan(pe, pe, cycles, best.cost, best.implementation, (best, *others))
