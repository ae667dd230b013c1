"""Clocks per frame of the loops that a node becomes: iterations, the pipeline's depth, and the pause between frames.

A process is one loop: ``trip`` iterations, one a clock, then its pipeline drains (``latency`` clocks) and the next
frame starts ``RESTART`` clocks later. The slowest process of a design is its interval. Latencies and the trips of
windows are those of the templates' schedules, so that the planner's clocks are those of the design; what lies between
two layers (a fork, a width converter) moves no more words than either of them and has no deeper a pipeline, so no
layer is slowed down by it.
"""

from __future__ import annotations

from isobit.backends.dataflow.catalogue import CATALOGUE, IMPLEMENTATIONS
from isobit.backends.dataflow.catalogue.tables import threshold_levels
from isobit.backends.dataflow.geometry import Geometry, border, box, geometry, upsampling
from isobit.backends.dataflow.latencies import RESTART, parallel_window_trip, sliding_window_trip
from isobit.backends.dataflow.layer import LayerPlan
from isobit.backends.dataflow.planner.blocks import Block, block
from isobit.ir import Graph, Node
from isobit.ir.ops import Add, Const, Linear, MaxPool, Pad, Reindex, Select, Step


def clocks_of(graph: Graph, node: Node, layer: LayerPlan) -> int:
    """Clocks per frame of the slowest loop that ``node`` becomes under ``layer``; 0 where it becomes none."""
    loops = _windowed(graph, node, layer) if isinstance(node, Linear | MaxPool) else _single(graph, node, layer)
    return max((trip + latency + RESTART for trip, latency in loops), default=0)


def _single(graph: Graph, node: Node, layer: LayerPlan) -> list[tuple[int, int]]:
    x, y, name = graph.types[node.inputs[0]], graph.types[node.name], layer.implementation
    if name == "in_window":
        return []
    if isinstance(node, Pad):
        border(graph, node)  # refuses three axes
    lanes_in, lanes_out = layer.lanes
    trip, constants = y.size // lanes_out, {"LANES": lanes_in, "FRAME": x.channels}
    if isinstance(node, Select):
        several = max(lanes_in // x.channels, 1)
        name, trip = ("argmax", x.size // lanes_in) if node.k == 1 else ("top_k", x.size // several)
    elif isinstance(node, Reindex) and not upsampling(graph, node):
        trip = x.size // lanes_in if box(graph, node) else (x.size + y.size) // layer.pe
    elif isinstance(node, Add) and sum(not isinstance(graph.by_name[i], Const) for i in node.inputs) == 1:
        name = "multiply_shift"
    elif isinstance(node, Step) and name == "thresholds":
        constants["LEVELS"] = threshold_levels(graph, node)
    return [(trip, CATALOGUE[name].latency(constants))]


def _windowed(graph: Graph, node: Linear | MaxPool, layer: LayerPlan) -> list[tuple[int, int]]:
    g = geometry(graph, node)
    blocked = block(graph, node, layer.samples) if layer.parallel else None
    loops = []
    if g.windowed:
        loops.append(_block_loop(g, blocked) if blocked else _window_loop(g, g.window_lanes(layer.simd)))
    constants = {"SIMD": layer.simd, "PE": layer.simd, "CHANNELS": g.channels, "KH": g.kernel[0], "KW": g.kernel[1]}
    if layer.packing:
        constants |= {"PACKED": layer.packing.shift, "CHAIN": layer.packing.chain}
    if g.depthwise:
        trip = g.positions // layer.samples if blocked else g.positions * g.fan_in // layer.simd
    else:
        trip = g.positions // layer.samples * (g.outputs // layer.pe) * (g.fan_in // layer.simd)
    return [*loops, (trip, IMPLEMENTATIONS[layer.implementation].latency(constants))]


def _window_loop(g: Geometry, lanes: int) -> tuple[int, int]:
    constants = {"H": g.height, "W": g.width, "CHANNELS": g.channels, "LANES": lanes, **_steps(g)}
    return sliding_window_trip(constants), CATALOGUE["sliding_window"].latency(constants)


def _block_loop(g: Geometry, b: Block) -> tuple[int, int]:
    sides = dict(zip(("TOP", "BOTTOM", "LEFT", "RIGHT"), b.border, strict=True))
    constants = {"H": b.height, "W": b.width, "SAMPLES": b.samples, **sides, **_steps(g)}
    return parallel_window_trip(constants), CATALOGUE["parallel_window"].latency(constants)


def _steps(g: Geometry) -> dict[str, int]:
    (kh, kw), (sh, sw), (dh, dw) = g.kernel, g.strides, g.dilations
    return {"KH": kh, "KW": kw, "SH": sh, "SW": sw, "DH": dh, "DW": dw}
