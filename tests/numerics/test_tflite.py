"""TensorFlow Lite's requantizers against published values and their definitions in C, restated on Python's integers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isobit.numerics import tflite

# From TensorFlow Lite's quantization_util_test.cc: a real multiplier, its mantissa and its shift.
PUBLISHED = (
    (0.499999995, 2147483627, -1),
    (0.4999999999, 1073741824, 0),
    (0.75, 1610612736, 0),
    (1.00000000001, 1073741824, 1),
    (1.99999999999, 1073741824, 2),
    (2.3283064365386963e-10, 1073741824, -31),
    (1.1641532182693481e-10, 0, 0),
    (-0.125, -1073741824, -2),
)

sums = st.integers(-(2**31), 2**31 - 1)
mantissas = st.integers(2**30, 2**31 - 1)


@pytest.mark.parametrize(("real", "q", "shift"), PUBLISHED)
def test_published_multipliers(real: float, q: int, shift: int) -> None:
    assert tflite.quantize_multiplier(Fraction(real)) == (q, shift)


PRODUCTS = ((10000, 0.00097656, 10), (-(2**31), 1e-5, -21475), (2**31 - 1, -1e-5, -21475))


@pytest.mark.parametrize(("x", "real", "y"), PRODUCTS)
def test_published_products(x: int, real: float, y: int) -> None:
    q, shift = tflite.quantize_multiplier(Fraction(real))
    assert tflite.rounded_twice(np.array([x]), q, shift)[0] == y
    assert tflite.rounded_once(np.array([x]), q, shift)[0] == y


def test_overflow_of_the_doubling_product_saturates() -> None:
    least = np.array([-(2**31)])
    assert tflite.rounded_twice(least, -(2**31), 0)[0] == 2**31 - 1


@given(st.floats(2**-31, 2**29))
def test_the_multiplier_is_the_nearest_of_31_bits(real: float) -> None:
    q, shift = tflite.quantize_multiplier(Fraction(real))
    assert 2**30 <= q < 2**31
    assert abs(Fraction(real) / Fraction(2) ** (shift - 31) - q) <= Fraction(1, 2)


def in_c(x: int, q: int, shift: int) -> int:
    """SaturatingRoundingDoublingHighMul and RoundingDivideByPOT; ``math.trunc`` is C's division."""
    product = x * q
    high = math.trunc(Fraction(product + (2**30 if product >= 0 else 1 - 2**30), 2**31))
    quotient, rest = divmod(high, 2**-shift)
    return quotient + (rest > (2**-shift - 1) // 2 + (high < 0))


@given(sums, mantissas, st.integers(-31, 0))
def test_two_roundings(x: int, q: int, shift: int) -> None:
    assert tflite.rounded_twice(np.array([x]), q, shift)[0] == in_c(x, q, shift)


@given(sums, mantissas, st.integers(-31, 0))
def test_one_rounding_is_halves_up(x: int, q: int, shift: int) -> None:
    exact = Fraction(x * q, 2 ** (31 - shift))
    assert tflite.rounded_once(np.array([x]), q, shift)[0] == math.floor(exact + Fraction(1, 2))


@given(st.integers(-(2**47), 2**47 - 1), mantissas, st.integers(-31, 0))
def test_the_reduced_form_rounds_the_multiplier_to_15_bits(x: int, q: int, shift: int) -> None:
    narrow = min(math.floor(Fraction(q, 2**16) + Fraction(1, 2)), 2**15 - 1)
    exact = Fraction(x * narrow, 2 ** (15 - shift))
    assert tflite.reduced(np.array([x]), q, shift)[0] == math.floor(exact + Fraction(1, 2))


@pytest.mark.parametrize("shift", range(-6, 3))
def test_left_shifts_and_every_small_sum(shift: int) -> None:
    x, q = np.arange(-4096, 4096), 3 * 2**29
    exact = [Fraction(int(v) * 3, 4) * Fraction(2) ** shift for v in x]
    assert tflite.rounded_once(x, q, shift).tolist() == [math.floor(e + Fraction(1, 2)) for e in exact]
