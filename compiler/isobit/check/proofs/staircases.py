"""The staircases of a build's proofs, evaluated with Python's own integers and nothing of :mod:`isobit.numerics`."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from fractions import Fraction
from math import floor
from typing import Any

Record = Mapping[str, Any]
Function = Callable[[int], int]


def cuts(record: Record, f: Function, lo: int, hi: int) -> list[int]:
    """The least accumulator of every level above ``f(lo)`` up to ``f(hi)``."""
    return [cut(record, f, level) for level in range(f(lo) + 1, f(hi) + 1)]


def cut(record: Record, f: Function, level: int) -> int:
    """From a guess to the least x with ``f(x) >= level``, however wrong the guess."""
    x = _guess(record, level)
    step = 1
    while f(x) >= level:
        x, step = x - step, 2 * step
    low, step = x, 1
    while f(x) < level:
        low, x, step = x, x + step, 2 * step
    while x - low > 1:
        middle = (low + x) // 2
        low, x = (low, middle) if f(middle) >= level else (middle, x)
    return x


def _guess(record: Record, level: int) -> int:
    if "m" in record:
        return ((level << int(record["k"])) - int(record["c"])) // int(record["m"])
    if "mul" in record:
        mul, add = Fraction(record["mul"]), Fraction(record["add"])
        return floor(Fraction(2 * level - 1 - 2 * add, 2 * mul))
    return int(record["cuts"][level - record["start"] - 1]) - 1


def function(record: Record) -> Function:
    """The function that a curve's record describes, on Python's integers."""
    if "m" in record:
        m, c, k = (int(record[name]) for name in "mck")
        lo, hi = (int(v) for v in record["clamp"])
        return lambda x: min(max((m * x + c) >> k, lo), hi)
    if "mul" in record:
        return _rounded(record)
    start, cuts = int(record["start"]), [int(v) for v in record["cuts"]]
    return lambda x: start + bisect_right(cuts, x)


def _rounded(record: Record) -> Function:
    mul, add = Fraction(record["mul"]), Fraction(record["add"])
    d = mul.denominator * add.denominator
    a, b = int(mul * d), int(add * d)
    lo, hi = (int(v) for v in record["clamp"])
    up = _UP[record["round"]]

    def value(x: int) -> int:
        below, rest = divmod(a * x + b, d)
        return min(max(below + (rest > 0 and up(below, 2 * rest - d)), lo), hi)

    return value


_UP: dict[str, Callable[[int, int], bool]] = {
    # Of a value between below and below + 1, with the sign of its distance from the middle: does it go up?
    "FLOOR": lambda below, side: False,
    "CEIL": lambda below, side: True,
    "DOWN": lambda below, side: below < 0,
    "ROUND_TO_ZERO": lambda below, side: below < 0,
    "UP": lambda below, side: below >= 0,
    "ROUND": lambda below, side: side > 0 or (side == 0 and below % 2 == 1),
    "HALF_UP": lambda below, side: side > 0 or (side == 0 and below >= 0),
    "HALF_DOWN": lambda below, side: side > 0 or (side == 0 and below < 0),
}
