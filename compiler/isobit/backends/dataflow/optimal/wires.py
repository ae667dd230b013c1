"""LUTs of the FIFOs around a layer, before there is a design: one for every bit of a word.

A FIFO of up to 32 words is a LUT for each bit, and most are: what a pipeline has under way, and a few words of slack
(:mod:`isobit.backends.dataflow.fifo`). How wide the words are is known of every point: those it reads, those of its
window, those that a window is joined to, and those it writes. Deeper FIFOs, behind forks, hardly depend on foldings.
"""

from __future__ import annotations

from isobit.backends.dataflow.geometry import geometry
from isobit.backends.dataflow.layer import LayerPlan
from isobit.backends.dataflow.planner.blocks import block
from isobit.backends.dataflow.planner.foldings import accumulator_bits
from isobit.backends.dataflow.planner.points import Point
from isobit.ir import Graph, Node
from isobit.ir.ops import Linear, MaxPool


def fifo_luts(graph: Graph, point: Point) -> int:
    """A LUT for every bit of the words around the layers of ``point``."""
    return sum(sum(word_bits(graph, graph.by_name[name], layer)) for name, layer in point.layers if layer.cycles)


def word_bits(graph: Graph, node: Node, layer: LayerPlan) -> tuple[int, ...]:
    """Bits of the words of every stream that a node under ``layer`` reads, has inside or writes."""
    x, y = graph.types[node.inputs[0]], graph.types[node.name]
    lanes_in, lanes_out = layer.lanes
    if not isinstance(node, Linear | MaxPool):
        return lanes_in * x.bits, lanes_out * y.bits
    g = geometry(graph, node)
    bits_out = accumulator_bits(graph, node) if isinstance(node, Linear) else y.bits
    blocks = block(graph, node, layer.samples) if layer.parallel else None
    if blocks:
        word = layer.samples * g.strides[1] * g.channels * x.bits
        window = g.kernel[0] * blocks.columns * g.channels * x.bits if g.windowed else 0
        return word, window, layer.samples * y.channels * bits_out
    if g.windowed:
        lanes = g.window_lanes(layer.simd)
        joined = layer.simd * x.bits if layer.simd != lanes else 0
        return lanes * x.bits, lanes * x.bits, joined, layer.pe * bits_out
    return layer.simd * x.bits, layer.pe * bits_out
