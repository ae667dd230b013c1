"""Every enclosure holds the value, and is narrow: known digits, inverse functions, and the laws of the functions."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from isobit.numerics import enclosures
from isobit.numerics.enclosures import RISING

POINTS = [Fraction(int(n), int(d)) for n, d in np.random.default_rng(0).integers(1, 900, (60, 2))]
KNOWN = {
    ("exp", Fraction(1)): "2.71828182845904523536028747135266249775724709369995",
    ("log", Fraction(2)): "0.69314718055994530941723212145817656807550013436025",
    ("sqrt", Fraction(2)): "1.41421356237309504880168872420969807856967187537694",
    ("erf", Fraction(1)): "0.84270079294971486934122063508260925929606699796630",
    ("erf", Fraction(1, 2)): "0.52049987781304653768274665389196452873645157575796",
    ("tanh", Fraction(1)): "0.76159415595576488811945828260479359041276859725793",
    ("sigmoid", Fraction(1)): "0.73105857863000487925115924182183627436514464016505",
    ("softplus", Fraction(0)): "0.69314718055994530941723212145817656807550013436025",
}


@pytest.mark.parametrize(("name", "x"), KNOWN)
def test_known_digits(name: str, x: Fraction) -> None:
    low, high = RISING[name](x)
    value, unit = Fraction(KNOWN[name, x]), Fraction(1, 10**49)
    assert low <= value + unit and value - unit <= high
    assert high - low < Fraction(1, 10**27 if name == "erf" else 10**38)


@pytest.mark.parametrize("name", RISING)
def test_it_rises(name: str) -> None:
    points = sorted({*POINTS, *(-x for x in POINTS if name not in ("log", "sqrt")), Fraction(0)} - (
        {Fraction(0)} if name == "log" else set()))  # fmt: skip
    found = [RISING[name](x) for x in points]
    assert all(low <= high for low, high in found)
    assert all(before[0] <= after[1] for before, after in pairwise(found))


@pytest.mark.parametrize("x", POINTS[:20])
def test_laws(x: Fraction) -> None:
    low, high = enclosures.exp(x)
    back = enclosures.ln(low)[0], enclosures.ln(high)[1]
    assert back[0] <= x <= back[1]
    assert enclosures.exp(-x)[0] * low <= 1 <= enclosures.exp(-x)[1] * high
    root = enclosures.sqrt(x)
    assert root[0] ** 2 <= x <= root[1] ** 2
    minus, plus = enclosures.sigmoid(-x), enclosures.sigmoid(x)
    assert minus[0] + plus[0] <= 1 <= minus[1] + plus[1]
    negative, positive = enclosures.erf(-x), enclosures.erf(x)
    assert (negative[0], negative[1]) == (-positive[1], -positive[0])
    rest = (
        enclosures.softplus(x)[0] - enclosures.softplus(-x)[1],
        enclosures.softplus(x)[1] - enclosures.softplus(-x)[0],
    )
    assert rest[0] <= x <= rest[1]


def test_exact_values_and_far_ones() -> None:
    zero, one = Fraction(0), Fraction(1)
    assert (
        enclosures.exp(zero) == (one, one)
        and enclosures.ln(one) == (zero, zero)
        and enclosures.erf(zero) == (zero, zero)
    )
    assert enclosures.tanh(zero) == (zero, zero) and enclosures.sigmoid(zero) == (one / 2, one / 2)
    assert enclosures.sqrt(Fraction(9, 4)) == (Fraction(3, 2),) * 2
    low, high = enclosures.exp(Fraction(-(10**9)))
    assert low == 0 and 0 < high < Fraction(1, 10**800)
    assert enclosures.erf(Fraction(100))[0] > 1 - Fraction(1, 10**800)
    with pytest.raises(ValueError, match="0"):
        enclosures.ln(zero)


def test_pi() -> None:
    low, high = enclosures.pi()
    assert low <= Fraction("3.14159265358979323846264338327950288419716939937510") + Fraction(1, 10**49)
    assert high >= Fraction("3.14159265358979323846264338327950288419716939937510") and high - low < Fraction(1, 10**70)
