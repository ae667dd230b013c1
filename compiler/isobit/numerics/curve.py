"""What every staircase can do, and the checks its forms share."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from isobit.numerics.intervals import INT64_MAX, INT64_MIN, IntArray


class Curve(ABC):
    """A staircase ``y(x)``; its values are int64, its arguments integers of any size."""

    @property
    @abstractmethod
    def start(self) -> int:
        """The value at minus infinity."""

    @property
    @abstractmethod
    def top(self) -> int:
        """The value at plus infinity."""

    @abstractmethod
    def at(self, x: int) -> int:
        """The value at one integer."""

    @abstractmethod
    def __call__(self, x: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The values at integers, int64 of the same shape."""

    @abstractmethod
    def cuts_at(self, levels: npt.ArrayLike) -> IntArray:
        """For each level in ``(start, top]`` the least integer x with ``y(x) >= level``."""

    @abstractmethod
    def clamp(self, lo: int, hi: int) -> Curve:
        """``x -> min(max(y(x), lo), hi)``, in the same form unless it is constant."""

    @abstractmethod
    def shift(self, c: int) -> Curve:
        """``x -> y(x + c)``, in the same form."""

    @abstractmethod
    def flip(self) -> Curve:
        """``x -> -y(-x)``, in the same form."""

    @property
    def levels(self) -> int:
        """How many cuts there are: ``top - start``."""
        return self.top - self.start

    def cuts(self) -> IntArray:
        """Read-only; ``cuts()[j]`` is the least integer x with ``y(x) >= start + 1 + j``."""
        return read_only(self.cuts_at(np.arange(self.start + 1, self.top + 1)))

    def cut(self, level: int) -> int:
        """The least integer x with ``y(x) >= level``; ValueError outside ``(start, top]``."""
        if not self.start < level <= self.top:
            raise ValueError(f"level {level} is not in ({self.start}, {self.top}]")
        return int(self.cuts_at([level])[0])

    def interval_on(self, lo: int, hi: int) -> tuple[int, int]:
        """The least and greatest value on ``[lo, hi]``; ValueError when that is empty."""
        if lo > hi:
            raise ValueError(f"the interval [{lo}, {hi}] is empty")
        return self.at(lo), self.at(hi)

    def restrict(self, lo: int, hi: int) -> Curve:
        """A curve equal to this one on ``[lo, hi]`` whose every cut lies in ``(lo, hi]``; the form stays."""
        return self.clamp(*self.interval_on(lo, hi))


def check_values(lo: int, hi: int) -> None:
    """ValueError unless ``[lo, hi]`` is a range of 64-bit values."""
    if lo > hi:
        raise ValueError(f"no value lies in [{lo}, {hi}]")
    if lo < INT64_MIN or hi > INT64_MAX:
        raise ValueError(f"values from {lo} to {hi} do not fit 64 bits")


def clamped_ends(curve: Curve, lo: int, hi: int) -> tuple[int, int]:
    """The ends of a curve's values after a clamp to ``[lo, hi]``."""
    if lo > hi:
        raise ValueError(f"no value lies in [{lo}, {hi}]")
    return min(max(curve.start, lo), hi), min(max(curve.top, lo), hi)


def read_only(a: IntArray) -> IntArray:
    """``a`` itself, no longer writeable."""
    a.flags.writeable = False
    return a
