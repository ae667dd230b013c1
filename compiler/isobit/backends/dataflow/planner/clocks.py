"""Clocks per frame of the loops that a node becomes: their iterations.

A process is one loop, ``trip`` iterations, one a clock, and the next frame follows without a gap: the slowest process
of a design is its interval. The trips of windows are those of the templates' schedules, so that the planner's clocks
are those of the design; what lies between two layers (a fork, a width converter) moves no more words than either of
them, so no layer is slowed down by it.
"""

from __future__ import annotations

from isobit.backends.dataflow.geometry import Geometry, border, box, geometry, upsampling
from isobit.backends.dataflow.latencies import parallel_window_trip, sliding_window_trip
from isobit.backends.dataflow.layer import LayerPlan
from isobit.backends.dataflow.planner.blocks import Block, block
from isobit.backends.dataflow.rows import words_of
from isobit.ir import Graph, Node
from isobit.ir.ops import Linear, MaxPool, Pad, Reindex, Select


def clocks_of(graph: Graph, node: Node, layer: LayerPlan) -> int:
    """Clocks per frame of the slowest loop that ``node`` becomes under ``layer``; 0 where it becomes none."""
    return _windowed(graph, node, layer) if isinstance(node, Linear | MaxPool) else _single(graph, node, layer)


def _single(graph: Graph, node: Node, layer: LayerPlan) -> int:
    x, y = graph.types[node.inputs[0]], graph.types[node.name]
    if layer.implementation == "in_window":
        return 0
    if isinstance(node, Pad):
        border(graph, node)  # refuses three axes
    lanes_in, lanes_out = layer.lanes
    if isinstance(node, Select):
        return (
            words_of(x, layer.samples) * (1 if node.k == 1 else x.channels)
            if layer.samples > 1
            else (x.size // lanes_in if node.k == 1 else x.size)
        )
    if isinstance(node, Reindex) and not upsampling(graph, node):
        return x.size // lanes_in if box(graph, node) else (x.size + y.size) // layer.pe
    return words_of(y, layer.samples) if layer.samples > 1 else y.size // lanes_out


def _windowed(graph: Graph, node: Linear | MaxPool, layer: LayerPlan) -> int:
    g = geometry(graph, node)
    blocked = block(graph, node, layer.samples) if layer.parallel else None
    window = 0
    if g.windowed:
        window = _block_loop(g, blocked) if blocked else _window_loop(g, g.window_lanes(layer.simd))
    words = words_of(graph.types[node.name], layer.samples)
    if g.depthwise:
        trip = words if blocked else g.positions * g.fan_in // layer.simd
    else:
        trip = words * (g.outputs // layer.pe) * (g.fan_in // layer.simd)
    return max(window, trip)


def _window_loop(g: Geometry, lanes: int) -> int:
    size = {"IMAGES": g.images, "H": g.height, "W": g.width, "CHANNELS": g.channels, "LANES": lanes}
    return sliding_window_trip({**size, **_steps(g)})


def _block_loop(g: Geometry, b: Block) -> int:
    if b.ahead:
        return b.words
    sides = dict(zip(("TOP", "BOTTOM", "LEFT", "RIGHT"), b.border, strict=True))
    return parallel_window_trip({"H": b.height, "W": b.width, "SAMPLES": b.samples, **sides, **_steps(g)})


def _steps(g: Geometry) -> dict[str, int]:
    (kh, kw), (sh, sw), (dh, dw) = g.kernel, g.strides, g.dilations
    return {"KH": kh, "KW": kw, "SH": sh, "SW": sw, "DH": dh, "DW": dw}
