"""The multiply-shift search for curves that share one wider clamp: against brute force, and on the cases by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isobit.numerics import (
    MAX_LEVELS,
    MAX_SHIFT,
    Curve,
    Cuts,
    MultiplyShift,
    NoMultiplyShift,
    Rounded,
    Rounding,
    compose,
    exact,
    feasible_slopes,
    is_translation,
    least_multiply_shift,
    proves,
    shared_multiply_shift,
)

windows = st.tuples(st.integers(-20, 20), st.integers(0, 20)).map(lambda w: (w[0], w[0] + w[1]))
margins = st.tuples(st.integers(0, 2), st.integers(0, 2))
tables = st.builds(Cuts, st.integers(-6, 6), st.lists(st.integers(-15, 25), max_size=7).map(sorted))
generators = st.builds(
    lambda mult, offset, mode, lo, n: Rounded(mult, offset, mode, lo, lo + n),
    st.fractions(min_value=Fraction(1, 12), max_value=2, max_denominator=12),
    st.fractions(min_value=-4, max_value=4, max_denominator=12),
    st.sampled_from(list(Rounding)),
    st.integers(-8, 4),
    st.integers(0, 12),
)
curves = st.one_of(tables, generators, st.builds(compose, generators, generators))
Window = tuple[int, int]


def widened_clamp(curve: Curve, window: Window, margin: Window) -> Window:
    low, high = curve.interval_on(*window)
    return low - margin[0], high + margin[1]


def works(curve: Curve, window: Window, clamp: Window, m: int, k: int) -> bool:
    """Is there any c? Beyond the range tried here all values are one and the same end of the clamp."""
    x = np.arange(window[0], window[1] + 1)
    c = np.arange((clamp[0] - 1) * 2**k - m * window[1], (clamp[1] + 1) * 2**k - m * window[0] + 1)
    values = np.clip((m * x + c[:, None]) >> k, *clamp)
    return bool((values == curve(x)).all(axis=1).any())


@settings(max_examples=150)
@given(curves, windows, margins)
def test_least_of_all(curve: Curve, window: Window, margin: Window) -> None:
    clamp = widened_clamp(curve, window, margin)
    found = least_multiply_shift(curve, *window, clamp)
    tried = range(7)
    if isinstance(found, NoMultiplyShift):
        assert not any(works(curve, window, clamp, m, k) for k in tried for m in range(1, 9))
        return
    x = np.arange(window[0], window[1] + 1)
    assert np.array_equal(found(x), curve(x))
    assert (found.lo, found.hi) == clamp
    smaller = [(m, k) for m in range(1, min(found.m, 9)) for k in tried]
    same = [(found.m, k) for k in range(min(found.k, 7)) if found.m < 200]
    assert not any(works(curve, window, clamp, m, k) for m, k in smaller + same)


@given(curves, windows, margins)
def test_every_slope_in_the_interval_and_no_other(curve: Curve, window: Window, margin: Window) -> None:
    clamp = widened_clamp(curve, window, margin)
    slopes = feasible_slopes(curve, *window, clamp)
    for m, k in [(m, k) for k in (0, 2, 4) for m in (1, 2, 3, 5, 8, 13, 21)]:
        s = Fraction(m, 2**k)
        admitted = s > slopes.lower and (slopes.upper is None or s < slopes.upper)
        assert works(curve, window, clamp, m, k) == admitted


@given(curves, windows)
def test_own_values_as_clamp_change_nothing(curve: Curve, window: Window) -> None:
    clamp = curve.interval_on(*window)
    assert feasible_slopes(curve, *window, clamp) == feasible_slopes(curve, *window)
    assert least_multiply_shift(curve, *window, clamp) == least_multiply_shift(curve, *window)


@settings(max_examples=80)
@given(st.lists(st.tuples(curves, windows), min_size=1, max_size=4))
def test_one_clamp_for_all(channels: list[tuple[Curve, Window]]) -> None:
    family, los, his = [c for c, _ in channels], [w[0] for _, w in channels], [w[1] for _, w in channels]
    ends = [c.interval_on(*w) for c, w in channels]
    clamp = min(e[0] for e in ends), max(e[1] for e in ends)
    alone = [least_multiply_shift(c, *w, clamp) for c, w in channels]
    found = shared_multiply_shift(family, los, his, clamp)
    refused = [i for i, a in enumerate(alone) if isinstance(a, NoMultiplyShift)]
    if isinstance(found, NoMultiplyShift):
        assert found.index == refused[0]
        return
    assert not refused
    assert {(ms.k, ms.lo, ms.hi) for ms in found} == {(max(a.k for a in alone if isinstance(a, MultiplyShift)), *clamp)}
    for ms, (curve, (lo, hi)) in zip(found, channels, strict=True):
        x = np.arange(lo, hi + 1)
        assert np.array_equal(ms(x), curve(x))
        assert proves(ms, curve, lo, hi)
        assert Fraction(ms.m - 1, 2**ms.k) <= feasible_slopes(curve, lo, hi, clamp).lower


@given(curves, windows, margins, st.integers(1, 40), st.integers(-200, 200), st.integers(0, 5))
def test_proof_with_a_wider_clamp_is_complete(
    curve: Curve, window: Window, margin: Window, m: int, c: int, k: int
) -> None:
    clamp = widened_clamp(curve, window, margin)
    x = np.arange(window[0], window[1] + 1)
    candidates = [MultiplyShift(m, c, k, *clamp)]
    found = least_multiply_shift(curve, *window, clamp)
    if isinstance(found, MultiplyShift):
        candidates += [MultiplyShift(found.m, found.c + d, found.k, *clamp) for d in (-(2**found.k), -1, 1, 2**found.k)]
    for ms in candidates:
        assert proves(ms, curve, *window) == np.array_equal(ms(x), curve(x))


@pytest.mark.parametrize(("value", "shift", "offset"), [(0, 0, -16), (3, 5, 112), (7, 0, 24)])
def test_constants(value: int, shift: int, offset: int) -> None:
    # at an end of the clamp one side is free; strictly inside 20 steps of the input must stay within one output step
    found = least_multiply_shift(Cuts(value, []), -10, 10, (0, 7))
    assert found == MultiplyShift(1, offset, shift, 0, 7)
    assert set(found(range(-10, 11)).tolist()) == {value}


def test_constant_at_one_point_and_everywhere_clamped() -> None:
    assert least_multiply_shift(Cuts(3, []), 5, 5, (0, 7)) == MultiplyShift(1, -2, 0, 0, 7)
    assert least_multiply_shift(Cuts(3, []), -9, 9, (3, 3)) == MultiplyShift(1, 0, 0, 3, 3)


def test_a_step_below_the_shared_top_must_stay_flat() -> None:
    # alone one cut takes slope 1; under a shared top the value must not rise again between 10 and 40
    curve = Cuts(0, [10])
    assert least_multiply_shift(curve, 0, 40) == MultiplyShift(1, -9, 0, 0, 1)
    slopes = feasible_slopes(curve, 0, 40, (0, 5))
    assert slopes.lower == 0
    assert slopes.upper == Fraction(1, 30)
    assert slopes.upper_pair is not None
    assert (slopes.upper_pair.high_level, slopes.upper_pair.high_cut) == (2, 41)
    found = least_multiply_shift(curve, 0, 40, (0, 5))
    assert isinstance(found, MultiplyShift)
    assert (found.m, found.k) == (1, 5)


def test_uneven_cuts_refused_only_under_the_wider_clamp() -> None:
    curve = Cuts(0, [0, 1])
    assert isinstance(least_multiply_shift(curve, -5, 20), MultiplyShift)
    refused = least_multiply_shift(curve, -5, 20, (0, 7))
    assert isinstance(refused, NoMultiplyShift)
    assert refused.lower_pair is not None
    assert refused.upper_pair is not None
    assert (refused.upper_pair.low_cut, refused.upper_pair.high_cut) == (1, 21)


def test_constant_on_an_endless_interval_is_refused() -> None:
    found = least_multiply_shift(Cuts(3, []), 0, 2 ** (MAX_SHIFT + 8), (0, 7))
    assert isinstance(found, NoMultiplyShift)
    assert found.lower_pair is None
    assert f"k <= {MAX_SHIFT}" in found.reason
    assert "None" not in found.reason


def test_ends_beyond_64_bits() -> None:
    curve = Cuts(0, [16 * t for t in (-(2**62), 5, 2**61)])
    found = least_multiply_shift(curve, -(2**68), 2**64, (-1, 4))
    slopes = feasible_slopes(curve, -(2**68), 2**64, (-1, 4))
    assert isinstance(found, NoMultiplyShift) == slopes.empty
    assert slopes.upper_pair is not None
    assert slopes.upper is not None
    p = slopes.upper_pair
    assert slopes.upper == Fraction(p.high_level - p.low_level, p.high_cut - p.low_cut - 1)


def test_a_clamp_that_the_curve_leaves() -> None:
    for clamp in ((1, 5), (0, 2), (4, 4)):
        with pytest.raises(ValueError, match="do not fit the clamp"):
            least_multiply_shift(Cuts(0, [1, 2, 3]), 0, 9, clamp)


@pytest.mark.parametrize("bits", [4, 8])
def test_channels_of_a_layer_with_one_clamp(bits: int) -> None:
    rng = np.random.default_rng(bits)
    top = 2 ** (bits - 1) - 1
    reach = rng.integers(2**8, 2**15, 24)
    scales = rng.uniform(0.1, 1, 24).astype(np.float32) * np.float32(2.0 ** (bits - 15))
    family = [Rounded(exact(s), exact(rng.normal()), Rounding.ROUND, -top - 1, top) for s in scales]
    los, his = [-int(r) for r in reach], [int(r) for r in reach]
    ends = [f.interval_on(lo, hi) for f, lo, hi in zip(family, los, his, strict=True)]
    clamp = min(e[0] for e in ends), max(e[1] for e in ends)
    found = shared_multiply_shift(family, los, his, clamp)
    assert isinstance(found, tuple)
    for ms, f, lo, hi in zip(found, family, los, his, strict=True):
        assert (ms.lo, ms.hi) == clamp
        x = np.arange(lo, hi + 1)
        assert np.array_equal(ms(x), f(x))


def test_work_is_linear_in_the_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    # counted, not clocked: each curve costs a few scans of its cuts, whatever their number
    scans = {255: 0, 65535: 0}
    argmax = np.argmax
    for levels in scans:

        def counting(array: np.ndarray, levels: int = levels) -> np.intp:
            scans[levels] += 1
            return argmax(array)

        monkeypatch.setattr(np, "argmax", counting)
        f = Rounded(Fraction(levels, 100 * levels + 7), Fraction(1, 3), Rounding.ROUND, 0, levels)
        least_multiply_shift(f, 0, 100 * levels, (0, levels + 1))
    assert 2 <= scans[255] <= 16
    assert 2 <= scans[65535] <= 16


translations = st.one_of(
    st.builds(
        lambda o, mode, lo, n: Rounded(Fraction(1), Fraction(o), mode, lo, lo + n),
        st.integers(-9, 9),
        st.sampled_from(list(Rounding)),
        st.integers(-9, 9),
        st.integers(0, 20),
    ),
    st.builds(
        lambda k, c, lo, n: MultiplyShift(1 << k, c, k, lo, lo + n),
        st.integers(0, 4),
        st.integers(-80, 80),
        st.integers(-9, 9),
        st.integers(0, 20),
    ),
)


@given(translations, windows, margins, st.integers(0, 5), st.integers(1, 40), st.integers(-99, 99))
def test_translations_need_their_first_and_last_cut_only(
    curve: Curve, window: Window, margin: Window, k: int, m: int, c: int
) -> None:
    clamp = widened_clamp(curve, window, margin)
    listed = Cuts(curve.start, curve.cuts())
    assert is_translation(curve)
    assert not is_translation(listed)
    short, full = feasible_slopes(curve, *window, clamp), feasible_slopes(listed, *window, clamp)
    assert (short.lower, short.upper) == (full.lower, full.upper)
    found = least_multiply_shift(curve, *window, clamp)
    assert found == least_multiply_shift(listed, *window, clamp)
    slow = Cuts(clamp[0], [])  # strictly inside the clamp it asks for a larger shift
    wide = clamp[0] - 1, clamp[1] + 1
    los, his = (window[0], 0), (window[1], 99)
    assert shared_multiply_shift((curve, slow), los, his, wide) == shared_multiply_shift((listed, slow), los, his, wide)
    candidates = [MultiplyShift(m, c, k, *clamp), MultiplyShift((1 << k) + 1, c, k, *clamp)]
    if isinstance(found, MultiplyShift):
        candidates += [MultiplyShift(found.m, found.c + d, found.k, *clamp) for d in (-1, 0, 1)]
    for ms in candidates:
        assert proves(ms, curve, *window) == proves(ms, listed, *window)


def test_a_clamp_of_a_wide_accumulator() -> None:
    relu = Rounded(Fraction(1), Fraction(0), Rounding.FLOOR, 0, 2**60)
    assert least_multiply_shift(relu, -(2**40), 2**40) == MultiplyShift(1, 0, 0, 0, 2**40)
    together = shared_multiply_shift((relu, Cuts(0, [10, 13, 16])), (-(2**40), 0), (2**40, 18), (0, 2**40))
    assert isinstance(together, tuple)
    assert together[0] == MultiplyShift(1 << together[0].k, 0, together[0].k, 0, 2**40)
    assert together[1](range(19)).tolist() == Cuts(0, [10, 13, 16])(range(19)).tolist()


def test_more_levels_than_can_be_listed_are_refused_before_they_are() -> None:
    wide = Rounded(Fraction(3, 7), Fraction(0), Rounding.ROUND, 0, 2**60)
    found = shared_multiply_shift((Cuts(0, [1]), wide), (0, 0), (1, 2**50))
    assert found == NoMultiplyShift(1, None, None, f"more than {MAX_LEVELS} levels are too many to search")
    few = Rounded(Fraction(3, 7), Fraction(0), Rounding.ROUND, 0, 2**60)
    assert isinstance(least_multiply_shift(few, 2**50, 2**50 + 99), MultiplyShift)
