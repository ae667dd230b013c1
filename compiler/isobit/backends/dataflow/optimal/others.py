"""The same folding with its weights or its lines in another memory.

A place that weighs more than :data:`DEAREST` times the usual one (:attr:`isobit.hardware.Cost.weight`) is left out: no
board is so short of one resource that a block RAM for a dozen bits would pay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from isobit.backends.dataflow.catalogue import cost
from isobit.backends.dataflow.geometry import geometry
from isobit.backends.dataflow.layer import Candidate, LayerChoice, LayerPlan
from isobit.backends.dataflow.planner.blocks import block
from isobit.backends.dataflow.planner.points import Point
from isobit.hardware import Board, Cost, Memory
from isobit.ir import Graph
from isobit.ir.ops import Linear, MaxPool

DEAREST = 10


def other_points(graph: Graph, board: Board, point: Point, fixed: LayerChoice) -> Iterator[Point]:
    """``point`` itself, then what it becomes with every place that ``fixed`` leaves open."""
    (name, layer), *border = point.layers
    for made in _layers(graph, board, name, layer, fixed):
        slower = max(made.clocks, *(other.clocks for _, other in border), 0)
        yield point if made is layer else replace(point, layers=((name, made), *border), clocks=slower)


def _layers(graph: Graph, board: Board, name: str, layer: LayerPlan, fixed: LayerChoice) -> Iterator[LayerPlan]:
    node = graph.by_name[name]
    yield layer
    if not isinstance(node, Linear | MaxPool):
        return
    weights = list(_weights(graph, node, layer)) if fixed.memory == "auto" else []
    lines = list(_lines(graph, board, node, layer)) if fixed.line_buffer == "auto" else []
    stay = (None, Cost())
    for (memory, more), (buffer, further) in product([stay, *weights], [stay, *lines]):
        if memory or buffer:
            made = replace(layer, memory=memory or layer.memory, line_buffer=buffer or layer.line_buffer)
            yield replace(made, cost=layer.cost + more + further, multipliers=_moved(layer.multipliers, more))


def _moved(ways: tuple[Candidate, ...], more: Cost) -> tuple[Candidate, ...]:
    """The ways to multiply with their weights in a place that takes ``more``."""
    return tuple(replace(way, cost=way.cost + more) for way in ways)


def _weights(graph: Graph, node: Linear | MaxPool, layer: LayerPlan) -> Iterator[tuple[Memory, Cost]]:
    """The other places of the weights, and what each takes beyond the present one."""
    if layer.memory not in ("lutram", "bram") or not isinstance(node, Linear):
        return
    g, bits = geometry(graph, node), layer.code.bits if layer.code else graph.types[node.inputs[1]].bits
    rows = g.fan_in // layer.simd if g.depthwise else (g.outputs // layer.pe) * (g.fan_in // layer.simd)
    width = (layer.simd if g.depthwise else layer.pe * layer.simd) * bits
    usual, other = cost.weights(rows, width, layer.memory), _other(layer.memory)
    yield from _worth({other: cost.weights(rows, width, other)}, usual)


def _lines(graph: Graph, board: Board, node: Linear | MaxPool, layer: LayerPlan) -> Iterator[tuple[Memory, Cost]]:
    """The other places of the lines of a window, and what each takes beyond the present one."""
    if not layer.line_buffer:
        return
    g, bits = geometry(graph, node), graph.types[node.inputs[0]].bits
    lanes = g.window_lanes(layer.simd)
    depth, width = max(g.kept * g.channels // lanes, 1), lanes * bits
    blocks = block(graph, node, layer.samples) if layer.parallel else None
    if blocks:
        rows = (g.kernel[0] - 1) * g.dilations[0]
        depth, width = blocks.words, rows * blocks.step * g.channels * bits
    places: tuple[Memory, ...] = ("lutram", "bram", "uram") if board.uram else ("lutram", "bram")
    usual = cost.lines(depth, width, board, layer.line_buffer)
    yield from _worth({m: cost.lines(depth, width, board, m) for m in places if m != layer.line_buffer}, usual)


def _worth(places: dict[Memory, Cost], usual: Cost) -> Iterator[tuple[Memory, Cost]]:
    for memory, found in places.items():
        if found.weight <= DEAREST * usual.weight:
            yield memory, found - usual


def _other(memory: Memory) -> Memory:
    return "bram" if memory == "lutram" else "lutram"
