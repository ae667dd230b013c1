"""Rationals rounded to float32, once: to nearest, halves to even, as IEEE 754 does it."""

from __future__ import annotations

from fractions import Fraction
from math import ldexp
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DIGITS, _LEAST = 24, -149
_NORMAL, _HUGE = 2.0**-126, 2.0**127
_HALFWAY, _BELOW = 1 << 28, (1 << 29) - 1
"""The digits of a float64 that a float32 does not have, and those of one in the middle between two."""
_BOTH = 1000
_FLOAT, _BITS = Struct("<d"), Struct("<q")
_ROOM = 2.0**-50
"""A product and a sum in float64 are nearer to the exact value than this share of their operands."""


def nearest_float32(value: Fraction) -> np.float32:
    """The float32 nearest to a rational; infinite beyond the greatest.

    Through float64 it is rounded twice, which is the same unless the first time it comes to lie in the middle between
    two float32: then the last digit is decided in integers.
    """
    if not value:
        return np.float32(0)
    if -_BOTH < value.numerator.bit_length() - value.denominator.bit_length() < _BOTH:
        near = value.numerator / value.denominator
        if _NORMAL <= abs(near) < _HUGE and _BITS.unpack(_FLOAT.pack(near))[0] & _BELOW != _HALFWAY:
            return np.float32(near)
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
