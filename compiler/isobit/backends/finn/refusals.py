"""What FINN cannot have exactly, node by node, each with its reason."""

from __future__ import annotations

from collections import Counter

from isobit.backends.finn.moves import repeats, reshapes
from isobit.backends.finn.thresholds import LEVELS, MOST_PARTS, part_types
from isobit.errors import IsobitError, printable
from isobit.interchange.fits import largest_partial
from isobit.ir import Graph, Node, ops

MOST = 1 << 24
"""float32 holds every integer up to here."""


def refuse(graph: Graph) -> None:
    """Raise E504 for the first node that FINN cannot have exactly."""
    if len(graph.inputs) != 1:
        raise _no("the graph", f"{len(graph.inputs)} inputs, FINN's flow takes one")
    for node in graph.nodes:
        value = graph.types[node.name]
        if max(map(abs, value.bounds)) >= MOST:
            raise _no(node.name, f"integers of {value.bits} bits: FINN carries them in float32, which holds 24")
        if (most := largest_partial(graph, node)) >= MOST:
            raise _no(node.name, f"partial sums up to {most:,}: FINN adds in float32, which holds 24 bits")
        if why := _why_not(graph, node):
            raise _no(node.name, why)
    for name, count in Counter(last.inputs[0] for last in graph.outputs).items():
        if count > 1 or name == graph.inputs[0].name:
            raise _no(name, "an output that is the input, or another output too")


def _why_not(graph: Graph, node: Node) -> str:
    """Why FINN has no exact form of a node, "" where it has one."""
    kinds = [graph.types[name] for name in node.inputs]
    if why := _operands(graph, node):
        return why
    if isinstance(node, ops.Table | ops.Product):
        return f"a {node.op} is no staircase of one value, and FINN has thresholds alone"
    if isinstance(node, ops.Linear) and not isinstance(graph.by_name[node.inputs[1]], ops.Const):
        return "weights that come at run time"
    if isinstance(node, ops.Linear) and len(graph.types[node.inputs[1]].shape) > 4:
        return "a kernel of three axes"
    if isinstance(node, ops.Step) and len(part_types(*graph.types[node.name].bounds)) > MOST_PARTS:
        levels = graph.types[node.name].bounds[1] - min(graph.types[node.name].bounds[0], 0)
        most = MOST_PARTS * LEVELS
        return f"a requantizer of {levels:,} levels would need as many thresholds a channel; {most:,} are affordable"
    if isinstance(node, ops.MaxPool) and set(node.dilations) != {1}:
        return "a maximum pool with gaps"
    if isinstance(node, ops.Pad) and (node.value or not _feeds_windows(graph, node)):
        return "a border that is not the zeros around a convolution"
    if isinstance(node, ops.Concat) and node.axis != len(kinds[0].shape) - 1:
        return "a concatenation along another axis than the channels"
    if isinstance(node, ops.Reindex) and not (reshapes(graph, node) or repeats(node, kinds[0])):
        return "elements in another order"
    if isinstance(node, ops.Select) and any(isinstance(n, ops.Reindex) and not reshapes(graph, n) for n in graph.nodes):
        return "the greatest of a network with upsampling: of that FINN takes opset 9, whose TopK it does not know"
    if not isinstance(node, ops.Const) and len(graph.types[node.name].shape) > 3:
        return "three spatial axes"
    return ""


def _operands(graph: Graph, node: Node) -> str:
    """Why a node may not read what it reads: FINN's streams are none of constants, and have as many axes as a sum."""
    read = node.inputs[:1] if isinstance(node, ops.Linear) else node.inputs
    streams = [name for name in read if not isinstance(graph.by_name[name], ops.Const)]
    axes = len(graph.types[node.name].shape)
    if isinstance(node, ops.Add) and any(1 < len(graph.types[name].shape) < axes for name in streams):
        return "a sum of values of different numbers of axes"
    if read and (not streams or (len(streams) < len(read) and not isinstance(node, ops.Add))):
        return "a constant in place of a stream"
    return ""


def _no(where: str, why: str) -> IsobitError:
    return IsobitError("E504", why, where=printable(where), hint="use --backend dataflow, which builds it")


def _feeds_windows(graph: Graph, node: ops.Pad) -> bool:
    readers = graph.consumers[node.name]
    return bool(readers) and all(isinstance(r, ops.Linear) and r.strides for r in readers)
