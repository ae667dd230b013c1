"""Short coefficients of sums: every pair keeps its level, and no shorter pair would do."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise, product
from math import gcd

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from isobit.numerics import (
    Curve,
    Cuts,
    Interval,
    MultiplyShift,
    Reader,
    Rounded,
    Rounding,
    Summed,
    edges_multiply_shift,
    joint_sums,
    short_sums,
    sums_differ,
)
from isobit.numerics.sums import _runs

intervals = st.tuples(st.integers(-9, 9), st.integers(0, 9)).map(lambda v: Interval(v[0], v[0] + v[1]))
coefficients = st.integers(-300, 300).filter(bool)


@st.composite
def readers(draw: st.DrawFn) -> Reader:
    """A staircase over a small box, of steps as a requantizer has them or of any."""
    if draw(st.booleans()):
        curve: Curve = Cuts(draw(st.integers(-3, 3)), sorted(draw(st.lists(st.integers(-3000, 3000), max_size=7))))
    else:
        mult = Fraction(draw(st.integers(1, 400)), draw(st.integers(1, 40_000)))
        curve = Rounded(mult, Fraction(draw(st.integers(-9, 9)), 7), draw(st.sampled_from(Rounding)), -8, 7)
    clamp = curve.start - draw(st.integers(0, 2)), curve.top + draw(st.integers(0, 2))
    return Reader(curve, draw(intervals), draw(intervals), clamp)


def levels(reader: Reader, a: int, b: int) -> dict[tuple[int, int], int]:
    """The level of every pair of the box."""
    pairs = product(range(reader.x.lo, reader.x.hi + 1), range(reader.y.lo, reader.y.hi + 1))
    return {(x, y): reader.curve.at(a * x + b * y) for x, y in pairs}


def same(reader: Reader, a: int, b: int, found: tuple[int, int], curve: Callable[[int], int]) -> None:
    for (x, y), level in levels(reader, a, b).items():
        assert curve(found[0] * x + found[1] * y) == level, (x, y)


@given(coefficients, coefficients, st.lists(readers(), min_size=1, max_size=3))
def test_every_pair_of_the_box_keeps_its_level(a: int, b: int, group: list[Reader]) -> None:
    found = list(short_sums(a, b, group))
    assert (found[-1].a, found[-1].b) == (a // gcd(a, b), b // gcd(a, b))
    for short in found:
        for reader, edges in zip(group, short.edges, strict=True):
            same(reader, a, b, (short.a, short.b), edges.staircase().at)
            scaled = edges_multiply_shift([edges])
            if isinstance(scaled, tuple):
                assert (scaled[0].lo, scaled[0].hi) == reader.clamp
                same(reader, a, b, (short.a, short.b), scaled[0].at)


def serves(reader: Reader, a: int, b: int, p: int, q: int) -> bool:
    """Is there a staircase of ``p x + q y`` with the levels of ``a x + b y``? By sorting all pairs."""
    known = levels(reader, a, b)
    order = sorted(known, key=lambda pair: (p * pair[0] + q * pair[1], known[pair]))
    sums = [p * x + q * y for x, y in order]
    rising = all(known[v] <= known[w] for v, w in pairwise(order))
    return rising and all(
        known[v] == known[w] for v, w, s, t in zip(order, order[1:], sums, sums[1:], strict=False) if s == t
    )


@given(coefficients, coefficients, readers())
def test_no_pair_that_serves_has_a_shorter_coefficient(a: int, b: int, reader: Reader) -> None:
    assume(reader.x.lo < reader.x.hi and reader.y.lo < reader.y.hi)
    first = next(short_sums(a, b, [reader]))
    signs = np.sign(a), np.sign(b)
    for p, q in product(range(1, 25), range(1, 25)):
        if p < abs(first.a) or q < abs(first.b):
            assert not serves(reader, a, b, int(signs[0]) * p, int(signs[1]) * q), (p, q)


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_the_way_ends_at_the_fraction_and_grows(p: int, q: int) -> None:
    way = [run[j] for run in _runs(p, q) for j in range(len(run))]
    assert way[0] == (1, 1) and way[-1] == (p // gcd(p, q), q // gcd(p, q))
    assert all(u[0] <= v[0] and u[1] <= v[1] and gcd(*v) == 1 for u, v in pairwise(way))
    gaps = [abs(Fraction(*v) - Fraction(p, q)) for v in way]
    assert gaps[-1] == 0 and all(g > 0 for g in gaps[:-1])


def test_two_mantissas_become_a_few_bits() -> None:
    a, b = 11_184_811, 9_437_185
    curve = Rounded(Fraction(1, 1 << 24), Fraction(0), Rounding.ROUND, -8, 7)
    box = Interval(-8, 7)
    found = next(short_sums(a, b, [Reader(curve, box, box, (-8, 7))]))
    assert max(found.a, found.b).bit_length() <= 5
    same(Reader(curve, box, box, (-8, 7)), a, b, (found.a, found.b), found.edges[0].staircase().at)


def test_a_box_too_large_to_look_at_is_left_alone() -> None:
    wide = Interval(0, 1 << 20)
    curve = MultiplyShift(1, 0, 3, 0, 255)
    assert list(short_sums(3, 5, [Reader(curve, wide, wide, (0, 255))])) == []


@given(
    st.integers(-30, 30), st.integers(-30, 30), st.integers(-30, 30), st.integers(-30, 30), readers(), st.integers(1, 9)
)  # fmt: skip
def test_a_pair_at_which_two_sums_differ_is_found(a: int, b: int, c: int, d: int, reader: Reader, factor: int) -> None:
    """Against all pairs of the box; ``factor`` times the sum and its stretched staircase are the same function."""
    stretched = Cuts(reader.curve.start, factor * np.asarray(reader.curve.cuts()))
    same_sum = Summed(factor * a, factor * b, stretched)
    f = Summed(a, b, reader.curve)
    assert sums_differ(f, same_sum, reader.x, reader.y) is None
    for g in (Summed(c, d, reader.curve), Summed(a, d, stretched), Summed(-a, b, reader.curve)):
        box = product(range(reader.x.lo, reader.x.hi + 1), range(reader.y.lo, reader.y.hi + 1))
        apart = {(x, y) for x, y in box if f.curve.at(a * x + b * y) != g.curve.at(g.a * x + g.b * y)}
        found = sums_differ(f, g, reader.x, reader.y)
        assert (found in apart) if apart else found is None


def test_sums_beyond_64_bits_are_compared_too() -> None:
    box, curve = Interval(-3, 3), Cuts(0, np.array([-(2**90), 2**91], dtype=object))
    f = Summed(2**90, 2**90, curve)
    assert sums_differ(f, f, box, box) is None
    assert sums_differ(f, Summed(2**90, 2**90 + 1, curve), box, box) is not None


@pytest.mark.parametrize("pair", [(0, 1), (1, 0)])
def test_a_sum_of_one_is_refused(pair: tuple[int, int]) -> None:
    box = Interval(0, 3)
    with pytest.raises(ValueError, match="zero"):
        next(short_sums(*pair, [Reader(MultiplyShift(1, 0, 0, 0, 3), box, box, (0, 3))]))


@given(
    st.integers(1, 300),
    st.integers(1, 300),
    intervals,
    intervals,
    st.integers(1, 60),
    st.integers(0, 4),
    st.integers(0, 9),
)
def test_a_sum_that_is_any_table_of_two_values(
    a: int, b: int, x: Interval, y: Interval, step: int, noise: int, seed: int
) -> None:
    """Levels behind two roundings, as kernels have them: every sum that is found gives every pair's value."""
    rng = np.random.default_rng(seed)
    rounded = [
        np.sort(c * np.arange(v.lo, v.hi + 1) + rng.integers(0, noise + 1, v.hi - v.lo + 1))
        for c, v in ((a, x), (b, y))
    ]
    values = (rounded[0][:, None] + rounded[1]) // step
    found = list(joint_sums(a, b, values, x, y))
    for short in found:
        (edges,) = short.edges
        sums = short.a * np.arange(x.lo, x.hi + 1)[:, None] + short.b * np.arange(y.lo, y.hi + 1)
        assert np.array_equal(edges.staircase()(sums), values)
    assert found or noise  # a sum that is none but for its rounding is found


def test_a_table_that_falls_is_no_sum() -> None:
    with pytest.raises(ValueError, match="fall"):
        list(joint_sums(1, 1, np.array([[0, 1], [2, 1]]), Interval(0, 1), Interval(0, 1)))
