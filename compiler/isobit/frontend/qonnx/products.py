"""MatMul and Gemm: integer products with exact scales.

``x = s_x * a + o_x`` (``s_x`` of the tensor, ``o_x`` per input channel) times quantised weights ``s_w * (q - z)`` gives
``s_x * s_w * (a @ (q - z)) + o_x @ (s_w * (q - z))``: an integer product and an exact offset per output channel.
"""

from __future__ import annotations

from fractions import Fraction
from math import frexp
from typing import Any

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx.builder import Builder
from isobit.frontend.qonnx.movement import channels_last
from isobit.frontend.qonnx.symbolic import (
    ONE,
    ZERO,
    Function,
    HostReal,
    QuantisedConstant,
    Rationals,
    Real,
    Tensor,
    rationals,
)
from isobit.ir.ops import Linear
from isobit.ir.types import IntArray
from isobit.numerics import as_int_array, exact_array, rational_gcd

_LIMIT_DIGITS = 17
"""Float weights are taken for integers of so many digits at most."""


def import_matmul(b: Builder, node: SourceNode) -> Tensor:
    """ONNX MatMul of an activation with constant weights on either side."""
    left = b.tensor(node.inputs[0])
    if isinstance(left, np.ndarray | QuantisedConstant):
        return _from_left(b, node, left)
    x, w = b.affine(node), b.tensor(node.inputs[1])
    if isinstance(w, Real):
        raise IsobitError("E201", "both operands of MatMul are computed at run time", where=b.where(node))
    return _dense(b, node, x, _weights(b, node, w, transposed=False))


def _from_left(b: Builder, node: SourceNode, left: Any) -> Real:
    """``w @ x``: the same product with the rows of ``x`` as its channels."""
    x = b.affine(node, 1)
    rank = len(x.layout)
    if rank < 2:
        raise b.unsupported(node, "a constant times a batch of vectors mixes the samples")
    w = as_quantised(b, node, left)
    while w.integers.ndim > 2 and w.integers.shape[0] == 1:
        w = w.reshape(w.integers.shape[1:])
    x = channels_last(b, node, x, rank - 2)
    return _product(b, node, x, _weights(b, node, w, transposed=True))


def import_gemm(b: Builder, node: SourceNode) -> Tensor:
    """ONNX Gemm: ``alpha * x @ w + beta * c``."""
    if node.attrs.get("transA", 0):
        raise b.unsupported(node, "transA is not supported", "transpose before the Gemm")
    x, w = b.affine(node), b.tensor(node.inputs[1])
    y = _dense(b, node, x, _weights(b, node, w, transposed=bool(node.attrs.get("transB", 0))))
    alpha, beta = (rationals([node.number(k, 1.0)]) for k in ("alpha", "beta"))
    y = y.affine(alpha, ZERO)
    if len(node.inputs) > 2 and node.inputs[2]:
        y = y.affine(ONE, beta * constant_channels(b, node, b.tensor(node.inputs[2]), y))
    return y


def constant_channels(b: Builder, node: SourceNode, value: Any, like: Real | Function) -> Rationals:
    """A constant operand (float or quantised) as exact rationals along ``like``'s channels."""
    if isinstance(value, Real | HostReal | Function):
        raise IsobitError("E201", f"{node.op} with an operand that is computed at run time", where=b.where(node))
    if isinstance(value, QuantisedConstant):
        integers = b.per_channel(node, value.integers, like)
        scale, zero = b.per_channel(node, value.scale, like), b.per_channel(node, value.zero_point, like)
        return (integers - zero) * scale
    return b.per_channel(node, value, like)


def _weights(b: Builder, node: SourceNode, w: Any, *, transposed: bool) -> tuple[IntArray, Rationals]:
    """Integer weights ``(out, in)`` and the scale of each output channel (or of all)."""
    quantised = as_quantised(b, node, w)
    if quantised.integers.ndim != 2:
        raise b.unsupported(node, f"weights of rank {quantised.integers.ndim} are not supported")
    if not transposed:
        quantised = quantised.transpose((1, 0))
    integers = quantised.integers - integer_zero(b, node, quantised.zero_point)
    return scaled_rows(b, node, integers, quantised.scale)


