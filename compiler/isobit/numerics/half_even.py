"""Staircases that round to the nearest with ties to even, of any scale: one product, two offsets, and a parity.

Where ties are reached, steps into even levels come one earlier and steps into odd levels one later than a line says,
and no multiply, offset and floor follows that. Two do, with one product between them: with

    up(x) = (m * x + c) >> k,    down(x) = (m * x + c') >> k,    0 <= c - c' <= 2**k,

so that ``down`` is ``up`` or ``up - 1``, let ``g(x)`` be ``up(x)`` where that is even, else ``down(x)``. Then g is
monotone, and ``g(x) >= y`` says ``up(x) >= y`` for an even y and ``down(x) >= y`` for an odd one. So m, k and c have to
meet the cuts into even levels, m, k and c' those into odd levels, each by the conditions of
:mod:`isobit.numerics.multiply_shift`: slopes in both open intervals, and in a third that keeps the two offsets in
order. Nothing is asked of the staircase but its cuts; what rounds half to even is of this kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from isobit.numerics.curve import Curve
from isobit.numerics.edges import Clamp, Edges, edges_of, is_translation
from isobit.numerics.intervals import IntArray, as_int_array, magnitude, widened
from isobit.numerics.multiply_shift import (
    MAX_LEVELS,
    Slopes,
    least_shift,
    multiplicand_at,
    offset_limits,
    roundest,
    slopes_of,
    too_many_levels,
)
from isobit.numerics.staircase import Cuts


@dataclass(frozen=True)
class HalfEven:
    """``y_i(x) = clamp(up if up is even else down, lo, hi)``, both ``(m[i] * x + offset) >> k``."""

    m: tuple[int, ...]
    down: tuple[int, ...]
    up: tuple[int, ...]
    k: int
    lo: int
    hi: int

    @property
    def gaps(self) -> tuple[int, ...]:
        """``up - down``, at least 0 and at most ``2**k``."""
        return tuple(u - d for u, d in zip(self.up, self.down, strict=True))

    def at(self, i: int, x: int) -> int:
        """The value of curve ``i`` at ``x``."""
        return int(self.of(i, as_int_array([x]))[0])

    def of(self, i: int, x: IntArray) -> IntArray:
        """The values of curve ``i``."""
        product = self.m[i] * widened(x, self.m[i] * max(magnitude(x), 1) + abs(self.up[i]) + abs(self.down[i]))
        shift = self.k if product.dtype == object else min(self.k, 63)
        up, down = (product + self.up[i]) >> shift, (product + self.down[i]) >> shift
        return as_int_array(np.clip(np.where(up & 1, down, up), self.lo, self.hi))


def shared_half_even(curves: Sequence[Curve], los: Sequence[int], his: Sequence[int], clamp: Clamp) -> HalfEven | None:
    """The curves on their ``[lo, hi]`` with one k and one clamp, where that is possible; proven at every cut.

    Raises:
        ValueError: an interval is empty, or a curve leaves the clamp on it.
    """
    curves = [_listed(f, lo, hi) for f, lo, hi in zip(curves, los, his, strict=True)]
    if any(is_translation(f) for f in curves) or too_many_levels(curves, los, his) is not None:
        return None
    edges = [edges_of(f, lo, hi, clamp) for f, lo, hi in zip(curves, los, his, strict=True)]
    halves = [_halves(e) for e in edges]
    slopes = [
        _all_of(slopes_of(e) for e in (*pair, _crossed(whole))) for pair, whole in zip(halves, edges, strict=True)
    ]
    k = 0
    for s in slopes:
        shift = None if s.empty else least_shift(s, k)
        if shift is None:
            return None
        k = shift
    m = tuple(multiplicand_at(s, k) for s in slopes)
    offsets = [_offsets(even, odd, factor, k) for (even, odd), factor in zip(halves, m, strict=True)]
    chosen = [pair for pair in offsets if pair is not None]
    if len(chosen) < len(offsets):
        return None
    found = HalfEven(m, tuple(d for d, _ in chosen), tuple(u for _, u in chosen), k, *clamp)
    reach = enumerate(zip(curves, los, his, strict=True))
    return found if all(_equal(found, i, f, lo, hi) for i, (f, lo, hi) in reach) else None


def _listed(curve: Curve, lo: int, hi: int) -> Curve:
    """The curve on ``[lo, hi]``, with all cuts of a translation: its first and last do not decide for both parities."""
    inside = curve.restrict(lo, hi)
    return Cuts(inside.start, inside.cuts()) if is_translation(inside) and inside.levels <= MAX_LEVELS else inside


def _halves(edges: Edges) -> tuple[Edges, Edges]:
    """The edges at even levels, and those at odd ones."""

    def half(parity: int) -> Edges:
        taken = edges.levels % 2 == parity
        ends = edges.low and bool(taken[0]), edges.high and bool(taken[-1])
        return Edges(edges.levels[taken], edges.cuts[taken], edges.below[taken], *ends, edges.clamp)

    return half(0), half(1)


def _crossed(edges: Edges) -> Edges:
    """What ``c' <= c`` asks of the slope: that c' reaches odd levels before c reaches even ones too early.

    An even level is reached where the next odd one is, an odd level avoided where the even one before is: both follow
    from those. Where there is no such neighbour, nothing is asked.
    """
    levels, odd = edges.levels, edges.levels % 2 == 1
    if levels.size == 0:
        return edges
    cuts = np.where(odd, edges.cuts, np.append(edges.cuts[1:], edges.cuts[-1:]))
    below = np.where(odd, np.append(edges.below[:1], edges.below[:-1]), edges.below)
    low, high = edges.low or bool(odd[0]), edges.high or not odd[-1]
    return Edges(levels, as_int_array(cuts), as_int_array(below), low, high, edges.clamp)


def _all_of(slopes: Iterable[Slopes]) -> Slopes:
    """The slopes that all admit."""
    each = list(slopes)
    lower = max(each, key=lambda s: s.lower)
    upper = min((s for s in each if s.upper is not None), key=lambda s: s.upper or 0, default=each[0])
    return Slopes(lower.lower, lower.lower_pair, upper.upper, upper.upper_pair)


def _offsets(even: Edges, odd: Edges, m: int, k: int) -> tuple[int, int] | None:
    """The offset down and the offset up, the roundest that are no further apart than ``2**k``; None without any."""
    limits = offset_limits(even, m, k), offset_limits(odd, m, k)
    known = [v for pair in limits for v in pair if v is not None] or [0]
    beyond = 1 << max(abs(v) for v in known).bit_length() + k + 1
    (least, most), (d_least, d_most) = ((-beyond if a is None else a, beyond if b is None else b) for a, b in limits)
    least, most = max(least, d_least), min(most, d_most + (1 << k))
    if least > most:
        return None
    up = roundest(least, most)
    return roundest(max(d_least, up - (1 << k)), min(d_most, up)), up


def _equal(found: HalfEven, i: int, curve: Curve, lo: int, hi: int) -> bool:
    """Is curve ``i`` the staircase on ``[lo, hi]``? Both are monotone: cuts, their left neighbours and ends decide."""
    inside = curve.restrict(lo, hi)
    t = inside.cuts()
    points = np.concatenate([as_int_array([lo, hi]), t, widened(t, magnitude(t) + 1) - 1])
    return bool(np.array_equal(found.of(i, as_int_array(points)), inside(points)))
