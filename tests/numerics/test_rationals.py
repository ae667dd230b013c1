"""Rationals: every bit of a float counts, and a root is exact or correctly rounded."""

from __future__ import annotations

from fractions import Fraction
from math import gcd

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isobit.errors import IsobitError
from isobit.numerics import exact, exact_array, rational_gcd, sqrt_rational

positive = st.fractions(min_value=Fraction(1, 10**9), max_value=10**9)


@given(st.integers(0, 2**32 - 1))
def test_exact_reads_float32_bits(bits: int) -> None:
    sign, exponent, mantissa = bits >> 31, bits >> 23 & 255, bits & 0x7FFFFF
    x = np.array([bits], np.uint32).view(np.float32)[0]
    if exponent == 255:
        with pytest.raises(IsobitError) as caught:
            exact(x)
        assert caught.value.code == "E204"
        return
    hidden = 2**23 if exponent else 0
    assert exact(x) == (-1) ** sign * (hidden + mantissa) * Fraction(2) ** (max(exponent, 1) - 150)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_exact_reads_float64(x: float) -> None:
    assert exact(x) == exact(np.float64(x)) == Fraction(x)


@given(st.integers(-(2**63), 2**63 - 1))
def test_exact_integers(x: int) -> None:
    assert exact(x) == exact(np.int64(x)) == x


def test_exact_keeps_long_doubles() -> None:
    tiny = np.finfo(np.longdouble).eps
    assert exact(np.longdouble(1) + tiny) - 1 == exact(tiny)


@pytest.mark.parametrize("x", [float("nan"), float("inf"), np.float32("-inf"), np.float16("nan")])
def test_exact_refuses(x: float) -> None:
    with pytest.raises(IsobitError) as caught:
        exact(x)
    assert caught.value.code == "E204"
    with pytest.raises(IsobitError):
        exact_array([1.0, x])


@pytest.mark.parametrize(
    "a", [np.float32(0.1), np.ones((2, 3), np.float16) / 3, np.zeros((0, 4)), np.arange(4).reshape(2, 2)]
)
def test_exact_array(a: npt.NDArray[np.float32]) -> None:
    out = exact_array(a)
    assert out.dtype == object
    assert out.shape == a.shape
    assert list(out.ravel()) == [exact(v) for v in a.ravel()]
    assert all(isinstance(v, Fraction) for v in out.ravel())


@given(st.lists(st.fractions(max_denominator=1000), max_size=5))
def test_gcd_divides_and_is_largest(xs: list[Fraction]) -> None:
    g = rational_gcd(*xs)
    if not any(xs):
        assert g == 0
        return
    quotients = [x / g for x in xs]
    assert g > 0
    assert all(q.denominator == 1 for q in quotients)
    # a larger common divisor would divide all the quotients
    assert gcd(*(int(q) for q in quotients)) == 1


@given(positive)
def test_root_of_a_square_is_exact(x: Fraction) -> None:
    assert sqrt_rational(x * x, bits=3) == x


@given(positive, st.integers(1, 140))
def test_root_is_correctly_rounded(x: Fraction, bits: int) -> None:
    root = sqrt_rational(x, bits)
    if root * root == x:
        return
    ulp = Fraction(1)
    while ulp * 2**bits <= root:
        ulp *= 2
    while ulp * 2 ** (bits - 1) > root:
        ulp /= 2
    assert (root / ulp).denominator == 1
    # below a power of two the neighbouring numbers are half as far away
    below = ulp / 2 if root / ulp == 2 ** (bits - 1) else ulp
    assert (root - below / 2) ** 2 < x < (root + ulp / 2) ** 2


def test_root_examples() -> None:
    assert sqrt_rational(Fraction(0)) == 0
    assert sqrt_rational(Fraction(9, 16)) == Fraction(3, 4)
    assert sqrt_rational(Fraction(2), bits=53) == Fraction(2**0.5)
    with pytest.raises(IsobitError) as caught:
        sqrt_rational(Fraction(-1, 4))
    assert caught.value.code == "E204"
