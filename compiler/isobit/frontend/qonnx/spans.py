"""The operations of :mod:`isobit.frontend.qonnx.function` on spans of float64 numbers, rounded outward.

What an exact function does over a whole span of integers is enclosed in a few machine operations; where both ends of
the enclosure have one level, so has all that lies between, and no rational number was touched. Where they do not, the
span is halved, and at last a single integer is evaluated exactly. The interval arithmetic is the usual one (R. E.
Moore, Interval Analysis, 1966): sums and products by their ends, everything else by monotone pieces.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from isobit.ir.types import IntArray

Floats = NDArray[np.float64]
_RELATIVE, _LEAST = 2.0**-40, 1e-290
"""Room for the error of a library's exp, log, tanh and erf: 4,096 units in the last place, where they state a few."""


@dataclass(frozen=True, eq=False)
class Span:
    """Between ``low`` and ``high``, element by element; infinite where nothing is known."""

    low: Floats
    high: Floats

    @classmethod
    def of_integers(cls, low: IntArray, high: IntArray) -> Span:
        """All the real numbers between two integers."""
        return _outward(low.astype(np.float64), high.astype(np.float64))


def _outward(low: Floats, high: Floats) -> Span:
    """One unit in the last place further out; everything where an end is no number."""
    known = ~(np.isnan(low) | np.isnan(high))
    return Span(
        np.where(known, np.nextafter(low, -np.inf), -np.inf), np.where(known, np.nextafter(high, np.inf), np.inf)
    )


def between(low: Fraction, high: Fraction, like: Span) -> Span:
    """Two rationals, as long as ``like``."""
    ends = [float(v) if abs(v) < 1 << 1000 else math.copysign(math.inf, v) for v in (low, high)]
    return _outward(*(np.full(like.low.shape, end) for end in ends))


def constant(value: Fraction, like: Span) -> Span:
    """One rational, as long as ``like``."""
    return between(value, value, like)


def scaled(v: Span, a: Fraction) -> Span:
    """``a * v``."""
    return multiply(v, constant(a, v))


def add(v: Span, w: Span) -> Span:
    """``v + w``."""
    with np.errstate(all="ignore"):
        return _outward(v.low + w.low, v.high + w.high)


def multiply(v: Span, w: Span) -> Span:
    """``v * w``, of any signs."""
    with np.errstate(all="ignore"):
        corners = np.stack([a * b for a in (v.low, v.high) for b in (w.low, w.high)])
    return _outward(corners.min(axis=0), corners.max(axis=0))


def reciprocal(v: Span) -> Span:
    """``1 / v``; everything where zero lies within."""
    with np.errstate(all="ignore"):
        away = (v.low > 0) | (v.high < 0)
        return _outward(np.where(away, 1 / v.high, np.nan), np.where(away, 1 / v.low, np.nan))


def greater_of(v: Span, w: Span) -> Span:
    """``max(v, w)``."""
    return Span(np.maximum(v.low, w.low), np.maximum(v.high, w.high))


def lesser_of(v: Span, w: Span) -> Span:
    """``min(v, w)``."""
    return Span(np.minimum(v.low, w.low), np.minimum(v.high, w.high))


def by_sign(v: Span, positive: Span, negative: Span) -> Span:
    """``positive`` where ``v >= 0``, ``negative`` elsewhere; both where that is open."""
    return _either(v.low >= 0, v.high < 0, positive, negative)


def chosen(condition: Span, yes: Span, no: Span) -> Span:
    """``yes`` where the condition is not zero; both where that is open."""
    apart = (condition.low > 0) | (condition.high < 0)
    return _either(apart, (condition.low == 0) & (condition.high == 0), yes, no)


def _either(first: NDArray[np.bool_], second: NDArray[np.bool_], yes: Span, no: Span) -> Span:
    low, high = np.minimum(yes.low, no.low), np.maximum(yes.high, no.high)
    low, high = np.where(second, no.low, low), np.where(second, no.high, high)
    return Span(np.where(first, yes.low, low), np.where(first, yes.high, high))


def decided(v: Span, question: Callable[[Fraction], int], rises: bool = False) -> Span:
    """A step function of rationals: by its ends where it never falls, nothing known of others."""
    if not rises:
        return Span(np.full(v.low.shape, -np.inf), np.full(v.high.shape, np.inf))
    answers = ([float(question(Fraction(x))) if np.isfinite(x) else x for x in side] for side in (v.low, v.high))
    return Span(*map(np.array, answers))


def apply_rising(v: Span, name: str) -> Span:
    """One of the rising functions by its name."""
    function = _RISING[name]
    with np.errstate(all="ignore"):
        low, high = function(v.low), function(v.high)
        return _outward(low - np.abs(low) * _RELATIVE - _LEAST, high + np.abs(high) * _RELATIVE + _LEAST)


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)))


def _erf(x: Floats) -> Floats:
    return np.array([math.erf(v) for v in x])


_RISING: dict[str, Callable[[Floats], Floats]] = {
    "erf": _erf, "exp": np.exp, "log": np.log, "sigmoid": _sigmoid, "softplus": lambda x: np.logaddexp(0, x),
    "sqrt": np.sqrt, "tanh": np.tanh,
}  # fmt: skip
