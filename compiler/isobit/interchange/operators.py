"""Every operation as plain ONNX operators on int64 tensors ``(batch, *shape)``, exact on every processor.

No ``MatMulInteger`` or ``ConvInteger``: on processors without VNNI ONNX Runtime saturates their sums of pairs at 16
bits (and they take 8-bit operands only). A convolution is a Gather of windows and a MatMul, a maximum pool a Gather and
a ReduceMax, both in int64, for which ONNX Runtime has kernels and no rewriting. There is no division of negative
numbers: :mod:`isobit.interchange.staircases`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from isobit.interchange.border import narrowest
from isobit.interchange.staircases import NEVER, Counted, staircases
from isobit.ir import Graph, Node, ops
from isobit.ir.ranges import window_counts
from isobit.ir.types import IntArray

MOST_COMPARED = 15
"""Cuts of a channel that are compared one by one; more are searched by halving."""


class Writer:
    """Grows an ONNX graph; inner tensors are called ``prefix + value``, with ``/part`` behind what lies on the way."""

    def __init__(self, graph: Graph, prefix: str) -> None:
        self.graph, self.prefix = graph, prefix
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}
        self.constants: set[str] = set()
        """Values that no input reaches: their batch is 1."""
        self.batch = ""
        """A tensor that holds the batch size, as a vector of one."""

    def op(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """One operator, called after its only output."""
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def const(self, name: str, value: Any, dtype: str = "int64") -> str:
        """An initializer."""
        self.initializers[name] = numpy_helper.from_array(np.ascontiguousarray(np.asarray(value, dtype)), name)
        return name

    def reshape(self, x: str, shape: tuple[int, ...], output: str) -> str:
        """Another shape for every sample."""
        return self.op("Reshape", [x, self.const(output + ".shape", [0, *shape])], output)

    def node(self, node: Node) -> None:
        """The operators of one node of the graph, but inputs and outputs."""
        if not isinstance(node, ops.Const) and all(name in self.constants for name in node.inputs):
            self.constants.add(node.name)
        _OPERATORS[type(node)](self, node, [self.prefix + name for name in node.inputs], self.prefix + node.name)

    def full(self, name: str, x: str, output: str) -> str:
        """``x``, the tensor of value ``name``, with the batch of the inputs where it has none of its own."""
        if name not in self.constants:
            return x
        shape = self.const(output + ".sample", self.graph.types[name].shape)
        target = self.op("Concat", [self.batch, shape], output + ".shape", axis=0)
        return self.op("Expand", [x, target], output)


def _const(w: Writer, node: ops.Const, inputs: list[str], out: str) -> None:
    """Small in the file: the narrowest type, widened when it is read."""
    w.constants.add(node.name)
    dtype = narrowest(int(node.value.min()), int(node.value.max()))
    stored = w.const(out + ".values", node.value[np.newaxis], dtype)
    w.op("Cast", [stored], out, to=TensorProto.INT64)


def _linear(w: Writer, node: ops.Linear, inputs: list[str], out: str) -> None:
    """Windows ``(batch, groups, positions, taps * in)`` times weights ``(groups, taps * in, out)``."""
    (x, weights), x_kind, w_kind = inputs, w.graph.types[node.inputs[0]], w.graph.types[node.inputs[1]]
    out_channels, *kernel, fan_in = w_kind.shape
    groups, per_group, depth = node.groups, out_channels // node.groups, prod(w_kind.shape[1:])
    shape = w.graph.types[node.name].shape
    positions = prod(shape[:-1])
    if kernel:
        x = windows(w, x, x_kind.shape, tuple(kernel), node.strides, node.dilations, out)
    if groups == 1:
        x = w.reshape(x, (positions, depth), out + "/rows")
        matrix = w.reshape(weights, (out_channels, depth), out + "/matrix")
        matrix = w.op("Transpose", [matrix], out + "/turned", perm=[0, 2, 1])
        w.reshape(w.op("MatMul", [x, matrix], out + "/sums"), shape, out)
        return
    x = w.reshape(x, (positions, prod(kernel), groups, fan_in), out + "/groups")
    x = w.op("Transpose", [x], out + "/by_group", perm=[0, 3, 1, 2, 4])
    x = w.reshape(x, (groups, positions, depth), out + "/rows")
    matrix = w.reshape(weights, (groups, per_group, depth), out + "/matrix")
    matrix = w.op("Transpose", [matrix], out + "/turned", perm=[0, 1, 3, 2])
    sums = w.op("Transpose", [w.op("MatMul", [x, matrix], out + "/sums")], out + "/by_position", perm=[0, 2, 1, 3])
    w.reshape(sums, shape, out)


def windows(
    w: Writer, x: str, shape: tuple[int, ...], kernel: tuple[int, ...], strides: tuple[int, ...],
    dilations: tuple[int, ...], out: str,
) -> str:  # fmt: skip
    """Every window of ``x``, ``(batch, positions, taps, channels)``."""
    index = window_positions(shape[:-1], kernel, strides, dilations)
    x = w.reshape(x, (prod(shape[:-1]), shape[-1]), out + "/pixels")
    return w.op("Gather", [x, w.const(out + ".windows", index, "int32")], out + "/windows", axis=1)


def window_positions(
    size: tuple[int, ...], kernel: tuple[int, ...], strides: tuple[int, ...], dilations: tuple[int, ...]
) -> IntArray:
    """For every window and tap the flat position of its pixel, ``(positions, taps)``, both row by row."""
    counts = window_counts(size, kernel, strides, dilations)
    flat: IntArray = np.zeros((1, 1), np.int64)
    for n, count, k, s, d in zip(size, counts, kernel, strides, dilations, strict=True):
        along = np.arange(count)[:, np.newaxis] * s + np.arange(k) * d
        flat = (flat[:, np.newaxis, :, np.newaxis] * n + along[np.newaxis, :, np.newaxis, :]).reshape(
            flat.shape[0] * count, flat.shape[1] * k
        )
    return flat


def _add(w: Writer, node: ops.Add, inputs: list[str], out: str) -> None:
    """The sum of the operands times their coefficients."""
    rank = max(len(w.graph.types[name].shape) for name in node.inputs)
    terms = []
    for i, (name, x, factors) in enumerate(zip(node.inputs, inputs, node.coefficients, strict=True)):
        shape = w.graph.types[name].shape
        short = rank - len(shape)
        term = w.reshape(x, (*[1] * short, *shape), f"{out}/operand{i}") if short else x
        if (factors != 1).any():
            term = w.op("Mul", [term, w.const(f"{out}.coefficients{i}", factors)], f"{out}/term{i}")
        terms.append(term)
    total = terms[0]
    for i, term in enumerate(terms[1:], 1):
        total = w.op("Add", [total, term], out if i == len(terms) - 1 else f"{out}/sum{i}")
    if len(terms) == 1:
        w.op("Identity", [total], out)


def _product(w: Writer, node: ops.Product, inputs: list[str], out: str) -> None:
    """A factor per channel has as many axes as the map."""
    w.op("Mul", inputs, out)


def _step(w: Writer, node: ops.Step, inputs: list[str], out: str) -> None:
    """Multiply, add, divide by a power of two, clamp; or count cuts."""
    (x,), form = inputs, staircases(node, w.graph.types[node.inputs[0]])
    if isinstance(form, Counted):
        (_compared if form.cuts.shape[1] <= MOST_COMPARED else _searched)(w, form, x, out)
        return
    if (form.m != 1).any():
        x = w.op("Mul", [x, w.const(out + ".m", form.m)], out + "/product")
    x = w.op("Add", [x, w.const(out + ".c", form.c)], out + "/sum")
    if form.k.any():
        x = w.op("Div", [x, w.const(out + ".power", np.int64(1) << form.k)], out + "/shifted")
    x = w.op("Max", [x, w.const(out + ".lo", form.lo + form.base)], out + "/raised")
    last = out + "/clamped" if form.base.any() else out
    x = w.op("Min", [x, w.const(out + ".hi", form.hi + form.base)], last)
    if form.base.any():
        w.op("Sub", [x, w.const(out + ".base", form.base)], out)


def _compared(w: Writer, form: Counted, x: str, out: str) -> None:
    """Every cut of the channel against the value."""
    last = w.const(out + ".axis", [-1])
    x = w.op("Unsqueeze", [x, last], out + "/column")
    passed = w.op("GreaterOrEqual", [x, w.const(out + ".cuts", form.cuts)], out + "/passed")
    passed = w.op("Cast", [passed], out + "/ones", to=TensorProto.INT64)
    count = w.op("ReduceSum", [passed, last], out + "/count", keepdims=0)
    w.op("Add", [count, w.const(out + ".start", form.start)], out)


def _searched(w: Writer, form: Counted, x: str, out: str) -> None:
    """The number of cuts passed, bit by bit from the highest: the cut ``2**bit`` further on is passed, or is not."""
    bits = int(form.cuts.shape[1]).bit_length()
    padded = np.full((len(form.cuts), (1 << bits) - 1), NEVER, np.int64)
    padded[:, : form.cuts.shape[1]] = form.cuts
    table = w.const(out + ".cuts", padded.reshape(-1))
    place = w.const(out + ".row", np.arange(len(padded)) * padded.shape[1] - 1)
    for bit in reversed(range(bits)):
        part = f"{out}/bit{bit}"
        ahead = w.op("Add", [place, w.const(f"{out}.bit{bit}", [1 << bit])], part + "/place")
        cut = w.op("Gather", [table, ahead], part + "/cut")
        passed = w.op("Cast", [w.op("GreaterOrEqual", [x, cut], part + "/passed")], part + "/one", to=TensorProto.INT64)
        place = w.op("Add", [place, w.op("Mul", [passed, f"{out}.bit{bit}"], part + "/taken")], part)
    w.op("Add", [place, w.const(out + ".start", form.start - np.arange(len(padded)) * padded.shape[1] + 1)], out)


def _table(w: Writer, node: ops.Table, inputs: list[str], out: str) -> None:
    """Rows one behind the other; the value's distance from the row's first entry is added to where the row begins."""
    rows, width = node.values.shape
    index = w.op("Add", [inputs[0], w.const(out + ".row", np.arange(rows) * width - node.lo)], out + "/index")
    w.op("Gather", [w.const(out + ".values", node.values.reshape(-1)), index], out)


def _maxpool(w: Writer, node: ops.MaxPool, inputs: list[str], out: str) -> None:
    """The greatest tap of every window."""
    kind = w.graph.types[node.inputs[0]]
    taps = windows(w, inputs[0], kind.shape, node.kernel, node.strides, node.dilations, out)
    greatest = w.op("ReduceMax", [taps], out + "/greatest", axes=[2], keepdims=0)
    w.reshape(greatest, w.graph.types[node.name].shape, out)


def _pad(w: Writer, node: ops.Pad, inputs: list[str], out: str) -> None:
    """The constant around the spatial axes."""
    widths = w.const(out + ".widths", [0, *node.before, 0, 0, *node.after, 0])
    w.op("Pad", [inputs[0], widths, w.const(out + ".value", node.value)], out)


def _concat(w: Writer, node: ops.Concat, inputs: list[str], out: str) -> None:
    """The operands one behind the other."""
    if node.name not in w.constants:
        pairs = enumerate(zip(node.inputs, inputs, strict=True))
        inputs = [w.full(name, x, f"{out}/operand{i}") for i, (name, x) in pairs]
    w.op("Concat", inputs, out, axis=node.axis + 1)


def _reindex(w: Writer, node: ops.Reindex, inputs: list[str], out: str) -> None:
    """A Reshape where the order stays, else a Gather from the flat value."""
    size = w.graph.types[node.inputs[0]].size
    if node.index.size == size and np.array_equal(node.index.reshape(-1), np.arange(size)):
        w.reshape(inputs[0], node.index.shape, out)
        return
    flat = w.reshape(inputs[0], (size,), out + "/flat")
    w.op("Gather", [flat, w.const(out + ".index", node.index, "int32")], out, axis=1)


def _select(w: Writer, node: ops.Select, inputs: list[str], out: str) -> None:
    """TopK takes the lower index where values are equal."""
    amount = w.const(out + ".k", [node.k])
    w.nodes.append(helper.make_node("TopK", [inputs[0], amount], [out + "/values", out], name=out, axis=-1))


_OPERATORS: Mapping[type[Node], Callable[[Writer, Any, list[str], str], None]] = {
    ops.Const: _const,
    ops.Linear: _linear,
    ops.Add: _add,
    ops.Product: _product,
    ops.Step: _step,
    ops.Table: _table,
    ops.MaxPool: _maxpool,
    ops.Pad: _pad,
    ops.Concat: _concat,
    ops.Reindex: _reindex,
    ops.Select: _select,
}
