"""Element-wise operators of one quantised tensor: whatever they are, a quantiser behind them makes a table of them.

What is affine, clamped or one of the known rising functions stays a :class:`Real`, whose staircase has a closed form;
all the rest becomes a :class:`Function`. Formulas: the ONNX operator pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from isobit.errors import IsobitError
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx import function as functions
from isobit.frontend.qonnx.builder import Builder
from isobit.frontend.qonnx.movement import facing
from isobit.frontend.qonnx.symbolic import (
    ONE,
    ZERO,
    Enclosed,
    Function,
    HostReal,
    QuantisedConstant,
    Rationals,
    Real,
    Tensor,
    rationals,
)
from isobit.frontend.qonnx.tabulate import as_function, decided_integers, one_source
from isobit.numerics import exact
from isobit.numerics.enclosures import pi

Operand = Real | Function
_HALF = Fraction(1, 2)


def import_activation(b: Builder, node: SourceNode) -> Tensor:
    """Any activation function of :data:`_ACTIVATIONS`."""
    x = _one(b, node)
    if node.op == "HardSigmoid" and isinstance(x, Real):
        return x.affine(rationals([_number(node, "alpha", 0.2)]), rationals([_number(node, "beta", 0.5)])).clamp(
            ZERO, ONE
        )
    change, trend = _ACTIVATIONS[node.op](node)
    return as_function(x).map(lambda v, _: change(v), trend)


def import_integer_function(b: Builder, node: SourceNode) -> Tensor:
    """Comparisons and logic: their zeros and ones need no quantiser."""
    compare = _COMPARISONS[node.op]
    if len(node.inputs) == 1:
        return decided_integers(b, node, as_function(_one(b, node)).map(lambda v, _: functions.decided(v, _not)))
    left, right = _pair(b, node)
    difference = functions.joined((left, right), lambda v, w: functions.add(v, functions.scaled(w, Fraction(-1))))
    if node.op in ("And", "Or", "Xor"):
        difference = functions.joined((left, right), functions.add)
    return decided_integers(b, node, difference.map(lambda v, _: functions.decided(v, compare)))


def import_extreme(b: Builder, node: SourceNode) -> Tensor:
    """Min and Max with constants (a clamp) or of several functions of one tensor."""
    parts = [b.tensor(name) for name in node.inputs]
    constants = [p for p in parts if isinstance(p, np.ndarray | QuantisedConstant)]
    moving = [p for p in parts if not isinstance(p, np.ndarray | QuantisedConstant)]
    join = functions.greater_of if node.op == "Max" else functions.lesser_of
    x: Any = moving[0]
    if isinstance(x, HostReal):
        raise b.unsupported(node, "the raw input is compared", "quantise the input first")
    for other in moving[1:]:
        x = functions.joined((_joined(b, node, x, other), _joined(b, node, other, x)), join)
    for value in constants:
        x = facing(b, node, x, _shape_of(value))
        limit = b.per_channel(node, _values(value), x)
        lo, hi = (limit, None) if node.op == "Max" else (None, limit)
        x = x.clamp(lo, hi) if isinstance(x, Real) else functions.clamped(x, lo, hi)
    return x  # type: ignore[no-any-return]


def import_pow(b: Builder, node: SourceNode) -> Tensor:
    """Pow with a constant exponent that is a whole number or a half."""
    power = b.operand(node, 1, "exponent")
    values = {exact(v) if not isinstance(v, Fraction) else v for v in power.reshape(-1)}
    x = as_function(_one(b, node))
    exponent = values.pop()
    if values or exponent.denominator not in (1, 2) or abs(exponent) > 16:
        raise b.unsupported(node, "an exponent that is no whole number or half up to 16")

    def change(v: Enclosed, _: int) -> Enclosed:
        base = functions.apply_rising(v, "sqrt") if exponent.denominator == 2 else v
        made = functions.constant(Fraction(1), v)
        for _step in range(abs(exponent.numerator)):
            made = functions.multiply(made, base)
        return functions.reciprocal(made) if exponent < 0 else made

    return x.map(change)


def import_where(b: Builder, node: SourceNode) -> Tensor:
    """Where of functions of one tensor and constants."""
    condition, yes, no = (b.tensor(name) for name in node.inputs)
    moving: list[Any] = [t for t in (condition, yes, no) if isinstance(t, Real | Function)]
    if not isinstance(condition, Real | Function):
        raise b.unsupported(node, "a choice by a constant")
    parts: list[Function] = []
    for tensor in (condition, yes, no):
        other = next((m for m in moving if m is not tensor), moving[0])
        parts.append(_joined(b, node, tensor, other) if isinstance(tensor, Real | Function)
                     else _constant(b, node, tensor, condition))  # fmt: skip
    roots = {p.value for p in parts}
    if len(roots) > 1:
        parts = [_joined(b, node, p, next(q for q in parts if q.value != p.value)) for p in parts]
    return functions.joined(parts, functions.chosen)


def product(b: Builder, node: SourceNode) -> Function | None:
    """Add, Sub, Mul or Div of two functions of one tensor; None where they are not."""
    left, right = (b.tensor(name) for name in node.inputs)
    assert isinstance(left, Real | Function) and isinstance(right, Real | Function)
    both = one_source(b, left, right)
    if both is None:
        return None
    first, second = both
    if node.op == "Div":
        second = second.map(lambda v, _: functions.reciprocal(v))
    if node.op == "Sub":
        second = functions.affine(second, -ONE, ZERO)
    trend = first.trend if first.trend == second.trend and node.op in ("Add", "Sub") else 0
    join = functions.add if node.op in ("Add", "Sub") else functions.multiply
    return functions.joined((first, second), join, trend)


def with_constant(b: Builder, node: SourceNode, x: Function, values: Rationals, *, first: bool) -> Function:
    """Add, Sub, Mul or Div of a function and a constant per channel; ``first``: the constant stands on the left."""
    if node.op == "Div" and first:
        return functions.affine(x.map(lambda v, _: functions.reciprocal(v)), values, ZERO)
    if node.op == "Div":
        if (values == 0).any():
            raise IsobitError("E204", "division by a constant that is zero", where=b.where(node))
        return functions.affine(x, ONE / values, ZERO)
    if node.op == "Sub":
        return functions.affine(x, -ONE, values) if first else functions.affine(x, ONE, -values)
    return functions.affine(x, ONE, values) if node.op == "Add" else functions.affine(x, values, ZERO)


# --------------------------------------------------------------------------------------------------------------- parts


def _one(b: Builder, node: SourceNode) -> Operand:
    x = b.tensor(node.inputs[0])
    return x if isinstance(x, Function) else b.real(node)


def _pair(b: Builder, node: SourceNode) -> tuple[Function, Function]:
    left, right = (b.tensor(name) for name in node.inputs[:2])
    moving = left if isinstance(left, Real | Function) else right
    if not isinstance(moving, Real | Function):
        b.real(node)  # says what the raw input needs
        raise AssertionError(node.op)
    sides = (left, right)
    if all(isinstance(s, Real | Function) for s in sides):
        return _joined(b, node, left, right), _joined(b, node, right, left)
    made = [as_function(s) if isinstance(s, Real | Function) else _constant(b, node, s, moving) for s in sides]
    return made[0], made[1]


def _joined(b: Builder, node: SourceNode, x: Any, other: Any) -> Function:
    """``x`` as a function of the value that both are functions of."""
    if not isinstance(x, Real | Function) or not isinstance(other, Real | Function):
        raise b.unsupported(node, "the raw input is one of the operands", "quantise the input first")
    both = one_source(b, x, other)
    if both is None:
        raise IsobitError(
            "E201", f"{node.op} of two tensors that are no functions of one quantised tensor", where=b.where(node)
        )
    return both[0]


def _constant(b: Builder, node: SourceNode, value: Any, like: Operand) -> Function:
    numbers = b.per_channel(node, _values(value), like)
    return functions.affine(as_function(like), ZERO, numbers)


def _values(value: Any) -> Any:
    return value.values() if isinstance(value, QuantisedConstant) else value


def _shape_of(value: Any) -> Any:
    return value.integers if isinstance(value, QuantisedConstant) else value


def _number(node: SourceNode, name: str, default: float) -> Fraction:
    return exact(node.number(name, default))


def _not(value: Fraction) -> int:
    return int(value == 0)


_COMPARISONS: Mapping[str, Callable[[Fraction], int]] = {
    "And": lambda v: int(v == 2), "Equal": lambda v: int(v == 0), "Greater": lambda v: int(v > 0),
    "GreaterOrEqual": lambda v: int(v >= 0), "Less": lambda v: int(v < 0), "LessOrEqual": lambda v: int(v <= 0),
    "Not": _not, "Or": lambda v: int(v > 0), "Xor": lambda v: int(v == 1),
}  # fmt: skip

Change = Callable[[Enclosed], Enclosed]


def _simple(change: Change, trend: int = 0) -> Callable[[SourceNode], tuple[Change, int]]:
    return lambda node: (change, trend)


def _rising(name: str) -> Callable[[SourceNode], tuple[Change, int]]:
    return _simple(lambda v: functions.apply_rising(v, name), 1)


def _times(v: Enclosed, a: Fraction, offset: Fraction = Fraction(0)) -> Enclosed:
    return functions.add(functions.scaled(v, a), functions.constant(offset, v))


def _decay(v: Enclosed, steepness: Fraction, alpha: Fraction) -> Enclosed:
    """``alpha * (exp(v / steepness) - 1)``."""
    least = functions.lesser_of(v, functions.constant(Fraction(0), v))
    grown = functions.apply_rising(functions.scaled(least, 1 / steepness), "exp")
    return functions.scaled(_times(grown, Fraction(1), Fraction(-1)), alpha)


def _elu(node: SourceNode) -> tuple[Change, int]:
    alpha = _number(node, "alpha", 1.0)
    return lambda v: functions.by_sign(v, v, _decay(v, Fraction(1), alpha)), int(alpha >= 0)


def _celu(node: SourceNode) -> tuple[Change, int]:
    alpha = _number(node, "alpha", 1.0)
    return lambda v: functions.by_sign(v, v, _decay(v, alpha, alpha)), 1


def _selu(node: SourceNode) -> tuple[Change, int]:
    alpha = _number(node, "alpha", 1.67326319217681884765625)
    gamma = _number(node, "gamma", 1.05070102214813232421875)
    return lambda v: functions.scaled(functions.by_sign(v, v, _decay(v, Fraction(1), alpha)), gamma), 1


def _threshold(node: SourceNode) -> tuple[Change, int]:
    alpha = _number(node, "alpha", 1.0)

    def change(v: Enclosed) -> Enclosed:
        above = functions.decided(v, lambda x: int(x > alpha))
        return functions.chosen(above, v, functions.constant(Fraction(0), v))

    return change, 1 if alpha >= 0 else 0


def _hard_sigmoid(v: Enclosed, alpha: Fraction, beta: Fraction) -> Enclosed:
    return functions.lesser_of(
        functions.greater_of(_times(v, alpha, beta), functions.constant(Fraction(0), v)),
        functions.constant(Fraction(1), v),
    )


def _hard_sigmoid_of(node: SourceNode) -> tuple[Change, int]:
    alpha, beta = _number(node, "alpha", 0.2), _number(node, "beta", 0.5)
    return lambda v: _hard_sigmoid(v, alpha, beta), int(alpha >= 0)


def _swish(node: SourceNode) -> tuple[Change, int]:
    alpha = _number(node, "alpha", 1.0)
    return lambda v: functions.multiply(v, functions.apply_rising(functions.scaled(v, alpha), "sigmoid")), 0


def _gelu(node: SourceNode) -> tuple[Change, int]:
    """``x/2 (1 + erf(x / sqrt 2))``, or with tanh where the node approximates so; the roots are real numbers."""
    tanh = str(node.attrs.get("approximate", "none")) == "tanh"

    def change(v: Enclosed) -> Enclosed:
        if tanh:
            cube = functions.multiply(v, functions.multiply(v, v))
            inner = functions.multiply(
                functions.add(v, functions.scaled(cube, Fraction("0.044715"))), _root(v, _two_over_pi())
            )
            curve = functions.apply_rising(inner, "tanh")
        else:
            curve = functions.apply_rising(functions.multiply(v, _root(v, (_HALF, _HALF))), "erf")
        return functions.multiply(functions.scaled(v, _HALF), _times(curve, Fraction(1), Fraction(1)))

    return change, 0


def _two_over_pi() -> tuple[Fraction, Fraction]:
    low, high = pi()
    return 2 / high, 2 / low


def _root(like: Enclosed, of: tuple[Fraction, Fraction]) -> Enclosed:
    """The square root of an enclosed constant."""
    low, high = (functions.constant(x, like).low for x in of)
    return functions.apply_rising(Enclosed(low, low if of[0] == of[1] else high, np.zeros(len(low))), "sqrt")


def _abs(v: Enclosed) -> Enclosed:
    return functions.by_sign(v, v, functions.scaled(v, Fraction(-1)))


def _softsign(v: Enclosed) -> Enclosed:
    return functions.multiply(v, functions.reciprocal(_times(_abs(v), Fraction(1), Fraction(1))))


def _mish(v: Enclosed) -> Enclosed:
    return functions.multiply(v, functions.apply_rising(functions.apply_rising(v, "softplus"), "tanh"))


def _hard_swish(v: Enclosed) -> Enclosed:
    return functions.multiply(v, _hard_sigmoid(v, Fraction(1, 6), _HALF))


_ACTIVATIONS: Mapping[str, Callable[[SourceNode], tuple[Change, int]]] = {
    "Abs": _simple(_abs), "Celu": _celu, "Elu": _elu, "Erf": _rising("erf"), "Exp": _rising("exp"), "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid_of, "HardSwish": _simple(_hard_swish), "Mish": _simple(_mish),
    "Reciprocal": _simple(functions.reciprocal), "Selu": _selu, "Softplus": _rising("softplus"),
    "Softsign": _simple(_softsign, 1), "Swish": _swish, "ThresholdedRelu": _threshold,
}  # fmt: skip


def import_root(b: Builder, node: SourceNode) -> Tensor:
    """Sqrt and Log."""
    return functions.rising(as_function(_one(b, node)), node.op.lower())


ACTIVATIONS = tuple(_ACTIVATIONS)
COMPARISONS = tuple(_COMPARISONS)

__all__ = [
    "ACTIVATIONS", "COMPARISONS", "import_activation", "import_extreme", "import_integer_function", "import_pow",
    "import_root", "import_where", "product", "with_constant",
]  # fmt: skip
