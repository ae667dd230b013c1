"""The requantizer of TFLite's kernels as a staircase: a 31-bit multiplier and two roundings, or a double and one.

Most kernels round twice, ``round_away(round_up(x * q / 2**31) / 2**right)``: the high half of the doubled product,
halves up, then a rounding shift, halves away from zero (gemmlowp ``fixedpoint.h``;
:func:`isobit.numerics.tflite.rounded_twice`). FULLY_CONNECTED multiplies by a double (LiteRT's reference kernel).
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import numpy as np

from isobit.frontend.tflite.builder import TfliteBuilder
from isobit.frontend.tflite.model import TfliteOperator
from isobit.ir.types import IntArray
from isobit.numerics import Curve, Cuts, Rounded, Rounding, compose, equal
from isobit.numerics.tflite import quantize_multiplier, rounded_twice

_FAR = 1 << 50  # beyond every sum
_LISTED = 255  # levels of 8 bits are listed, those of 16 bits kept as what makes them
_INT32 = (-(1 << 31), (1 << 31) - 1)
NONE, RELU, RELU_N1_TO_1, RELU6 = 0, 1, 2, 3
RELU_0_TO_1 = -1  # an operator of its own, no fused activation


def multiplier(real: float) -> tuple[int, int]:
    """``(q, shift)`` of a double, as the kernels hold it."""
    return quantize_multiplier(Fraction(real))


@lru_cache(maxsize=4096)
def in_double(real: float, lo: int, hi: int) -> Curve:
    """``clamp(round(x * real), lo, hi)``, the product a double, halves away from zero; ``real`` is positive."""
    levels = np.arange(lo + 1, hi + 1)
    edges = levels - 0.5
    places = np.clip(np.floor(edges / real), -_FAR, _FAR).astype(np.int64) + np.array([[-1], [0], [1], [2]])
    products = places * np.float64(real)
    # a double product rises with x: the first of the places beside the exact edge that has passed it is the cut
    passed = (products > edges) | ((products == edges) & (levels > 0))
    found = Cuts(lo, places[np.argmax(passed, axis=0), np.arange(levels.size)])
    line = Rounded(Fraction(real), Fraction(0), Rounding.HALF_UP, lo, hi)
    return line if levels.size > _LISTED and equal(found, line) else found


@lru_cache(maxsize=4096)
def requantizer(q: int, shift: int, lo: int, hi: int) -> Curve:
    """The staircase of ``q * 2**(shift - 31)`` rounded twice, clamped to ``[lo, hi]``; ``q`` is not negative."""
    high = high_half(q, max(shift, 0))
    if shift >= 0 or q == 0:
        return high.clamp(lo, hi)
    return compose(shifted(-shift, lo, hi), high)


def high_half(q: int, left: int) -> Curve:
    """The first of two roundings: ``x * 2**left * q / 2**31``, halves up."""
    if q == 0:
        return Cuts(0, [])
    return Rounded(Fraction(q << left, 1 << 31), Fraction(1, 2), Rounding.FLOOR, *_INT32)


def shifted(right: int, lo: int, hi: int) -> Curve:
    """The second of two roundings: ``x / 2**right``, halves away from zero, clamped."""
    return Rounded(Fraction(1, 1 << right), Fraction(0), Rounding.HALF_UP, lo, hi)


def refuse_overflow(op: TfliteOperator, bounds: tuple[int, int], shift: int = 0) -> None:
    """The kernels hold a sum in 32 bits, shifted to the left first; beyond them they wrap.

    Raises:
        IsobitError: E205.
    """
    lo, hi = (int(b) << max(shift, 0) for b in bounds)
    if lo < _INT32[0] or hi > _INT32[1]:
        raise op.refusal(f"its sums reach {lo}..{hi}, beyond 32 bits, where the kernel wraps", code="E205")


def rescaled(op: TfliteOperator, x: IntArray, real: float) -> IntArray:
    """``x`` times a multiplier, rounded twice.

    Raises:
        IsobitError: E205 where the kernel's 32 bits would wrap.
    """
    q, shift = multiplier(real)
    refuse_overflow(op, (int(x.min()), int(x.max())), shift)
    return rounded_twice(x, abs(q), shift) * (-1 if q < 0 else 1)


def activation_limits(b: TfliteBuilder, op: TfliteOperator, kind: int | None = None) -> tuple[int, int]:
    """Limits of ``r = q - zero_point`` of the operator's output under its fused activation.

    Raises:
        IsobitError: E202 for an activation that no quantised kernel fuses.
    """
    scale, zero, (lo, hi) = b.grid(op, b.output(op))
    fused = op.option("fused_activation_function") if kind is None else kind
    if fused not in (NONE, RELU, RELU_N1_TO_1, RELU6) and kind is None:
        raise op.refusal(f"the fused activation {fused}")
    low, high = lo - zero, hi - zero
    if fused in (RELU, RELU6, RELU_0_TO_1):
        low = max(low, 0)
    if fused == RELU6:
        high = min(high, rounded(np.float32(6.0) / np.float32(scale)))
    if fused == RELU_N1_TO_1:
        low = max(low, rounded(np.float32(-1.0) / np.float32(scale)))
    if fused in (RELU_N1_TO_1, RELU_0_TO_1):
        high = min(high, rounded(np.float32(1.0) / np.float32(scale)))
    # a kernel's clamp takes the greater lower limit first, the lesser upper limit last
    return min(low, high), high


def rounded(x: np.float32) -> int:
    """A float32 to the nearest integer, halves away from zero; far beyond 32 bits it stays there."""
    magnitude = int(Fraction(min(abs(float(x)), 2.0**40)) + Fraction(1, 2))
    return magnitude if x >= 0 else -magnitude
