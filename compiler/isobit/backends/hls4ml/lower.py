"""From the integer graph to hls4ml's layers: its own where it has the operation, isobit's where it has not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from isobit.backends.hls4ml.adders import planned_body
from isobit.backends.hls4ml.design import ACCELERATOR, Body, Design, IoType, Layer, Tool
from isobit.backends.hls4ml.moves import broadcast_index, pad_index, reorder_body, select_body, sum_body
from isobit.backends.hls4ml.plan import DISTRIBUTED, LayerPlan
from isobit.backends.hls4ml.steps import step_body, table_body
from isobit.backends.hls4ml.streams import copy_of, refuse_unread, relayed
from isobit.backends.hls4ml.windows import Kind, linear, max_pool, pad_attributes, pool_body, window_index
from isobit.backends.ports import CONTAINERS, IntType, Port
from isobit.errors import IsobitError
from isobit.ir import Graph, Node
from isobit.ir.ops import (
    Add,
    Concat,
    Const,
    Input,
    Linear,
    MaxPool,
    Output,
    Pad,
    Product,
    Reindex,
    Select,
    Step,
    Table,
)
from isobit.ir.types import IntArray

MOST_AXES = 3


def lower(graph: Graph, io_type: IoType, plan: Mapping[str, LayerPlan], tool: Tool = "Vitis") -> Design:
    """The layers of the graph; ``plan`` says by node how those are built that take hardware of their own.

    ``tool`` is the back end of hls4ml's that will write the project.

    Raises:
        IsobitError: E504, naming the layer, for what neither hls4ml's kernels nor isobit's layers can express.
    """
    if tool == ACCELERATOR and len(graph.inputs) + len(graph.outputs) > 2:
        text = f"{tool} has one input and one output, the network {len(graph.inputs)} and {len(graph.outputs)}"
        raise IsobitError("E504", text, where=graph.outputs[-1].name, hint='backend = "Vitis"')
    made = _Lowering(graph, io_type, plan)
    for node in graph.nodes:
        if not isinstance(node, Const | Output):
            made.add(node)
    outputs = tuple(made.output(node) for node in graph.outputs)
    layers = made.layers
    if io_type == "io_stream":
        refuse_unread(layers, outputs)
        layers = relayed(layers, outputs)
    settings = {layer.name: (plan[layer.node].strategy, plan[layer.node].reuse) for layer in layers if layer.multiplies}
    return Design(io_type, tuple(layers), outputs, ports_of(graph), settings, tool)


def ports_of(graph: Graph) -> tuple[Port, ...]:
    """A port for every input and output, one element a word."""
    ports = []
    nodes: tuple[Input | Output, ...] = (*graph.inputs, *graph.outputs)
    for node in nodes:
        kind, is_input = graph.types[node.name], isinstance(node, Input)
        elem = IntType.of(*kind.bounds)
        if elem.bits > CONTAINERS[-1]:
            raise IsobitError("E504", f"ports carry at most {CONTAINERS[-1]} bits", where=node.name)
        bits = next(c for c in CONTAINERS if c >= elem.bits)
        name = ("in_" if is_input else "out_") + node.name
        ports.append(Port(name, node.name, node.outside, is_input, kind.size, 1, elem, bits))
    return tuple(ports)


class _Lowering:
    """The layers made so far, and the name of the layer that makes each value."""

    def __init__(self, graph: Graph, io_type: IoType, plan: Mapping[str, LayerPlan]) -> None:
        self.graph, self.io_type, self.plan, self.layers = graph, io_type, plan, list[Layer]()
        self.names: dict[str, str] = {}
        self._taken: set[str] = set()

    def add(self, node: Node) -> None:
        """Append what makes the node's value."""
        shape = self.graph.types[node.name].shape
        if len(shape) > MOST_AXES:
            raise IsobitError("E504", f"hls4ml's tensors have at most {MOST_AXES} axes", where=node.name)
        _MAKERS[type(node)](self, node)

    def output(self, node: Output) -> str:
        """The layer that is an output of the model; a copy where hls4ml could not tell it from another."""
        name = self.read(node)
        layer = next(made for made in self.layers if made.name == name)
        if layer.kind in ("Input", "Reshape") or name in self._taken:
            copy = copy_of(layer, f"n{len(self.layers)}_copy")
            self.layers.append(copy)
            name = copy.name
        self._taken.add(name)
        return name

    def own(self, kind: str, node: Node, inputs: tuple[str, ...], body: Body) -> None:
        """One of isobit's layers."""
        value = self.graph.types[node.name]
        self._append(kind, node.name, inputs, value.shape, IntType.of(*value.bounds), body=body)

    def theirs(self, node: Node, inputs: tuple[str, ...], kind: Kind) -> None:
        """One of hls4ml's layers."""
        value = self.graph.types[node.name]
        name, attributes, types = kind
        self._append(
            name, node.name, inputs, value.shape, IntType.of(*value.bounds), attributes, types,
            multiplies=isinstance(node, Linear),
        )  # fmt: skip

    def read(self, node: Node, operand: int = 0) -> str:
        """The name of the layer that makes an operand.

        Raises:
            IsobitError: E504 for a constant, which no layer makes.
        """
        value = node.inputs[operand]
        if value not in self.names:
            raise IsobitError("E504", f"hls4ml has no layer that makes the constant {value}", where=node.name)
        return self.names[value]

    def moved(self, source: str, index: IntArray, size: int, out: IntType) -> str:
        """A reordering on the way to a node."""
        return self._append("IsobitReorder", "", (source,), index.shape, out, body=reorder_body(index, size))

    def _append(self, kind: str, node: str, inputs: tuple[str, ...], shape: tuple[int, ...], out: IntType,
                attributes: Mapping[str, Any] | None = None, types: Mapping[str, IntType] | None = None,
                body: Body | None = None, multiplies: bool = False) -> str:  # fmt: skip
        name = f"n{len(self.layers)}_{node or 'move'}"
        layer = Layer(name, kind, node, inputs, shape, out, attributes or {}, types or {}, body, multiplies)
        self.layers.append(layer)
        if node:
            self.names[node] = name
        return name


