"""Exact rationals from floating-point bits, and the two operations on them that Fraction lacks."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, isqrt, lcm
from typing import Any

import numpy as np
import numpy.typing as npt

from isobit.errors import IsobitError


def exact(x: float | np.floating[Any] | np.integer[Any]) -> Fraction:
    """The rational number that the bits of ``x`` stand for.

    Raises:
        IsobitError: E204, ``x`` is NaN or infinite.
    """
    if isinstance(x, (int, np.integer)):
        return Fraction(int(x))
    if not np.isfinite(x):
        raise IsobitError("E204", f"{x} is not a finite number")
    return Fraction(*x.as_integer_ratio())


def exact_array(a: npt.ArrayLike) -> npt.NDArray[Any]:
    """:func:`exact` of every element: an array of Fractions of the same shape (zero-dimensional ones included)."""
    array = np.asarray(a)
    out = np.empty(array.size, dtype=object)
    out[:] = [exact(v) for v in array.ravel().tolist()]
    return out.reshape(array.shape)


def rational_gcd(*xs: Fraction) -> Fraction:
    """The largest g with every ``x / g`` an integer; zeros count for nothing, and g is 0 when nothing else is given."""
    den = lcm(*(x.denominator for x in xs))
    return Fraction(gcd(*(x.numerator * (den // x.denominator) for x in xs)), den)


def sqrt_rational(x: Fraction, bits: int = 128) -> Fraction:
    """The square root of ``x``: exact when that is rational, else the nearest number of ``bits`` significant bits.

    Raises:
        IsobitError: E204, ``x`` is negative.
    """
    if x < 0:
        raise IsobitError("E204", f"the square root of {x}", hint="a variance must not be negative")
    root = Fraction(isqrt(x.numerator), isqrt(x.denominator))
    return root if root * root == x else _irrational_sqrt(x, bits)


def _irrational_sqrt(x: Fraction, bits: int) -> Fraction:
    # scaled by 4**e the root's whole part has bits + 1 or bits + 2 digits; no tie can happen, as the root is irrational
    e = bits + 1 - (x.numerator.bit_length() - x.denominator.bit_length()) // 2
    scaled = x * Fraction(4) ** e
    whole = isqrt(scaled.numerator // scaled.denominator)
    spare = whole.bit_length() - bits
    return Fraction((whole >> (spare - 1)) + 1 >> 1 << spare) / Fraction(2) ** e
