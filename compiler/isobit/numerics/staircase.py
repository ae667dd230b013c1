"""Staircases: monotone non-decreasing integer step functions from Z to ``[start, top]``.

Three forms of one abstract class, :class:`Curve`: sorted cut points, the rational generator, multiply and shift. Every
form is immutable and hashable by content; a value, a cut and a law are exact, whatever the size of the numbers.
"""

from __future__ import annotations

import operator
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, floor, gcd, lcm

import numpy as np
import numpy.typing as npt

from isobit.numerics.curve import Curve, check_values, clamped_ends, read_only
from isobit.numerics.intervals import INT64_MAX, IntArray, as_int_array, magnitude, widened
from isobit.numerics.quotients import quotients
from isobit.numerics.rounding import Rounding, doubled_boundaries, round_quotient

__all__ = ["Curve", "Cuts", "MultiplyShift", "Rounded", "compose", "equal", "equal_on", "from_thresholds", "listed"]

CACHED_LEVELS = 4096
"""A generator with at most this many levels keeps its cuts once they are computed."""


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Cuts(Curve):
    """``y(x) = start + #{j : x >= cuts[j]}`` with sorted cuts; repeated cuts are jumps, no cuts a constant."""

    _start: int
    _cuts: IntArray

    def __init__(self, start: int, cuts: npt.ArrayLike) -> None:
        array = as_int_array(cuts)
        if array.ndim != 1 or np.any(array[1:] < array[:-1]):
            raise ValueError("cuts must be a sorted list of integers")
        object.__setattr__(self, "_start", operator.index(start))
        object.__setattr__(self, "_cuts", read_only(array.copy()))
        check_values(self._start, self._start + array.size)

    @property
    def start(self) -> int:
        return self._start

    @property
    def top(self) -> int:
        return self._start + self._cuts.size

    def at(self, x: int) -> int:
        return self._start + int(np.searchsorted(self._cuts, operator.index(x), side="right"))

    def __call__(self, x: npt.ArrayLike) -> npt.NDArray[np.int64]:
        return _count(self._start, self._cuts, as_int_array(x))

    def cuts(self) -> IntArray:
        return self._cuts

    def cuts_at(self, levels: npt.ArrayLike) -> IntArray:
        cuts: IntArray = self._cuts[as_int_array(levels) - (self._start + 1)]
        return cuts

    def clamp(self, lo: int, hi: int) -> Cuts:
        lo, hi = clamped_ends(self, lo, hi)
        if (lo, hi) == (self.start, self.top):
            return self
        return Cuts(lo, self._cuts[lo - self._start : hi - self._start] if lo < hi else [])

    def shift(self, c: int) -> Cuts:
        c = operator.index(c)
        return Cuts(self._start, widened(self._cuts, magnitude(self._cuts) + abs(c)) - c)

    def flip(self) -> Cuts:
        return Cuts(-self.top, 1 - widened(self._cuts, magnitude(self._cuts) + 1)[::-1])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cuts):
            return NotImplemented
        return self._start == other._start and np.array_equal(self._cuts, other._cuts)

    def __hash__(self) -> int:
        return hash((self._start, tuple(self._cuts.tolist())))

    def __repr__(self) -> str:
        return f"Cuts(start={self._start}, cuts={self._cuts.tolist()})"


