"""Number formats, every code of every member up to 10 bits, against readings of their definitions made here."""

from __future__ import annotations

import itertools
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from isobit.errors import IsobitError
from isobit.numerics import Rounding, as_int_array
from isobit.numerics.formats import (
    E2M1,
    E3M2,
    E4M3,
    E4M3FN,
    E5M2,
    FixedPoint,
    FloatFormat,
    PowersOfTwo,
    TabulatedFormat,
    Tapered,
    least_tapered,
    parse_format,
)

TAPERED = [Tapered(n, run) for n in range(2, 11) for run in range(1, n)]
FIXED = [FixedPoint(n, n // 2, signed) for n in range(1, 11) for signed in (False, True)]
POWERS = [PowersOfTwo(n) for n in range(2, 11)]
FLOATS = [FloatFormat(e, m) for e in range(1, 6) for m in range(1, 6) if e + m < 10] + [E4M3FN, E5M2]
ALL: list[TabulatedFormat] = [*TAPERED, *FIXED, *POWERS, *FLOATS]


def read_tapered(code: str, most: int) -> Fraction:
    """The definition on a string of bits."""
    sign, rest = code[0], code[1:]
    run = len(rest) - len(rest.lstrip("1" if sign == "0" else "0"))
    run = min(run, most)
    fraction = rest[run + 1 :] if run < most else rest[run:]
    part = Fraction(int(fraction, 2), 2 ** len(fraction)) if fraction else Fraction(0)
    return (run if sign == "0" else -1 - run) + part


@pytest.mark.parametrize("made", TAPERED, ids=str)
def test_tapered_codes_are_the_definition_read_bit_by_bit(made: Tapered) -> None:
    for code in range(1 << made.width):
        text = format(code, f"0{made.width}b")
        assert made.integer(code) * made.unit == read_tapered(text, made.run)


@pytest.mark.parametrize("made", TAPERED, ids=str)
def test_tapered_codes_rise_as_twos_complement_within_their_range(made: Tapered) -> None:
    half = 1 << made.width - 1
    numbers = [made.integer(code % (2 * half)) for code in range(-half, half)]
    assert all(a < b for a, b in itertools.pairwise(numbers))
    ends = [n * made.unit for n in (numbers[0], numbers[-1])]
    assert ends[0] == -(made.run + 1) and made.run <= ends[1] < made.run + 1
    inner = [n for n in numbers if -1 <= n * made.unit < 1]
    assert inner == list(range(-(half // 2), half // 2))  # half of all codes, one unit apart
    assert all(-(1 << made.integer_bits - 1) <= n < 1 << made.integer_bits - 1 for n in numbers)
    assert numbers[0] < -(1 << made.integer_bits - 2) or numbers[-1] >= 1 << made.integer_bits - 2


def test_the_example_of_four_bits() -> None:
    made = Tapered(4, 3)
    assert [float(made.integer(c) * made.unit) for c in range(8)] == [0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3]


@pytest.mark.parametrize("width", range(2, 11))
def test_a_run_of_one_is_fixed_point(width: int) -> None:
    tapered, fixed = Tapered(width, 1), FixedPoint(width, width - 2)
    assert [tapered.integer(c) for c in range(1 << width)] == [fixed.integer(c) for c in range(1 << width)]
    assert tapered.unit == fixed.unit


def test_four_bits_of_runs_of_three_are_e2m1_with_a_use_for_negative_zero() -> None:
    tapered, floats = set(Tapered(4, 3).numbers.tolist()), set(E2M1.numbers.tolist())
    assert tapered - floats == {-16} and floats < tapered


@pytest.mark.parametrize("made", POWERS, ids=str)
def test_powers_of_two(made: PowersOfTwo) -> None:
    magnitudes = [Fraction(0), *(Fraction(1, 2**k) for k in range((1 << made.width - 1) - 2, -1, -1))]
    for code in range(1 << made.width):
        sign = -1 if code >> made.width - 1 else 1
        assert made.integer(code) * made.unit == sign * magnitudes[code % len(magnitudes)]


@pytest.mark.parametrize(
    ("made", "dtype"),
    [(E2M1, "float4_e2m1fn"), (E3M2, "float6_e3m2fn"), (FloatFormat(2, 3), "float6_e2m3fn"),
     (E4M3FN, "float8_e4m3fn"), (E5M2, "float8_e5m2"), (FloatFormat(3, 4, greatest=Fraction(31, 2)), "float8_e3m4")],
)  # fmt: skip
def test_floats_are_those_of_ml_dtypes(made: FloatFormat, dtype: str) -> None:
    codes = np.arange(1 << made.bits, dtype=np.uint8)
    theirs = codes.view(getattr(ml_dtypes, dtype)).astype(np.float64)
    for code, value in zip(codes.tolist(), theirs.tolist(), strict=True):
        number = made.integer(code)
        assert (number is None) == (not np.isfinite(value))
        assert number is None or number * made.unit == Fraction(value)


def slow_nearest(made: TabulatedFormat, value: Fraction) -> set[int]:
    """All codes that are nearest, the even ones among them where there is a tie."""
    distances = {c: abs(n * made.unit - value) for c in range(1 << made.bits) if (n := made.integer(c)) is not None}
    least = min(distances.values())
    found = {c for c, d in distances.items() if d == least}
    numbers = {made.integer(c) for c in found}
    return found if len(numbers) == 1 else {c for c in found if c % 2 == 0}


SMALL = [made for made in ALL if made.bits <= 5]


@pytest.mark.parametrize("made", SMALL, ids=str)
def test_rounding_at_every_number_every_half_way_point_and_beside_them(made: TabulatedFormat) -> None:
    points = np.unique(np.concatenate([made.values, made.midpoints, made.values * 2]))
    points = np.unique([np.nextafter(points, -np.inf), points, np.nextafter(points, np.inf)])
    rows = (made.nearest(points), made.rounded(points), made.rounded(points, Rounding.FLOOR),
            made.rounded(points, Rounding.CEIL))  # fmt: skip
    numbers = [n for c in range(1 << made.bits) if (n := made.integer(c)) is not None]
    for point, code, number, down, up in zip(points.tolist(), *(row.tolist() for row in rows), strict=True):
        exact = Fraction(point) / made.unit
        assert code in slow_nearest(made, Fraction(point))
        assert number == made.integer(code)
        assert down == max((n for n in numbers if n <= exact), default=min(numbers))
        assert up == min((n for n in numbers if n >= exact), default=max(numbers))


@pytest.mark.parametrize("made", ALL, ids=str)
def test_every_number_is_its_own_nearest_and_ties_go_to_the_even_code(made: TabulatedFormat) -> None:
    assert np.array_equal(made.nearest(made.values), made.codes)
    assert [made.integer(int(c)) for c in made.codes] == made.numbers.tolist()
    assert (np.diff(made.values) > 0).all()
    neighbours = zip(made.codes[:-1].tolist(), made.codes[1:].tolist(), strict=True)
    evens = [min((c for c in pair if c % 2 == 0), key=pair.index) for pair in neighbours]
    assert made.nearest(made.midpoints).tolist() == evens
    assert made.nearest([-1e300, 1e300]).tolist() == made.codes[[0, -1]].tolist()


@pytest.mark.parametrize("made", FLOATS, ids=str)
@pytest.mark.parametrize("rounding", [Rounding.ROUND, Rounding.FLOOR, Rounding.CEIL])
def test_float_arithmetic_is_the_table(made: FloatFormat, rounding: Rounding) -> None:
    points = np.concatenate([made.values, made.midpoints, made.values * 1.7, [-1e9, 1e9]])
    beside = np.concatenate([np.nextafter(points, -np.inf), np.nextafter(points, np.inf)])
    points = np.concatenate([points, beside[abs(beside) > 1e-300]])
    table = made.rounded(points, rounding)
    assert np.array_equal(made.quantised(points, rounding), [float(int(n) * made.unit) for n in table])


@pytest.mark.parametrize("made", [Tapered(5, 3), Tapered(4, 3), Tapered(6, 1), Tapered(7, 6)], ids=str)
def test_the_least_tapered_format_of_its_own_numbers(made: Tapered) -> None:
    found = least_tapered(made.numbers, 12)
    assert found is not None and found.width == made.width and set(found.numbers) >= set(made.numbers)
    assert least_tapered(made.numbers, made.width) is None  # that many codes need that many bits
    shorter = [Tapered(made.width, run) for run in range(1, found.run)]
    assert not any(set(made.numbers) <= set(t.numbers) for t in shorter)


@pytest.mark.parametrize(
    "values", [[0], [-7, 9], [-(10 << 8), 0], [0, (10 << 8) - 1], [10 << 8], [-(1 << 62), 3], [5, 1 << 70]]
)
def test_the_least_tapered_format_is_the_first_that_has_all(values: list[int]) -> None:
    """Up to the ends of the longest run of ten bits, and beyond, where nothing is counted."""
    having = [t for t in TAPERED if set(values) <= set(t.numbers.tolist())]
    assert least_tapered(as_int_array(values), 12) == (having[0] if having else None)


def test_names() -> None:
    assert parse_format("tapered:4") == (Tapered(4, 1), Tapered(4, 2), Tapered(4, 3))
    assert parse_format("tapered:5:2") == (Tapered(5, 2),)
    assert parse_format("e4m3") == (E4M3FN,) != (E4M3,)
    assert parse_format("INT:3") == parse_format("fixed:3") == (FixedPoint(3),)
    assert parse_format("power:3") == (PowersOfTwo(3),)


@pytest.mark.parametrize(
    ("text", "code"),
    [("tapered", "E613"), ("tapered:x", "E613"), ("", "E613"), ("float:3", "E613"), ("e9m9", "E613"),
     ("e2m1:4", "E613"), ("tapered:1", "E205"), ("tapered:17", "E205"), ("tapered:4:0", "E205"),
     ("tapered:4:4", "E205"), ("int:0", "E205"), ("power:11", "E205"), ("int:-3", "E205")],
)  # fmt: skip
def test_names_that_are_none(text: str, code: str) -> None:
    with pytest.raises(IsobitError) as found:
        parse_format(text)
    assert found.value.code == code and found.value.hint
