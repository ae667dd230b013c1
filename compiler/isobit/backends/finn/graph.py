"""The integer graph in FINN's own dialect: integer MatMul behind Im2Col, MultiThreshold, all channels last.

This is what FINN's streamlining makes of a network where it can; written so, nothing is left to streamline, no scale is
left to round, and residual joins need no hand-written steps. FINN carries integers in float32: every value must be
below 2**24. Images are ``(1, rows, columns, channels)``, sequences have one column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from isobit.backends.finn.moves import repeats, reshapes, ungrouped, weights_in_order
from isobit.backends.finn.refusals import refuse
from isobit.backends.finn.thresholds import parts
from isobit.ir import Graph, Node, ops
from isobit.ir.types import IntArray, ValueType
from isobit.numerics import bit_width

QONNX = "qonnx.custom_op.general"
OPSET, IR_VERSION = 13, 8
UPSAMPLE = 9
"""The last opset with Upsample: FINN has a layer for Resize too, but looks for it only where there is an Upsample."""


@dataclass
class FinnGraph:
    """The file while it is written; ``made_of`` names the nodes of ``graph`` behind every node of FINN's, in order."""

    graph: Graph
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initializers: list[onnx.TensorProto] = field(default_factory=list)
    values: list[onnx.ValueInfoProto] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    sparse: dict[str, tuple[int, int]] = field(default_factory=dict)
    made_of: list[tuple[str, str]] = field(default_factory=list)

    def op(self, kind: str, inputs: list[str], node: Node, output: str, value: ValueType, **attributes: Any) -> str:
        """An operator that makes ``output``, which holds ``value``."""
        domain = QONNX if kind in ("Im2Col", "MultiThreshold", "MaxPoolNHWC") else ""
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
        self.made_of.append((kind, node.name))
        self.declare(output, shape_of(value), datatype(*value.bounds))
        return output

    def declare(self, name: str, shape: tuple[int, ...], kind: str) -> None:
        """The shape and the integer type of a tensor."""
        self.values.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        self.notes[name] = kind

    def const(self, name: str, value: IntArray, kind: str = "") -> str:
        """An initializer of integers."""
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name))
        self.notes[name] = kind or datatype(int(value.min()), int(value.max()))
        return name


@dataclass(frozen=True)
class Made:
    """An operator of the file, or a ``Fork``, the node that FINN puts behind a value of several readers.

    ``name`` is the node of ``graph`` that it is of. ``level`` and ``earlier`` count the nodes before it on the longest
    way from the input, in FINN's last graph and in the file: FINN sorts its nodes by these.
    """

    kind: str
    name: str
    level: int
    earlier: int


def finn_model(graph: Graph) -> tuple[onnx.ModelProto, list[Made]]:
    """The file, and what FINN will make nodes of, in the file's order, forks last.

    Raises:
        IsobitError: E504, naming the first node that FINN cannot have exactly, and why.
    """
    made = FinnGraph(graph)
    refuse(graph)
    for node in graph.nodes:
        if isinstance(node, ops.Input):
            made.declare(node.name, shape_of(graph.types[node.name]), datatype(*graph.types[node.name].bounds))
        elif not isinstance(node, ops.Const | ops.Output):
            _OPERATORS[type(node)](made, node)
    (entry,), outputs = graph.inputs, [last.inputs[0] for last in graph.outputs]
    infos = {info.name: info for info in made.values}
    inner = [info for name, info in infos.items() if name not in (entry.name, *outputs)]
    ends = [infos[name] for name in outputs]
    made_graph = helper.make_graph(made.nodes, "isobit", [infos[entry.name]], ends, made.initializers, value_info=inner)
    made_graph.quantization_annotation.extend(_annotations(made))
    opset = UPSAMPLE if any(node.op_type == "Upsample" for node in made.nodes) else OPSET
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(QONNX, 1)]
    return helper.make_model(made_graph, opset_imports=opsets, ir_version=IR_VERSION), _ordered(made, entry.name)


def _ordered(made: FinnGraph, entry: str) -> list[Made]:
    """What FINN will make nodes of, with their places."""
    reads = Counter(name for node in made.nodes for name in node.input)
    reads.update(last.inputs[0] for last in made.graph.outputs)
    found, forks = list[Made](), list[Made]()
    ready = dict[str, tuple[int, int]]()

    def produced(name: str, level: int, earlier: int) -> None:
        if reads[name] > 1:
            forks.append(Made("Fork", name, level, earlier))
            level += 1
        ready[name] = (level, earlier)

    produced(entry, 0, 0)
    for proto, (kind, name) in zip(made.nodes, made.made_of, strict=True):
        levels, earlier = zip(*(ready[operand] for operand in proto.input if operand in ready), strict=True)
        found.append(Made(kind, name, max(levels), max(earlier)))
        produced(proto.output[-1], max(levels) + _count(made.graph, kind, name), max(earlier) + 1)
    return found + forks


