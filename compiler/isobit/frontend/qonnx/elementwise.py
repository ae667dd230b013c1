"""Add, Sub, Mul, Div, BatchNormalization and the activation functions, as exact functions of the integer below.

On the raw float input they are host operations in float32; on constants the loader has folded them already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx.activations import product, with_constant
from isobit.frontend.qonnx.builder import Builder
from isobit.frontend.qonnx.function import affine, clamped, leaky, rising
from isobit.frontend.qonnx.gates import multiplied
from isobit.frontend.qonnx.movement import facing, move, one_layout, positions, relayout
from isobit.frontend.qonnx.products import constant_channels
from isobit.frontend.qonnx.roundings import rounded
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
from isobit.frontend.qonnx.tabulate import as_function
from isobit.ir.ops import Add, HostOp, frozen_ints
from isobit.ir.types import IntArray
from isobit.numerics import Rounding, rational_gcd


def import_arithmetic(b: Builder, node: SourceNode) -> Tensor:
    """Add, Sub, Mul, Div with a constant, or Add, Sub and Mul of two activations."""
    left, right = (b.tensor(i) for i in node.inputs)
    if isinstance(left, Real | Function) and isinstance(right, Real | Function):
        return _of_two(b, node, left, right)
    if isinstance(left, np.ndarray | QuantisedConstant) and isinstance(right, Real | HostReal | Function):
        return _constant_first(b, node, left, right)
    if isinstance(left, HostReal):
        return _on_host(b, node, left, b.operand(node, 1, "second operand"))
    if isinstance(left, Function):
        left = facing(b, node, left, _written(right))
        return with_constant(b, node, left, constant_channels(b, node, right, left), first=False)
    x = facing(b, node, b.real(node), _written(right))
    if node.op != "Div" and _varies_inside(b, x, right):
        values = _rational(right)
        return _per_element(b, node, b.affine(node), values if node.op != "Sub" else -values)
    y = _AFFINE[node.op](b, node, x, constant_channels(b, node, right, x))
    # ONNX divides integers towards zero; both operands have one type, so the constant's tells.
    whole = node.op == "Div" and isinstance(right, np.ndarray) and right.dtype.kind in "iu"
    return rounded(b, node, y, Rounding.DOWN) if whole else y


def _of_two(b: Builder, node: SourceNode, left: Real | Function, right: Real | Function) -> Tensor:
    """A sum with one scale, or whatever two functions of one tensor make; a function where nothing else does."""
    sum_of_integers = node.op in ("Add", "Sub") and all(isinstance(t, Real) and t.is_affine for t in (left, right))
    made = None if sum_of_integers else product(b, node)
    return _join(b, node) if made is None else made


def import_relu(b: Builder, node: SourceNode) -> Tensor:
    x = b.tensor(node.inputs[0])
    if isinstance(x, Function):
        return clamped(x, ZERO, None)
    return x.then(HostOp("relu")) if isinstance(x, HostReal) else b.real(node).clamp(ZERO, None)


def import_clip(b: Builder, node: SourceNode) -> Tensor:
    """Clip (limits as inputs or attributes) and forms of HardTanh."""
    limits = [_limit(b, node, i, name) for i, name in ((1, "min"), (2, "max"))]
    x = b.tensor(node.inputs[0])
    if isinstance(x, HostReal):
        bounds = tuple(float(v) if v is not None else s * np.inf for v, s in zip(limits, (-1, 1), strict=True))
        return x.then(HostOp("clip", values=bounds))
    if isinstance(x, QuantisedConstant) and (x.scale == 1).all() and (x.zero_point == 0).all():
        return replace(x, integers=np.clip(x.integers, *limits))  # between a constant's two linear quantisers
    lo, hi = (None if v is None else rationals([v]) for v in limits)
    if isinstance(x, Function):
        return clamped(x, lo, hi)
    return b.real(node).clamp(lo, hi)


def import_leaky(b: Builder, node: SourceNode) -> Tensor:
    """LeakyRelu (attribute alpha) and PRelu (slope per channel)."""
    values = node.number("alpha", 0.01) if node.op == "LeakyRelu" else b.operand(node, 1, "slope")
    given = b.tensor(node.inputs[0])
    x: Real | Function = facing(b, node, given if isinstance(given, Function) else b.real(node), values)
    slope = b.per_channel(node, values, x)
    if isinstance(x, Function) or (slope < 0).any():
        return leaky(as_function(x), slope)
    return x.clamp(ZERO, None) if (slope == 0).all() else x.apply("leaky", slope)


def import_smooth(b: Builder, node: SourceNode) -> Tensor:
    """Sigmoid and Tanh; the quantiser that must follow turns them into an exact staircase."""
    x = b.tensor(node.inputs[0])
    name = node.op.lower()
    if isinstance(x, Function):
        return rising(x, name)
    return x.then(HostOp(name)) if isinstance(x, HostReal) else b.real(node).apply(name)


def import_neg(b: Builder, node: SourceNode) -> Tensor:
    x = b.tensor(node.inputs[0])
    return affine(x, -ONE, ZERO) if isinstance(x, Function) else b.real(node).affine(-ONE, ZERO)


# --------------------------------------------------------------------------------------------------------------- parts


def _limit(b: Builder, node: SourceNode, index: int, name: str) -> Any:
    value: Any = node.number(name, np.nan)
    if np.isnan(value) and index < len(node.inputs) and node.inputs[index]:
        value = b.operand(node, index, name).reshape(-1)[0]
        value = value if isinstance(value, Fraction) else np.float32(value)
    return value if isinstance(value, Fraction) or np.isfinite(value) else None


def _constant_first(b: Builder, node: SourceNode, left: Tensor, right: Real | HostReal | Function) -> Tensor:
    if isinstance(right, HostReal):
        if node.op in ("Sub", "Div"):
            raise b.unsupported(node, "a constant minus or divided by the raw input", "do it after the quantiser")
        return _on_host(b, node, right, b.operand(node, 0, "first operand"))
    x: Real | Function = facing(b, node, right, _written(left))
    if isinstance(x, Real) and node.op != "Div" and _varies_inside(b, x, left):
        x = b.affine(node, 1)
        return _per_element(b, node, x if node.op != "Sub" else x.affine(-ONE, ZERO), _rational(left))
    values = constant_channels(b, node, left, x)
    if isinstance(x, Function) or node.op == "Div":
        return with_constant(b, node, as_function(x), values, first=True)
    return x.affine(-ONE, values) if node.op == "Sub" else _AFFINE[node.op](b, node, x, values)


def _written(constant: Tensor) -> Any:
    """The array of a constant operand whose shape says along which axis it varies."""
    return (
        constant.integers
        if isinstance(constant, QuantisedConstant)
        else constant
        if isinstance(constant, np.ndarray)
        else 0
    )


def _on_host(b: Builder, node: SourceNode, x: HostReal, values: Any) -> HostReal:
    array = np.asarray(values, np.float32)
    shape = array.shape
    if np.broadcast_shapes((1, *x.shape), shape) != (1, *x.shape):
        raise IsobitError(
            "E106", f"a constant of shape {shape} changes the input's shape {x.shape}", where=b.where(node)
        )
    if len(shape) == len(x.shape) + 1:
        shape = shape[1:]
    flat = tuple(float(v) for v in array.reshape(-1))
    return x.then(HostOp(node.op.lower(), values=flat, shape=shape))


def _reciprocal(b: Builder, node: SourceNode, values: Rationals) -> Rationals:
    if (values == 0).any():
        raise IsobitError("E204", "division by a constant that is zero", where=b.where(node))
    return ONE / values


_AFFINE: dict[str, Callable[[Builder, SourceNode, Real, Rationals], Real]] = {
    "Add": lambda b, node, x, v: x.affine(ONE, v),
    "Sub": lambda b, node, x, v: x.affine(ONE, -v),
    "Mul": lambda b, node, x, v: x.affine(v, ZERO),
    "Div": lambda b, node, x, v: x.affine(_reciprocal(b, node, v), ZERO).computed(x, ("div", v, None)),
}


def _join(b: Builder, node: SourceNode) -> Real:
    """``x * y``, or ``x + y`` of unrelated exact scales: integer coefficients over their greatest common divisor."""
    if node.op == "Mul":
        return multiplied(b, node)
    if node.op not in ("Add", "Sub"):
        raise IsobitError("E201", f"{node.op} of two activations is not supported", where=b.where(node))
    x, y = b.affine(node, 0), b.affine(node, 1)
    if node.op == "Sub":
        y = y.affine(-ONE, ZERO)
    if len(x.layout) == len(y.layout):
        x, y = one_layout(b, node, (x, y))
    x, y = spread_both(b, node, x, y)
    if b.types[x.value].shape != b.types[y.value].shape:
        raise IsobitError("E208", "the two tensors have different shapes", where=b.where(node))
    unit, first, second = common_unit(x.scale, y.scale)
    source = (printable(node.name or node.outputs[0]),)
    name = b.emit(
        Add(name=b.fresh(b.hint(node)), inputs=(x.value, y.value), coefficients=(first, second), source=source)
    )
    return Real.of(name, x.layout, unit, x.offset + y.offset)


def spread_both(b: Builder, node: SourceNode, x: Real, y: Real) -> tuple[Real, Real]:
    """Both repeated to the shape that their sum has."""
    wanted = b.model.shapes[node.outputs[0]][1:]

    def spread(real: Real) -> Real:
        index = positions(b, real)
        if index.shape == wanted:
            return real
        aligned = index.reshape((1,) * (len(wanted) - index.ndim) + index.shape)
        layout = real.layout if index.ndim == len(wanted) else None
        return move(b, node, real, np.broadcast_to(aligned, wanted), layout)

    x, y = spread(x), spread(y)
    return x, y if y.layout == x.layout else relayout(b, node, y, x.layout)


def _rational(constant: Tensor) -> Any:
    """A constant as an object array of Fractions, in its own shape."""
    if isinstance(constant, QuantisedConstant):
        return constant.values()
    array = np.asarray(constant)
    return rationals(array.reshape(-1)).reshape(array.shape)


def _varies_inside(b: Builder, x: Real, constant: Tensor) -> bool:
    """Does it differ along more than the channels of ``x``, or is it larger than ``x``?"""
    shape = np.shape(_written(constant))
    rank = len(x.layout) + 1
    padded = (1,) * (rank - len(shape)) + shape
    if len(padded) != rank:
        return False
    sizes = {axis: n for axis, n in enumerate(padded) if n > 1}
    channels = x.layout[-1] + 1
    return bool(sizes) and (set(sizes) != {channels} or sizes[channels] != b.types[x.value].channels)


def _per_element(b: Builder, node: SourceNode, x: Real, values: Any) -> Real:
    """``x`` plus or times a constant that is another one at every position: integers of one unit for all elements."""
    if len(x.scale) > 1 or len(x.offset) > 1:
        raise IsobitError(
            "E208", "a constant per element meets channels of different scales", where=b.where(node),
            hint="quantise per tensor before it",
        )  # fmt: skip
    batch, *wanted = b.model.shapes[node.outputs[0]]
    if batch != 1:
        raise IsobitError(
            "E106", f"a constant of shape {list(np.shape(values))} has values of its own for each of {batch} samples",
            where=b.where(node), hint="export with a batch of 1, or give it a leading axis of 1",
        )  # fmt: skip
    index = positions(b, x)
    if index.shape != tuple(wanted):
        x = move(b, node, x, np.broadcast_to(index.reshape((1,) * (len(wanted) - index.ndim) + index.shape), wanted))
    full = np.broadcast_to(values.reshape((1,) * (len(wanted) + 1 - values.ndim) + values.shape), (1, *wanted))[0]
    stored = full.transpose(x.layout).reshape(-1)
    times = node.op == "Mul"
    # s v + o becomes (s c) v + o c, or s v + c with the offset as it was
    factors, addends = (x.scale * stored, x.offset * stored) if times else (x.scale, stored)
    unit = rational_gcd(*(v for v in (*factors, *addends) if v)) or Fraction(1)
    slopes, integers = (frozen_ints(np.array([int(v / unit) for v in row], object)) for row in (factors, addends))
    flat = move(b, node, x, np.arange(stored.size))
    terms = [(flat.value, slopes)]
    if integers.any():
        terms.append((b.const(b.hint(node) + "_map", integers), frozen_ints(1)))
    names, coefficients = zip(*terms, strict=True)
    source = (printable(node.name or node.outputs[0]),)
    name = b.emit(Add(name=b.fresh(b.hint(node)), inputs=names, coefficients=coefficients, source=source))
    made = Real.of(name, (0,), rationals([unit]), ZERO if times else x.offset)
    back = np.arange(stored.size).reshape(b.types[x.value].shape).transpose(np.argsort(x.layout))
    return move(b, node, made, back, x.layout).unread


def common_unit(x: Rationals, y: Rationals) -> tuple[Rationals, IntArray, IntArray]:
    """Per channel the greatest rational of which both scales are integer multiples, and those multiples."""
    x, y = np.broadcast_arrays(x, y)
    unit = rationals([rational_gcd(p, q) or 1 for p, q in zip(x, y, strict=True)])
    first, second = (frozen_ints(np.array([int(v) for v in s / unit], dtype=object)) for s in (x, y))
    return unit, first, second
