"""Operators on quantised tensors (``QLinearConv`` and its like) in exact arithmetic, on their real values.

Every tensor ``q`` comes with its scale and zero point and means ``(q - zero_point) * scale``. The operator is applied
to these reals, and the result is quantised, ``saturate(round(y / scale) + zero_point)``, halves to even. Written from
the ONNX operator pages (QLinearConv, QLinearMatMul) and those of ONNX Runtime's contrib operators (the others); an
int32 bias has the scale of the product that it is added to. The compiler writes these operators out in another form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.check.source.exact import quant as quantisers
from isobit.check.source.exact import tensor as exact
from isobit.check.source.exact.call import Call
from isobit.check.source.exact.file import MICROSOFT, FileNode
from isobit.check.source.exact.ops import OPERATORS
from isobit.check.source.exact.shapes import output_shapes
from isobit.check.source.exact.tensor import ExactTensor, from_floats
from isobit.errors import IsobitError

Raw = NDArray[Any]
Given = list[Any]
Shape = tuple[int, ...]


def is_qoperator(node: FileNode) -> bool:
    """Whether the node is one of :data:`QOPERATORS`."""
    return (node.domain, node.op) in QOPERATORS


def run_qoperator(node: FileNode, given: Given, shapes: tuple[Shape, ...]) -> ExactTensor:
    """The integers that the operator makes; ``shapes`` are its outputs' where they are known.

    Raises:
        IsobitError: E202, E204, E206 for parameters that the evaluator cannot take.
    """
    return QOPERATORS[node.domain, node.op](_Operands(node, given, shapes))


class _Operands:
    """The inputs of one execution, by the positions that the operator pages give them."""

    def __init__(self, node: FileNode, given: Given, shapes: tuple[Shape, ...]) -> None:
        self.node, self.given, self.shapes = node, given, shapes

    def parameter(self, index: int) -> Raw:
        """A scale or zero point: a constant."""
        value = self.given[index] if index < len(self.given) else None
        if not isinstance(value, np.ndarray):
            raise IsobitError("E206", f"input {index} is no constant")
        return value

    def present(self, index: int) -> bool:
        return index < len(self.given) and self.given[index] is not None

    def exact(self, index: int) -> ExactTensor:
        value = self.given[index]
        return value if isinstance(value, ExactTensor) else from_floats(value)

    def scale(self, index: int, shape: Shape = ()) -> ExactTensor:
        """A scale; one per channel is laid out as ``shape`` (with one -1)."""
        value = self.parameter(index)
        if not (np.isfinite(value).all() and (value > 0).all()):
            raise IsobitError("E204", "a scale is not a positive finite number")
        return from_floats(_laid(value, shape))

    def real(self, index: int, shape: Shape = ()) -> ExactTensor:
        """``(q - zero_point) * scale`` of the tensor at ``index``; its parameters follow it."""
        data = self.exact(index)
        if self.present(index + 2):
            data = exact.subtract(data, from_floats(_laid(self.parameter(index + 2), shape)))
        return exact.multiply(data, self.scale(index + 1, shape))

    def offset(self, index: int, zero: int, shape: Shape) -> ExactTensor:
        """``q - zero_point`` of the tensor at ``index``, whose zero point at ``zero`` may be absent."""
        data = self.exact(index)
        return exact.subtract(data, from_floats(_laid(self.parameter(zero), shape))) if self.present(zero) else data

    @staticmethod
    def within_int32(total: ExactTensor) -> ExactTensor:
        """Sums that an int32 holds, else E202: it would wrap around."""
        if (np.abs(total.num) >= total.den << 31).any():
            raise IsobitError("E202", "a sum leaves int32")
        return total

    def quantised(self, real: ExactTensor, index: int) -> ExactTensor:
        """``real`` as integers with the scale at ``index`` and the zero point behind it, which has the type."""
        if not self.present(index + 1):
            raise IsobitError("E202", "the output has no zero point, which tells its type")
        scale, zero = self.parameter(index), self.parameter(index + 1)
        return quantisers.quantize_linear(real, [scale, zero], {})

    def on_reals(self, op: str, *inputs: ExactTensor | None, **attrs: object) -> ExactTensor:
        """The standard operator ``op`` with this node's attributes, on real values."""
        node = replace(self.node, op=op, domain="", attrs={**self.node.attrs, **attrs})
        call = Call(node, inputs, ())
        shapes = output_shapes(call)
        result = OPERATORS[op](replace(call, shapes=shapes))
        assert isinstance(result, ExactTensor)
        return result

    def refuse_unless(self, name: str, usual: int) -> None:
        """Attributes that change the meaning must have their usual value."""
        if self.node.attrs.get(name, usual) != usual:
            raise IsobitError("E202", f"attribute {name}")


