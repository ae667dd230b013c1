"""Energy of the memory words that a folding reads for a frame: it ranks foldings and gives no watts of an FPGA.

Every folding multiplies and adds the same integers; what differs is how often weights and inputs are read again. A
matrix unit reads ``PE * SIMD`` weights and ``SIMD`` inputs a clock, so more samples per clock read each weight less
often and a larger PE each input. A bit read costs what one costs from an SRAM of 8 kbytes in 45 nm: 10 pJ for 64 bits
(Horowitz, ISSCC 2014, figure 1.1.9).
"""

from __future__ import annotations

from isobit.backends.dataflow.geometry import geometry
from isobit.backends.dataflow.planner.points import Point
from isobit.ir import Graph
from isobit.ir.ops import Linear

FEMTOJOULES_PER_BIT = 10_000 / 64


def memory_energy(graph: Graph, point: Point) -> int:
    """Femtojoules of the weights and inputs that the linear nodes of ``point`` read for a frame."""
    bits = 0
    for name, layer in point.layers:
        node = graph.by_name[name]
        if not isinstance(node, Linear):
            continue
        lanes = layer.simd // layer.pe if geometry(graph, node).depthwise else layer.simd
        weights = layer.pe * lanes * graph.types[node.inputs[1]].bits
        inputs = layer.simd * layer.samples * graph.types[node.inputs[0]].bits
        bits += layer.cycles * (weights + inputs)
    return round(bits * FEMTOJOULES_PER_BIT)
