"""The kernels' own integer arithmetic, written from their publishers' definitions and from nothing of the compiler's.

Sources: TensorFlow Lite ``kernels/internal/quantization_util.cc`` (``QuantizeMultiplier``), gemmlowp ``fixedpoint.h``
(``SaturatingRoundingDoublingHighMul``, ``RoundingDivideByPOT``). All arrays are int64 and hold 32-bit integers.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
LEAST, GREATEST = -(1 << 31), (1 << 31) - 1


def half_away(x: NDArray[np.floating] | np.float32) -> Ints:
    """The nearest integers, halves away from zero; beyond 32 bits the limits of 32 bits."""
    wide = np.asarray(x, np.float64)
    whole = np.trunc(wide)  # a number less its whole part is exact; a number plus a half is not
    rounded = whole + np.sign(wide) * (np.abs(wide - whole) >= 0.5)
    return np.asarray(np.clip(rounded, LEAST, GREATEST), np.int64)


def fixed_multiplier(real: float) -> tuple[int, int]:
    """``(q, shift)``, ``real ~ q * 2**(shift - 31)``: the double's mantissa in [1/2, 1) as a 31-bit integer.

    ``QuantizeMultiplier``: frexp, then round halves away from zero; below 2**-32 nothing is left, above 2**30 all.
    """
    mantissa, exponent = math.frexp(real)
    scaled = math.ldexp(abs(mantissa), 31)  # exact: a double holds 53 bits
    q = math.floor(scaled) + (scaled - math.floor(scaled) >= 0.5)
    if q == 1 << 31:
        q, exponent = 1 << 30, exponent + 1
    if real == 0 or exponent < -31:
        return 0, 0
    if exponent > 30:
        q, exponent = GREATEST, 30
    return (-q if real < 0 else q), exponent


def multiplied_once(x: Ints, q: Ints, shift: Ints) -> Ints:
    """``x`` of up to 48 bits times the upper 15 bits of ``q``, rounded once, halves up: the kernels' 64-bit form.

    The multiplier's own rounding saturates at 15 bits.
    """
    short = np.where(q < 0x7FFF0000, (q + (1 << 15)) >> 16, 0x7FFF)
    right = 15 - shift
    return np.asarray((x * short + np.left_shift(np.int64(1), right - 1)) >> right, np.int64)


def multiplied(x: Ints, q: Ints | int, shift: Ints | int) -> Ints:
    """``x * q * 2**(shift - 31)`` in two roundings: the product's high half, halves up; then the shift, halves away.

    ``q`` and ``shift`` are numbers, or one for each element of the last axis.
    """
    shifts = np.asarray(shift, np.int64)
    left, right = np.where(shifts > 0, shifts, 0), np.where(shifts < 0, -shifts, 0)
    product = x * np.left_shift(np.int64(1), left) * np.asarray(q, np.int64)
    high = np.minimum((product + (1 << 30)) // (1 << 31), GREATEST)
    half = np.left_shift(np.int64(1), right) >> 1
    return np.asarray(np.sign(high) * ((np.abs(high) + half) >> right), np.int64)
