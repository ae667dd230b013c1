"""Products with two offsets: equal to the curves they stand for at every point, proven, and refused where none is."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isobit.numerics import Cuts, NoMultiplyShift, Rounded, Rounding, least_multiply_shift, shared_half_even

LO, HI = -60, 60
scales = st.builds(Fraction, st.integers(1, 30), st.sampled_from([2, 3, 6, 7, 10, 12, 50]))
offsets = st.builds(Fraction, st.integers(-9, 9), st.sampled_from([1, 2, 3, 4]))


@given(st.lists(st.tuples(scales, offsets), min_size=1, max_size=3))
def test_every_scale_with_ties_to_even_has_one(lines: list[tuple[Fraction, Fraction]]) -> None:
    curves = [Rounded(mult, offset, Rounding.ROUND, -99, 99) for mult, offset in lines]
    reached = [curve.interval_on(LO, HI) for curve in curves]
    clamp = min(lo for lo, _ in reached), max(hi for _, hi in reached)
    found = shared_half_even(curves, [LO] * len(curves), [HI] * len(curves), clamp)
    if any(curve.clamp(*clamp).levels != curve.levels for curve in curves) and found is None:
        return  # held by its own clamp inside of the wider one: no line is
    assert found is not None
    xs = np.arange(LO, HI + 1)
    for i, curve in enumerate(curves):
        assert found.of(i, xs).tolist() == curve(xs).tolist()
        assert [found.at(i, x) for x in (LO, -1, 0, HI)] == [curve.at(x) for x in (LO, -1, 0, HI)]
    assert all(0 <= gap <= 1 << found.k for gap in found.gaps)


@given(st.lists(st.integers(-40, 40), max_size=12).map(sorted), st.integers(-3, 3))
def test_any_staircase_is_found_exactly_or_not_at_all(cuts: list[int], start: int) -> None:
    curve = Cuts(start, cuts)
    found = shared_half_even([curve], [LO], [HI], (start, start + len(cuts)))
    xs = np.arange(LO, HI + 1)
    assert found is None or found.of(0, xs).tolist() == curve(xs).tolist()


def test_sixths_need_it() -> None:
    curve = Rounded(Fraction(1, 6), Fraction(0), Rounding.ROUND, -8, 7)
    assert isinstance(least_multiply_shift(curve, -48, 45), NoMultiplyShift)
    found = shared_half_even([curve], [-48], [45], (-8, 7))
    assert found is not None
    assert [found.at(0, x) for x in (3, 9, 15, -3, -9)] == [0, 2, 2, 0, -2]
    assert (found.m, found.k) == ((43,), 8)


def test_sums_of_sixteen_bits_with_unrelated_scales() -> None:
    """Both sides of every tie, where the sum has 41 bits."""
    curve = Rounded(Fraction(1, 19_928_648), Fraction(0), Rounding.ROUND, -29_378, 29_378)
    reach = 585_453_856_619
    found = shared_half_even([curve], [-reach], [reach], (-29_378, 29_378))
    assert found is not None and max(found.m).bit_length() == 38
    for level in (-29_377, -1, 0, 1, 2, 29_377):
        tie = 9_964_324 * (2 * level + 1)
        assert [found.at(0, tie + d) for d in (-1, 0, 1)] == [level, level + level % 2, level + 1]


def test_squares_are_refused() -> None:
    assert shared_half_even([Cuts(0, [x * x for x in range(40)])], [0], [2000], (0, 40)) is None
