"""The k-bit multiply and shift nearest to a staircase, where no exact one is short enough; its errors are counted.

With m and k fixed, ``(m * x + c) >> k`` reaches the level of the cut ``t_j`` at ``t_j + u_j``, where
``u_j(c) = ceil((r_j - c) / m)`` and ``r_j = level_j * 2**k - m * t_j``. What is minimised is the total displacement
``E(c) = sum_j |u_j(c)|``: while the two functions are nowhere more than one step apart it is the number of arguments at
which they differ. ``E(c + m) - E(c) = #{r_j <= c} - #{r_j > c}`` never falls, so that E is convex along every residue
class of c modulo m, and every class has its minimum in ``[median, median + m)``: one sorted sweep finds the best c.

Given arguments that really occur, their number among the displaced ones comes first: in a second sum every cut counts
the occurrences that it passes on its way from ``t_j`` to ``t_j + u_j``, and the same sweep adds that up as well.

The values never leave the curve's own interval where the clamp would let them: what was proven of the intervals after
the step stays true.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from isobit.numerics.curve import Curve
from isobit.numerics.edges import Clamp, Edges, edges_of
from isobit.numerics.intervals import IntArray, as_int_array, magnitude, widened
from isobit.numerics.multiply_shift import MAX_SHIFT, least_multiply_shift, roundest, slopes_of
from isobit.numerics.plain import plain_multiplicand
from isobit.numerics.staircase import MultiplyShift, Rounded


@dataclass(frozen=True)
class Approximation:
    """A multiply and shift, and on how many of the reachable arguments it is wrong, by ``worst`` steps at most."""

    scaled: MultiplyShift
    wrong: int
    worst: int


def differences(f: Curve, g: Curve, lo: int, hi: int) -> tuple[int, int]:
    """On how many integers of ``[lo, hi]`` f and g differ, and by how much at most.

    Both are constant between two neighbouring cuts of either, so that one look at each such piece is enough.
    """
    inside = [h.restrict(lo, hi) for h in (f, g)]
    cuts = [np.asarray(h.cuts(), dtype=object) for h in inside]
    starts = np.array(sorted({lo, *cuts[0].tolist(), *cuts[1].tolist()}), dtype=object)
    lengths = np.append(starts[1:], hi + 1) - starts
    apart = np.abs(inside[0](starts) - inside[1](starts))
    return int(lengths[apart != 0].sum()), int(apart.max())


@dataclass(frozen=True, eq=False)
class Weighted:
    """Arguments that occur, sorted, as often as they do; and the greatest displacement allowed for their sake."""

    seen: IntArray
    most: int

    def passed(self, cuts: IntArray, moved: IntArray) -> IntArray:
        """How many of the arguments lie between each cut and where it has moved to."""
        ends = (np.searchsorted(self.seen, as_int_array(v), side="left") for v in (cuts, moved))
        return as_int_array(np.abs(next(ends) - next(ends)))


@dataclass(frozen=True, order=True)
class _Found:
    """Occurrences passed, displacement, and the integers that cause them; the best is the least in the first two."""

    passed: int
    displaced: int
    m: int = field(compare=False)
    c: int = field(compare=False)
    k: int = field(compare=False)


def least_error(
    curve: Curve, lo: int, hi: int, bits: int, clamp: Clamp, weighted: Weighted | None = None
) -> Approximation | None:
    """The multiply and shift with ``m < 2**bits`` whose cuts are displaced least from those of ``curve`` on [lo, hi].

    None when none keeps the curve's own interval. Exact over all m, k and c: see :func:`_slopes_outwards`. With
    ``weighted``, of those displaced by at most ``weighted.most`` the one that changes the fewest of its arguments,
    over all m and k and, for each, the offsets that displace least in their residue class modulo m; None when no
    displacement is so small.

    Raises:
        ValueError: the interval is empty, or the curve leaves the clamp on it.
    """
    exact = least_multiply_shift(curve, lo, hi, clamp)
    if isinstance(exact, MultiplyShift) and exact.m < 1 << bits:
        return Approximation(exact, 0, 0)
    best = _search(edges_of(curve, lo, hi, clamp), curve, bits, weighted)
    if best is None:
        return None
    scaled = MultiplyShift(best.m, best.c, best.k, *clamp)
    return Approximation(scaled, *differences(curve, scaled, lo, hi))


def _search(edges: Edges, curve: Curve, bits: int, weighted: Weighted | None) -> _Found | None:
    best: _Found | None = None
    most = None if weighted is None else weighted.most
    for walk in _slopes_outwards(_slope(curve, edges), bits):
        previous = -1
        for m, k in walk:
            bound = _least_displacement(edges, m, k)
            if most is not None and bound > most and bound > previous >= 0:
                break
            previous = bound
            found = _best_offset(edges, m, k, weighted)
            if found is not None and (best is None or found < best):
                best = found
            if weighted is None and best is not None:
                most = best.displaced - 1
    return best


def _slope(curve: Curve, edges: Edges) -> Fraction:
    """A slope near the best one: the generator's own, or the middle of what the cuts ask for."""
    if isinstance(curve, Rounded):
        return curve.mult
    s = slopes_of(edges)
    return (s.lower + s.upper) / 2 if s.upper is not None else 2 * s.lower


