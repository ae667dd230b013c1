"""What a multiply and shift must reach and must not reach: the cuts of a staircase, as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from isobit.numerics.curve import Curve
from isobit.numerics.intervals import IntArray, as_int_array, magnitude, widened
from isobit.numerics.staircase import Cuts, MultiplyShift, Rounded

Clamp = tuple[int, int]
"""The least and the greatest value a multiply and shift may give."""


@dataclass(frozen=True)
class CutPair:
    """Two cuts of a curve, the lower level first."""

    low_level: int
    low_cut: int
    high_level: int
    high_cut: int

    def __str__(self) -> str:
        return f"levels {self.low_level} (from {self.low_cut}) and {self.high_level} (from {self.high_cut})"


@dataclass(frozen=True, eq=False)
class Edges:
    """A curve as the search sees it: it reaches ``levels[j]`` at ``cuts[j]`` and not at ``below[j]``.

    Where every integer is reachable ``below`` are the left neighbours of the cuts. With ``low`` the first edge is the
    interval's lower end, where its level must be reached, whatever happens before; with ``high`` the last one lies
    behind the upper end and must not be reached before, whatever happens there.
    """

    levels: IntArray
    cuts: IntArray
    below: IntArray
    low: bool
    high: bool
    clamp: Clamp

    @property
    def reached(self) -> slice:
        """The edges whose level must be reached at the cut."""
        return slice(0, self.cuts.size - self.high)

    @property
    def avoided(self) -> slice:
        """The edges whose level must not be reached below the cut."""
        return slice(int(self.low), self.cuts.size)

    def staircase(self) -> Cuts:
        """The staircase that rises at the cuts."""
        start = int(self.levels[0]) if self.low else self.clamp[0]
        return Cuts(start, self.cuts[int(self.low) : self.cuts.size - self.high])

    def pair(self, i: int, j: int) -> CutPair:
        """The edges i and j."""
        return CutPair(int(self.levels[i]), int(self.cuts[i]), int(self.levels[j]), int(self.cuts[j]))


def edges_of(curve: Curve, lo: int, hi: int, clamp: Clamp | None) -> Edges:
    """The edges of a curve on ``[lo, hi]``, held by ``clamp`` or by its own values at the ends.

    Those of short curves are kept, for passes and planner ask for the same ones.

    Raises:
        ValueError: the interval is empty, or the curve leaves the clamp on it.
    """
    return (_kept_edges if curve.levels <= _KEPT_LEVELS else _edges)(curve, int(lo), int(hi), clamp)


def _edges(curve: Curve, lo: int, hi: int, clamp: Clamp | None) -> Edges:
    inside = curve.restrict(lo, hi)
    least, greatest = clamp or (inside.start, inside.top)
    if not least <= inside.start <= inside.top <= greatest:
        raise ValueError(f"values from {inside.start} to {inside.top} do not fit the clamp [{least}, {greatest}]")
    low, high = inside.start > least, inside.top < greatest
    ends = as_int_array([lo][:low]), as_int_array([hi + 1][:high])
    levels = deciding_levels(inside)
    cuts = np.concatenate([ends[0], deciding_cuts(inside), ends[1]])
    around = as_int_array([inside.start][:low]), levels, as_int_array([inside.top + 1][:high])
    below = widened(cuts, magnitude(cuts) + 1) - 1
    return Edges(np.concatenate(around), cuts, below, low, high, (least, greatest))


_KEPT_LEVELS, KEPT = 256, 1 << 13
"""Levels of the curves whose edges are kept, and how many of them: some tens of megabytes at most."""
_kept_edges = lru_cache(KEPT)(_edges)


def deciding_levels(inside: Curve) -> IntArray:
    """The levels whose cuts decide: all of them; of a translation, ``y(x) = x + o``, the first and the last.

    There every condition on m and c is linear in the level, so that it holds between where it holds at both ends; and
    a clamp of a wide accumulator has more levels than could be listed.
    """
    levels = inside.start + 1, inside.top
    if inside.levels > 2 and is_translation(inside):
        return np.array(levels, dtype=np.int64)
    return np.arange(levels[0], levels[1] + 1, dtype=np.int64)


def deciding_cuts(inside: Curve) -> IntArray:
    """The cuts at :func:`deciding_levels`."""
    levels = deciding_levels(inside)
    return inside.cuts() if levels.size == inside.levels else inside.cuts_at(levels)


def is_translation(curve: Curve) -> bool:
    """True when the curve is written as ``clamp(x + o)``."""
    if isinstance(curve, MultiplyShift):
        return curve.m == 1 << curve.k
    return isinstance(curve, Rounded) and curve.mult == 1 and curve.offset.denominator == 1