class _Generator(Curve):
    """What the two closed forms share: how to evaluate, when to keep the cuts, and a clamp that changes nothing."""

    lo: int
    hi: int

    @property
    def start(self) -> int:
        return self.lo

    @property
    def top(self) -> int:
        return self.hi

    @abstractmethod
    def _raw(self, x: IntArray) -> IntArray:
        """The values before the clamp, in the arithmetic of ``x``."""

    @abstractmethod
    def _raw_bound(self, largest: int) -> int:
        """No intermediate result of :meth:`_raw` exceeds this when no ``|x|`` exceeds ``largest``."""

    @abstractmethod
    def _raw_at(self, x: int) -> int:
        """:meth:`_raw` of one integer."""

    @abstractmethod
    def _with_ends(self, lo: int, hi: int) -> Curve:
        """The same with another clamp; ``lo < hi``."""

    def at(self, x: int) -> int:
        return min(max(self._raw_at(operator.index(x)), self.lo), self.hi)

    def clamp(self, lo: int, hi: int) -> Curve:
        lo, hi = clamped_ends(self, lo, hi)
        if lo == hi:
            return Cuts(lo, [])
        # itself where it can be: a curve keeps its cuts
        return self if (lo, hi) == (self.lo, self.hi) else self._with_ends(lo, hi)

    def __call__(self, x: npt.ArrayLike) -> npt.NDArray[np.int64]:
        array = as_int_array(x)
        bound = self._raw_bound(magnitude(array))
        if bound > INT64_MAX and self.levels <= CACHED_LEVELS:
            return _count(self.lo, self.cuts(), array)
        raw = self._raw(np.atleast_1d(widened(array, bound)))
        return np.clip(raw, self.lo, self.hi).astype(np.int64).reshape(array.shape)

    def cuts(self) -> IntArray:
        return self._kept_cuts if self.levels <= CACHED_LEVELS else super().cuts()

    @cached_property
    def _kept_cuts(self) -> IntArray:
        return super().cuts()


@dataclass(frozen=True)
class Rounded(_Generator):
    """The generator: ``y(x) = clamp(round(mult * x + offset), lo, hi)`` with ``mult > 0``."""

    mult: Fraction
    offset: Fraction
    rounding: Rounding
    lo: int
    hi: int

    def __post_init__(self) -> None:
        for name in ("mult", "offset"):
            object.__setattr__(self, name, Fraction(getattr(self, name)))
        for name in ("lo", "hi"):
            object.__setattr__(self, name, operator.index(getattr(self, name)))
        if self.mult <= 0:
            raise ValueError(f"multiplier {self.mult} is not positive")
        check_values(self.lo, self.hi)

    @cached_property
    def _integers(self) -> tuple[int, int, int]:
        """``(a, b, d)`` with ``mult * x + offset == (a * x + b) / d`` and d least."""
        d = lcm(self.mult.denominator, self.offset.denominator)
        return int(self.mult * d), int(self.offset * d), d

    def _raw(self, x: IntArray) -> IntArray:
        a, b, d = self._integers
        return round_quotient(a * x + b, d, self.rounding)

    def _raw_at(self, x: int) -> int:
        a, b, d = self._integers
        return round_quotient(a * x + b, d, self.rounding)

    def _raw_bound(self, largest: int) -> int:
        a, b, d = self._integers
        return a * max(largest, 1) + abs(b) + d

    def cuts_at(self, levels: npt.ArrayLike) -> IntArray:
        # (a*x + b)/d > e/2  <=>  x > (d*e - 2b)/(2a);  and over the integers  x >= n/p  <=>  x > (n - 1)/p
        a, b, d = self._integers
        g = gcd(d, 2 * a, 2 * b)
        d, b2, p = d // g, 2 * b // g, 2 * a // g
        array = as_int_array(levels)
        edges, inclusive = doubled_boundaries(widened(array, 8 * magnitude(array)), self.rounding)
        return as_int_array(quotients(d, -b2, p, edges, inclusive) + 1)

    def _with_ends(self, lo: int, hi: int) -> Curve:
        return Rounded(self.mult, self.offset, self.rounding, lo, hi)

    def shift(self, c: int) -> Rounded:
        return Rounded(self.mult, self.offset + self.mult * operator.index(c), self.rounding, self.lo, self.hi)

    def flip(self) -> Rounded:
        return Rounded(self.mult, -self.offset, self.rounding.mirrored, -self.hi, -self.lo)


