"""Activation functions by their formulas on the ONNX operator pages, as enclosures of their real values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx import function as functions
from isobit.frontend.qonnx.symbolic import Values
from isobit.numerics import exact
from isobit.numerics.enclosures import pi

_HALF = Fraction(1, 2)
Change = Callable[[Values], Values]
Formula = Callable[[SourceNode], Change]


def number(node: SourceNode, name: str, default: float) -> Fraction:
    return exact(node.number(name, default))


def _simple(change: Change) -> Formula:
    return lambda node: change


def _rising(name: str) -> Formula:
    return _simple(lambda v: functions.apply_rising(v, name))


def _times(v: Values, a: Fraction, offset: Fraction = Fraction(0)) -> Values:
    return functions.add(functions.scaled(v, a), functions.constant(offset, v))


def _decay(v: Values, steepness: Fraction, alpha: Fraction) -> Values:
    """``alpha * (exp(v / steepness) - 1)``."""
    least = functions.lesser_of(v, functions.constant(Fraction(0), v))
    grown = functions.apply_rising(functions.scaled(least, 1 / steepness), "exp")
    return functions.scaled(_times(grown, Fraction(1), Fraction(-1)), alpha)


def _elu(node: SourceNode) -> Change:
    alpha = number(node, "alpha", 1.0)
    return lambda v: functions.by_sign(v, v, _decay(v, Fraction(1), alpha))


def _celu(node: SourceNode) -> Change:
    alpha = number(node, "alpha", 1.0)
    return lambda v: functions.by_sign(v, v, _decay(v, alpha, alpha))


def _selu(node: SourceNode) -> Change:
    alpha = number(node, "alpha", 1.67326319217681884765625)
    gamma = number(node, "gamma", 1.05070102214813232421875)
    return lambda v: functions.scaled(functions.by_sign(v, v, _decay(v, Fraction(1), alpha)), gamma)


def _threshold(node: SourceNode) -> Change:
    alpha = number(node, "alpha", 1.0)

    def change(v: Values) -> Values:
        above = functions.decided(v, lambda x: int(x > alpha), rises=True)
        return functions.chosen(above, v, functions.constant(Fraction(0), v))

    return change


def _hard_sigmoid(v: Values, alpha: Fraction, beta: Fraction) -> Values:
    return functions.lesser_of(
        functions.greater_of(_times(v, alpha, beta), functions.constant(Fraction(0), v)),
        functions.constant(Fraction(1), v),
    )


def _hard_sigmoid_of(node: SourceNode) -> Change:
    alpha, beta = number(node, "alpha", 0.2), number(node, "beta", 0.5)
    return lambda v: _hard_sigmoid(v, alpha, beta)


def _swish(node: SourceNode) -> Change:
    alpha = number(node, "alpha", 1.0)
    return lambda v: functions.multiply(v, functions.apply_rising(functions.scaled(v, alpha), "sigmoid"))


def _gelu(node: SourceNode) -> Change:
    """``x/2 (1 + erf(x / sqrt 2))``, or with tanh where the node approximates so; the roots are real numbers."""
    tanh = str(node.attrs.get("approximate", "none")) == "tanh"

    def change(v: Values) -> Values:
        if tanh:
            cube = functions.multiply(v, functions.multiply(v, v))
            inner = functions.multiply(
                functions.add(v, functions.scaled(cube, Fraction("0.044715"))), _root(v, _two_over_pi())
            )
            curve = functions.apply_rising(inner, "tanh")
        else:
            curve = functions.apply_rising(functions.multiply(v, _root(v, (_HALF, _HALF))), "erf")
        return functions.multiply(functions.scaled(v, _HALF), _times(curve, Fraction(1), Fraction(1)))

    return change


def _two_over_pi() -> tuple[Fraction, Fraction]:
    low, high = pi()
    return 2 / high, 2 / low


def _root(like: Values, of: tuple[Fraction, Fraction]) -> Values:
    """The square root of an enclosed constant."""
    return functions.apply_rising(functions.between(*of, like), "sqrt")


def _abs(v: Values) -> Values:
    return functions.by_sign(v, v, functions.scaled(v, Fraction(-1)))


def _softsign(v: Values) -> Values:
    return functions.multiply(v, functions.reciprocal(_times(_abs(v), Fraction(1), Fraction(1))))


def _mish(v: Values) -> Values:
    return functions.multiply(v, functions.apply_rising(functions.apply_rising(v, "softplus"), "tanh"))


def _hard_swish(v: Values) -> Values:
    return functions.multiply(v, _hard_sigmoid(v, Fraction(1, 6), _HALF))


FORMULAS: Mapping[str, Formula] = {
    "Abs": _simple(_abs), "Celu": _celu, "Elu": _elu, "Erf": _rising("erf"), "Exp": _rising("exp"), "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid_of, "HardSwish": _simple(_hard_swish), "Mish": _simple(_mish),
    "Reciprocal": _simple(functions.reciprocal), "Selu": _selu, "Softplus": _rising("softplus"),
    "Softsign": _simple(_softsign), "Swish": _swish, "ThresholdedRelu": _threshold,
}  # fmt: skip