def as_quantised(b: Builder, node: SourceNode, w: Any) -> QuantisedConstant:
    """Constant weights as integers with a scale; plain floats only where they are integers times one power of two.

    Raises:
        IsobitError: E203 for float weights that nothing quantised, E202 when they are computed at run time.
    """
    if isinstance(w, QuantisedConstant):
        return w
    if not isinstance(w, np.ndarray):
        raise b.unsupported(node, "the weights are not constant")
    if not np.isfinite(w).all():
        raise IsobitError("E204", "the weights hold NaN or infinity", where=b.where(node))
    digits = _LIMIT_DIGITS - frexp(float(np.abs(w).max(initial=0)) or 1.0)[1]
    finest = np.ldexp(w.astype(np.float64), digits)
    if digits < 0 or (finest != np.round(finest)).any():
        raise IsobitError(
            "E203", f"the weights {printable(node.inputs[1])!r} are floats with no quantiser", where=b.where(node),
            hint="train with brevitas.nn.QuantLinear / QuantConv2d, or quantise every layer: some tools leave out"
            " layers of few channels, or all at batch 1",
        )  # fmt: skip
    integers = finest.astype(np.int64)
    digit = int(np.bitwise_or.reduce(integers, axis=None)) | 1 << digits
    idle = (digit & -digit).bit_length() - 1
    return QuantisedConstant(integers >> idle, np.ldexp(np.ones(1, np.float32), idle - digits), np.zeros(1, np.float32))


def integer_zero(b: Builder, node: SourceNode, zero: Any) -> IntArray:
    """The weights' zero point, which must be an integer (E204)."""
    if (zero != np.round(zero)).any():
        raise IsobitError("E204", "the weights' zero point is not an integer", where=b.where(node))
    return np.asarray(zero.astype(np.int64))


def scaled_rows(b: Builder, node: SourceNode, integers: IntArray, scale: Any) -> tuple[IntArray, Rationals]:
    """Integers and one scale per row (first axis); scales that vary inside a row become exact integer factors."""
    if scale.size == 1:
        return integers, rationals(scale.reshape(-1))
    rows = scale.reshape(len(scale), -1)
    if (rows == rows[:, :1]).all():
        return integers, rationals(rows[:, 0])
    exact_rows = exact_array(rows)
    common = [rational_gcd(*row) for row in exact_rows]
    factors = np.array([[s / g for s in row] for row, g in zip(exact_rows, common, strict=True)], dtype=object)
    return as_int_array(integers.astype(object) * _as_ints(factors).reshape(scale.shape)), rationals(common)


def _as_ints(values: Any) -> IntArray:
    return np.array([[int(v) for v in row] for row in values], dtype=object)


def _dense(b: Builder, node: SourceNode, x: Real, weights: tuple[IntArray, Rationals]) -> Real:
    """The product over the source's last axis."""
    return _product(b, node, channels_last(b, node, x, len(x.layout) - 1), weights)


def _product(b: Builder, node: SourceNode, x: Real, weights: tuple[IntArray, Rationals]) -> Real:
    """The product over the integer value's channels."""
    integers, scale = weights
    kind = b.types[x.value]
    if integers.shape[1] != kind.channels:
        raise IsobitError("E106", f"weights {integers.shape} do not fit the input {kind.shape}", where=b.where(node))
    offset = scale * exact_dot(integers, x.offset)
    common = x.scale[0] if len(x.scale) == 1 else rational_gcd(*x.scale) or Fraction(1)
    if len(x.scale) > 1:
        factors = np.array([int(s / common) for s in x.scale], dtype=object)
        integers = as_int_array(integers.astype(object) * factors)
    source = (printable(node.name or node.outputs[0]),)
    w = b.const(b.hint(node) + "_w", integers)
    name = b.emit(Linear(name=b.fresh(b.hint(node)), inputs=(x.value, w), source=source))
    return Real.of_product(x, name, common * scale, offset)


def exact_dot(integers: IntArray, offset: Rationals) -> Rationals:
    """``integers @ offset`` exactly, per row."""
    if all(v == 0 for v in offset):
        return ZERO
    if len(offset) == 1:
        return rationals([offset[0] * int(s) for s in integers.astype(object).sum(axis=1)])
    unit = rational_gcd(*offset)
    parts = np.array([int(v / unit) for v in offset], dtype=object)
    return rationals([unit * int(v) for v in integers.astype(object) @ parts])
