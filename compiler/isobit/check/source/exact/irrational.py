"""Roots, sigmoid and tanh of rationals, to far more digits than decide anything.

Sigmoid and tanh of a nonzero rational are transcendental, so they never lie on a rounding edge; they are given to
``_TABLE_DIGITS`` decimals, never reaching their limits, and exactly at zero.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from isobit.check.source.exact import tensor as exact
from isobit.check.source.exact.call import Call
from isobit.check.source.exact.tensor import ExactTensor

_TABLE_DIGITS = 60
_ROOT_DIGITS = 128
_UNIT: int = 10**_TABLE_DIGITS


def square_root(x: Fraction) -> Fraction:
    """The root of a positive rational: itself where it is rational, else the nearest number of 128 binary digits.

    Heron's rule on integers, from above: with ``n = floor(sqrt(x * 4^k))`` of far more digits than are kept, the digit
    behind the last one decides, because an irrational root is never half way.
    """
    over, under = _floor_root(x.numerator), _floor_root(x.denominator)
    if over * over == x.numerator and under * under == x.denominator:
        return Fraction(over, under)
    places = max(0, 2 * _ROOT_DIGITS + x.denominator.bit_length() - x.numerator.bit_length())
    whole = _floor_root((x.numerator << 2 * places) // x.denominator)
    unit = 1 << whole.bit_length() - _ROOT_DIGITS
    return Fraction((whole + unit // 2) // unit * unit, 1 << places)


def _floor_root(n: int) -> int:
    guess = 1 << -(-n.bit_length() // 2)
    while guess * guess > n:
        guess = (guess + n // guess) // 2
    return guess


def _inside(value: decimal.Decimal) -> int:
    """A value between 0 and 1 in units of the last digit, never 0 or 1 itself: a floor or a sign may hang on it."""
    return min(max(round(Fraction(value) * _UNIT), 1), _UNIT - 1)


def sigmoid(value: decimal.Decimal) -> int:
    """The logistic function in units of the last digit, exact at zero."""
    return _inside(1 / (1 + (-value).exp())) if value else _UNIT // 2


def tanh(value: decimal.Decimal) -> int:
    """The hyperbolic tangent in units of the last digit, exact at zero."""
    decay = (-2 * abs(value)).exp()
    magnitude = _inside((1 - decay) / (1 + decay))
    return magnitude if value > 0 else -magnitude if value else 0


def table(function: Callable[[decimal.Decimal], int]) -> Callable[[Call], ExactTensor]:
    """The operator that applies a function, evaluated once per number that occurs."""

    def run(call: Call) -> ExactTensor:
        data = call.given(0)
        with decimal.localcontext(prec=_TABLE_DIGITS + 20, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN):
            values = {n: function(decimal.Decimal(n) / data.den) for n in set(map(int, data.num.flat))}
        return exact.lowest(np.vectorize(values.__getitem__, otypes=[object])(data.num), _UNIT)

    return run
