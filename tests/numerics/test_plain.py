"""The plain k-bit rule."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isobit.numerics import Rounded, Rounding, plain_multiplicand, plain_multiply_shift

multipliers = st.builds(Fraction, st.integers(1, 10**9), st.integers(1, 10**9))


@given(multipliers, st.integers(1, 33))
def test_the_multiplicand_has_k_bits_and_is_the_nearest(v: Fraction, bits: int) -> None:
    m, s = plain_multiplicand(v, bits)
    assert m.bit_length() == bits
    step = Fraction(2) ** -s
    assert abs(m * step - v) <= step / 2


@given(multipliers, st.integers(1, 24))
def test_it_is_the_formula_of_frexp(v: Fraction, bits: int) -> None:
    f, e = v, 0
    while f >= 1:
        f, e = f / 2, e + 1
    while f < Fraction(1, 2):
        f, e = f * 2, e - 1
    scaled = f * 2**bits + Fraction(1, 2)
    m = scaled.numerator // scaled.denominator
    if m == 1 << bits:
        m, e = m >> 1, e + 1
    assert plain_multiplicand(v, bits) == (m, bits - e)


def test_a_carry_takes_the_next_exponent() -> None:
    assert plain_multiplicand(Fraction(255, 256), 4) == (8, 3)


@pytest.mark.parametrize(("v", "bits"), [(Fraction(0), 4), (Fraction(-1), 4), (Fraction(1), 0)])
def test_nonsense_is_refused(v: Fraction, bits: int) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        plain_multiplicand(v, bits)


def test_a_generator_becomes_the_rounded_multiply_and_shift() -> None:
    curve = Rounded(Fraction(1, 10), Fraction(3, 10), Rounding.ROUND, -8, 7)
    made = plain_multiply_shift(curve, 8)
    assert (made.m, made.k, made.c, made.lo, made.hi) == (205, 11, 614 + 1024, -8, 7)
    with pytest.raises(ValueError, match="too large"):
        plain_multiply_shift(Rounded(Fraction(1000), Fraction(0), Rounding.ROUND, 0, 9), 4)