def _input(made: _Lowering, node: Input) -> None:
    made.theirs(node, (), ("Input", {"input_shape": list(node.shape)}, {}))


def _linear(made: _Lowering, node: Linear) -> None:
    graph, source = made.graph, made.read(node)
    if made.plan[node.name].strategy == DISTRIBUTED:
        x = graph.types[node.inputs[0]]
        if len(x.shape) > 1 and made.io_type == "io_parallel":
            source = made.moved(source, window_index(graph, node), x.size, IntType.of(*x.bounds))
        body = planned_body(graph, node, made.plan[node.name].adders, made.io_type)
        made.own("IsobitAdders", node, (source,), body)
        return
    weights = graph.types[node.inputs[1]].shape
    x = graph.types[node.inputs[0]]
    if made.io_type == "io_stream" and len(weights) == 4 and weights[1] == 1 and node.strides[0] > 1:
        # with kernels of one row hls4ml's stream leaves the vertical stride out: the rows are chosen before
        rows = np.arange(x.size).reshape(x.shape)[:: node.strides[0]][: graph.types[node.name].shape[0]]
        name, attributes, types = linear(graph, node, made.io_type)
        attributes |= {"in_height": len(rows), "stride_height": 1}
        source = made.moved(source, rows, x.size, IntType.of(*x.bounds))
        made.theirs(node, (source,), (name, attributes, types))
        return
    made.theirs(node, (source,), linear(graph, node, made.io_type))


def _step(made: _Lowering, node: Step) -> None:
    implementation = made.plan[node.name].implementation
    made.own("IsobitStep", node, (made.read(node),), step_body(made.graph, node, implementation))


def _table(made: _Lowering, node: Table) -> None:
    made.own("IsobitTable", node, (made.read(node),), table_body(made.graph, node))


def _max_pool(made: _Lowering, node: MaxPool) -> None:
    theirs = max_pool(made.graph, node, made.io_type)
    if theirs is not None:
        made.theirs(node, (made.read(node),), theirs)
    else:
        made.own("IsobitMaxPool", node, (made.read(node),), pool_body(made.graph, node))


def _pad(made: _Lowering, node: Pad) -> None:
    x, y = made.graph.types[node.inputs[0]], made.graph.types[node.name]
    same = IntType.of(*x.bounds) == IntType.of(*y.bounds)  # hls4ml's zeros have the type of what they surround
    if node.value == 0 and same and 1 <= len(node.before) <= 2:
        made.theirs(node, (made.read(node),), pad_attributes(x.shape, y.shape, node.before, node.after))
    else:
        body = reorder_body(pad_index(node, x.shape), x.size, node.value)
        made.own("IsobitReorder", node, (made.read(node),), body)


