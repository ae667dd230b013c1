"""What a number format is: some codes, and for each an integer that times one unit is the code's number.

Every unit is a power of two, so that a scaled number is exact in binary, and rounding to the nearest number compares
with points that are exact in float64.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from fractions import Fraction
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from isobit.numerics.intervals import IntArray, as_int_array
from isobit.numerics.rounding import Rounding

Floats = NDArray[np.float64]
MAX_BITS = 16
"""A format's numbers are listed in a table of at most ``2^MAX_BITS`` codes."""


class NumberFormat(Protocol):
    """``bits`` make a code; the number of a code is ``integer(code) * unit``, where the code is a number at all."""

    @property
    def bits(self) -> int:
        """Width of a code."""

    @property
    def unit(self) -> Fraction:
        """A power of two."""

    def integer(self, code: int) -> int | None:
        """The integer of a code ``0 .. 2^bits - 1``; None for what is no number (NaN, infinity)."""

    @property
    def numbers(self) -> IntArray:
        """The integers of all numbers, each once, ascending."""

    @property
    def codes(self) -> IntArray:
        """The code of each of :attr:`numbers`."""

    def nearest(self, values: Any) -> IntArray:
        """The code of the nearest number of each finite value: of two the even code, beyond the ends the end."""

    def rounded(self, values: Any, rounding: Rounding = Rounding.ROUND) -> IntArray:
        """The integer of each finite value, rounded to the nearest number (halves to the even code), up or down."""


class TabulatedFormat(ABC):
    """A format by its :meth:`integer` alone: the table is made of it, and everything is read from the table."""

    @property
    @abstractmethod
    def bits(self) -> int:
        """Width of a code."""

    @property
    @abstractmethod
    def unit(self) -> Fraction:
        """A power of two."""

    @abstractmethod
    def integer(self, code: int) -> int | None:
        """The integer of a code ``0 .. 2^bits - 1``; None for what is no number."""

    @cached_property
    def _table(self) -> tuple[IntArray, IntArray]:
        """Integers ascending and their codes; of two codes of one number (two zeros) the lower one."""
        found: dict[int, int] = {}
        for code in range(1 << self.bits):
            number = self.integer(code)
            if number is not None:
                found.setdefault(number, code)
        pairs = sorted(found.items())
        numbers, codes = (as_int_array(np.array(column, dtype=object)) for column in zip(*pairs, strict=True))
        return numbers, codes

    @property
    def numbers(self) -> IntArray:
        """The integers of all numbers, each once, ascending."""
        return self._table[0]

    @property
    def codes(self) -> IntArray:
        """The code of each of :attr:`numbers`."""
        return self._table[1]

    @cached_property
    def values(self) -> Floats:
        """:attr:`numbers` times :attr:`unit`, exact in float64."""
        return np.array([float(int(n) * self.unit) for n in self.numbers])

    @cached_property
    def midpoints(self) -> Floats:
        """The points halfway between neighbouring numbers, exact in float64."""
        numbers = [int(n) for n in self.numbers]
        return np.array([float((a + b) * self.unit / 2) for a, b in itertools.pairwise(numbers)])

    def index(self, values: Any, rounding: Rounding = Rounding.ROUND) -> NDArray[np.intp]:
        """Where in :attr:`numbers` each finite value is rounded to.

        Raises:
            ValueError: a rounding other than ROUND, CEIL and FLOOR.
        """
        floats = np.asarray(values, np.float64)
        if rounding is Rounding.FLOOR:
            return np.maximum(np.searchsorted(self.values, floats, side="right") - 1, 0)
        if rounding is Rounding.CEIL:
            return np.minimum(np.searchsorted(self.values, floats, side="left"), len(self.values) - 1)
        if rounding is not Rounding.ROUND:
            raise ValueError(f"no rounding {rounding.name} to the numbers of a format")
        below = np.searchsorted(self.midpoints, floats, side="left")
        at = np.minimum(below, max(len(self.midpoints) - 1, 0))
        tie = (self.midpoints[at] == floats) & (self.codes[below] % 2 == 1) if self.midpoints.size else 0
        return np.asarray(below + tie)

    def nearest(self, values: Any) -> IntArray:
        """The code of the nearest number of each finite value: of two the even code, beyond the ends the end."""
        return self.codes[self.index(values)]

    def rounded(self, values: Any, rounding: Rounding = Rounding.ROUND) -> IntArray:
        """The integer of each finite value, rounded to the nearest number (halves to the even code), up or down."""
        return self.numbers[self.index(values, rounding)]