def _count(graph: Graph, kind: str, name: str) -> int:
    """How many nodes FINN makes of an operator, one behind the other."""
    if kind == "Im2Col":
        return 1 + isinstance(graph.by_name[graph.by_name[name].inputs[0]], ops.Pad)
    return {"MaxPoolNHWC": 2, "Reshape": 0}.get(kind, 1)


def shape_of(value: ValueType) -> tuple[int, ...]:
    """FINN's shape of a value: a batch of one, two spatial axes or none."""
    return (1, value.shape[0], 1, value.shape[1]) if len(value.shape) == 2 else (1, *value.shape)


def datatype(lo: int, hi: int) -> str:
    """The name of QONNX's narrowest integer type of ``[lo, hi]``."""
    return f"{'INT' if lo < 0 else 'UINT'}{max(bit_width(lo, hi), 1)}"


def _annotations(made: FinnGraph) -> list[onnx.TensorAnnotation]:
    found = []
    (entry,) = made.graph.inputs
    for name, kind in made.notes.items():
        entries = [onnx.StringStringEntryProto(key="finn_datatype", value=kind)]
        if name in made.sparse:
            kernel = list(made.sparse[name])
            entries.append(
                onnx.StringStringEntryProto(key="tensor_sparsity", value=str({"dw": {"kernel_shape": kernel}}))
            )
        if name == entry.name:
            layout = ["N", "H", "W", "C"] if len(shape_of(made.graph.types[name])) == 4 else ["N", "C"]
            entries.append(onnx.StringStringEntryProto(key="tensor_layout", value=str(layout)))
        found.append(onnx.TensorAnnotation(tensor_name=name, quant_parameter_tensor_names=entries))
    return found


def _linear(made: FinnGraph, node: ops.Linear) -> None:
    """A MatMul; behind windows where there is a kernel. A depthwise layer keeps FINN's own marks of one."""
    graph = made.graph
    weights = graph.by_name[node.inputs[1]]
    assert isinstance(weights, ops.Const)
    source = graph.by_name[node.inputs[0]]
    border: tuple[int, ...] = (0, 0, 0, 0)
    if isinstance(source, ops.Pad):
        before, after = ((*node_pads, 0)[:2] for node_pads in (source.before, source.after))
        border = (*before, *after)
        source = graph.by_name[source.inputs[0]]
    x, kind, value = source.name, graph.types[source.name], graph.types[node.name]
    kernel = (*weights.value.shape[1:-1], 1)[:2] if node.strides else (1, 1)
    strides, dilations = ((*v, 1)[:2] if v else (1, 1) for v in (node.strides, node.dilations))
    depthwise = node.groups == kind.channels == value.channels > 1 and prod(kernel) > 1
    if kernel != (1, 1) or strides != (1, 1) or any(border):
        columns = ValueType.of((*value.shape[:-1], prod(kernel) * kind.channels), *_with_zero(kind, any(border)))
        x = made.op(
            "Im2Col", [x], node, node.name + "_windows", columns, stride=list(strides), kernel_size=list(kernel),
            pad_amount=list(border), input_shape=str(shape_of(kind)), depthwise=int(depthwise),
            dilations=list(dilations),
        )  # fmt: skip
    matrix = ungrouped(weights.value, node.groups).reshape(value.channels, -1).T
    name = made.const(node.name + "_weights", weights_in_order(graph, source.name, matrix))
    if depthwise:
        made.sparse[name] = (kernel[0], kernel[1])
    made.op("MatMul", [x, name], node, node.name, value)


def _with_zero(kind: ValueType, border: bool) -> tuple[int, int]:
    lo, hi = kind.bounds
    return (min(lo, 0), max(hi, 0)) if border else (lo, hi)


def _add(made: FinnGraph, node: ops.Add) -> None:
    """A chain of Add and Mul by constants; constant operands are one constant."""
    graph, value = made.graph, made.graph.types[node.name]
    pairs = list(zip(node.inputs, node.coefficients, strict=True))
    constants = [_aligned(f * c.value, value) for name, f in pairs if isinstance(c := graph.by_name[name], ops.Const)]
    constant = sum(constants, np.zeros(1, np.int64))
    streams = [(name, f) for name, f in pairs if not isinstance(graph.by_name[name], ops.Const)]
    parts = len(streams) - 1 + bool(constant.any())
    terms = [_term(made, node, i, name, f, alone=not parts) for i, (name, f) in enumerate(streams)]
    total, lo, hi = terms[0]
    for i, (name, least, most) in enumerate(terms[1:], 1):
        lo, hi = lo + least, hi + most
        partial = value if i == parts else ValueType.of(value.shape, lo, hi)
        total = made.op("Add", [total, name], node, node.name if i == parts else f"{node.name}_sum{i}", partial)
    if constant.any():
        made.op("Add", [total, made.const(node.name + "_bias", constant)], node, node.name, value)


