"""Clocks per frame of the loops that a node becomes: iterations, the pipeline's depth, and the pause between frames.

A process is one loop: ``trip`` iterations, one a clock, then its pipeline drains (``latency`` clocks) and the next
frame starts ``RESTART`` clocks later. The slowest process of a design is its interval. The schedules of the templates
(:mod:`isobit.backends.dataflow.schedules`) take latencies and the trips of windows from here, so that the planner's
clocks are those of the design; what lies between two layers (a fork, a width converter) moves no more words than either
of them and has no deeper a pipeline, so no layer is slowed down by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from isobit.ir import Graph, Node
from isobit.ir.ops import Add, Const, Linear, MaxPool, Pad, Reindex, Select, Step
from isobit.plan.blocks import Block, block
from isobit.plan.geometry import Geometry, border, box, geometry, upsampling
from isobit.plan.plan import LayerPlan
from isobit.plan.steps import threshold_levels

Constants = Mapping[str, int]

RESTART = 2
"""Clocks between a frame's last write and the next frame's first iteration."""
PORT_LATENCY = 3
PORT_OVERHEAD = PORT_LATENCY + RESTART
"""Clocks of a port beyond one for each word of a frame."""


def depth_of_tree(count: int) -> int:
    """Depth of a tree over ``count`` terms."""
    return (count - 1).bit_length()


def _pixels(c: Constants) -> int:
    return max(c["PE"] // c["CHANNELS"], 1)


LATENCY: Mapping[str, Callable[[Constants], int]] = {
    "add": lambda c: 6,
    "argmax": lambda c: 3 + depth_of_tree(min(c["LANES"], c["FRAME"])),
    "concat": lambda c: 3,
    "dense": lambda c: 6 + depth_of_tree(c["SIMD"]),
    "depthwise": lambda c: 6 + depth_of_tree(_pixels(c)),
    "fork": lambda c: 2,
    "fork_flag": lambda c: 1,
    "lookup": lambda c: 4,
    "max_pool": lambda c: 3 + depth_of_tree(_pixels(c)),
    "multiply_shift": lambda c: 9,
    "pad": lambda c: 3,
    "parallel_concat": lambda c: 3,
    "parallel_dense": lambda c: 6 + depth_of_tree(c["SIMD"]),
    "parallel_depthwise": lambda c: 6 + depth_of_tree(c["KH"] * c["KW"]),
    "parallel_max_pool": lambda c: 3 + depth_of_tree(c["KH"] * c["KW"]),
    "parallel_window": lambda c: 4,
    "read_frame": lambda c: PORT_LATENCY,
    "read_further_frame": lambda c: PORT_LATENCY,
    "reorder": lambda c: 5,
    "round_shift": lambda c: 10,
    "slice": lambda c: 3,
    "sliding_window": lambda c: 4,
    "thresholds": lambda c: 4 + depth_of_tree(c["LEVELS"] + 1),
    "top_k": lambda c: 4,
    "upsample": lambda c: 3,
    "width_converter": lambda c: 3,
    "write_frame": lambda c: PORT_LATENCY,
}
"""Clocks from an iteration's start to its write, by template: estimates, generous on purpose (only synthesis knows)."""


def sliding_window_trip(c: Constants) -> int:
    """Iterations of a frame of ``sliding_window``: the fill, a row of windows at a time, and what no window uses."""
    folds, taps = c["CHANNELS"] // c["LANES"], c["KH"] * c["KW"]
    span_h, span_w = (c["KH"] - 1) * c["DH"] + 1, (c["KW"] - 1) * c["DW"] + 1
    out_h, out_w = (c["H"] - span_h) // c["SH"] + 1, (c["W"] - span_w) // c["SW"] + 1
    span = (span_h - 1) * c["W"] + span_w
    emit_row = (out_w - 1) * max(taps, c["SW"]) + taps
    unused = c["H"] * c["W"] - (out_h - 1) * c["SH"] * c["W"] - (out_w - 1) * c["SW"] - span
    last_row = max(emit_row + max(unused - window_ahead(c), 0), (out_w - 1) * c["SW"] + unused)
    return (span + (out_h - 1) * max(emit_row, c["SH"] * c["W"]) + last_row) * folds


def window_ahead(c: Constants) -> int:
    """Pixels beyond a window's own that its line buffer may take in while the window leaves."""
    taps = c["KH"] * c["KW"]
    out_h = (c["H"] - (c["KH"] - 1) * c["DH"] - 1) // c["SH"] + 1
    out_w = (c["W"] - (c["KW"] - 1) * c["DW"] - 1) // c["SW"] + 1
    next_row = c["SH"] * c["W"] - (out_w - 1) * c["SW"]
    advance = max(c["SW"] if out_w > 1 else 0, next_row if out_h > 1 else 0)
    return min(advance, (out_w - 1) * max(taps - c["SW"], 0) + taps)


def parallel_window_trip(c: Constants) -> int:
    """Iterations of a frame of ``parallel_window``: a word each, and on to the last block."""
    step = c["SAMPLES"] * c["SW"]
    span_h, span_w = (c["KH"] - 1) * c["DH"] + 1, (c["KW"] - 1) * c["DW"] + 1
    out_h = (c["TOP"] + c["H"] + c["BOTTOM"] - span_h) // c["SH"] + 1
    out_w = (c["LEFT"] + c["W"] + c["RIGHT"] - span_w) // c["SW"] + 1
    words, lag = c["W"] // step, ((c["SAMPLES"] - 1) * c["SW"] + span_w - 1 - c["LEFT"]) // step
    first = (span_h - 1 - c["TOP"]) * words + lag
    return max(c["H"] * words, first + (out_h - 1) * c["SH"] * words + out_w // c["SAMPLES"])


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
    return [(trip, LATENCY[name](constants))]


def _windowed(graph: Graph, node: Linear | MaxPool, layer: LayerPlan) -> list[tuple[int, int]]:
    g = geometry(graph, node)
    blocked = block(graph, node, layer.samples) if layer.parallel else None
    loops = []
    if g.windowed:
        loops.append(_block_loop(g, blocked) if blocked else _window_loop(g, g.window_lanes(layer.simd)))
    constants = {"SIMD": layer.simd, "PE": layer.simd, "CHANNELS": g.channels, "KH": g.kernel[0], "KW": g.kernel[1]}
    template = layer.implementation.replace("convolution", "dense")
    if g.depthwise:
        trip = g.positions // layer.samples if blocked else g.positions * g.fan_in // layer.simd
    else:
        trip = g.positions // layer.samples * (g.outputs // layer.pe) * (g.fan_in // layer.simd)
    return [*loops, (trip, LATENCY[template](constants))]


def _window_loop(g: Geometry, lanes: int) -> tuple[int, int]:
    constants = {"H": g.height, "W": g.width, "CHANNELS": g.channels, "LANES": lanes, **_steps(g)}
    return sliding_window_trip(constants), LATENCY["sliding_window"](constants)


def _block_loop(g: Geometry, b: Block) -> tuple[int, int]:
    sides = dict(zip(("TOP", "BOTTOM", "LEFT", "RIGHT"), b.border, strict=True))
    constants = {"H": b.height, "W": b.width, "SAMPLES": b.samples, **sides, **_steps(g)}
    return parallel_window_trip(constants), LATENCY["parallel_window"](constants)


def _steps(g: Geometry) -> dict[str, int]:
    (kh, kw), (sh, sw), (dh, dw) = g.kernel, g.strides, g.dilations
    return {"KH": kh, "KW": kw, "SH": sh, "SW": sw, "DH": dh, "DW": dw}