@dataclass(frozen=True)
class MultiplyShift(_Generator):
    """What the hardware computes: ``y(x) = clamp((m * x + c) >> k, lo, hi)`` with ``m > 0``, ``k >= 0``."""

    m: int
    c: int
    k: int
    lo: int
    hi: int

    def __post_init__(self) -> None:
        for name in ("m", "c", "k", "lo", "hi"):
            object.__setattr__(self, name, operator.index(getattr(self, name)))
        if self.m <= 0 or self.k < 0:
            raise ValueError(f"multiplicand {self.m} must be positive and shift {self.k} not negative")
        check_values(self.lo, self.hi)

    def _raw(self, x: IntArray) -> IntArray:
        return (self.m * x + self.c) >> min(self.k, 63 if x.dtype != object else self.k)

    def _raw_at(self, x: int) -> int:
        return (self.m * x + self.c) >> self.k

    def _raw_bound(self, largest: int) -> int:
        return self.m * max(largest, 1) + abs(self.c)

    def cuts_at(self, levels: npt.ArrayLike) -> IntArray:
        array = as_int_array(levels)
        array = widened(array, (magnitude(array) + 1 << self.k) + abs(self.c) + self.m)
        return as_int_array(-((self.c - array * (1 << self.k)) // self.m))

    def _with_ends(self, lo: int, hi: int) -> Curve:
        return MultiplyShift(self.m, self.c, self.k, lo, hi)

    def shift(self, c: int) -> MultiplyShift:
        return MultiplyShift(self.m, self.c + self.m * operator.index(c), self.k, self.lo, self.hi)

    def flip(self) -> MultiplyShift:
        # -floor(v) = ceil(-v) = floor(-v + (2**k - 1)/2**k) on multiples of 2**-k
        return MultiplyShift(self.m, (1 << self.k) - 1 - self.c, self.k, -self.hi, -self.lo)


def compose(outer: Curve, inner: Curve) -> Curve:
    """``x -> outer(inner(x))``; a generator where the composition still has one, its cuts otherwise.

    ``outer(inner(x)) >= level`` exactly when x reaches the cut of ``inner`` at the cut of ``outer`` at that level.
    """
    reached = outer.restrict(inner.start, inner.top)
    return _closed(outer, inner) or Cuts(reached.start, inner.cuts_at(reached.cuts()))


def listed(outer: Curve, inner: Curve) -> int:
    """How many cuts :func:`compose` lists; 0 where a generator is left."""
    return 0 if _closed(outer, inner) else outer.restrict(inner.start, inner.top).levels


def _closed(outer: Curve, inner: Curve) -> Curve | None:
    if isinstance(outer, Rounded) and outer.mult == 1 and outer.offset == 0:
        return inner.clamp(outer.lo, outer.hi)
    if isinstance(outer, Rounded) and isinstance(inner, Rounded) and inner._integers[2] == 1:
        # inner never rounds, and a monotone function may be exchanged with a clamp
        mult, offset = outer.mult * inner.mult, outer.mult * inner.offset + outer.offset
        whole = Rounded(mult, offset, outer.rounding, outer.lo, outer.hi)
        return whole.clamp(outer.at(inner.lo), outer.at(inner.hi))
    return None


def equal(f: Curve, g: Curve) -> bool:
    """True when f and g are the same function on Z: the same start and the same cuts."""
    if f == g:
        return True
    return f.start == g.start and f.levels == g.levels and np.array_equal(f.cuts(), g.cuts())


def equal_on(f: Curve, g: Curve, lo: int, hi: int) -> int | None:
    """None when f and g agree on ``[lo, hi]``, else the least x there at which they differ; found through the cuts."""
    f, g = f.restrict(lo, hi), g.restrict(lo, hi)
    if f.start != g.start:
        return int(lo)
    if f == g:  # however many levels it has
        return None
    a, b = f.cuts(), g.cuts()
    n = min(a.size, b.size)
    (unequal,) = np.nonzero(a[:n] != b[:n])
    # of the first two cuts that differ the earlier one moves only its own curve
    j = int(unequal[0]) if unequal.size else n
    return min((int(c[j]) for c in (a, b) if j < c.size), default=None)


def from_thresholds(start: int, boundaries: Sequence[tuple[Fraction, bool]]) -> Cuts:
    """``start`` plus the number of boundaries passed: ``(b, inclusive)`` by x > b, and by x == b if inclusive."""
    return Cuts(start, sorted(ceil(b) if inclusive else floor(b) + 1 for b, inclusive in boundaries))


def _count(start: int, cuts: IntArray, x: IntArray) -> npt.NDArray[np.int64]:
    """``start`` plus the number of cuts that each x has reached."""
    return np.asarray(np.searchsorted(cuts, x, side="right"), dtype=np.int64) + start
