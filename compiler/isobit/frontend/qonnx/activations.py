"""Element-wise operators of one quantised tensor: whatever they are, a quantiser behind them makes a table of them.

What is affine, clamped or one of the known rising functions stays a :class:`Real`, whose staircase has a closed form;
all the rest becomes a :class:`Function`. Formulas: the ONNX operator pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from isobit.errors import IsobitError
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx import function as functions
from isobit.frontend.qonnx.activation_formulas import FORMULAS, number
from isobit.frontend.qonnx.builder import Builder
from isobit.frontend.qonnx.symbolic import (
    ONE,
    ZERO,
    Function,
    QuantisedConstant,
    Rationals,
    Real,
    Tensor,
    Values,
    rationals,
)
from isobit.frontend.qonnx.tabulate import as_function, decided_integers, one_source
from isobit.numerics import exact

Operand = Real | Function
_HALF = Fraction(1, 2)


def import_activation(b: Builder, node: SourceNode) -> Tensor:
    """Any activation function of :data:`FORMULAS`."""
    x = _one(b, node)
    if node.op == "HardSigmoid" and isinstance(x, Real):
        return x.affine(rationals([number(node, "alpha", 0.2)]), rationals([number(node, "beta", 0.5)])).clamp(
            ZERO, ONE
        )
    change = FORMULAS[node.op](node)
    return as_function(x).map(lambda v, _: change(v))


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


def import_pow(b: Builder, node: SourceNode) -> Tensor:
    """Pow with a constant exponent that is a whole number or a half."""
    power = b.operand(node, 1, "exponent")
    values = {exact(v) if not isinstance(v, Fraction) else v for v in power.reshape(-1)}
    x = as_function(_one(b, node))
    exponent = values.pop()
    if values or exponent.denominator not in (1, 2) or abs(exponent) > 16:
        raise b.unsupported(node, "an exponent that is no whole number or half up to 16")

    def change(v: Values, _: int) -> Values:
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
    join = functions.add if node.op in ("Add", "Sub") else functions.multiply
    return functions.joined((first, second), join)


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


def _not(value: Fraction) -> int:
    return int(value == 0)


_COMPARISONS: Mapping[str, Callable[[Fraction], int]] = {
    "And": lambda v: int(v == 2), "Equal": lambda v: int(v == 0), "Greater": lambda v: int(v > 0),
    "GreaterOrEqual": lambda v: int(v >= 0), "Less": lambda v: int(v < 0), "LessOrEqual": lambda v: int(v <= 0),
    "Not": _not, "Or": lambda v: int(v > 0), "Xor": lambda v: int(v == 1),
}  # fmt: skip


def import_root(b: Builder, node: SourceNode) -> Tensor:
    """Sqrt and Log."""
    return functions.rising(as_function(_one(b, node)), node.op.lower())


ACTIVATIONS = tuple(FORMULAS)
COMPARISONS = tuple(_COMPARISONS)

__all__ = [
    "ACTIVATIONS", "COMPARISONS", "import_activation", "import_integer_function", "import_pow",
    "import_root", "import_where", "product", "with_constant",
]  # fmt: skip
