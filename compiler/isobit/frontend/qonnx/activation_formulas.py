"""Activation functions by their formulas on the ONNX operator pages, as enclosures of their real values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np

from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx import function as functions
from isobit.frontend.qonnx.symbolic import Enclosed
from isobit.numerics import exact
from isobit.numerics.enclosures import pi

_HALF = Fraction(1, 2)
Change = Callable[[Enclosed], Enclosed]


def number(node: SourceNode, name: str, default: float) -> Fraction:
    return exact(node.number(name, default))


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
    alpha = number(node, "alpha", 1.0)
    return lambda v: functions.by_sign(v, v, _decay(v, Fraction(1), alpha)), int(alpha >= 0)


def _celu(node: SourceNode) -> tuple[Change, int]:
    alpha = number(node, "alpha", 1.0)
    return lambda v: functions.by_sign(v, v, _decay(v, alpha, alpha)), 1


def _selu(node: SourceNode) -> tuple[Change, int]:
    alpha = number(node, "alpha", 1.67326319217681884765625)
    gamma = number(node, "gamma", 1.05070102214813232421875)
    return lambda v: functions.scaled(functions.by_sign(v, v, _decay(v, Fraction(1), alpha)), gamma), 1


def _threshold(node: SourceNode) -> tuple[Change, int]:
    alpha = number(node, "alpha", 1.0)

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
    alpha, beta = number(node, "alpha", 0.2), number(node, "beta", 0.5)
    return lambda v: _hard_sigmoid(v, alpha, beta), int(alpha >= 0)


def _swish(node: SourceNode) -> tuple[Change, int]:
    alpha = number(node, "alpha", 1.0)
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


FORMULAS: Mapping[str, Callable[[SourceNode], tuple[Change, int]]] = {
    "Abs": _simple(_abs), "Celu": _celu, "Elu": _elu, "Erf": _rising("erf"), "Exp": _rising("exp"), "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid_of, "HardSwish": _simple(_hard_swish), "Mish": _simple(_mish),
    "Reciprocal": _simple(functions.reciprocal), "Selu": _selu, "Softplus": _rising("softplus"),
    "Softsign": _simple(_softsign, 1), "Swish": _swish, "ThresholdedRelu": _threshold,
}  # fmt: skip
