"""Quotients by large integers: the same as Python's, whichever way they are made."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isobit.numerics.quotients import _fixed_point, quotients

SIZES = st.integers(0, 210).flatmap(lambda bits: st.integers(1, 1 << bits))
PLACES = st.lists(st.tuples(st.integers(-600, 600), st.booleans()), max_size=9)


@given(SIZES, SIZES, st.integers(-(1 << 210), 1 << 210), PLACES, st.booleans(), st.booleans())
def test_quotients_are_python_s(
    step: int, divisor: int, first: int, places: list[tuple[int, bool]], even: bool, whole: bool
) -> None:
    step, first = step * divisor if even else step, first // divisor * divisor if whole else first
    at, less = np.array([p for p, _ in places], np.int64), np.array([one for _, one in places], bool)
    found = quotients(step, first, divisor, at, less)
    assert found.tolist() == [(step * p + first - one) // divisor for p, one in places]


def test_binary_fractions_decide_but_where_a_quotient_is_whole() -> None:
    at, divisor = np.arange(-255, 256, 2), (1 << 200) + 1
    assert _fixed_point(divisor // 7 * 20, divisor // 3, divisor, at, at % 4 == 1) is not None
    assert _fixed_point(3 * divisor, divisor, divisor, at, at % 4 == 1) is None
    assert quotients(3 * divisor, divisor, divisor, at, at % 4 == 1).tolist() == (3 * at + 1 - (at % 4 == 1)).tolist()
