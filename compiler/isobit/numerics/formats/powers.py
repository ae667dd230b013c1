"""Powers of two and zero: a multiplication by such a weight is a shift, by what a one-hot code selects."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from isobit.numerics.formats.protocol import TabulatedFormat

MOST_BITS = 10
"""A number of more bits would need powers beyond float64."""


@dataclass(frozen=True)
class PowersOfTwo(TabulatedFormat):
    """A sign and ``width - 1`` bits of a magnitude ``m``: zero for 0, ``2^(m - 1)`` units else; the greatest is 1.

    The ``2^(width - 1) - 1`` powers are the places where the single bit of a one-hot weight can stand.

    Raises:
        ValueError: a width outside 2 to 10.
    """

    width: int

    def __post_init__(self) -> None:
        if not 2 <= self.width <= MOST_BITS:
            raise ValueError(f"{self.width} bits; powers of two have 2 to {MOST_BITS}")

    @property
    def bits(self) -> int:
        """Width of a code."""
        return self.width

    @property
    def unit(self) -> Fraction:
        """The least power."""
        return Fraction(1, 1 << self.places - 1)

    @property
    def places(self) -> int:
        """How many powers there are."""
        return (1 << self.width - 1) - 1

    def integer(self, code: int) -> int:
        """The number in units."""
        magnitude = code & self.places
        power = 1 << magnitude - 1 if magnitude else 0
        return -power if code >> self.width - 1 else power
