"""Rounding shifts: equal to the curves they stand for at every point, and refused where a scale is no power of two."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isobit.numerics import Cuts, NoMultiplyShift, Rounded, Rounding, shared_multiply_shift, shared_round_shift

dyadic = st.builds(Fraction, st.integers(-40, 40), st.sampled_from([1, 2, 8, 32]))
positive = st.builds(Fraction, st.integers(1, 40), st.sampled_from([1, 2, 8, 32]))


@given(st.lists(st.tuples(positive, dyadic), min_size=1, max_size=4), st.sampled_from(Rounding))
def test_equal_at_every_point(lines: list[tuple[Fraction, Fraction]], rounding: Rounding) -> None:
    curves = [Rounded(mult, offset, rounding, -9, 12) for mult, offset in lines]
    found = shared_round_shift(curves, [-60] * len(curves), [60] * len(curves), (-9, 12))
    assert found is not None
    for i, curve in enumerate(curves):
        xs = np.arange(-60, 61)
        assert [found.at(i, int(x)) for x in xs] == curve(xs).tolist()


def test_ties_to_even_need_it() -> None:
    curve = Rounded(Fraction(1, 8), Fraction(0), Rounding.ROUND, -2000, 2000)
    assert isinstance(shared_multiply_shift([curve], [-16000], [16000], (-2000, 2000)), NoMultiplyShift)
    found = shared_round_shift([curve], [-16000], [16000], (-2000, 2000))
    assert found is not None
    assert (found.m, found.c, found.k) == ((1,), (0,), 3)
    assert [found.at(0, x) for x in (4, 12, 20, -4, -12)] == [0, 2, 2, 0, -2]


def test_a_constant_channel_joins() -> None:
    line = Rounded(Fraction(3, 4), Fraction(1, 2), Rounding.ROUND, -8, 7)
    found = shared_round_shift([line, Cuts(5, [])], [-30, -30], [30, 30], (-8, 7))
    assert found is not None
    assert {found.at(1, x) for x in range(-30, 31)} == {5}


def test_a_third_is_refused() -> None:
    curve = Rounded(Fraction(1, 6), Fraction(0), Rounding.ROUND, -8, 7)
    assert shared_round_shift([curve], [-60], [60], (-8, 7)) is None


def test_a_wider_clamp_must_not_show() -> None:
    curve = Rounded(Fraction(1, 2), Fraction(0), Rounding.ROUND, 0, 3)
    assert shared_round_shift([curve], [0], [6], (-8, 7)) is not None
    assert shared_round_shift([curve], [0], [20], (-8, 7)) is None


def test_two_rounding_modes_are_refused() -> None:
    curves = [Rounded(Fraction(1, 2), Fraction(0), mode, 0, 3) for mode in (Rounding.ROUND, Rounding.UP)]
    assert shared_round_shift(curves, [0, 0], [6, 6], (0, 3)) is None
