"""A real tensor as any function of one integer value, evaluated where it is needed, entry by entry.

Rational operations are exact; the others enclose their value between two rationals. Beside every value runs a bound of
the float32 error that the source's own evaluation may make, from which ties are told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.frontend.qonnx import spans
from isobit.frontend.qonnx.spans import Span
from isobit.frontend.qonnx.symbolic import Enclosed, Fractions, Function, Rationals, Real, Segment, Values, floats
from isobit.numerics.enclosures import RISING

_UNIT = 2.0**-24


class Undecided(Exception):
    """An enclosure holds more than one answer to a yes-or-no question."""


def on_spans(exact: Callable[..., Enclosed]) -> Callable[..., Values]:
    """An operation on rationals that is the one of the same name in :mod:`spans` where it is given a span."""
    fast = getattr(spans, exact.__name__)

    @wraps(exact)
    def operation(*operands: Any, **settings: Any) -> Values:
        either = fast if any(isinstance(v, Span) for v in operands) else exact
        return either(*operands, **settings)

    return operation


def joined(parts: Sequence[Function], change: Callable[..., Values]) -> Function:
    """``change`` of several functions, which must have one value and layout."""
    return replace(parts[0], rows=max(f.rows for f in parts), at=lambda c, x: change(*(f.at(c, x) for f in parts)))


def of_real(real: Real) -> Function:
    """The same function as a :class:`Function`."""
    function = Function(real.value, real.layout, 1, lambda _, x: x)
    for segment in real.segments:
        function = _segment(function, segment)
    return function


def whole(integers: Sequence[int], error: float) -> Enclosed:
    """The integers themselves, whose real values the source has up to ``error`` (in integers)."""
    values = _fractions([Fraction(int(v)) for v in integers])
    return Enclosed(values, values, np.full(len(values), error))


def _segment(f: Function, segment: Segment) -> Function:
    if segment.after == "leaky":
        assert segment.slope is not None
        f = leaky(f, segment.slope)
    elif segment.after not in ("", "identity"):
        f = rising(f, segment.after)
    f = affine(f, segment.scale, segment.offset)
    return clamped(f, segment.lo, segment.hi)


# ------------------------------------------------------------------------------------------------------- operations


def affine(f: Function, a: Rationals, b: Rationals) -> Function:
    """``a * f + b`` per channel."""
    return f.map(lambda v, c: add(scaled(v, _at(a, c)), constant(_at(b, c), v)), max(len(a), len(b)))


def clamped(f: Function, lo: Rationals | None, hi: Rationals | None) -> Function:
    """``min(max(f, lo), hi)``."""

    def clamp(v: Values, c: int) -> Values:
        v = v if lo is None else greater_of(v, constant(_at(lo, c), v))
        return v if hi is None else lesser_of(v, constant(_at(hi, c), v))

    return f.map(clamp, max((len(a) for a in (lo, hi) if a is not None), default=1))


def leaky(f: Function, slope: Rationals) -> Function:
    """``f`` where it is not negative, ``slope * f`` elsewhere."""
    return f.map(lambda v, c: by_sign(v, v, scaled(v, _at(slope, c))), len(slope))


def rising(f: Function, name: str) -> Function:
    """One of :data:`isobit.numerics.enclosures.RISING`."""
    return f.map(lambda v, _: apply_rising(v, name))


@on_spans
def apply_rising(v: Enclosed, name: str) -> Enclosed:
    """A rising function of what is enclosed; its float32 error by the slope over what the argument's error spans."""
    function = RISING[name]
    ends = [function(x) for x in v.low]
    tops = ends if v.exact else [function(x) for x in v.high]
    low, high = _fractions([e[0] for e in ends]), _fractions([e[1] for e in tops])
    if v.exact and all(a == b for a, b in ends):
        high = low
    size = np.abs(floats(low))
    return Enclosed(low, high, v.error * _slope(name, v) + 8 * _UNIT * np.maximum(size, v.size * (name == "softplus")))


def _slope(name: str, v: Enclosed) -> NDArray[np.float64]:
    """The steepest slope near the argument, in float64 with room to spare."""
    x = floats(v.low)
    with np.errstate(all="ignore"):
        slopes: dict[str, Callable[[], NDArray[np.float64]]] = {
            "erf": lambda: np.full(x.shape, 1.2), "sigmoid": lambda: np.full(x.shape, 0.26),
            "softplus": lambda: np.ones(x.shape), "tanh": lambda: np.ones(x.shape),
            "exp": lambda: np.exp(np.minimum(x + v.error, 700.0)) * 1.01,
            "log": lambda: 1.01 / np.maximum(x - v.error, 1e-30),
            "sqrt": lambda: 0.51 / np.sqrt(np.maximum(x - v.error, 1e-30)),
        }  # fmt: skip
        return slopes[name]()


@on_spans
def between(low: Fraction, high: Fraction, like: Enclosed) -> Enclosed:
    """What lies between two rationals, as long as ``like``."""
    ends = constant(low, like).low, constant(high, like).low
    return Enclosed(ends[0], ends[0] if low == high else ends[1], np.zeros(len(ends[0])))


