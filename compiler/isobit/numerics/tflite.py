"""The requantizer everyone knows: TensorFlow Lite's 31-bit multiplier, as a reference to compare with.

Three published forms (TensorFlow Lite ``kernels/internal/common.cc`` and ``quantization_util.cc``, gemmlowp's
``fixedpoint.h``): the multiplication rounded twice, rounded once, and the 16x8 form with the multiplier cut to 15 bits.
isobit builds none of them as such: TFLite files are read and checked with the first, benchmarks measure against all.
The sum ``x`` is any integer array that fits the form's accumulator: 32 bits, or 48 for the 16x8 form.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from isobit.numerics.intervals import IntArray

_ONE = 1 << 31
_LEAST_EXPONENT, _LARGEST_EXPONENT = -31, 30


def quantize_multiplier(multiplier: Fraction) -> tuple[int, int]:
    """``(q, shift)`` with ``multiplier ~ q * 2**(shift - 31)`` and ``2**30 <= |q| < 2**31``; ``(0, 0)`` when too small.

    The mantissa in [1/2, 1) is rounded to 31 bits, halves away from zero; a shift above 30 saturates.
    """
    if multiplier == 0:
        return 0, 0
    magnitude = abs(multiplier)
    shift = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    shift += magnitude / Fraction(2) ** shift >= 1
    q = int(magnitude / Fraction(2) ** shift * _ONE + Fraction(1, 2))
    if q == _ONE:
        q, shift = q // 2, shift + 1
    if shift < _LEAST_EXPONENT:
        return 0, 0
    if shift > _LARGEST_EXPONENT:
        q, shift = _ONE - 1, _LARGEST_EXPONENT
    return (q if multiplier > 0 else -q), shift


def rounded_twice(x: IntArray, q: int | IntArray, shift: int | IntArray) -> IntArray:
    """``round(round(x * q / 2**31) / 2**-shift)``: the high half of the doubled product, then the shift.

    The first rounding takes halves up, of a negative product too (its nudge is one less and its division truncates);
    the second takes them away from zero. ``q`` and ``shift`` are numbers or arrays that broadcast to ``x`` (one per
    channel); ``x * 2**shift`` must fit 32 bits, as in the published form.
    """
    left, right = np.maximum(shift, 0), np.maximum(np.negative(shift), 0)
    product = (x.astype(np.int64) << left) * np.asarray(q, np.int64)
    nudged = product + np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    high = np.where(nudged >= 0, nudged >> 31, -(-nudged >> 31))
    high = np.minimum(high, _ONE - 1)  # the one overflow, -2**31 times -2**31, saturates
    mask = (np.int64(1) << right) - 1
    threshold = (mask >> 1) + (high < 0)
    return np.asarray((high >> right) + ((high & mask) > threshold), np.int64)


def rounded_once(x: IntArray, q: int, shift: int) -> IntArray:
    """``(x * q + 2**(30 - shift)) >> (31 - shift)``: one rounding, halves up."""
    return np.asarray((x.astype(np.int64) * np.int64(q) + (np.int64(1) << (30 - shift))) >> (31 - shift), np.int64)


def reduced(x: IntArray, q: int, shift: int) -> IntArray:
    """The 16x8 form: the multiplier's upper 15 bits, saturated, and one rounding, halves up.

    Its 48-bit sum times 15 bits fits the 64-bit product.
    """
    narrow = min((q + (1 << 15)) >> 16, (1 << 15) - 1)
    return np.asarray((x.astype(np.int64) * np.int64(narrow) + (np.int64(1) << (14 - shift))) >> (15 - shift), np.int64)
