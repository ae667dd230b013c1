"""Intervals: widths are the least that hold both ends, and arithmetic gives the least interval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isobit.numerics import Interval, as_int_array, bit_width, fit_dtype, is_signed, least_move
from isobit.numerics.intervals import magnitude

small = st.tuples(st.integers(-20, 20), st.integers(-20, 20)).map(lambda p: Interval(min(p), max(p)))
large = st.tuples(st.integers(-(2**70), 2**70), st.integers(-(2**70), 2**70)).map(lambda p: Interval(min(p), max(p)))


def members(i: Interval) -> set[int]:
    return set(range(i.lo, i.hi + 1))


@given(large)
def test_width_is_least(i: Interval) -> None:
    def holds(bits: int) -> bool:
        least, end = (-(1 << bits - 1), 1 << bits - 1) if i.signed else (0, 1 << bits)
        return least <= i.lo and i.hi < end

    assert i.bits >= 1
    assert holds(i.bits)
    assert i.bits == 1 or not holds(i.bits - 1)


@pytest.mark.parametrize(
    ("lo", "hi", "bits"),
    [(0, 0, 1), (0, 1, 1), (0, 255, 8), (0, 256, 9), (-1, 0, 1), (-1, 1, 2), (-128, 127, 8), (-129, 0, 9), (-8, -5, 4)],
)
def test_width_examples(lo: int, hi: int, bits: int) -> None:
    assert bit_width(lo, hi) == Interval(lo, hi).bits == bits
    assert is_signed(lo) == Interval(lo, hi).signed == (lo < 0)


@given(small, small, st.integers(-5, 5))
def test_arithmetic_is_tight(a: Interval, b: Interval, k: int) -> None:
    assert members(a + b) == {x + y for x in members(a) for y in members(b)}
    scaled = {k * x for x in members(a)}
    assert a.scale(k) == Interval(min(scaled), max(scaled))
    both = members(a) | members(b)
    assert a.union(b) == Interval(min(both), max(both))


@given(small, st.integers(-25, 25))
def test_contains(a: Interval, x: int) -> None:
    assert (x in a) == (x in members(a))


def test_empty_is_refused_and_ends_are_python_integers() -> None:
    with pytest.raises(ValueError, match="empty"):
        Interval(1, 0)
    i = Interval(np.int8(-128), np.int8(127))  # type: ignore[arg-type]
    assert i + i == Interval(-256, 254)
    assert i.scale(np.int8(2)) == Interval(-256, 254)  # type: ignore[arg-type]


def test_dtype() -> None:
    assert fit_dtype(-(2**63), 2**63 - 1) == np.dtype(np.int64)
    assert fit_dtype(0, 2**63) == np.dtype(object)
    assert fit_dtype(-(2**63) - 1, 0) == np.dtype(object)


@given(st.lists(st.integers(-(2**63), 2**64) | st.integers(-(2**90), 2**90), max_size=6))
def test_int_array_keeps_every_value(xs: list[int]) -> None:
    array = as_int_array(xs)
    assert array.tolist() == xs
    fits = all(-(2**63) <= x < 2**63 for x in xs)
    assert array.dtype == (np.int64 if fits else object)
    assert as_int_array(np.array(xs, object)).tolist() == xs


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint8, np.int32, np.uint64])
def test_int_array_of_small_types(dtype: type) -> None:
    array = as_int_array(np.array([[0, 1], [1, 0]]).astype(dtype))
    assert array.dtype == np.int64
    assert array.tolist() == [[0, 1], [1, 0]]


def test_int_array_of_large_unsigned() -> None:
    assert as_int_array(np.array([2**64 - 1, 0], np.uint64)).tolist() == [2**64 - 1, 0]


@pytest.mark.parametrize("bad", [[1.0], np.array([1.5]), np.array([1, None], object), ["1"]])
def test_int_array_refuses(bad: object) -> None:
    with pytest.raises(TypeError):
        as_int_array(bad)  # type: ignore[arg-type]


@given(large)
def test_a_move_makes_an_interval_fit_the_bits_of_its_length(i: Interval) -> None:
    move = least_move(i.lo, i.hi)
    assert bit_width(i.lo + move, i.hi + move) == max(1, (i.hi - i.lo).bit_length())


@pytest.mark.parametrize("length", [0, 1, 6, 7, 8])
@pytest.mark.parametrize("lo", range(-12, 12))
def test_no_shorter_move_does(lo: int, length: int) -> None:
    move, bits = least_move(lo, lo + length), max(1, length.bit_length())
    shorter = range(1 - abs(move), abs(move))
    assert all(bit_width(lo + s, lo + length + s) > bits for s in shorter)


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-(2**70), 2**70), max_size=80), st.booleans())
def test_magnitude_is_the_largest_absolute_value(values: list[int], square: bool) -> None:
    """Of short arrays and of long ones, of any shape, at the ends of 64 bits and beyond."""
    array = as_int_array(values * 2 if square else values)
    assert magnitude(array.reshape(2, -1) if square else array) == max(map(abs, values), default=0)
