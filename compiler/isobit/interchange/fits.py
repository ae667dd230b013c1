"""What a graph must be to be written as a file: no value and no partial result needs more than 64 bits."""

from __future__ import annotations

from isobit.errors import IsobitError, printable
from isobit.interchange.staircases import MOST
from isobit.ir import Graph, Node, accumulator_interval
from isobit.ir.ops import Add, Const, Linear


def refuse_wide(graph: Graph) -> None:
    """Every value, and every partial sum on the way to it, must fit 64 bits.

    Raises:
        IsobitError: E615, naming the first node.
    """
    for node in graph.nodes:
        most = max(largest_partial(graph, node), *(abs(v) for v in graph.types[node.name].bounds))
        if most > MOST:
            what = f"a value of {most.bit_length() + 1} bits, of at most 63"
            raise IsobitError("E615", what, where=printable(node.name), hint="narrow the layers before it")


def largest_partial(graph: Graph, node: Node) -> int:
    """The largest magnitude of a partial result, in whatever order a sum is taken; 0 where there is none."""
    kinds = [graph.types[name] for name in node.inputs]
    if isinstance(node, Linear):
        weights = graph.by_name[node.inputs[1]]
        if isinstance(weights, Const):
            low, high = accumulator_interval(node, kinds[0], weights)
            return max(-int(low.min()), int(high.max()))
        ends = [max(abs(v) for v in kind.bounds) for kind in kinds]
        return ends[0] * ends[1] * (kinds[1].size // kinds[1].shape[0])
    if isinstance(node, Add):
        return sum(
            max(abs(int(v)) for v in c) * max(abs(v) for v in kind.bounds)
            for c, kind in zip(node.coefficients, kinds, strict=True)
        )
    return 0
