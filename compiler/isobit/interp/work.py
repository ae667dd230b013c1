"""How much work a graph is, for those who decide how many samples of it they can afford."""

from __future__ import annotations

import numpy as np

from isobit.ir import Graph
from isobit.ir.ops import Linear


def multiply_accumulates(graph: Graph) -> int:
    """Multiply-accumulate operations per sample."""
    linears = [n for n in graph.nodes if isinstance(n, Linear)]
    return sum(graph.types[n.name].size * int(np.prod(graph.types[n.inputs[1]].shape[1:])) for n in linears)
