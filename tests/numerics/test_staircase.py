"""Staircases: every form against its pointwise definition, and the laws of composition, shift, flip, restriction."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isobit.numerics import (
    Curve,
    Cuts,
    MultiplyShift,
    Rounded,
    Rounding,
    boundary,
    compose,
    equal,
    equal_on,
    from_thresholds,
    round_rational,
)

SPAN = range(-60, 61)

clamps = st.tuples(st.integers(-12, 12), st.integers(-12, 12)).map(sorted)
windows = st.tuples(st.integers(-40, 40), st.integers(-40, 40)).map(sorted)
cut_lists = st.lists(st.integers(-40, 40), max_size=12).map(sorted)
multipliers = st.fractions(min_value=Fraction(1, 40), max_value=5, max_denominator=40)
offsets = st.fractions(min_value=-9, max_value=9, max_denominator=24)
tables = st.builds(Cuts, st.integers(-12, 12), cut_lists)
generators = st.builds(
    lambda mult, offset, mode, clamp: Rounded(mult, offset, mode, *clamp),
    multipliers,
    offsets,
    st.sampled_from(list(Rounding)),
    clamps,
)
shifts = st.builds(
    lambda m, c, k, clamp: MultiplyShift(m, c, k, *clamp),
    st.integers(1, 40),
    st.integers(-300, 300),
    st.integers(0, 7),
    clamps,
)
curves = st.one_of(tables, generators, shifts)


def defined(f: Curve, x: int) -> int:
    """The value at x by the definition of each form, in Python integers."""
    match f:
        case Rounded():
            return min(max(round_rational(f.mult * x + f.offset, f.rounding), f.lo), f.hi)
        case MultiplyShift():
            return min(max((f.m * x + f.c) // (1 << f.k), f.lo), f.hi)
        case _:
            return f.start + sum(1 for c in f.cuts() if x >= c)


def values(f: Curve, xs: range = SPAN) -> list[int]:
    return [defined(f, x) for x in xs]


@given(curves)
def test_evaluation(f: Curve) -> None:
    assert f(np.array(SPAN)).tolist() == values(f)
    assert [f.at(x) for x in SPAN] == values(f)
    assert f(np.array(SPAN)).dtype == np.int64


@given(curves)
def test_start_top_and_cuts(f: Curve) -> None:
    cuts = f.cuts()
    assert f.levels == f.top - f.start == cuts.size
    assert not cuts.flags.writeable
    for level, t in enumerate(cuts.tolist(), f.start + 1):
        assert defined(f, t - 1) < level <= defined(f, t)
        assert f.cut(level) == t


@pytest.mark.parametrize("mode", list(Rounding))
@given(mult=multipliers, offset=offsets)
def test_closed_form_of_the_generator(mode: Rounding, mult: Fraction, offset: Fraction) -> None:
    f = Rounded(mult, offset, mode, -6, 6)
    for level, t in enumerate(f.cuts().tolist(), -5):
        assert round_rational(mult * t + offset, mode) >= level > round_rational(mult * (t - 1) + offset, mode)


def huge(f: Rounded) -> Rounded:
    """The same shape with 80-bit numbers inside: x -> f(x / 2**80)."""
    return Rounded(f.mult / 2**80, f.offset, f.rounding, f.lo, f.hi)


@given(generators)
def test_numbers_beyond_64_bits(f: Rounded) -> None:
    big, xs = huge(f), [x << 80 for x in SPAN]
    assert big(xs).tolist() == values(f)
    assert [big.at(x) for x in xs] == values(f)
    for level, t in enumerate(big.cuts().tolist(), f.lo + 1):
        assert big.at(t - 1) < level <= big.at(t)


@given(st.integers(1, 2**90), st.integers(-(2**90), 2**90), st.integers(0, 80), st.integers(-(2**40), 2**40))
def test_multiply_shift_beyond_64_bits(m: int, c: int, k: int, x: int) -> None:
    f = MultiplyShift(m, c, k, -(2**30), 2**30)
    assert f([x, 0]).tolist() == [defined(f, x), defined(f, 0)]
    for level in (-(2**30) + 1, 0, 2**30):
        t = f.cut(level)
        assert defined(f, t - 1) < level <= defined(f, t)


def test_many_levels_are_evaluated_without_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Rounded, levels: object) -> None:
        raise AssertionError("cuts were computed")

    monkeypatch.setattr(Rounded, "cuts_at", refuse)
    f = Rounded(Fraction(2**40 + 1, 2**41), Fraction(1, 3**30), Rounding.ROUND, -(2**31), 2**31 - 1)
    xs = [-(2**62), -3, 0, 1, 5, 2**62]
    assert f(xs).tolist() == [defined(f, x) for x in xs]


@given(curves, windows)
def test_restrict(f: Curve, window: list[int]) -> None:
    lo, hi = window
    g = f.restrict(lo, hi)
    inside = range(lo, hi + 1)
    assert g(inside).tolist() == values(f, inside)
    assert (g.start, g.top) == f.interval_on(lo, hi) == (defined(f, lo), defined(f, hi))
    assert all(lo < t <= hi for t in g.cuts().tolist())
    assert type(g) is type(f) or (isinstance(g, Cuts) and g.levels == 0)


@given(curves, clamps)
def test_clamp(f: Curve, clamp: list[int]) -> None:
    lo, hi = clamp
    assert f.clamp(lo, hi)(SPAN).tolist() == [min(max(y, lo), hi) for y in values(f)]


@given(curves, st.integers(-30, 30))
def test_shift(f: Curve, c: int) -> None:
    g = f.shift(c)
    assert g(SPAN).tolist() == [defined(f, x + c) for x in SPAN]
    assert type(g) is type(f)
    assert equal(g.shift(-c), f)


@given(curves)
def test_flip(f: Curve) -> None:
    g = f.flip()
    assert g(SPAN).tolist() == [-defined(f, -x) for x in SPAN]
    assert type(g) is type(f)
    assert equal(g.flip(), f)


@given(tables, st.sampled_from([2**63, -(2**64), 2**62]))
def test_cuts_move_beyond_64_bits_and_back(f: Cuts, far: int) -> None:
    assert f.shift(far).cuts().tolist() == [t - far for t in f.cuts().tolist()]
    assert f.shift(far).shift(-far) == f
    assert f.shift(far).flip() == f.flip().shift(-far)


@given(curves, curves)
def test_compose_is_pointwise(outer: Curve, inner: Curve) -> None:
    f = compose(outer, inner)
    assert f(SPAN).tolist() == [defined(outer, y) for y in values(inner)]
    assert all(f.at(t - 1) < level <= f.at(t) for level, t in enumerate(f.cuts().tolist(), f.start + 1))


@given(curves, curves, curves)
def test_compose_is_associative(f: Curve, g: Curve, h: Curve) -> None:
    assert equal(compose(compose(f, g), h), compose(f, compose(g, h)))


identities = st.builds(lambda c: Rounded(Fraction(1), Fraction(0), Rounding.ROUND, *c), clamps)
affine = st.builds(
    lambda a, b, c: Rounded(Fraction(a), Fraction(b), Rounding.CEIL, *c), st.integers(1, 4), st.integers(-9, 9), clamps
)


@given(generators, identities, affine)
def test_compose_keeps_the_generator_where_one_exists(f: Rounded, clamp: Rounded, line: Rounded) -> None:
    for g in (compose(clamp, f), compose(f, line)):
        assert isinstance(g, Rounded) or g.levels == 0
    assert compose(f, line)(SPAN).tolist() == [defined(f, y) for y in values(line)]


def test_scales_of_chained_requantizers_do_not_multiply() -> None:
    first = Rounded(Fraction(1, 3), Fraction(0), Rounding.ROUND, -100, 100)
    second = Rounded(Fraction(1, 2), Fraction(0), Rounding.ROUND, -100, 100)
    merged = Rounded(Fraction(1, 6), Fraction(0), Rounding.ROUND, -100, 100)
    assert equal_on(compose(second, first), merged, 0, 100) == 4


@given(curves, curves)
def test_equality_is_of_functions(f: Curve, g: Curve) -> None:
    assert equal(f, Cuts(f.start, f.cuts()))
    same = (f.start, f.cuts().tolist()) == (g.start, g.cuts().tolist())
    assert equal(f, g) == equal(g, f) == same


@given(curves, curves, windows)
def test_first_difference(f: Curve, g: Curve, window: list[int]) -> None:
    lo, hi = window
    wrong = [x for x in range(lo, hi + 1) if defined(f, x) != defined(g, x)]
    assert equal_on(f, g, lo, hi) == (wrong[0] if wrong else None)
    assert equal_on(f, f, lo, hi) is None


@given(tables, st.integers(0, 11))
def test_first_difference_of_near_copies(f: Cuts, j: int) -> None:
    cuts = f.cuts().tolist()
    if j >= len(cuts):
        return
    moved = Cuts(f.start, sorted([*cuts[:j], cuts[j] + 1, *cuts[j + 1 :]]))
    assert equal_on(f, moved, -60, 60) == cuts[j]


@given(st.integers(-9, 9), offsets, multipliers, st.sampled_from(list(Rounding)))
def test_thresholds(start: int, offset: Fraction, mult: Fraction, mode: Rounding) -> None:
    edges = [(mult * b + offset, inclusive) for b, inclusive in (boundary(level, mode) for level in range(-4, 5))]
    f = from_thresholds(start, edges[::-1])
    for x in SPAN:
        assert f.at(x) == start + sum(x > b or (inclusive and x == b) for b, inclusive in edges)


@given(curves)
def test_hash_is_of_content(f: Curve) -> None:
    g = f.shift(3).shift(-3)
    assert f == g
    assert hash(f) == hash(g)
    assert f != f.shift(1) or f.levels == 0


def test_cuts_do_not_alias_the_callers_array() -> None:
    mine = np.array([1, 2, 3])
    f = Cuts(0, mine)
    mine[:] = 9
    assert f.cuts().tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="read-only"):
        f.cuts()[0] = 5


def test_shapes_and_scalars() -> None:
    for f in (
        Cuts(0, [1, 5]),
        Rounded(Fraction(1, 3), Fraction(0), Rounding.ROUND, 0, 9),
        MultiplyShift(3, 1, 2, 0, 9),
    ):
        assert f(np.zeros((2, 0, 3), np.int32)).shape == (2, 0, 3)
        assert f(7).shape == ()
        assert f(np.arange(6, dtype=np.uint8).reshape(2, 3)).shape == (2, 3)


def test_whole_64_bit_range_of_values() -> None:
    f = Rounded(Fraction(1), Fraction(0), Rounding.FLOOR, -(2**63), 2**63 - 1)
    assert f([-(2**70), -(2**63), 0, 2**63 - 1, 2**70]).tolist() == [-(2**63), -(2**63), 0, 2**63 - 1, 2**63 - 1]
    assert f.cut(2**63 - 1) == 2**63 - 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: Cuts(0, [2, 1]),
        lambda: Cuts(0, [[1]]),
        lambda: Cuts(2**63 - 1, [0]),
        lambda: Rounded(Fraction(0), Fraction(0), Rounding.ROUND, 0, 1),
        lambda: Rounded(Fraction(-1), Fraction(0), Rounding.ROUND, 0, 1),
        lambda: Rounded(Fraction(1), Fraction(0), Rounding.ROUND, 1, 0),
        lambda: Rounded(Fraction(1), Fraction(0), Rounding.ROUND, 0, 2**63),
        lambda: MultiplyShift(0, 0, 0, 0, 1),
        lambda: MultiplyShift(1, 0, -1, 0, 1),
        lambda: Cuts(0, [1]).cut(0),
        lambda: Cuts(0, [1]).cut(2),
        lambda: Cuts(0, [1]).restrict(1, 0),
        lambda: Cuts(0, [1]).clamp(1, 0),
    ],
)
def test_refusals(make: object) -> None:
    with pytest.raises(ValueError):
        make()  # type: ignore[operator]


def test_a_curve_equals_itself_however_many_levels_it_has() -> None:
    f, g = (Rounded(Fraction(1, 1 << 31), Fraction(1, 2), Rounding.FLOOR, 0, (1 << 31) - 1) for _ in range(2))
    assert equal_on(f, g, -5, 1 << 62) is None
    assert equal_on(f, f.shift(1 << 40), 1 << 40, 1 << 62) == 1 << 40
