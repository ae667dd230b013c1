"""ONNX's operators on quantised tensors (QOperator form), written as the standard ones between (De)QuantizeLinear.

``QLinearConv`` and its like take integers with their scales and give integers. Their meaning is that of the operator on
the real values: what ONNX Runtime's kernels compute in float32 or fixed point is that, but for ties. Convolutions and
products are written on plain integers, ``(q - zero_point)``, with the scales behind them, so that an int32 bias, whose
scale is a product of two, stays exact. Sources: the ONNX operator pages and ONNX Runtime's contrib operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

import numpy as np
import onnx
from onnx import helper, numpy_helper

from isobit.errors import IsobitError
from isobit.frontend.onnx.model import LINEAR_QUANTISERS
from isobit.frontend.onnx.proto import node_place

_MICROSOFT = "com.microsoft"
_PART = " from part "
MOST_CHANNELS = 1 << 16
"""So many zero points a tensor may have: the file's word for it is not checked yet."""


def expand_qoperators(graph: onnx.GraphProto) -> None:
    """Replace every QOperator of ``graph`` by standard nodes; what they add is named after the operator's output.

    Raises:
        IsobitError: E102 when inputs are missing, E202 for an arrangement without a standard form.
    """
    for node in graph.node:
        if node.domain == _MICROSOFT and node.op_type in LINEAR_QUANTISERS:
            node.domain = ""  # the same function, there for 4 and 16 bits below opset 21
    if not any((node.domain, node.op_type) in _EXPANSIONS for node in graph.node):
        return
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        expansion = _EXPANSIONS.get((node.domain, node.op_type))
        if expansion is None:
            graph.node.append(node)
            continue
        least, write = expansion
        if len(node.input) < least or len(node.output) != 1:
            raise IsobitError("E102", f"{node.op_type} needs {least} inputs and 1 output", where=node_place(node))
        write(_Writer(graph, node, shapes))


def is_part(tensor: str) -> bool:
    """Was this tensor made inside a QOperator that was written out?"""
    return _PART in tensor


