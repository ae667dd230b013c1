"""The plain k-bit rule: what is done everywhere else, kept as a baseline and for rescale-aware training.

The multiplier's significand is rounded to k bits, without a look at the staircase. (Our definition; see Mueller et al.,
arXiv 2510.11484, for what short multiplicands are good for.)
"""

from __future__ import annotations

from fractions import Fraction

from isobit.numerics.staircase import MultiplyShift, Rounded


def plain_multiplicand(multiplier: Fraction, bits: int) -> tuple[int, int]:
    """``(m, s)`` with ``2**(bits-1) <= m < 2**bits`` and ``m * 2**-s`` nearest to a positive multiplier, ties upwards.

    ``f, e = frexp(multiplier); m = floor(f * 2**bits + 1/2); if m == 2**bits: m /= 2, e += 1; s = bits - e``. The
    shift is negative where the multiplier is ``2**bits`` or more.

    Raises:
        ValueError: the multiplier is not positive, or ``bits`` is below 1.
    """
    if multiplier <= 0 or bits < 1:
        raise ValueError(f"multiplier {multiplier} must be positive and its width {bits} at least 1")
    m, e = _rounded(multiplier, bits, _exponent(multiplier))
    return (m >> 1, bits - e - 1) if m == 1 << bits else (m, bits - e)


def _exponent(v: Fraction) -> int:
    """The e with ``2**(e-1) <= v < 2**e``."""
    e = v.numerator.bit_length() - v.denominator.bit_length()
    return e + 1 if v >= Fraction(2) ** e else e


def _rounded(v: Fraction, bits: int, e: int) -> tuple[int, int]:
    scaled = v * Fraction(2) ** (bits - e)
    return (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator), e


def plain_multiply_shift(curve: Rounded, bits: int) -> MultiplyShift:
    """The k-bit multiply and shift of a generator: plain multiplicand, offset to the nearest, half a step added.

    ``y = clamp((m * x + floor(offset * 2**s + 1/2) + 2**(s-1)) >> s)``: the same clamp, halves upwards.

    Raises:
        ValueError: the multiplier needs a shift to the left or of nothing.
    """
    m, s = plain_multiplicand(curve.mult, bits)
    if s < 1:
        raise ValueError(f"multiplier {curve.mult} is too large for a shift to the right")
    offset = curve.offset * (1 << s) + Fraction(1, 2)
    return MultiplyShift(m, offset.numerator // offset.denominator + (1 << (s - 1)), s, curve.lo, curve.hi)