@on_spans
def constant(value: Fraction, like: Enclosed) -> Enclosed:
    """One rational, as long as ``like``."""
    values = _fractions([value] * len(like.low))
    return Enclosed(values, values, np.zeros(len(values)))


@on_spans
def scaled(v: Enclosed, a: Fraction) -> Enclosed:
    """``a * v``."""
    low, high = (v.low * a, v.high * a) if a >= 0 else (v.high * a, v.low * a)
    return Enclosed(low, low if v.exact else high, abs(float(a)) * (v.error + _UNIT * v.size))


@on_spans
def add(v: Enclosed, w: Enclosed) -> Enclosed:
    """``v + w``."""
    low = v.low + w.low
    return Enclosed(
        low, low if v.exact and w.exact else v.high + w.high, v.error + w.error + _UNIT * np.maximum(v.size, w.size)
    )


@on_spans
def multiply(v: Enclosed, w: Enclosed) -> Enclosed:
    """``v * w``, of enclosures of any signs."""
    error = v.size * w.error + w.size * v.error + v.error * w.error + _UNIT * v.size * w.size
    if v.exact and w.exact:
        product = v.low * w.low
        return Enclosed(product, product, error)
    corners = np.stack([a * b for a in (v.low, v.high) for b in (w.low, w.high)])
    return Enclosed(corners.min(axis=0), corners.max(axis=0), error)


@on_spans
def reciprocal(v: Enclosed) -> Enclosed:
    """``1 / v``. ZeroDivisionError where zero is enclosed."""
    if any(a <= 0 <= b for a, b in zip(v.low, v.high, strict=True)):
        raise ZeroDivisionError
    size = np.minimum(v.size, np.abs(floats(v.high)))
    high = 1 / v.low
    return Enclosed(high if v.exact else 1 / v.high, high, v.error / size**2 * 1.01 + _UNIT / size)


@on_spans
def greater_of(v: Enclosed, w: Enclosed) -> Enclosed:
    """``max(v, w)``."""
    low = np.maximum(v.low, w.low)
    return Enclosed(low, low if v.exact and w.exact else np.maximum(v.high, w.high), np.maximum(v.error, w.error))


@on_spans
def lesser_of(v: Enclosed, w: Enclosed) -> Enclosed:
    """``min(v, w)``."""
    low = np.minimum(v.low, w.low)
    return Enclosed(low, low if v.exact and w.exact else np.minimum(v.high, w.high), np.maximum(v.error, w.error))


@on_spans
def by_sign(v: Enclosed, positive: Enclosed, negative: Enclosed) -> Enclosed:
    """``positive`` where ``v >= 0``, ``negative`` elsewhere; both where that is open (and there is no jump)."""
    above, below = (v.low >= 0).astype(bool), (v.high < 0).astype(bool)
    low = np.where(above, positive.low, np.where(below, negative.low, np.minimum(positive.low, negative.low)))
    exact = positive.exact and negative.exact and bool((above | below).all())
    high = low if exact else np.where(
        above, positive.high, np.where(below, negative.high, np.maximum(positive.high, negative.high)))  # fmt: skip
    return Enclosed(low, high, np.maximum(positive.error, negative.error))


@on_spans
def chosen(condition: Enclosed, yes: Enclosed, no: Enclosed) -> Enclosed:
    """``yes`` where the condition is not zero; float32 may choose the other where it may decide otherwise."""
    if not condition.exact:
        raise Undecided
    taken = (condition.low != 0).astype(bool)
    low, error = np.where(taken, yes.low, no.low), np.where(taken, yes.error, no.error)
    error += np.where(condition.error > 0, np.abs(floats(yes.low - no.low)) + yes.error + no.error, 0)
    exact = yes.exact and no.exact
    return Enclosed(low, low if exact else np.where(taken, yes.high, no.high), error)


@on_spans
def decided(v: Enclosed, question: Callable[[Fraction], int], rises: bool = False) -> Enclosed:
    """A step function of rationals, exact where both ends of every enclosure give one answer.

    ``rises`` promises that it never falls. Its float32 error is the jump that the argument's error reaches.

    Raises:
        Undecided: where they do not.
    """
    found = _fractions([Fraction(question(x)) for x in v.low])
    if not v.exact and any(question(x) != y for x, y in zip(v.high, found, strict=True)):
        raise Undecided
    off = [max(abs(question(x + d) - y) for d in (-Fraction(e), Fraction(e))) if e else 0
           for x, y, e in zip(v.low, found, v.error, strict=True)]  # fmt: skip
    return Enclosed(found, found, np.array(off, dtype=np.float64))


def _at(values: Rationals, channel: int) -> Fraction:
    value = values[channel if len(values) > 1 else 0]
    return value if isinstance(value, Fraction) else Fraction(value)


def _fractions(values: Sequence[Fraction]) -> Fractions:
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made