def _slopes_outwards(middle: Fraction, bits: int) -> Iterator[Iterator[tuple[int, int]]]:
    """All slopes ``m / 2**k`` of ``bits`` significant bits: first from ``middle`` upwards, then downwards.

    Shorter multiplicands are among them, with zeros behind. The displacement over all c is at least that of the
    differences between mirrored pairs of cuts, less one each (:func:`_least_displacement`), which is convex in
    ``1 / slope``: once it has begun to rise and exceeds the best displacement found, nothing beyond can be better.
    """
    m, k = plain_multiplicand(middle, bits)
    if k < 0:
        m, k = (1 << bits) - 1, 0
    yield _upwards(m, k, bits)
    yield _downwards(m, k, bits)


def _upwards(m: int, k: int, bits: int) -> Iterator[tuple[int, int]]:
    while k >= 0:
        yield m, k
        m, k = (1 << bits - 1, k - 1) if m == (1 << bits) - 1 else (m + 1, k)


def _downwards(m: int, k: int, bits: int) -> Iterator[tuple[int, int]]:
    while k <= MAX_SHIFT:
        m, k = ((1 << bits) - 1, k + 1) if m == 1 << bits - 1 else (m - 1, k)
        yield m, k


def _inner(edges: Edges) -> tuple[IntArray, IntArray]:
    """Levels and cuts that are both reached and avoided."""
    inner = slice(edges.avoided.start, edges.reached.stop)
    return edges.levels[inner], edges.cuts[inner]


def _least_displacement(edges: Edges, m: int, k: int) -> int:
    """No offset displaces the cuts by less: a pair of cuts ``dt`` apart comes to lie ``2**k dl / m`` apart, give or
    take less than 1; the pairs are the first and last cut, the second and second last, and so on."""
    levels, t = _inner(edges)
    half = t.size // 2
    bound = 2 * (magnitude(t) + 1) * m + (2 * magnitude(levels) + 2 << k)
    dl, dt = (widened(v, bound)[::-1][:half] - widened(v, bound)[:half] for v in (levels, t))
    apart = np.abs(m * dt - dl * (1 << k))
    return int(np.maximum(-(-(apart - (m - 1)) // m), 0).sum())


def _best_offset(edges: Edges, m: int, k: int, weighted: Weighted | None) -> _Found | None:
    """The best offset of a slope, or None where every c leaves the curve's own interval or displaces too much."""
    bound = (magnitude(edges.levels) + 1 << k) + (magnitude(edges.cuts) + 2) * m
    cuts = widened(edges.cuts, bound)
    r = widened(edges.levels, bound) * (1 << k) - m * cuts
    inner = slice(edges.avoided.start, edges.reached.stop)
    low = int(r[0]) if edges.low else None
    high = int(r[-1]) + m - 1 if edges.high else None
    r, cuts = r[inner], cuts[inner]
    start, end = _window(int(np.sort(r)[(r.size - 1) // 2]), m, low, high)
    found = None if start > end else _sweep(r, cuts, m, start, end, weighted)
    return None if found is None else _Found(*found[:2], m, found[2], k)


def _window(median: int, m: int, low: int | None, high: int | None) -> tuple[int, int]:
    """The m offsets from the median on, moved or cut into ``[low, high]``; empty where that is."""
    start = median
    if high is not None:
        start = min(start, high - m + 1)
    if low is not None:
        start = max(start, low)
    return start, start + m - 1 if high is None else min(start + m - 1, high)


def _sweep(
    r: IntArray, cuts: IntArray, m: int, start: int, end: int, weighted: Weighted | None
) -> tuple[int, int, int] | None:
    """``(passed, displaced, c)``, least over ``[start, end]``, no longer than m; of the best offsets the roundest.

    Each u falls by one at most once in the window, where c passes ``r_j`` modulo m.
    """
    u = -((start - r) // m)
    falls = m - (start + m * u - r)
    order = np.argsort(falls, kind="stable")
    begins = np.concatenate([[0], falls[order]])
    ends = np.append(begins[1:] - 1, end - start)
    legal = (begins <= end - start) & (begins <= ends)
    displaced = _totals(np.abs(u), np.abs(u - 1), order)
    passed = displaced * 0
    if weighted is not None:
        passed = _totals(weighted.passed(cuts, cuts + u), weighted.passed(cuts, cuts + u - 1), order)
        legal &= displaced <= weighted.most
    if not legal.any():
        return None
    candidates = np.flatnonzero(legal)
    best = int(candidates[np.lexsort((displaced[candidates], passed[candidates]))[0]])
    c = roundest(start + int(begins[best]), start + min(int(ends[best]), end - start))
    return int(passed[best]), int(displaced[best]), c


def _totals(before: IntArray, after: IntArray, order: IntArray) -> IntArray:
    """The sum of ``before``, and as one after the other, in this order, turns into ``after``."""
    return as_int_array(np.concatenate([[0], np.cumsum((after - before)[order])]) + before.sum())
