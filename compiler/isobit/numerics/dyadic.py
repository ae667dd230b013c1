"""Staircases whose scales are powers of two: ``round((m * x + c) / 2**k)``, in any rounding mode.

Rounding to the nearest with ties to even steps unevenly where ties are reached, so that no multiply, offset and floor
can follow it (:mod:`isobit.numerics.multiply_shift` says "none exists"). With a dyadic multiplier and offset nothing
has to be searched: the generator itself is integers, and a tie shows in the low k bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from isobit.numerics.curve import Curve
from isobit.numerics.rounding import Rounding, round_quotient
from isobit.numerics.staircase import Rounded


@dataclass(frozen=True)
class RoundShift:
    """``y_i(x) = clamp(round((m[i] * x + c[i]) / 2**k), lo, hi)``, k at least 1; m is 0 where a curve is constant."""

    m: tuple[int, ...]
    c: tuple[int, ...]
    k: int
    rounding: Rounding
    lo: int
    hi: int

    def at(self, i: int, x: int) -> int:
        """The value of curve ``i`` at ``x``."""
        return min(max(round_quotient(self.m[i] * x + self.c[i], 1 << self.k, self.rounding), self.lo), self.hi)


def shared_round_shift(
    curves: Sequence[Curve], los: Sequence[int], his: Sequence[int], clamp: tuple[int, int]
) -> RoundShift | None:
    """The curves on their ``[lo, hi]`` with one k, one rounding and one clamp, where that is possible.

    A generator and its form with the wider clamp are monotone and differ only beyond the generator's own clamp, so that
    they are equal on ``[lo, hi]`` when they are at both ends.
    """
    rounded = [f for f in curves if isinstance(f, Rounded)]
    modes = {f.rounding for f in rounded}
    if len(modes) != 1 or any(f.levels for f in curves if not isinstance(f, Rounded)):
        return None
    lines = [(f.mult, f.offset) if isinstance(f, Rounded) else (Fraction(0), Fraction(f.start)) for f in curves]
    denominators = [v.denominator for line in lines for v in line]
    if any(d & (d - 1) for d in denominators):
        return None
    k = max(1, max(denominators).bit_length() - 1)
    m, c = (tuple(int(line[i] * (1 << k)) for line in lines) for i in (0, 1))
    found = RoundShift(m, c, k, modes.pop(), *clamp)
    ends = enumerate(zip(curves, los, his, strict=True))
    return found if all(found.at(i, x) == f.at(x) for i, (f, lo, hi) in ends for x in (lo, hi)) else None
