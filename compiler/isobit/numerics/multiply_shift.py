"""The search for the least multiplicand: a staircase as ``(m * x + c) >> k``, proven, or the reason why none exists.

On ``[lo, hi]`` let the curve rise from level ``y0`` through cuts ``t_1 <= .. <= t_n``, all in ``(lo, hi]``. Integers
m, c, k implement it exactly when at every cut

    m * t_j + c >= (y0 + j) * 2**k    and    m * (t_j - 1) + c < (y0 + j) * 2**k.

Eliminating c leaves ``m * (t_j - t_i - 1) < (j - i) * 2**k`` for every i and j, so that the slope ``m / 2**k`` lies in
an open interval whose ends are ratios of pairs of cuts. As c ranges over integers and so do all products, every slope
``m / 2**k`` in that interval has an integer c: the condition is exact in both directions.

The result is clamped to the curve's own values at lo and hi, or to a wider ``clamp = (LO, HI)`` that many curves share.
Then a curve that stays below HI must not be overtaken at hi, and one that stays above LO not fall short at lo:

    m * hi + c < (y0 + n + 1) * 2**k    and    m * lo + c >= y0 * 2**k.

These are the halves of two more cuts, level ``y0 + n + 1`` at hi + 1 and level ``y0`` at lo, and as one is only left
and the other only reached, they enter nothing but the upper limit of the slope.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from isobit.numerics.curve import Curve
from isobit.numerics.edges import KEPT, Clamp, CutPair, Edges, deciding_cuts, edges_of, is_translation
from isobit.numerics.intervals import IntArray, as_int_array, magnitude, widened
from isobit.numerics.staircase import MultiplyShift

MAX_SHIFT = 96
"""The largest k that the search tries."""

MAX_LEVELS = 1 << 22
"""The most levels that the search lists, over all curves together; translations, which need two cuts, do not count."""


@dataclass(frozen=True)
class Slopes:
    """The slopes ``lower < s < upper`` a curve admits, and the pairs of cuts that say so; no upper limit when None."""

    lower: Fraction
    lower_pair: CutPair | None
    upper: Fraction | None
    upper_pair: CutPair | None

    @property
    def empty(self) -> bool:
        """True when no slope at all is admitted."""
        return self.upper is not None and self.lower >= self.upper


@dataclass(frozen=True)
class NoMultiplyShift:
    """Why no multiply and shift exists: curve ``index`` needs a slope above one ratio of cuts and below another.

    ``lower_pair`` is None when every slope above zero is steep enough; both are when there are too many levels to tell.
    """

    index: int
    lower_pair: CutPair | None
    upper_pair: CutPair | None
    reason: str


def feasible_slopes(curve: Curve, lo: int, hi: int, clamp: Clamp | None = None) -> Slopes:
    """The open interval of slopes with which a multiply and shift equals ``curve`` on ``[lo, hi]``.

    The ends are ``max (j-i)/(t_j-t_i+1)`` and ``min (j-i)/(t_j-t_i-1)`` over pairs i < j of cuts, the latter where the
    denominator is positive, and including the ends of the interval where ``clamp`` does not hold the curve. Linear
    time per step of Dinkelbach's method.

    Raises:
        ValueError: the interval is empty, or the curve leaves the clamp on it.
    """
    return slopes_of(edges_of(curve, lo, hi, clamp))


@lru_cache(KEPT)
def slopes_of(edges: Edges) -> Slopes:
    """The slopes that edges admit; see :func:`feasible_slopes`."""
    if edges.cuts.size < 2:
        return Slopes(Fraction(0), None, None, None)
    bound = 2 * magnitude(edges.cuts) + 1
    t, below = (as_int_array(widened(x, bound) - edges.cuts[0]) for x in (edges.cuts, edges.below))
    j = edges.levels - edges.levels[0]
    lower, lower_pair = _lower(edges, t, below, j)
    inverse, upper_pair = _greatest_ratio((below, t), (j, j))
    if inverse <= 0:
        return Slopes(lower, lower_pair, None, None)
    return Slopes(lower, lower_pair, 1 / inverse, edges.pair(*upper_pair))


def _lower(edges: Edges, t: IntArray, below: IntArray, j: IntArray) -> tuple[Fraction, CutPair | None]:
    """The lower limit, from the cuts that are both reached and avoided."""
    first, last = edges.avoided.start, edges.reached.stop
    if last - first < 2:
        return Fraction(0), None
    inner = slice(first, last)
    ratio, (a, b) = _greatest_ratio((j[inner], j[inner]), (t[inner], below[inner]))
    return ratio, edges.pair(first + a, first + b)


def _greatest_ratio(u: tuple[IntArray, IntArray], v: tuple[IntArray, IntArray]) -> tuple[Fraction, tuple[int, int]]:
    """The maximum of ``(u[0][j] - u[1][i]) / (v[0][j] - v[1][i])`` over i < j, and the pair it is found at.

    Every denominator must be positive. Dinkelbach: while some pair is better than the ratio p/q at hand, that is
    ``q*(u_j - u_i) - p*(v_j - v_i) > 0``, take the pair that exceeds most.
    """
    bound = 8 * (max(map(magnitude, u)) + 1) * (max(map(magnitude, v)) + 1)
    (u_high, u_low), (v_high, v_low) = ((widened(high, bound), widened(low, bound)) for high, low in (u, v))
    i, j = 0, u_high.size - 1
    while True:
        p, q = int(u_high[j]) - int(u_low[i]), int(v_high[j]) - int(v_low[i])
        low = q * u_low - p * v_low
        gain = (q * u_high - p * v_high)[1:] - np.minimum.accumulate(low)[:-1]
        best = int(np.argmax(gain))
        if int(gain[best]) <= 0:
            return Fraction(p, q), (i, j)
        i, j = int(np.argmin(low[: best + 1])), best + 1


def least_multiply_shift(curve: Curve, lo: int, hi: int, clamp: Clamp | None = None) -> MultiplyShift | NoMultiplyShift:
    """The multiply and shift with the least m (then least k) that equals ``curve`` on ``[lo, hi]``, if one exists.

    It clamps to ``clamp``, or to the curve's values at lo and hi.

    Raises:
        ValueError: the interval is empty, or the curve leaves the clamp on it.
    """
    found = shared_multiply_shift((curve,), (lo,), (hi,), clamp)
    return found if isinstance(found, NoMultiplyShift) else found[0]


def shared_multiply_shift(
    curves: Sequence[Curve], los: Sequence[int], his: Sequence[int], clamp: Clamp | None = None
) -> tuple[MultiplyShift, ...] | NoMultiplyShift:
    """One multiply and shift per curve, equal to it on its ``[lo, hi]``, all with the same k.

    All clamp to ``clamp``, or each to its curve's values at lo and hi. The least m of a curve, ``floor(lower * 2**k) +
    1``, never falls with k, and a k that admits one stays good when it grows. So the least k that serves every curve
    also makes every m as small as it can be. A curve without a cut inside that the clamp holds constrains nothing.

    Raises:
        ValueError: an interval is empty, or a curve leaves the clamp on it.
    """
    refused = too_many_levels(curves, los, his)
    if refused is not None:
        return refused
    edges = [edges_of(curve, lo, hi, clamp) for curve, lo, hi in zip(curves, los, his, strict=True)]
    slopes = [slopes_of(e) for e in edges]
    k = 0
    for index, s in enumerate(slopes):
        shift = least_shift(s, k)
        if shift is None:
            return refusal(index, s)
        k = shift
    return tuple(build(e, s, k) for e, s in zip(edges, slopes, strict=True))


def too_many_levels(curves: Sequence[Curve], los: Sequence[int], his: Sequence[int]) -> NoMultiplyShift | None:
    """The refusal of curves that have more than :data:`MAX_LEVELS` levels together."""
    levels = 0
    for index, (curve, lo, hi) in enumerate(zip(curves, los, his, strict=True)):
        levels += 0 if is_translation(curve) else curve.at(hi) - curve.at(lo)
        if levels > MAX_LEVELS:
            return NoMultiplyShift(index, None, None, f"more than {MAX_LEVELS} levels are too many to search")
    return None


def least_shift(s: Slopes, first: int) -> int | None:
    """The least k from ``first`` to MAX_SHIFT for which some ``m / 2**k`` is an admitted slope."""
    if s.upper is None:
        return first
    num, den = s.upper.numerator, s.upper.denominator
    return next((k for k in range(first, MAX_SHIFT + 1) if multiplicand_at(s, k) * den < num << k), None)


def multiplicand_at(s: Slopes, k: int) -> int:
    """The least m of shift k: ``floor(lower * 2**k) + 1``."""
    return (s.lower.numerator << k) // s.lower.denominator + 1


def build(edges: Edges, s: Slopes, k: int) -> MultiplyShift:
    """The multiply and shift of shift k, which must be admitted, with the roundest offset."""
    m = multiplicand_at(s, k)
    return MultiplyShift(m, roundest(*_offsets(edges, m, k)), k, *edges.clamp)


def offset_limits(edges: Edges, m: int, k: int) -> tuple[int | None, int | None]:
    """The least and greatest c with which m and k reach every cut and no left neighbour; None where nothing does."""
    t, levels = edges.cuts, edges.levels
    bound = (magnitude(levels) + 1 << k) + (max(magnitude(t), magnitude(edges.below)) + 1) * m
    level = widened(levels, bound) * (1 << k)
    reached = (level - m * widened(t, bound))[edges.reached]
    avoided = (level - 1 - m * widened(edges.below, bound))[edges.avoided]
    return int(reached.max()) if reached.size else None, int(avoided.min()) if avoided.size else None


def _offsets(edges: Edges, m: int, k: int) -> tuple[int, int]:
    """:func:`offset_limits`; a side that nothing limits ends where c would need more bits than the other, or at 0."""
    least, greatest = offset_limits(edges, m, k)
    if least is None:
        least = -(1 << (~greatest).bit_length()) if greatest is not None and greatest < 0 else 0
    if greatest is None:
        greatest = (1 << least.bit_length()) - 1 if least > 0 else 0
    return least, greatest


def roundest(lo: int, hi: int) -> int:
    """The integer of ``[lo, hi]`` with the most trailing zeros, the least magnitude among equals."""
    if lo <= 0 <= hi:
        return 0
    if hi < 0:
        return -roundest(-hi, -lo)
    # below the highest bit in which lo - 1 and hi differ, everything of hi can be cleared
    spare = ((lo - 1) ^ hi).bit_length() - 1
    return hi >> spare << spare


def refusal(index: int, s: Slopes) -> NoMultiplyShift:
    """Why no slope in ``s``, the slopes of curve ``index``, is ``m / 2**k``."""
    assert s.upper_pair is not None
    if s.empty:
        limit = "it" if s.upper == s.lower else s.upper
        reason = f"{s.lower_pair} need a slope above {s.lower}, {s.upper_pair} need one below {limit}"
    else:
        pairs = "; ".join(str(p) for p in (s.lower_pair, s.upper_pair) if p is not None)
        reason = f"no m / 2**k with k <= {MAX_SHIFT} lies between {s.lower} and {s.upper} ({pairs})"
    return NoMultiplyShift(index, s.lower_pair, s.upper_pair, reason)


def wrong_at(ms: MultiplyShift, curve: Curve, lo: int, hi: int) -> int | None:
    """None exactly when ``ms`` equals ``curve`` on ``[lo, hi]``, else the least of the points looked at that differ.

    Looks at every cut inside, its left neighbour and both ends. That is complete: between two such points the curve is
    constant, and ``ms`` is monotone; of a translation the first and the last cut will do, as there the distance of
    ``m * x + c`` from the edges is linear. ``ms`` is taken with its own clamp, which may be wider than the curve.
    """
    inside = curve.restrict(lo, hi)
    t = deciding_cuts(inside)
    points = np.concatenate([as_int_array([lo, hi]), t, widened(t, magnitude(t) + 1) - 1])
    wrong = points[ms(points) != inside(points)]
    return int(wrong.min()) if wrong.size else None


def proves(ms: MultiplyShift, curve: Curve, lo: int, hi: int) -> bool:
    """True exactly when ``ms`` equals ``curve`` on ``[lo, hi]``: :func:`wrong_at` finds nothing."""
    return wrong_at(ms, curve, lo, hi) is None
