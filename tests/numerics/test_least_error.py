"""The nearest k-bit multiply and shift: least over everything, and its errors counted right."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from isobit.numerics import (
    Curve,
    Cuts,
    IntArray,
    MultiplyShift,
    NoMultiplyShift,
    Rounded,
    Rounding,
    Weighted,
    align_shifts,
    differences,
    few_shifts,
    layer_multiply_shift,
    least_error,
    least_multiply_shift,
)
from isobit.numerics.layer_shift import TooWide


@st.composite
def small_curves(draw: st.DrawFn) -> Curve:
    """Curves of few levels on small accumulators."""
    if draw(st.booleans()):
        return Cuts(draw(st.integers(-3, 3)), sorted(draw(st.lists(st.integers(-20, 20), max_size=6))))
    mult = Fraction(draw(st.integers(1, 60)), draw(st.integers(20, 90)))
    offset = Fraction(draw(st.integers(-40, 40)), 7)
    return Rounded(mult, offset, draw(st.sampled_from(Rounding)), -draw(st.integers(0, 8)), draw(st.integers(0, 7)))


spans = st.tuples(st.integers(-20, 5), st.integers(1, 30)).map(lambda s: (s[0], s[0] + s[1]))


def displacement(inside: Curve, made: MultiplyShift, lo: int, hi: int) -> int | None:
    """How far the cuts of ``made`` lie from those of ``inside``, None where it leaves the curve's own interval."""
    if made.at(lo) < inside.start or made.at(hi) > inside.top:
        return None
    levels = range(inside.start + 1, inside.top + 1)
    return sum(abs(inside.cut(level) + (made.c - (level << made.k)) // made.m) for level in levels)


def least_by_trying(inside: Curve, lo: int, hi: int, bits: int, clamp: tuple[int, int]) -> int | None:
    """The least displacement over all m, c and k that could matter."""
    best: int | None = None
    for m in range(1, 1 << bits):
        for k in range(7):
            r = [(level << k) - m * inside.cut(level) for level in range(inside.start + 1, inside.top + 1)]
            for c in range(min(r) - 2 * m, max(r) + 2 * m + 1):
                found = displacement(inside, MultiplyShift(m, c, k, *clamp), lo, hi)
                best = found if best is None or (found is not None and found < best) else best
    return best


@settings(max_examples=25, deadline=None)
@given(small_curves(), spans, st.integers(1, 2), st.booleans())
def test_nothing_displaces_the_cuts_by_less(curve: Curve, span: tuple[int, int], bits: int, own: bool) -> None:
    lo, hi = span
    inside = curve.restrict(lo, hi)
    assume(inside.levels > 0)
    clamp = (inside.start, inside.top) if own else (min(curve.start, inside.start), max(curve.top, inside.top))
    found = least_error(curve, lo, hi, bits, clamp)
    tried = least_by_trying(inside, lo, hi, bits, clamp)
    assert found is not None or tried is None
    if found is not None:
        mine = displacement(inside, found.scaled, lo, hi)
        assert mine is not None
        assert tried is None or mine <= tried


@settings(max_examples=40, deadline=None)
@given(small_curves(), spans, st.integers(1, 3), st.integers(0, 9), st.lists(st.integers(-20, 30), max_size=12))
def test_weighted_the_fewest_seen_arguments_change(
    curve: Curve, span: tuple[int, int], bits: int, most: int, seen: list[int]
) -> None:
    """Against every m and k, each with all offsets of one window of m: nothing allowed changes fewer of them."""
    lo, hi = span
    inside = curve.restrict(lo, hi)
    assume(inside.levels > 0)
    clamp = inside.start, inside.top
    occurring = np.sort(np.array([x for x in seen if lo <= x <= hi], dtype=np.int64))
    found = least_error(curve, lo, hi, bits, clamp, Weighted(occurring, most))
    if found is None:
        plain = least_error(curve, lo, hi, bits, clamp)
        assert plain is None or displacement(inside, plain.scaled, lo, hi) > most  # type: ignore[operator]
        return
    assert displacement(inside, found.scaled, lo, hi) <= most  # type: ignore[operator]
    levels = range(inside.start + 1, inside.top + 1)
    passed = _passed(inside, found.scaled, levels, occurring)
    if found.worst <= 1:
        assert passed >= int(np.count_nonzero(inside(occurring) != found.scaled(occurring)))
    for m in range(1, 1 << bits):
        for k in range(7):
            r = sorted((level << k) - m * inside.cut(level) for level in levels)
            for c in range(r[(len(r) - 1) // 2], r[(len(r) - 1) // 2] + m):
                tried = MultiplyShift(m, c, k, *clamp)
                if displacement(inside, tried, lo, hi) <= most:  # type: ignore[operator]
                    assert passed <= _passed(inside, tried, levels, occurring)


def _passed(inside: Curve, made: MultiplyShift, levels: range, occurring: IntArray) -> int:
    """Over all cuts, how many of the arguments lie between it and where ``made`` has it."""
    pairs = [(inside.cut(level), -((made.c - (level << made.k)) // made.m)) for level in levels]
    return sum(sum(min(p) <= x < max(p) for x in occurring) for p in pairs)


@given(small_curves(), small_curves(), spans)
def test_differences_are_those_of_every_argument(f: Curve, g: Curve, span: tuple[int, int]) -> None:
    apart = [abs(f.at(x) - g.at(x)) for x in range(span[0], span[1] + 1)]
    assert differences(f, g, *span) == (sum(d != 0 for d in apart), max(apart))


@settings(deadline=None)
@given(small_curves(), spans, st.integers(1, 6))
def test_the_counts_are_right_and_the_interval_is_kept(curve: Curve, span: tuple[int, int], bits: int) -> None:
    lo, hi = span
    inside = curve.restrict(lo, hi)
    found = least_error(curve, lo, hi, bits, (inside.start, inside.top))
    assume(found is not None)
    assert found is not None
    apart = [abs(curve.at(x) - found.scaled.at(x)) for x in range(lo, hi + 1)]
    assert (found.wrong, found.worst) == (sum(d != 0 for d in apart), max(apart))
    assert found.scaled.m < 1 << bits


@given(small_curves(), spans, st.integers(1, 8))
def test_where_an_exact_one_is_short_enough_it_is_taken(curve: Curve, span: tuple[int, int], bits: int) -> None:
    inside = curve.restrict(*span)
    exact = least_multiply_shift(curve, *span)
    assume(isinstance(exact, MultiplyShift) and exact.m < 1 << bits)
    found = least_error(curve, *span, bits, (inside.start, inside.top))
    assert found is not None
    assert (found.wrong, found.scaled) == (0, exact)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 8)), min_size=1, max_size=7))
def test_few_shifts_lie_in_their_ranges_and_are_as_few_as_can_be(starts: list[tuple[int, int]]) -> None:
    ranges = [(a, a + n) for a, n in starts]
    found = few_shifts(ranges)
    assert all(a <= k <= b for k, (a, b) in zip(found, ranges, strict=True))
    apart: list[tuple[int, int]] = []  # pairwise disjoint ranges need as many shifts
    for a, b in sorted(ranges, key=lambda r: r[1]):
        if not apart or a > apart[-1][1]:
            apart.append((a, b))
    assert len(set(found)) == len(apart)


@given(st.lists(st.tuples(st.integers(1, 15), st.integers(-99, 99), st.integers(0, 6)), min_size=1, max_size=5))
def test_aligned_shifts_leave_the_functions(parameters: list[tuple[int, int, int]]) -> None:
    curves = [MultiplyShift(m, c, k, -50, 50) for m, c, k in parameters]
    made = align_shifts(curves, 6)
    for before, after in zip(curves, made, strict=True):
        assert after.m < 64
        assert [before.at(x) for x in range(-40, 41)] == [after.at(x) for x in range(-40, 41)]
    assert len({f.k for f in made}) <= len({f.k for f in curves})


@settings(deadline=None)
@given(st.lists(st.tuples(small_curves(), spans), min_size=1, max_size=4), st.sampled_from([None, 3, 6]))
def test_a_layer_has_one_width_and_every_channel_is_exact(
    rows: list[tuple[Curve, tuple[int, int]]], bits: int | None
) -> None:
    curves, (los, his) = [c for c, _ in rows], zip(*(s for _, s in rows), strict=True)
    ends = [v for c, (lo, hi) in rows for v in c.interval_on(lo, hi)]
    clamp = min(ends), max(ends)
    found = layer_multiply_shift(curves, los, his, clamp, bits)
    alone = [least_multiply_shift(c, lo, hi, clamp) for c, (lo, hi) in rows]
    if isinstance(found, NoMultiplyShift):
        assert isinstance(alone[found.index], NoMultiplyShift)
        return
    widths = [a.m.bit_length() for a in alone if isinstance(a, MultiplyShift)]
    if isinstance(found, TooWide):
        assert bits is not None
        assert found.bits == max(widths) == widths[found.index] > bits
        return
    assert bits is None or max(f.m for f in found).bit_length() <= bits
    for f, (curve, (lo, hi)) in zip(found, rows, strict=True):
        assert [f.at(x) for x in range(lo, hi + 1)] == [curve.at(x) for x in range(lo, hi + 1)]


def test_shifts_differ_only_where_that_is_cheaper() -> None:
    coarse, fine = (Rounded(m, Fraction(1, 3), Rounding.ROUND, 0, 15) for m in (Fraction(3, 8), Fraction(3, 8192)))
    given = (coarse, fine), (0, 0), (63, 60_000), (0, 15)
    short, shared = layer_multiply_shift(*given), layer_multiply_shift(*given, price=lambda bits, shifts: len(shifts))
    assert isinstance(short, tuple) and isinstance(shared, tuple)
    assert [len({f.k for f in made}) for made in (short, shared)] == [2, 1]
    assert max(f.m for f in short).bit_length() < max(f.m for f in shared).bit_length()
    assert layer_multiply_shift(*given, price=lambda bits, shifts: 12 * len(shifts) + bits) == shared
