"""Integer intervals, the widths they need, and the numpy type that holds them without loss."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[Any]
"""An array of integers: int64 where every value fits, Python ints (dtype object) beyond."""

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1


@dataclass(frozen=True)
class Interval:
    """The integers from ``lo`` to ``hi``, both included; never empty (ValueError otherwise)."""

    lo: int
    hi: int

    def __post_init__(self) -> None:
        # numpy integers would make later arithmetic wrap
        object.__setattr__(self, "lo", operator.index(self.lo))
        object.__setattr__(self, "hi", operator.index(self.hi))
        if self.lo > self.hi:
            raise ValueError(f"the interval [{self.lo}, {self.hi}] is empty")

    @property
    def bits(self) -> int:
        """Width in bits: unsigned when ``lo >= 0``, two's complement otherwise, at least 1."""
        return bit_width(self.lo, self.hi)

    @property
    def signed(self) -> bool:
        """True when the interval holds a negative number."""
        return is_signed(self.lo)

    def __contains__(self, x: int) -> bool:
        return self.lo <= x <= self.hi

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.lo + other.lo, self.hi + other.hi)

    def scale(self, k: int) -> Interval:
        """The least interval with ``k * x`` for every x in this one."""
        ends = (self.lo * int(k), self.hi * int(k))
        return Interval(min(ends), max(ends))

    def union(self, other: Interval) -> Interval:
        """The least interval that holds both."""
        return Interval(min(self.lo, other.lo), max(self.hi, other.hi))


def is_signed(lo: int) -> bool:
    """True when values from ``lo`` upwards need a sign bit."""
    return lo < 0


def bit_width(lo: int, hi: int) -> int:
    """Bits that hold all of ``[lo, hi]``: unsigned when ``lo >= 0``, two's complement otherwise; at least 1."""
    lo, hi = int(lo), int(hi)
    if lo >= 0:
        return max(1, hi.bit_length())
    return 1 + max((~lo).bit_length(), (hi if hi >= 0 else ~hi).bit_length())


def least_move(lo: int, hi: int) -> int:
    """What, added to all of ``[lo, hi]``, makes it fit the fewest bits that its length allows: of least magnitude.

    ``-127 .. 128`` needs 9 bits where it lies and 8 one below: -1. 0 where it lies well.
    """
    bits = max(1, (hi - lo).bit_length())
    if bit_width(lo, hi) == bits:
        return 0
    homes = ((0, (1 << bits) - 1), (-(1 << bits - 1), (1 << bits - 1) - 1))
    return min((min(max(0, least - lo), most - hi) if lo < least else most - hi for least, most in homes), key=abs)


def fit_dtype(lo: int, hi: int) -> np.dtype[Any]:
    """int64 when it holds every integer of ``[lo, hi]``, object beyond."""
    return np.dtype(np.int64) if lo >= INT64_MIN and hi <= INT64_MAX else np.dtype(object)


def as_int_array(a: npt.ArrayLike) -> IntArray:
    """``a`` as int64 when every element fits, else as Python integers; same shape, no copy of an int64 array.

    Raises:
        TypeError: an element is not an integer (floats are refused even where they are whole).
    """
    # lists go through object, because numpy turns a mix of large and negative integers into floats
    array = a if isinstance(a, np.ndarray) else np.asarray(a, dtype=object)
    if array.dtype == np.int64:
        return array
    if array.dtype.kind in "bi" or (array.dtype.kind == "u" and array.dtype.itemsize < 8):
        return array.astype(np.int64)
    if array.dtype.kind not in "uO":
        raise TypeError(f"an array of {array.dtype} where integers are needed")
    values = array.ravel().tolist()
    if not {int}.issuperset(map(type, values)):
        values = [operator.index(v) for v in values]
    try:
        return np.array(values, np.int64).reshape(array.shape)
    except OverflowError:
        out = np.empty(len(values), object)
        out[:] = values
        return out.reshape(array.shape)


def widened(a: IntArray, bound: int) -> IntArray:
    """``a`` for arithmetic with results up to ``bound`` in magnitude: as Python integers where int64 would wrap."""
    return a if bound <= INT64_MAX else a.astype(object)


_FEW = 32


def magnitude(a: IntArray) -> int:
    """The largest absolute value in ``a``, 0 when it is empty."""
    if not a.size:
        return 0
    if a.size <= _FEW:  # faster than numpy, and most arrays that are asked for are this short
        values: list[int] = a.ravel().tolist()
        least, most = min(values), max(values)
        return max(-least, most)
    # the ufuncs themselves: the methods of an array spend as long again in Python
    return max(-int(np.minimum.reduce(a, axis=None)), int(np.maximum.reduce(a, axis=None)))
