"""Fixed point: a code in two's complement (or without a sign) is its own integer."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from isobit.numerics.formats.protocol import MAX_BITS, TabulatedFormat


@dataclass(frozen=True)
class FixedPoint(TabulatedFormat):
    """``width`` bits, ``fraction`` of them behind the point: numbers ``k * 2^-fraction``.

    Raises:
        ValueError: a width outside 1 to 16.
    """

    width: int
    fraction: int = 0
    signed: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.width <= MAX_BITS:
            raise ValueError(f"{self.width} bits; 1 to {MAX_BITS} are possible")

    @property
    def bits(self) -> int:
        """Width of a code."""
        return self.width

    @property
    def unit(self) -> Fraction:
        """``2^-fraction``."""
        return Fraction(2) ** -self.fraction

    def integer(self, code: int) -> int:
        """The code itself, as two's complement where there is a sign."""
        return code - (1 << self.width) if self.signed and code >> self.width - 1 else code
