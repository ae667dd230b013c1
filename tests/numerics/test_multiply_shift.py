"""The multiply-shift search: slopes against all pairs, least m against brute force, results on whole intervals."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isobit.numerics import (
    MAX_SHIFT,
    Curve,
    Cuts,
    MultiplyShift,
    NoMultiplyShift,
    Rounded,
    Rounding,
    Slopes,
    compose,
    exact,
    feasible_slopes,
    least_multiply_shift,
    proves,
    shared_multiply_shift,
)

Window = tuple[int, int]
windows = st.tuples(st.integers(-40, 40), st.integers(-40, 40)).map(lambda w: (min(w), max(w)))
tables = st.builds(Cuts, st.integers(-6, 6), st.lists(st.integers(-30, 30), max_size=8).map(sorted))
generators = st.builds(
    lambda mult, offset, mode, lo, n: Rounded(mult, offset, mode, lo, lo + n),
    st.fractions(min_value=Fraction(1, 12), max_value=3, max_denominator=20),
    st.fractions(min_value=-5, max_value=5, max_denominator=20),
    st.sampled_from(list(Rounding)),
    st.integers(-8, 4),
    st.integers(0, 12),
)
chains = st.builds(compose, generators, generators)
curves = st.one_of(tables, generators, chains)


def points(curve: Curve, lo: int, hi: int) -> list[tuple[int, int]]:
    """The (level, cut) pairs that matter on ``[lo, hi]``, from the whole curve."""
    return [(y, t) for y, t in enumerate(curve.cuts().tolist(), curve.start + 1) if lo < t <= hi]


def all_pairs(curve: Curve, lo: int, hi: int) -> tuple[Fraction, Fraction | None]:
    pairs = list(combinations(points(curve, lo, hi), 2))
    lower = max((Fraction(b - a, t - s + 1) for (a, s), (b, t) in pairs), default=Fraction(0))
    upper = min((Fraction(b - a, t - s - 1) for (a, s), (b, t) in pairs if t - s > 1), default=None)
    return lower, upper


def offsets(curve: Curve, lo: int, hi: int, m: int, k: int) -> list[int]:
    """Every c for which m and k are right on every x of the interval, or one such c where all would be endless."""
    inside = points(curve, lo, hi)
    if not inside:
        return [0]
    (level, t), (last, _) = inside[0], inside[-1]
    y0 = level - 1
    good = []
    # reaching the first cut and not its left neighbour leaves m candidates
    for c in range(level * 2**k - m * t, level * 2**k - m * (t - 1)):
        values = [min(max((m * x + c) >> k, y0), last) for x in range(lo, hi + 1)]
        if values == curve(range(lo, hi + 1)).tolist():
            good.append(c)
    return good


def trailing_zeros(c: int) -> int:
    return (c & -c).bit_length() if c else 10**6


@given(curves, windows)
def test_slopes_equal_all_pairs(curve: Curve, window: Window) -> None:
    slopes = feasible_slopes(curve, *window)
    assert (slopes.lower, slopes.upper) == all_pairs(curve, *window)


@given(curves, windows)
def test_pairs_attain_the_slopes(curve: Curve, window: Window) -> None:
    s = feasible_slopes(curve, *window)
    if s.lower_pair is not None:
        p = s.lower_pair
        assert s.lower == Fraction(p.high_level - p.low_level, p.high_cut - p.low_cut + 1)
        assert (curve.cut(p.low_level), curve.cut(p.high_level)) == (p.low_cut, p.high_cut)
    if s.upper_pair is not None:
        p = s.upper_pair
        assert s.upper == Fraction(p.high_level - p.low_level, p.high_cut - p.low_cut - 1)
        assert (curve.cut(p.low_level), curve.cut(p.high_level)) == (p.low_cut, p.high_cut)
    assert (s.upper is None) == (s.upper_pair is None)


@given(st.lists(st.integers(-(2**62), 2**62), min_size=2, max_size=20).map(sorted))
def test_slopes_beyond_64_bits(cuts: list[int]) -> None:
    curve = Cuts(0, [16 * t for t in cuts])
    slopes = feasible_slopes(curve, -(2**68), 2**68)
    assert (slopes.lower, slopes.upper) == all_pairs(curve, -(2**68), 2**68)


@given(curves, windows)
def test_result_on_the_whole_interval(curve: Curve, window: Window) -> None:
    lo, hi = window
    found = least_multiply_shift(curve, lo, hi)
    if isinstance(found, NoMultiplyShift):
        slopes = feasible_slopes(curve, lo, hi)
        assert slopes.upper is not None
        assert slopes.lower >= slopes.upper
        return
    assert found(range(lo, hi + 1)).tolist() == curve(range(lo, hi + 1)).tolist()
    assert (found.lo, found.hi) == curve.interval_on(lo, hi)
    assert proves(found, curve, lo, hi)


@settings(max_examples=60)
@given(curves, windows)
def test_no_smaller_multiplicand_works(curve: Curve, window: Window) -> None:
    lo, hi = window
    found = least_multiply_shift(curve, lo, hi)
    if isinstance(found, NoMultiplyShift):
        assert not any(offsets(curve, lo, hi, m, k) for k in range(7) for m in range(1, 12))
        return
    if points(curve, lo, hi):
        smaller = [(m, k) for m in range(1, min(found.m, 30)) for k in range(9)]
        same = [(found.m, k) for k in range(found.k)]
        assert not any(offsets(curve, lo, hi, m, k) for m, k in smaller + same)


@given(curves, windows)
def test_offset_has_most_trailing_zeros(curve: Curve, window: Window) -> None:
    found = least_multiply_shift(curve, *window)
    if isinstance(found, NoMultiplyShift) or found.m > 2000:
        return
    good = offsets(curve, window[0], window[1], found.m, found.k)
    assert found.c == min(good, key=lambda c: (-trailing_zeros(c), abs(c)))


@settings(max_examples=60)
@given(st.lists(st.tuples(curves, windows), min_size=1, max_size=4))
def test_shared_shift(channels: list[tuple[Curve, Window]]) -> None:
    family = [curve for curve, _ in channels]
    los, his = [w[0] for _, w in channels], [w[1] for _, w in channels]
    alone = [least_multiply_shift(curve, *w) for curve, w in channels]
    found = shared_multiply_shift(family, los, his)
    refused = [i for i, a in enumerate(alone) if isinstance(a, NoMultiplyShift)]
    if isinstance(found, NoMultiplyShift):
        assert found.index == refused[0]
        return
    assert not refused
    # the hungriest channel sets the shift, and at that shift no channel could take less
    needed = [a.k for a, (f, w) in zip(alone, channels, strict=True) if isinstance(a, MultiplyShift) and points(f, *w)]
    assert {ms.k for ms in found} == {max(needed, default=0)}
    for ms, curve, lo, hi in zip(found, family, los, his, strict=True):
        assert proves(ms, curve, lo, hi)
        lower, _ = all_pairs(curve, lo, hi)
        assert Fraction(ms.m - 1, 2**ms.k) <= lower


def test_constants_do_not_constrain() -> None:
    hungry = Rounded(Fraction(1, 3), Fraction(0), Rounding.ROUND, 0, 15)
    constant = Cuts(7, [])
    far = Cuts(-1, [1000])
    together = shared_multiply_shift((constant, hungry, far), (0, 0, 0), (45, 45, 45))
    assert isinstance(together, tuple)
    assert together[1] == least_multiply_shift(hungry, 0, 45)
    assert together[0] == MultiplyShift(1, 0, together[1].k, 7, 7)
    assert together[2] == MultiplyShift(1, 0, together[1].k, -1, -1)


def test_known_example() -> None:
    # x/3 rounded on 0..45 has its first cut at 2 and its last at 44, so that 14/43 < m/2**k < 14/41
    third = Rounded(Fraction(1, 3), Fraction(0), Rounding.ROUND, 0, 15)
    found = least_multiply_shift(third, 0, 45)
    assert found == MultiplyShift(21, 40, 6, 0, 15)
    assert [found.at(x) for x in range(46)] == [(2 * x + 3) // 6 for x in range(46)]


def test_known_impossible_example() -> None:
    # steps of width 1, then 9: the first two need a slope above 1/2, the last two one below 1/8
    uneven = Cuts(0, [0, 1, 10])
    found = least_multiply_shift(uneven, -5, 20)
    assert isinstance(found, NoMultiplyShift)
    assert found.lower_pair is not None
    assert found.upper_pair is not None
    assert (found.lower_pair.low_cut, found.lower_pair.high_cut) == (0, 1)
    assert (found.upper_pair.low_cut, found.upper_pair.high_cut) == (1, 10)
    assert found.reason == (
        "levels 1 (from 0) and 2 (from 1) need a slope above 1/2, levels 2 (from 1) and 3 (from 10) need one below 1/8"
    )
    # it becomes possible when the reachable interval leaves the contradiction out
    assert isinstance(least_multiply_shift(uneven, -5, 9), MultiplyShift)
    assert isinstance(least_multiply_shift(uneven, 0, 20), MultiplyShift)


def test_slope_interval_without_a_short_dyadic_number() -> None:
    width = 2 ** (MAX_SHIFT + 8)
    curve = Cuts(0, [0, width // 3, 2 * width // 3, width, width + width // 3])
    slopes = feasible_slopes(curve, -1, 2 * width)
    assert not slopes.empty
    found = least_multiply_shift(curve, -1, 2 * width)
    assert isinstance(found, NoMultiplyShift)
    assert f"k <= {MAX_SHIFT}" in found.reason


def test_no_cuts_and_one_cut() -> None:
    assert feasible_slopes(Cuts(3, []), -9, 9) == Slopes(Fraction(0), None, None, None)
    assert feasible_slopes(Cuts(3, [4]), -9, 9) == Slopes(Fraction(0), None, None, None)
    assert least_multiply_shift(Cuts(3, []), -9, 9) == MultiplyShift(1, 0, 0, 3, 3)
    assert least_multiply_shift(Cuts(3, [4]), -9, 9) == MultiplyShift(1, 0, 0, 3, 4)


@given(curves, windows, st.integers(1, 60), st.integers(-200, 200), st.integers(0, 6))
def test_proof_is_complete(curve: Curve, window: Window, m: int, c: int, k: int) -> None:
    lo, hi = window
    inside = range(lo, hi + 1)
    found = least_multiply_shift(curve, lo, hi)
    clamp = curve.interval_on(lo, hi)
    candidates = [MultiplyShift(m, c, k, *clamp)]
    if isinstance(found, MultiplyShift):
        candidates += [MultiplyShift(found.m, found.c + d, found.k, *clamp) for d in (-1, 1, c)]
        candidates += [MultiplyShift(found.m, found.c, found.k, clamp[0] - 1, clamp[1] + 1)]
    for ms in candidates:
        assert proves(ms, curve, lo, hi) == (ms(inside).tolist() == curve(inside).tolist())


@pytest.mark.parametrize("bits", [4, 8])
def test_float32_requantizers_of_a_layer(bits: int) -> None:
    rng = np.random.default_rng(bits)
    lo, hi, top = -(2**15), 2**15 - 1, 2**bits - 1
    scales = rng.uniform(0.5, 2, 32).astype(np.float32) * np.float32(2.0 ** (bits - 16))
    family = [Rounded(exact(s), exact(rng.normal()), Rounding.ROUND, 0, top) for s in scales]
    found = shared_multiply_shift(family, [lo] * 32, [hi] * 32)
    assert isinstance(found, tuple)
    xs = np.arange(lo, hi + 1)
    for ms, f in zip(found, family, strict=True):
        assert np.array_equal(ms(xs), f(xs))
        assert proves(ms, f, lo, hi)


def test_sixteen_bit_output_of_a_wide_accumulator() -> None:
    f = Rounded(exact(np.float32(0.7) / 256), exact(np.float32(0.3)), Rounding.ROUND, -(2**15), 2**15 - 1)
    found = least_multiply_shift(f, -(2**23), 2**23)
    assert isinstance(found, MultiplyShift)
    assert proves(found, f, -(2**23), 2**23)
    assert not proves(MultiplyShift(found.m, found.c + 2**found.k, found.k, found.lo, found.hi), f, -(2**23), 2**23)
