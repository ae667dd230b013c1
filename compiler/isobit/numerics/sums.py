"""Short coefficients for a sum of two values: the least integers that keep every staircase that reads it.

On a box of x and y a staircase of ``a x + b y`` with ``a, b > 0`` is at level j exactly where ``x >= X_j(y)``, with
``X_j(y) = ceil((t_j - b y) / a)``. Positive integers ``a', b'`` serve as well when one threshold parts what lies below
from what has reached the level, for every j:

    max_y a' (X_j(y) - 1) + b' y  <  min_y a' X_j(y) + b' y,

the maximum over the y with ``X_j(y)`` above the least x, the minimum over those with ``X_j(y)`` up to the greatest.
That decides every pair of the box. All of it is linear, so that the good ratios ``b' / a'`` are an open interval around
``b / a``, and those that leave room for a multiply and shift are an interval within it. The simplest fraction of an
interval has the least a' and the least b' at once, and where ``b / a`` lies inside it is passed on the way to ``b / a``
in the tree of Stern and Brocot (Graham, Knuth, Patashnik, Concrete Mathematics, section 4.5): that way is walked.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from math import gcd
from typing import Any

import numpy as np

from isobit.numerics.curve import Curve
from isobit.numerics.edges import Clamp, Edges
from isobit.numerics.intervals import IntArray, Interval, magnitude, widened

MOST_POINTS = 1 << 20
"""A staircase with more levels times values of the narrower operand than this is not looked at."""
_SAFE = 1 << 62
_BLOCK = 1 << 18
"""Pairs of operands looked at in one go."""


@dataclass(frozen=True)
class Reader:
    """A staircase of the sum, the box that its two operands come from, and the interval that clamps its values."""

    curve: Curve
    x: Interval
    y: Interval
    clamp: Clamp


@dataclass(frozen=True, eq=False)
class ShortSum:
    """Coefficients that serve, the interval of their sum, and what a multiply and shift of it must reach and avoid, per
    reader."""

    a: int
    b: int
    interval: Interval
    edges: tuple[Edges, ...]


def short_sums(a: int, b: int, readers: Sequence[Reader]) -> Iterator[ShortSum]:
    """Coefficients that serve all readers in the place of ``a`` and ``b``: from the least to ``a, b`` without their
    common factor. None at all where there is too much to look at.

    The first has the least ``|a'|`` and the least ``|b'|`` of all that serve. Of those that follow some are left out,
    which have the length of their neighbours to a bit.

    Raises:
        ValueError: a coefficient is zero.
    """
    if a == 0 or b == 0:
        raise ValueError("a sum with a coefficient of zero has one operand")
    borders = [border for r in readers if (border := _border(a, b, r)) is not None]
    if len(borders) == len(readers):
        yield from _serving(a, b, borders, [(r.x, r.y) for r in readers])


def joint_sums(a: int, b: int, values: IntArray, x: Interval, y: Interval) -> Iterator[ShortSum]:
    """Sums ``a' x + b' y`` with a staircase behind that are ``values``, from the least coefficients to ``a, b``.

    Args:
        a, b: positive; the way to their ratio is searched.
        values: ``(x, y)`` integers, one for every pair of the intervals; non-decreasing along both axes.

    Raises:
        ValueError: the values fall somewhere.
    """
    if (np.diff(values, axis=0) < 0).any() or (np.diff(values, axis=1) < 0).any():
        raise ValueError("values that fall are no staircase of a sum")
    ends = int(values[0, 0]), int(values[-1, -1])
    levels = np.arange(ends[0] + 1, ends[1] + 1)
    first = [x.lo + np.searchsorted(column, levels) for column in values.T]
    stacked = np.stack(first, axis=1).astype(np.int64)
    border = _Border(levels, stacked, x, np.arange(y.lo, y.hi + 1), False, ends, ends)
    yield from _serving(a, b, [border], [(x, y)])


@dataclass(frozen=True)
class Summed:
    """A staircase of ``a x + b y``."""

    a: int
    b: int
    curve: Curve


def sums_differ(f: Summed, g: Summed, x: Interval, y: Interval) -> tuple[int, int] | None:
    """None exactly when f and g agree on all pairs of the box, else a pair at which they differ.

    With a fixed y both are monotone in x. Rising together (or falling), they agree when they do at the ends of x and
    around every cut of f; else both must be constant, and the ends alone tell. The check uses nothing of the search.
    """
    if y.hi - y.lo > x.hi - x.lo:
        found = sums_differ(Summed(f.b, f.a, f.curve), Summed(g.b, g.a, g.curve), y, x)
        return None if found is None else (found[1], found[0])
    reached = x.scale(f.a) + y.scale(f.b)
    cuts = f.curve.restrict(reached.lo, reached.hi).cuts()
    values = sum(abs(v) for v in (x.lo, x.hi, y.lo, y.hi)) + 2
    bound = magnitude(cuts) + values * max(abs(f.a) + abs(f.b), abs(g.a) + abs(g.b))
    cuts, rows = widened(cuts if f.a else cuts[:0], bound), max(1, _BLOCK // (3 * cuts.size + 2))
    for first in range(y.lo, y.hi + 1, rows):
        v = widened(np.arange(first, min(first + rows, y.hi + 1))[:, np.newaxis], bound)
        near = (cuts - f.b * v) // (f.a or 1)
        ends = np.broadcast_to([[x.lo, x.hi]], (len(v), 2))
        at = np.concatenate([ends, *(np.clip(near + d, x.lo, x.hi) for d in (-1, 0, 1))], axis=1)
        wrong = np.argwhere(f.curve(f.a * at + f.b * v) != g.curve(g.a * at + g.b * v))
        if len(wrong):
            row, column = wrong[0]
            return int(at[row, column]), int(v[row, 0])
    return None


def _serving(
    a: int, b: int, borders: Sequence[_Border], boxes: Sequence[tuple[Interval, Interval]]
) -> Iterator[ShortSum]:
    """The coefficients on the way to ``a, b`` that keep to all borders."""

    def served(p: int, q: int) -> ShortSum | None:
        edges = tuple(e for border in borders if (e := border.edges(q, p)) is not None)
        signed = q if a > 0 else -q, p if b > 0 else -p
        return ShortSum(*signed, _hull(*signed, boxes), edges) if len(edges) == len(borders) else None

    for run in _runs(abs(b), abs(a)):
        # a run comes ever closer to b / a from one side: once it is in the interval it stays there
        first = bisect_left(run, True, key=lambda fraction: served(*fraction) is not None)
        left = len(run) - 1 - first
        chosen = (first + min((1 << e) - 1, left) for e in range(left.bit_length() + 1)) if left >= 0 else ()
        yield from (found for j in chosen if (found := served(*run[j])) is not None)


def _hull(a: int, b: int, boxes: Sequence[tuple[Interval, Interval]]) -> Interval:
    return reduce(Interval.union, (x.scale(a) + y.scale(b) for x, y in boxes))


@dataclass(frozen=True)
class _Run(Sequence[tuple[int, int]]):
    """The fractions ``near + j far``, j from 1, term by term: steps to the same side in the Stern-Brocot tree."""

    near: tuple[int, int]
    far: tuple[int, int]
    steps: int

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: Any) -> Any:
        return self.near[0] + (index + 1) * self.far[0], self.near[1] + (index + 1) * self.far[1]


def _runs(p: int, q: int) -> Iterator[_Run]:
    """The way from 1/1 to p/q, ``(numerator, denominator)`` by run; the last run ends there."""
    p, q = p // gcd(p, q), q // gcd(p, q)
    near, far = (0, 1), (1, 0)
    while True:
        gap, missing = (abs(end[0] * q - p * end[1]) for end in (far, near))
        steps = (missing - 1) // gap  # so many mediants stay on the side of ``near``
        last = missing - steps * gap == gap
        yield _Run(near, far, steps + last)
        if last:
            return
        near, far = far, (near[0] + steps * far[0], near[1] + steps * far[1])


@dataclass(frozen=True, eq=False)
class _Border:
    """Of the box, oriented so that both coefficients are positive: ``first[j, i]`` is the least x at which ``y[i]``
    reaches ``levels[j]``, from ``x.lo`` (always) to ``x.hi + 1`` (never). ``swapped``: x stands for the second operand.
    """

    levels: IntArray
    first: IntArray
    x: Interval
    y: IntArray
    swapped: bool
    ends: tuple[int, int]
    clamp: Clamp

    def edges(self, a: int, b: int) -> Edges | None:
        """What the sum ``a x + b y`` reaches and avoids, or None where no threshold parts a level."""
        a, b = (b, a) if self.swapped else (a, b)
        if a * (abs(self.x.lo) + abs(self.x.hi) + 1) + b * magnitude(self.y) > _SAFE:
            return None
        cuts, below = self._sides(a, b)
        if (below >= cuts).any():
            return None
        low, high = self.ends[0] > self.clamp[0], self.ends[1] < self.clamp[1]
        least, greatest = a * self.x.lo + b * int(self.y[0]), a * self.x.hi + b * int(self.y[-1])
        before, after = np.array([least][:low], np.int64), np.array([greatest + 1][:high], np.int64)
        return Edges(
            np.concatenate([self.ends[0] + 0 * before, self.levels, self.ends[1] + 1 + 0 * after]),
            np.concatenate([before, cuts, after]),
            np.concatenate([before - 1, below, after - 1]),
            low, high, self.clamp,
        )  # fmt: skip

    def _sides(self, a: int, b: int) -> tuple[IntArray, IntArray]:
        """For every level the least sum that has reached it, and the greatest that lies below."""
        at = a * self.first + b * self.y
        reached = np.where(self.first <= self.x.hi, at, _SAFE)
        below = np.where(self.first > self.x.lo, at - a, -_SAFE)
        return reached.min(axis=1), below.max(axis=1)


def _border(a: int, b: int, reader: Reader) -> _Border | None:
    """The levels of a reader over its box; None where they are too many, or too large for 64 bits."""
    x, y = (_oriented(v, k) for v, k in ((reader.x, a), (reader.y, b)))
    a, b = abs(a), abs(b)
    lo, hi = a * x.lo + b * y.lo, a * x.hi + b * y.hi
    inside = reader.curve.restrict(lo, hi)
    swapped = y.hi - y.lo > x.hi - x.lo
    if swapped:
        a, b, x, y = b, a, y, x
    largest = max(a, b, abs(lo), abs(hi)) + b * max(abs(y.lo), abs(y.hi))
    if inside.levels * (y.hi - y.lo + 1) > MOST_POINTS or largest > _SAFE:
        return None
    levels, values = np.arange(inside.start + 1, inside.top + 1), np.arange(y.lo, y.hi + 1)
    first = -((b * values - inside.cuts_at(levels)[:, None]) // a)
    ends = inside.start, inside.top
    return _Border(levels, np.clip(first, x.lo, x.hi + 1), x, values, swapped, ends, reader.clamp)


def _oriented(v: Interval, coefficient: int) -> Interval:
    return v if coefficient > 0 else v.scale(-1)
