"""Staircases in 64-bit integers: the laws that the exported forms rest on."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest

from isobit.errors import IsobitError
from isobit.interchange.staircases import MOST, NEVER, Counted, Shifted, staircases
from isobit.ir import Step, ValueType
from isobit.numerics import Curve, Cuts, MultiplyShift, Rounded, Rounding
from tests.ir.random_graphs import Maker


def step(*curves: Curve) -> Step:
    return Step(name="s", inputs=("x",), curves=curves)  # type: ignore[arg-type]


def values(form: Shifted | Counted, lo: int, hi: int) -> list[int]:
    return list(map(int, form(np.arange(lo, hi + 1).reshape(-1, 1))[:, 0]))


@pytest.mark.parametrize("seed", range(60))
def test_either_form_is_the_curve_on_its_interval(seed: int) -> None:
    rng = Random(seed)
    lo = rng.randint(-300, 200)
    hi = lo + rng.randint(0, 300)
    curve = Maker(rng).curve(lo, hi)
    form = staircases(step(curve), ValueType.of((1,), lo, hi))
    assert values(form, lo, hi) == [curve.at(x) for x in range(lo, hi + 1)]


@pytest.mark.parametrize("seed", range(20))
def test_nothing_below_zero_is_shifted(seed: int) -> None:
    rng = Random(seed)
    k, lo = rng.randint(0, 20), rng.randint(-1000, 0)
    curve = MultiplyShift(rng.randint(1, 9999), rng.randint(-(1 << 24), 1 << 24), k, -20, 20)
    form = staircases(step(curve), ValueType.of((1,), lo, 500))
    assert isinstance(form, Shifted)
    assert all(int(form.m[0]) * x + int(form.c[0]) >= 0 for x in (lo, 500))
    assert values(form, lo, 500) == [curve.at(x) for x in range(lo, 501)]


def test_what_does_not_fit_64_bits_is_counted() -> None:
    wide = MultiplyShift((1 << 40) + 1, 12345, 52, -8, 7)
    form = staircases(step(wide), ValueType.of((1,), -(1 << 24), 1 << 24))
    assert isinstance(form, Counted)
    probes = [x for cut in wide.cuts().tolist() for x in (cut - 1, cut) if abs(x) <= 1 << 24]
    assert [int(v) for v in form(np.array(probes)[:, None])[:, 0]] == [wide.at(x) for x in probes]


def test_a_constant_far_beyond_64_bits_is_counted() -> None:
    """The sum is small once ``base`` is added; what other programs are given without it is not."""
    far = MultiplyShift(1, -(1 << 70), 30, -(1 << 41), 0)
    form = staircases(step(far), ValueType.of((1,), 0, 1 << 33))
    assert isinstance(form, Counted)
    assert [int(v) for v in form(np.array([0, (1 << 30) - 1, 1 << 30])[:, None])[:, 0]] == [
        far.at(x) for x in (0, (1 << 30) - 1, 1 << 30)
    ]


def test_one_channel_that_must_be_counted_makes_all_count() -> None:
    curves = Rounded(Fraction(1, 3), Fraction(0), Rounding.ROUND, 0, 5), Cuts(2, []), MultiplyShift(1, 0, 1, 0, 3)
    form = staircases(step(*curves), ValueType.of((3,), -10, 10))
    assert isinstance(form, Counted) and form.cuts.shape == (3, 3) and form.cuts[1].tolist() == [NEVER] * 3


def test_constants_need_no_cuts() -> None:
    form = staircases(step(Cuts(7, [])), ValueType.of((1,), -5, 5))
    assert isinstance(form, Shifted) and values(form, -5, 5) == [7] * 11


def test_a_file_of_too_many_cuts_is_refused() -> None:
    curve = Rounded(Fraction(1, 3), Fraction(0), Rounding.ROUND, -(1 << 30), 1 << 30)
    with pytest.raises(IsobitError, match="E615"):
        staircases(step(curve), ValueType.of((1,), -(1 << 31), 1 << 31))
    assert MOST < NEVER
