"""Networks on endless lines: which outputs of a frame are those of a longer line, by how far each one looks.

A network of sliding computations along one axis makes of a line the same, place by place, however long it is, but for
the borders at its two ends. So a line goes through the accelerator in overlapping frames: of each frame those outputs
are kept that look at nothing beyond its ends, or whose end is the line's own.
"""

from __future__ import annotations

from dataclasses import dataclass

from isobit.ir import Graph, Node
from isobit.ir.ops import Add, Concat, Const, Input, Linear, MaxPool, Output, Pad, Product, Reindex, Select, Step, Table


@dataclass(frozen=True)
class Reach:
    """Position p of a map looks at the samples ``p * stride - left`` to ``p * stride + right`` of the line."""

    stride: int
    left: int
    right: int


def line_reach(graph: Graph) -> Reach | None:
    """The reach of a network's only output, where it may take a line in frames; else None.

    One input and one output with a position per ``stride`` samples, and between them only what works along the line:
    windows, borders, what goes position by position.
    """
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        return None
    found: dict[str, Reach | None] = {}
    for node in graph.nodes:
        kind, inputs = graph.types[node.name], [i for i in node.inputs if not isinstance(graph.by_name[i], Const)]
        on_line = isinstance(node, Const) or len(kind.shape) == 2
        known = [found[i] for i in inputs]
        found[node.name] = None
        if on_line and None not in known:
            found[node.name] = _of(node, [r for r in known if r is not None], graph)
    reach = found[graph.outputs[0].name]
    samples, made = (graph.types[n.name].shape[0] for n in (graph.inputs[0], graph.outputs[0]))
    return reach if reach is not None and made * reach.stride == samples else None


def _of(node: Node, inputs: list[Reach], graph: Graph) -> Reach | None:
    if isinstance(node, Input):
        return Reach(1, 0, 0)
    if not inputs or len({r.stride for r in inputs}) != 1:
        return None
    x = Reach(inputs[0].stride, max(r.left for r in inputs), max(r.right for r in inputs))
    if isinstance(node, Pad):
        shift = node.before[0] * x.stride
        return Reach(x.stride, x.left + shift, x.right - shift)
    if isinstance(node, Linear | MaxPool):
        return _windows(node, x, graph)
    if isinstance(node, Step | Table | Select | Output):
        return x
    same = len({graph.types[i].shape[0] for i in (*node.inputs, node.name)}) == 1
    position_wise = isinstance(node, Add | Product) or (isinstance(node, Concat) and node.axis == 1)
    kept = isinstance(node, Reindex) and node.index.shape == graph.types[node.inputs[0]].shape and _in_order(node)
    return x if (position_wise and same) or kept else None


def _windows(node: Linear | MaxPool, x: Reach, graph: Graph) -> Reach | None:
    if isinstance(node, MaxPool):
        kernel = node.kernel
    else:
        weights = graph.by_name[node.inputs[1]]
        if not isinstance(weights, Const):
            return None
        kernel = weights.value.shape[1:-1]
    if not kernel:
        return x
    return Reach(x.stride * node.strides[0], x.left, x.right + (kernel[0] - 1) * node.dilations[0] * x.stride)


def _in_order(node: Reindex) -> bool:
    flat = node.index.reshape(-1)
    return bool((flat[1:] == flat[:-1] + 1).all() and flat[0] == 0)