def _laid(value: Raw, shape: Shape) -> Raw:
    return value.reshape(()) if value.size == 1 else value.reshape(shape) if shape else value


def _conv(o: _Operands) -> ExactTensor:
    """Inputs: x, w (scales per output channel), y's parameters at 6 and 7, B at 8."""
    rank = len(o.given[3].shape) - 2
    data, weight, bias = o.real(0), o.real(3, (-1, *(1,) * (rank + 1))), None
    if o.present(8):
        bias = exact.multiply(exact.multiply(o.exact(8), o.scale(1)), o.scale(4, (-1,)))
    return o.quantised(o.on_reals("Conv", data, weight, bias), 6)


def _matmul(o: _Operands) -> ExactTensor:
    """Inputs: a at 0, b at 3 (parameters per column, the last axis), y's parameters at 6."""
    return o.quantised(exact.matmul(o.real(0), o.real(3)), 6)


def _integer_product(op: str) -> Callable[[_Operands], ExactTensor]:
    """Inputs: two tensors of integers, then their zero points: of rows, of columns or of output channels."""

    def run(o: _Operands) -> ExactTensor:
        matrices = op == "MatMul"
        left = o.offset(0, 2, (-1, 1) if matrices else ())
        rank = len(o.exact(1).shape)
        right = o.offset(1, 3, (-1,) if matrices else (-1, *(1,) * (rank - 1)))
        return o.within_int32(exact.matmul(left, right) if matrices else o.on_reals("Conv", left, right))

    return run


def _gemm(o: _Operands) -> ExactTensor:
    """``alpha * A' * B' + C``, where C counts in steps of ``alpha * a_scale * b_scale``; y's parameters are at 7."""
    alpha = from_floats(np.array(o.node.attrs.get("alpha", 1.0), dtype=np.float64))
    columns = (-1, 1) if o.node.attrs.get("transB", 0) else (1, -1)
    left, right = o.real(0), o.real(3, columns)
    left = left.map(lambda num: num.T) if o.node.attrs.get("transA", 0) else left
    right = right.map(lambda num: num.T) if o.node.attrs.get("transB", 0) else right
    total = exact.matmul(left, right)
    if o.present(6):
        step = exact.multiply(o.scale(1), o.scale(4, (-1,)))
        total = exact.add(total, exact.multiply(o.exact(6), step))
    return o.quantised(exact.multiply(total, alpha), 7)


def _binary(function: Callable[[ExactTensor, ExactTensor], ExactTensor]) -> Callable[[_Operands], ExactTensor]:
    return lambda o: o.quantised(function(o.real(0), o.real(3)), 6)


def _unary(op: str) -> Callable[[_Operands], ExactTensor]:
    return lambda o: o.quantised(o.on_reals(op, o.real(0)), 3)


def _pool(op: str) -> Callable[[_Operands], ExactTensor]:
    def run(o: _Operands) -> ExactTensor:
        o.refuse_unless("channels_last", 0)
        return o.quantised(o.on_reals(op, o.real(0), counts_beyond=1), 3)

    return run


def _concat(o: _Operands) -> ExactTensor:
    """Inputs: y's parameters at 0, then every tensor with its own."""
    parts = [o.real(index) for index in range(2, len(o.given), 3)]
    return o.quantised(o.on_reals("Concat", *parts), 0)


def _softmax(o: _Operands) -> ExactTensor:
    """The logits: a Softmax is left out here, with what quantises it."""
    return o.real(0)


QOPERATORS: Mapping[tuple[str, str], Callable[[_Operands], ExactTensor]] = MappingProxyType(
    {
        ("", "ConvInteger"): _integer_product("Conv"),
        ("", "MatMulInteger"): _integer_product("MatMul"),
        ("", "QLinearConv"): _conv,
        ("", "QLinearMatMul"): _matmul,
        (MICROSOFT, "QGemm"): _gemm,
        (MICROSOFT, "QLinearAdd"): _binary(exact.add),
        (MICROSOFT, "QLinearAveragePool"): _pool("AveragePool"),
        (MICROSOFT, "QLinearConcat"): _concat,
        (MICROSOFT, "QLinearGlobalAveragePool"): _pool("GlobalAveragePool"),
        (MICROSOFT, "QLinearLeakyRelu"): _unary("LeakyRelu"),
        (MICROSOFT, "QLinearMul"): _binary(exact.multiply),
        (MICROSOFT, "QLinearSigmoid"): _unary("Sigmoid"),
        (MICROSOFT, "QLinearSoftmax"): _softmax,
    }
)
"""By domain and operator."""
