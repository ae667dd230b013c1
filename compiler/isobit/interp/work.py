"""How much work a graph is, for those who decide how many samples of it they can afford."""

from __future__ import annotations

import numpy as np

from isobit.ir import Graph
from isobit.ir.ops import Linear


def multiply_accumulates(graph: Graph) -> int:
    """Multiply-accumulate operations per sample."""
    return sum(macs_of(graph, n) for n in graph.nodes if isinstance(n, Linear))


def macs_of(graph: Graph, node: Linear) -> int:
    """Multiply-accumulate operations of one layer per sample."""
    return graph.types[node.name].size * int(np.prod(graph.types[node.inputs[1]].shape[1:]))
