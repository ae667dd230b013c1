"""Symbolic real functions and the staircases pulled back through them, against direct evaluation."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isobit.frontend.qonnx.elementwise import common_unit
from isobit.frontend.qonnx.products import exact_dot, scaled_rows
from isobit.frontend.qonnx.staircases import Bound, Uniform, threshold_curve, uniform_curve
from isobit.frontend.qonnx.symbolic import QuantisedConstant, Real, rationals
from isobit.numerics import Rounding

F = Fraction
CHANNELS = 2
numbers = st.fractions(min_value=-4, max_value=4, max_denominator=6)
per_channel = st.one_of(
    numbers.map(lambda v: rationals([v])), st.lists(numbers, min_size=CHANNELS, max_size=CHANNELS).map(rationals)
)
limits = st.one_of(st.none(), per_channel)
slopes = st.one_of(
    st.just(rationals([0])), st.fractions(min_value=0, max_value=2, max_denominator=5).map(lambda v: rationals([v]))
)
changes = st.one_of(
    st.tuples(st.just("affine"), per_channel, per_channel),
    st.tuples(st.just("clamp"), limits, limits),
    st.tuples(st.just("leaky"), slopes, st.none()),
)
quantisers = st.builds(
    lambda scale, zero, mode, lo, n: Uniform(scale, zero, mode, lo, lo + n),
    st.fractions(min_value=F(1, 6), max_value=3, max_denominator=6),
    st.fractions(min_value=-2, max_value=2, max_denominator=2),
    st.sampled_from(list(Rounding)),
    st.integers(-6, 2),
    st.integers(0, 9),
)


def changed(
    real: Real, values: list[list[Fraction]], kind: str, a: object, b: object
) -> tuple[Real, list[list[Fraction]]]:
    """One more function on the symbolic value and on plain numbers (``values[channel]``)."""

    def at(array: object, channel: int) -> Fraction:
        assert isinstance(array, np.ndarray)
        return Fraction(array[channel % len(array)])

    def clamp(v: Fraction, c: int) -> Fraction:
        v = v if a is None else max(v, at(a, c))
        return v if b is None else min(v, at(b, c))

    if kind == "affine":
        return real.affine(a, b), [[at(a, c) * v + at(b, c) for v in row] for c, row in enumerate(values)]  # type: ignore[arg-type]
    if kind == "clamp":
        return real.clamp(a, b), [[clamp(v, c) for v in row] for c, row in enumerate(values)]  # type: ignore[arg-type]
    return real.apply("leaky", a), [[v if v >= 0 else v * at(a, c) for v in row] for c, row in enumerate(values)]  # type: ignore[arg-type]


@given(st.lists(changes, max_size=5), quantisers)
def test_curves_equal_direct_evaluation(steps: list[tuple[str, object, object]], quantiser: Uniform) -> None:
    integers = range(-12, 13)
    real = Real.of("v", (0,), rationals([F(1, 2)]), rationals([F(-1, 3)]))
    values = [[F(v, 2) - F(1, 3) for v in integers] for _ in range(CHANNELS)]
    for kind, a, b in steps:
        real, values = changed(real, values, kind, a, b)
    for channel, row in enumerate(values):
        curve, falling = uniform_curve(real.segments, channel, quantiser)
        assert [curve.at(-v if falling else v) for v in integers] == [quantiser(v) for v in row]
        again, falling = threshold_curve(real.segments, channel, quantiser.lo, quantiser.bounds())
        assert [again.at(-v if falling else v) for v in integers] == [quantiser(v) for v in row]


@pytest.mark.parametrize("function", ["sigmoid", "tanh"])
@pytest.mark.parametrize("scale", [F(1, 3), F(-1, 3)])
def test_smooth_functions_at_their_inverses(function: str, scale: Fraction) -> None:
    # the bounds lie far from every rational argument, except at zero, where both functions are rational
    middle = F(1, 2) if function == "sigmoid" else F(0)
    real = Real.of("v", (0,), rationals([scale]), rationals([0])).apply(function)
    reached, falling = threshold_curve(real.segments, 0, 0, [Bound(middle, True)])
    passed, _ = threshold_curve(real.segments, 0, 0, [Bound(middle, False)])
    assert falling == (scale < 0)
    assert [reached.at(v) for v in (-1, 0, 1)] == [0, 1, 1]
    assert [passed.at(v) for v in (-1, 0, 1)] == [0, 0, 1]


@pytest.mark.parametrize(("function", "low", "high"), [("sigmoid", 0, 1), ("tanh", -1, 1)])
@pytest.mark.parametrize("scale", [F(5), F(-5)])
def test_smooth_functions_never_reach_their_limits(function: str, low: int, high: int, scale: Fraction) -> None:
    real = Real.of("v", (0,), rationals([scale]), rationals([0])).apply(function)
    bounds = [Bound(F(low), False), Bound(F(low), True), Bound(F(high), True), Bound(F(high), False)]
    curve, _ = threshold_curve(real.segments, 0, 0, bounds)
    assert [curve.at(v) for v in (-(10**6), 0, 10**6)] == [2, 2, 2]


def test_affine_functions_of_a_clamp_fold_only_where_all_signs_agree() -> None:
    clamped = Real.of("v", (0,), rationals([1]), rationals([0])).clamp(rationals([0]), rationals([4]))
    down = clamped.affine(rationals([-2]), rationals([1]))
    assert len(down.segments) == 1
    assert (list(down.segments[0].lo), list(down.segments[0].hi)) == ([-7], [1])  # type: ignore[arg-type]
    assert len(clamped.affine(rationals([1, -1]), rationals([0])).segments) == 2
    assert len(clamped.affine(rationals([1, 0]), rationals([0])).segments) == 2


@given(st.lists(st.fractions(max_denominator=50), min_size=3, max_size=3), st.integers(1, 4))
def test_exact_dot(offset: list[Fraction], rows: int) -> None:
    integers = np.arange(3 * rows).reshape(rows, 3) - 4
    wanted = [sum(int(w) * o for w, o in zip(row, offset, strict=True)) for row in integers]
    got = exact_dot(integers, rationals(offset))
    assert list(np.broadcast_to(got, (rows,))) == wanted


def test_exact_dot_beyond_64_bits() -> None:
    integers = np.full((1, 4), 2**62)
    assert list(exact_dot(integers, rationals([F(1, 3)]))) == [F(2**64, 3)]


@given(st.lists(numbers, min_size=1, max_size=3), numbers)
def test_common_unit_divides_both(first: list[Fraction], second: Fraction) -> None:
    unit, a, b = common_unit(rationals(first), rationals([second]))
    assert [int(k) * u for k, u in zip(a, unit, strict=True)] == first
    assert [int(k) * u for k, u in zip(b, unit, strict=True)] == [second] * len(first)
    assert all(np.gcd(int(p), int(q)) in (0, 1) for p, q in zip(a, b, strict=True))


def test_scales_inside_a_row_become_factors() -> None:
    scale = np.array([[0.5, 0.75], [1.0, 1.0]], np.float32)
    integers, rows = scaled_rows(None, None, np.array([[3, 5], [7, 9]]), scale)  # type: ignore[arg-type]
    assert integers.tolist() == [[6, 15], [7, 9]]
    assert list(rows) == [F(1, 4), F(1)]


def test_constants_keep_their_scales_when_rearranged() -> None:
    constant = QuantisedConstant(np.arange(6).reshape(2, 3), np.array([[0.5], [0.25]]), np.zeros((1, 1)))
    turned = constant.transpose((1, 0))
    assert turned.scale.tolist() == [[0.5, 0.25]] * 3
    assert turned.zero_point.shape == (1, 1)
    assert constant.reshape((6,)).scale.tolist() == [0.5] * 3 + [0.25] * 3