def _reindex(made: _Lowering, node: Reindex) -> None:
    graph, x = made.graph, made.graph.types[node.inputs[0]]
    readers = graph.consumers[node.name]
    flat = node.index.ndim == 1 and np.array_equal(node.index, np.arange(x.size))
    if flat and all(isinstance(reader, Linear) for reader in readers):
        made.theirs(node, (made.read(node),), ("Reshape", {"target_shape": list(node.index.shape)}, {}))
    else:
        made.own("IsobitReorder", node, (made.read(node),), reorder_body(node.index, x.size))


def _concat(made: _Lowering, node: Concat) -> None:
    graph = made.graph
    name, kind = made.read(node), graph.types[node.inputs[0]]
    shape, (lo, hi) = list(kind.shape), kind.bounds
    for position, value in enumerate(node.inputs[1:], start=1):
        other, last = graph.types[value], position == len(node.inputs) - 1
        shape[node.axis] += other.shape[node.axis]
        lo, hi = min(lo, other.bounds[0]), max(hi, other.bounds[1])
        # hls4ml counts the batch axis
        attributes = {"axis": node.axis + 1, "op": f"concatenate{len(shape)}d"}
        name = made._append(
            "Concatenate", node.name if last else "", (name, made.read(node, position)), tuple(shape),
            IntType.of(lo, hi), attributes,
        )  # fmt: skip


def _add(made: _Lowering, node: Add) -> None:
    """A chain of sums of two; the constants join the last."""
    graph, kind = made.graph, made.graph.types[node.name]
    bias, terms = np.zeros(1, dtype=object), list[tuple[str, IntArray, tuple[int, int]]]()
    for position, (value, coefficients) in enumerate(zip(node.inputs, node.coefficients, strict=True)):
        constant = graph.by_name[value]
        if isinstance(constant, Const):
            if constant.value.size not in (1, kind.channels):
                raise IsobitError("E504", "no layer adds a constant that varies by position", where=node.name)
            bias = bias + constant.value.reshape(-1).astype(object) * coefficients.astype(object)
        else:
            terms.append((_as_wide(made, node, position), coefficients.astype(object), graph.types[value].bounds))
    if not terms:
        raise IsobitError("E504", "hls4ml has no layer that makes a constant", where=node.name)
    if len(terms) == 2 and not bias.any() and all((c == 1).all() for _, c, _ in terms):
        made.theirs(node, (terms[0][0], terms[1][0]), ("Merge", {"op": "add"}, {}))
        return
    name, coefficients, interval = terms[0]
    for other, more, span in terms[1:-1]:
        ends = [sorted(int(k) * v for k in c for v in s) for c, s in ((coefficients, interval), (more, span))]
        both = (ends[0][0] + ends[1][0], ends[0][-1] + ends[1][-1])
        out = IntType.of(*both)
        body = sum_body((coefficients, more), np.zeros(1, dtype=object), (interval, span), kind.size, out)
        name = made._append("IsobitSum", "", (name, other), kind.shape, out, body=body)
        coefficients, interval = np.ones(1, dtype=object), both
    last = terms[1:][-1:]
    body = sum_body(
        (coefficients, *(c for _, c, _ in last)), bias, (interval, *(s for *_, s in last)), kind.size,
        IntType.of(*kind.bounds),
    )  # fmt: skip
    made.own("IsobitSum", node, (name, *(n for n, *_ in last)), body)


def _product(made: _Lowering, node: Product) -> None:
    made.theirs(node, (made.read(node), _as_wide(made, node, 1)), ("Merge", {"op": "multiply"}, {}))


def _as_wide(made: _Lowering, node: Node, operand: int) -> str:
    """The operand in the node's own shape."""
    x, wanted = made.graph.types[node.inputs[operand]], made.graph.types[node.name].shape
    if x.shape == wanted:
        return made.read(node, operand)
    index = broadcast_index(x.shape, wanted)
    return made.moved(made.read(node, operand), index, x.size, IntType.of(*x.bounds))


def _select(made: _Lowering, node: Select) -> None:
    body = select_body(node, made.graph.types[node.inputs[0]])
    made.own("IsobitSelect", node, (made.read(node),), body)


_MAKERS: Mapping[type[Node], Callable[[_Lowering, Any], None]] = {
    Input: _input, Linear: _linear, Step: _step, Table: _table, MaxPool: _max_pool, Pad: _pad, Reindex: _reindex,
    Concat: _concat, Add: _add, Product: _product, Select: _select,
}  # fmt: skip
