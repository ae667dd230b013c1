"""Rounding: QONNX's own functions on exact floats, and the two exact forms against each other."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qonnx.custom_op.general.intquant import resolve_rounding_mode

from isobit.errors import IsobitError
from isobit.numerics import Rounding, boundary, round_quotient, round_rational, round_shift

MODES = list(Rounding)
modes = st.sampled_from(MODES)
rationals = st.fractions(min_value=-50, max_value=50, max_denominator=64)


def qonnx_name(mode: Rounding) -> str:
    return "DOWN" if mode is Rounding.ROUND_TO_ZERO else mode.value


@pytest.mark.parametrize("mode", MODES)
def test_equals_qonnx_on_eighths(mode: Rounding) -> None:
    eighths = np.arange(-1000, 1001)
    wanted = resolve_rounding_mode(qonnx_name(mode))(eighths / 8.0).astype(np.int64).tolist()
    assert [round_rational(Fraction(int(n), 8), mode) for n in eighths] == wanted
    assert round_shift(eighths, 3, mode).tolist() == wanted


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        (Rounding.ROUND, [-2, -2, 0, 0, 2, 2]),
        (Rounding.ROUND_TO_ZERO, [-2, -1, 0, 0, 1, 2]),
        (Rounding.CEIL, [-2, -1, 0, 1, 2, 3]),
        (Rounding.FLOOR, [-3, -2, -1, 0, 1, 2]),
        (Rounding.UP, [-3, -2, -1, 1, 2, 3]),
        (Rounding.DOWN, [-2, -1, 0, 0, 1, 2]),
        (Rounding.HALF_UP, [-3, -2, -1, 1, 2, 3]),
        (Rounding.HALF_DOWN, [-2, -1, 0, 0, 1, 2]),
    ],
)
def test_ties(mode: Rounding, wanted: list[int]) -> None:
    assert [round_rational(Fraction(n, 2), mode) for n in (-5, -3, -1, 1, 3, 5)] == wanted


@pytest.mark.parametrize("mode", MODES)
def test_boundary_divides_the_rationals(mode: Rounding) -> None:
    for level in range(-5, 6):
        edge, inclusive = boundary(level, mode)
        for n in range(-96, 97):
            v = Fraction(n, 12)
            assert (round_rational(v, mode) >= level) == (v > edge or (inclusive and v == edge)), (level, v)


@given(rationals, modes)
def test_rounds_to_a_neighbour(v: Fraction, mode: Rounding) -> None:
    y = round_rational(v, mode)
    assert y in (floor(v), ceil(v))
    if mode.to_nearest:
        assert 2 * abs(y - v) <= 1


@given(rationals, modes)
def test_mirrored(v: Fraction, mode: Rounding) -> None:
    assert round_rational(v, mode.mirrored) == -round_rational(-v, mode)


@given(st.integers(-(2**70), 2**70), st.integers(1, 2**70), modes)
def test_quotient_of_large_integers(num: int, den: int, mode: Rounding) -> None:
    assert round_quotient(num, den, mode) == round_rational(Fraction(num, den), mode)


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-(2**80), 2**80), max_size=5), st.integers(0, 70), modes)
def test_shift_at_every_width(xs: list[int], k: int, mode: Rounding) -> None:
    assert round_shift(xs, k, mode).tolist() == [round_rational(Fraction(x, 2**k), mode) for x in xs]


def test_shift_keeps_shape_and_refuses_negative_k() -> None:
    assert round_shift(np.zeros((2, 0, 3), np.int8), 2, Rounding.ROUND).shape == (2, 0, 3)
    assert round_shift(np.array(6), 2, Rounding.ROUND).shape == ()
    with pytest.raises(ValueError, match="negative"):
        round_shift([1], -1, Rounding.ROUND)


@pytest.mark.parametrize("mode", MODES)
def test_parse(mode: Rounding) -> None:
    assert Rounding.parse(mode.value) is mode
    assert Rounding.parse(mode.value.lower()) is mode


def test_parse_half_even() -> None:
    assert Rounding.parse("half_even") is Rounding.ROUND


@pytest.mark.parametrize("name", ["", "NEAREST", "ROUND ", "HALF\nUP"])
def test_parse_refuses(name: str) -> None:
    with pytest.raises(IsobitError) as caught:
        Rounding.parse(name)
    assert caught.value.code == "E207"
    assert "\n" not in caught.value.message
