"""The scale of least squared error against all pieces of the error function, in exact rationals."""

from __future__ import annotations

import bisect
import itertools
from fractions import Fraction

import numpy as np
import pytest

from isobit.numerics.formats import E2M1, E3M2, FixedPoint, PowersOfTwo, TabulatedFormat, Tapered, parse_format
from isobit.numerics.formats.choose import choose, codes

FORMATS = [Tapered(4, 3), Tapered(4, 1), Tapered(5, 2), FixedPoint(3), FixedPoint(2), E2M1, E3M2, PowersOfTwo(3)]


def nearest(numbers: list[Fraction], quotient: Fraction) -> Fraction:
    at = bisect.bisect(numbers, quotient)
    return min(numbers[max(at - 1, 0) : at + 1], key=lambda v: abs(quotient - v))


def error(values: list[Fraction], made: TabulatedFormat, scale: Fraction) -> Fraction:
    numbers = [int(n) * made.unit for n in made.numbers]
    return sum(((w - scale * nearest(numbers, w / scale)) ** 2 for w in values), Fraction(0))


def real_optima(values: list[Fraction], made: TabulatedFormat) -> list[Fraction]:
    """The real scales of least error: of all pieces, parabolas between two neighbouring breaks, the best vertices."""
    numbers = [int(n) * made.unit for n in made.numbers]
    points = [(a + b) / 2 for a, b in itertools.pairwise(numbers)]
    breaks = sorted({w / m for w in values for m in points if m and w / m > 0})
    vertices = set()
    for low, high in itertools.pairwise([Fraction(0), *breaks, breaks[-1] + 1]):
        chosen = [nearest(numbers, 2 * w / (low + high)) for w in values]
        squares = sum(v * v for v in chosen)
        if squares:
            vertex = sum((w * v for w, v in zip(values, chosen, strict=True)), Fraction(0)) / squares
            vertices.add(min(max(vertex, low), high) or breaks[0])
    errors = {s: error(values, made, s) for s in vertices}
    return [s for s, e in errors.items() if e == min(errors.values())]


def beside(scale: Fraction) -> set[float]:
    """The float32 numbers around a real one, two on each side."""
    near = np.float32(float(scale))
    steps = [np.nextafter(near, np.float32(end)) for end in (0, np.inf)]
    return {float(near), *map(float, steps)}


@pytest.mark.parametrize("made", FORMATS, ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_the_scale_is_the_real_optimum_as_float32(made: TabulatedFormat, seed: int) -> None:
    rng = np.random.default_rng(seed)
    draw = rng.standard_t(3, size=7) if seed % 2 else rng.normal(size=7)
    values = draw.astype(np.float32) * np.float32(10.0 ** (seed - 2))
    found = choose(values, [made])
    optima = real_optima([Fraction(float(v)) for v in values], made)
    assert any(float(found.scale[0]) in beside(optimum) for optimum in optima)


@pytest.mark.parametrize("made", FORMATS, ids=str)
def test_a_power_of_two_is_the_best_of_all_powers(made: TabulatedFormat) -> None:
    values = np.random.default_rng(1).normal(size=12).astype(np.float32)
    exact = [Fraction(float(v)) for v in values]
    found = choose(values, [made], "power-of-two")
    errors = {k: error(exact, made, Fraction(2) ** k) for k in range(-12, 6)}
    assert float(found.scale[0]) == 2.0 ** min(errors, key=lambda k: errors[k])


def test_the_best_of_all_runs_and_of_each_channel() -> None:
    rng = np.random.default_rng(5)
    values = np.stack([rng.normal(size=40), rng.laplace(size=40) * 3, np.zeros(40)]).astype(np.float32)
    formats = parse_format("tapered:5")
    alone = {made: choose(values, [made]).error for made in formats}
    assert choose(values, formats).format == min(formats, key=lambda made: alone[made])
    channels = choose(values, formats, per_channel=True)
    rows = [choose(row, [channels.format]) for row in values]
    assert channels.scale.tolist() == [row.scale[0] for row in rows] and channels.scale[2] == 1
    assert channels.error == sum(row.error for row in rows) <= choose(values, formats).error


def test_numbers_of_the_format_have_no_error() -> None:
    made = Tapered(5, 3)
    found = choose(made.values * 0.375, [made])
    assert found.scale.tolist() == [0.375] and found.error == 0
    assert np.array_equal(codes(made.values * 0.375, made, found.scale), made.codes)


def test_what_cannot_be_chosen() -> None:
    with pytest.raises(ValueError, match="not finite"):
        choose([1.0, np.nan], FORMATS)
    with pytest.raises(ValueError, match="no format"):
        choose([1.0], [])
    assert choose(np.zeros(3), FORMATS).scale.tolist() == [1.0]
