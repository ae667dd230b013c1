"""Tapered fixed point TFX(n, IS): steps that double from one whole number to the next, around the finest at zero.

After Langroudi, Karia, Pandit and Kudithipudi, TENT, arXiv 2104.02233. A code is a sign ``s``, a run of at most ``IS``
bits equal to ``not s``, one bit ``s`` that ends it unless it has reached ``IS``, and a fraction ``f`` of the ``fs``
bits that are left:

    number = I + f / 2^fs,  I = run for s = 0, -1 - run for s = 1.

As two's complement the codes rise with their numbers. ``IS = 1`` is fixed point with the range [-2, 2); the range is
[-(IS + 1), IS + 1), and half of all codes lie in [-1, 1), ``2^-(n - 2)`` apart. Every number is an integer times that
step, of ``n - 1 + ceil(log2(IS + 1))`` bits: what multiplies it is an ordinary integer multiplier.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from isobit.numerics.formats.protocol import MAX_BITS, TabulatedFormat
from isobit.numerics.intervals import IntArray

_MOST_SEARCHED = 10


@dataclass(frozen=True)
class Tapered(TabulatedFormat):
    """``TFX(width, run)``: codes of ``width`` bits whose runs have at most ``run``; the unit is ``2^-(width - 2)``.

    Raises:
        ValueError: a width outside 2 to 16, or a run outside 1 to ``width - 1``.
    """

    width: int
    run: int

    def __post_init__(self) -> None:
        if not 2 <= self.width <= MAX_BITS:
            raise ValueError(f"{self.width} bits; tapered fixed point has 2 to {MAX_BITS}")
        if not 1 <= self.run < self.width:
            raise ValueError(f"a run of {self.run} bits; {self.width} bits leave room for 1 to {self.width - 1}")

    @property
    def bits(self) -> int:
        """Width of a code."""
        return self.width

    @property
    def unit(self) -> Fraction:
        """The finest step, ``2^-(width - 2)``."""
        return Fraction(1, 1 << self.width - 2)

    @property
    def integer_bits(self) -> int:
        """Bits of a decoded code as two's complement."""
        return self.width - 1 + self.run.bit_length()

    def integer(self, code: int) -> int:
        """The number in units, read bit by bit."""
        sign, left = code >> self.width - 1, self.width - 1
        run = 0
        while run < self.run and code >> left - 1 & 1 != sign:
            run, left = run + 1, left - 1
        left -= run < self.run  # the bit that ends the run
        whole = -1 - run if sign else run
        fraction = code & (1 << left) - 1
        return (whole << self.width - 2) + (fraction << self.width - 2 - left)


def least_tapered(values: IntArray, below: int) -> Tapered | None:
    """The format of fewest bits, then the shortest run, that has all of the integers ``values``.

    None where no format of fewer than ``below`` bits, and of at most 10, has them.
    """
    least, most = int(values.min()), int(values.max())
    if max(-least, most) > _MOST_SEARCHED << _MOST_SEARCHED - 2:  # beyond the longest run of the most bits
        return None
    wanted = [i + least for i in np.flatnonzero(np.bincount(values.reshape(-1).astype(np.int64) - least)).tolist()]
    for width in range(max(2, (len(wanted) - 1).bit_length()), min(below, _MOST_SEARCHED + 1)):
        for run in range(1, width):
            end = run + 1 << width - 2
            if -end <= wanted[0] and wanted[-1] < end and set(wanted) <= set(Tapered(width, run).numbers.tolist()):
                return Tapered(width, run)
    return None