class _Writer:
    """Appends the standard nodes for one operator."""

    def __init__(self, graph: onnx.GraphProto, node: onnx.NodeProto, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.graph, self.node, self.shapes = graph, node, shapes
        self.inputs = list(node.input)
        self.attrs = {a.name: a for a in node.attribute}
        self.made = 0

    def name(self) -> str:
        """A name for the next tensor."""
        self.made += 1
        return f"{self.node.output[0]}{_PART}{self.made}"

    def op(self, kind: str, *inputs: str, **attrs: int) -> str:
        """A standard node; returns its output."""
        name = self.name()
        self.graph.node.append(helper.make_node(kind, inputs, [name], name=f"{self.node.name} {name}", **attrs))  # type: ignore[arg-type]
        return name

    def the_op(self, kind: str, *inputs: str) -> str:
        """The standard node that stands for the operator: it has its attributes, whatever these are called."""
        name = self.op(kind, *inputs)
        self.graph.node[-1].attribute.extend(self.attrs.values())
        return name

    def constant(self, value: object, dtype: type[np.generic] = np.float32) -> str:
        """A new initializer."""
        name = self.name()
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def shape(self, index: int) -> tuple[int, ...]:
        """The shape of an input that must be an initializer."""
        if self.inputs[index] not in self.shapes:
            raise self.refusal(f"input {index} is no constant of the file")
        return self.shapes[self.inputs[index]]

    def reals(self, index: int) -> str:
        """The real values of the tensor at ``index``, whose scale and zero point follow it."""
        return self.op("DequantizeLinear", *(name for name in self.inputs[index : index + 3] if name))

    def integers(self, index: int, along: int = 0, zero_at: int | None = None) -> str:
        """``q - zero_point`` of the tensor at ``index``; several zero points lie along the axis ``along``.

        The zero point is two inputs behind, or at ``zero_at``, where it may be absent.
        """
        position = index + 2 if zero_at is None else zero_at
        zero = self.inputs[position] if position < len(self.inputs) else ""
        if not zero:
            return self.op("DequantizeLinear", self.inputs[index], self.constant(1))
        shape = self.shapes.get(zero, ())
        if len(shape) > 1 or prod(shape) > MOST_CHANNELS:
            raise self.refusal(f"zero points of shape {list(shape)}")
        axis = {"axis": along} if shape not in ((), (1,)) else {}
        return self.op("DequantizeLinear", self.inputs[index], self.constant(np.ones(shape)), zero, **axis)

    def quantised(self, real: str, index: int) -> None:
        """The operator's output: ``real`` quantised with the scale at ``index`` and the zero point that follows."""
        if len(self.inputs) <= index + 1 or not self.inputs[index + 1]:
            raise self.refusal("the output has no zero point, which tells its type")
        made = [real, *self.inputs[index : index + 2]]
        self.graph.node.append(helper.make_node("QuantizeLinear", made, list(self.node.output), name=self.node.name))

    def number(self, name: str, usual: int) -> float:
        """An attribute's number, ``usual`` without it; the attribute is dropped."""
        attribute = self.attrs.pop(name, None)
        if attribute is None:
            return usual
        return float(attribute.f) if attribute.type == onnx.AttributeProto.FLOAT else int(attribute.i)

    def without(self, name: str, usual: int = 0) -> None:
        """Drop an attribute that must have its usual value."""
        if self.number(name, usual) != usual:
            raise self.refusal(f"attribute {name}")

    def refusal(self, what: str) -> IsobitError:
        """What cannot be written in standard operators."""
        return IsobitError("E202", f"{self.node.op_type}: {what}", where=node_place(self.node))


def _conv(w: _Writer) -> None:
    bias = [w.op("DequantizeLinear", w.inputs[8], w.constant(1))] if len(w.inputs) > 8 and w.inputs[8] else []
    total = w.the_op("Conv", w.integers(0), w.integers(3), *bias)
    scale = w.inputs[4]
    if w.shapes.get(scale, ()) not in ((), (1,)):
        rank = len(w.shape(3))
        scale = w.op("Reshape", scale, w.constant([1, -1, *[1] * (rank - 2)], np.int64))
    w.quantised(w.op("Mul", w.op("Mul", total, w.inputs[1]), scale), 6)


def _integer(kind: str) -> Callable[[_Writer], None]:
    """A product of integers, an int32; zero points of weights lie along the outputs."""

    def write(w: _Writer) -> None:
        along = -1 if kind == "MatMul" else 0
        total = w.the_op(kind, w.integers(0, -2, zero_at=2), w.integers(1, along, zero_at=3))
        cast = helper.make_node("Cast", [total], list(w.node.output), name=w.node.name, to=onnx.TensorProto.INT32)
        w.graph.node.append(cast)

    return write


def _matmul(w: _Writer) -> None:
    total = w.op("MatMul", w.integers(0), w.integers(3, 1))
    w.quantised(w.op("Mul", w.op("Mul", total, w.inputs[1]), w.inputs[4]), 6)


def _gemm(w: _Writer) -> None:
    w.without("alpha", 1)
    bias = [w.op("DequantizeLinear", w.inputs[6], w.constant(1))] if len(w.inputs) > 6 and w.inputs[6] else []
    columns = 0 if "transB" in w.attrs and w.attrs["transB"].i else 1
    total = w.the_op("Gemm", w.integers(0), w.integers(3, columns), *bias)
    w.quantised(w.op("Mul", w.op("Mul", total, w.inputs[1]), w.inputs[4]), 7)


def _pool(kind: str) -> Callable[[_Writer], None]:
    def write(w: _Writer) -> None:
        w.without("channels_last")
        w.quantised(w.the_op(kind, w.reals(0)), 3)

    return write


def _unary(kind: str) -> Callable[[_Writer], None]:
    return lambda w: w.quantised(w.the_op(kind, w.reals(0)), 3)


def _binary(kind: str) -> Callable[[_Writer], None]:
    return lambda w: w.quantised(w.op(kind, w.reals(0), w.reals(3)), 6)


def _softmax(w: _Writer) -> None:
    if w.number("opset", 13) < 13:
        raise w.refusal("a Softmax of an opset before 13")
    w.quantised(w.the_op("Softmax", w.reals(0)), 3)


def _concat(w: _Writer) -> None:
    if (len(w.inputs) - 2) % 3:
        raise w.refusal(f"{len(w.inputs)} inputs")
    parts = [w.reals(index) for index in range(2, len(w.inputs), 3)]
    w.quantised(w.the_op("Concat", *parts), 0)


_EXPANSIONS: Mapping[tuple[str, str], tuple[int, Callable[[_Writer], None]]] = {
    ("", "ConvInteger"): (2, _integer("Conv")),
    ("", "MatMulInteger"): (2, _integer("MatMul")),
    ("", "QLinearConv"): (8, _conv),
    ("", "QLinearMatMul"): (8, _matmul),
    (_MICROSOFT, "QGemm"): (6, _gemm),
    (_MICROSOFT, "QLinearAdd"): (7, _binary("Add")),
    (_MICROSOFT, "QLinearAveragePool"): (4, _pool("AveragePool")),
    (_MICROSOFT, "QLinearConcat"): (5, _concat),
    (_MICROSOFT, "QLinearGlobalAveragePool"): (4, _pool("GlobalAveragePool")),
    (_MICROSOFT, "QLinearLeakyRelu"): (4, _unary("LeakyRelu")),
    (_MICROSOFT, "QLinearMul"): (7, _binary("Mul")),
    (_MICROSOFT, "QLinearSigmoid"): (4, _unary("Sigmoid")),
    (_MICROSOFT, "QLinearSoftmax"): (4, _softmax),
}
"""By domain and operator: how many inputs must be there, and what writes the standard nodes."""