def _aligned(constant: IntArray, value: ValueType) -> IntArray:
    """A constant beside FINN's shape of a value: one entry per channel as it is, else an axis for each of them."""
    if constant.ndim < 2:
        return constant
    wide = constant.reshape(*[1] * (len(value.shape) - constant.ndim), *constant.shape)
    return wide.reshape(1, wide.shape[0], 1, wide.shape[1]) if wide.ndim == 2 else wide[np.newaxis]


def _term(
    made: FinnGraph, node: ops.Add, position: int, name: str, factors: IntArray, alone: bool
) -> tuple[str, int, int]:
    """An operand times its coefficient, and its bounds; it is the sum where it stands ``alone``."""
    kind = made.graph.types[name]
    ends = [int(f) * int(v) for f in factors for v in kind.bounds]
    if alone or (factors != 1).any():
        output = node.name if alone else f"{node.name}_term{position}"
        factor = made.const(f"{node.name}_factor{position}", factors)
        name = made.op("Mul", [name, factor], node, output, ValueType.of(kind.shape, min(ends), max(ends)))
    return name, min(ends), max(ends)


def _step(made: FinnGraph, node: ops.Step) -> None:
    """One MultiThreshold, or the sum of several."""
    x, value = made.graph.types[node.inputs[0]], made.graph.types[node.name]
    found = list(parts(node, x, value))
    kind, layout = datatype(min(x.bounds[0], 0), x.bounds[1] + 1), "NHWC" if len(shape_of(value)) == 4 else "NC"
    total, lo, hi = "", 0, 0
    for i, part in enumerate(found):
        lo, hi = lo + part.least, hi + part.most
        own = node.name if len(found) == 1 else f"{node.name}_part{i}"
        thresholds = made.const(own + "_thresholds", part.thresholds, kind)
        made.op(
            "MultiThreshold", [node.inputs[0], thresholds], node, own, ValueType.of(value.shape, part.least, part.most),
            out_dtype=datatype(part.least, part.most), out_bias=float(part.least), out_scale=1.0, data_layout=layout,
        )  # fmt: skip
        if i:
            last = i == len(found) - 1
            partial = value if last else ValueType.of(value.shape, lo, hi)
            own = made.op("Add", [total, own], node, node.name if last else f"{node.name}_sum{i}", partial)
        total = own


def _maxpool(made: FinnGraph, node: ops.MaxPool) -> None:
    kernel, strides = ((*v, 1)[:2] for v in (node.kernel, node.strides))
    value = made.graph.types[node.name]
    sizes = {"kernel_shape": list(kernel), "strides": list(strides), "pads": [0, 0, 0, 0]}
    made.op("MaxPoolNHWC", list(node.inputs), node, node.name, value, **sizes)


def _reindex(made: FinnGraph, node: ops.Reindex) -> None:
    x, value = made.graph.types[node.inputs[0]], made.graph.types[node.name]
    if reshapes(made.graph, node):
        target = node.name + "_shape"
        made.initializers.append(numpy_helper.from_array(np.array([1, *shape_of(value)[1:]], np.int64), target))
        made.op("Reshape", [node.inputs[0], target], node, node.name, value)
        return
    scales = np.array([1, *(*repeats(node, x), 1)[:2], 1], np.float32)
    made.initializers.append(numpy_helper.from_array(scales, node.name + "_scales"))
    made.op("Upsample", [node.inputs[0], node.name + "_scales"], node, node.name, value, mode="nearest")


def _concat(made: FinnGraph, node: ops.Concat) -> None:
    made.op("Concat", list(node.inputs), node, node.name, made.graph.types[node.name], axis=-1)


def _select(made: FinnGraph, node: ops.Select) -> None:
    """FINN has the indices alone."""
    made.initializers.append(numpy_helper.from_array(np.array([node.k], np.int64), node.name + "_k"))
    outputs, kind = [node.name + "_values", node.name], made.graph.types[node.name]
    made.nodes.append(helper.make_node("TopK", [node.inputs[0], node.name + "_k"], outputs, name=node.name, axis=-1))
    made.made_of.append(("TopK", node.name))
    made.declare(outputs[0], shape_of(kind), datatype(*made.graph.types[node.inputs[0]].bounds))
    made.values.append(helper.make_tensor_value_info(node.name, TensorProto.INT64, shape_of(kind)))
    made.notes[node.name] = datatype(*kind.bounds)


_OPERATORS: Mapping[type[Node], Callable[[FinnGraph, Any], None]] = {
    ops.Linear: _linear,
    ops.Add: _add,
    ops.Step: _step,
    ops.MaxPool: _maxpool,
    ops.Pad: lambda made, node: None,
    ops.Concat: _concat,
    ops.Reindex: _reindex,
    ops.Select: _select,
}
