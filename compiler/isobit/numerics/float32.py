"""Rationals rounded to float32, once: to nearest, halves to even, as IEEE 754 does it."""

from __future__ import annotations

from fractions import Fraction
from math import ldexp
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DIGITS, _LEAST = 24, -149
_ROOM = 2.0**-50
"""A product and a sum in float64 are nearer to the exact value than this share of their operands."""


def nearest_float32(value: Fraction) -> np.float32:
    """The float32 nearest to a rational; infinite beyond the greatest.

    Through float64 it would be rounded twice, so the last digit is decided in integers.
    """
    if not value:
        return np.float32(0)
    exponent = value.numerator.bit_length() - value.denominator.bit_length() - _DIGITS
    while abs(value) >= Fraction(2) ** (exponent + _DIGITS):
        exponent += 1
    exponent = max(exponent, _LEAST)
    digits = round(value / Fraction(2) ** exponent)
    if abs(digits).bit_length() + exponent > 128:
        return np.float32(np.inf if digits > 0 else -np.inf)
    return np.float32(ldexp(digits, exponent))


def scaled_float32(integers: NDArray[Any], scale: Fraction, offset: Fraction) -> NDArray[np.float32]:
    """``scale * integer + offset`` in exact arithmetic, rounded to float32 once.

    In float64 with its error on both sides where both give one float32, which they nearly always do; else exactly.
    """
    with np.errstate(over="ignore"):
        product, added = integers.astype(np.float64) * float(scale), float(offset)
        slack = (np.abs(product) + abs(added)) * _ROOM
        low, high = ((product + added + side * slack).astype(np.float32) for side in (-1, 1))
    for place in np.flatnonzero(low != high):
        low.flat[place] = nearest_float32(scale * int(integers.flat[place]) + offset)
    return np.asarray(low)
