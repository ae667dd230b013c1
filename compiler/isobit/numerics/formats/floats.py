"""Floats of a few bits: a sign, an exponent and a mantissa; with subnormal numbers, as OCP, ONNX and QONNX have them.

    number = (-1)^s * 1.m * 2^(e - bias)  for e > 0,   (-1)^s * 0.m * 2^(1 - bias)  for e = 0.

Every number is an integer times the least subnormal one, so a tensor of them is exact integer data. What the greatest
codes mean (numbers, infinities, NaN) differs: ``greatest`` is the greatest magnitude that is a number (OCP 8-bit
floating point and microscaling formats, 1.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.numerics.formats.protocol import MAX_BITS, TabulatedFormat
from isobit.numerics.rounding import Rounding


@dataclass(frozen=True)
class FloatFormat(TabulatedFormat):
    """A sign, ``exponent`` and ``mantissa`` bits; ``bias`` and ``greatest`` are IEEE's bias and all codes if None.

    ``exponent`` and ``mantissa`` may be too many for a table: then only :meth:`quantised` works.
    """

    exponent: int
    mantissa: int
    bias: int | None = None
    greatest: Fraction | None = None

    @property
    def bits(self) -> int:
        """Width of a code.

        Raises:
            ValueError: too many for a table of all codes.
        """
        width = 1 + self.exponent + self.mantissa
        if width > MAX_BITS:
            raise ValueError(f"{width} bits; {MAX_BITS} are the most")
        return width

    @property
    def least_exponent(self) -> int:
        """The unit is two to the power of it: the place of a subnormal number's last bit."""
        bias = (1 << self.exponent - 1) - 1 if self.bias is None else self.bias
        return 1 - bias - self.mantissa

    @property
    def unit(self) -> Fraction:
        """The least number above zero."""
        return Fraction(2) ** self.least_exponent

    @property
    def limit(self) -> Fraction:
        """The greatest number."""
        most: Fraction = ((2 << self.mantissa) - 1) * self.unit * 2 ** max((1 << self.exponent) - 2, 0)
        return most if self.greatest is None else min(most, self.greatest)

    def integer(self, code: int) -> int | None:
        """The number in units, None beyond the greatest."""
        sign, exponent = code >> self.exponent + self.mantissa, code >> self.mantissa & (1 << self.exponent) - 1
        fraction = code & (1 << self.mantissa) - 1
        number = (1 << self.mantissa | fraction) << exponent - 1 if exponent else fraction
        if number * self.unit > self.limit:
            return None
        return -number if sign else number

    def quantised(self, values: Any, rounding: Rounding = Rounding.ROUND) -> NDArray[np.float64]:
        """The numbers that finite values are rounded to, by arithmetic: the same as by the table, where there is one.

        Without a mantissa halves go up in magnitude, as QONNX rounds them.

        Raises:
            ValueError: a rounding other than ROUND, CEIL and FLOOR.
        """
        return np.clip(self.unlimited(values, rounding), -float(self.limit), float(self.limit))

    def unlimited(self, values: Any, rounding: Rounding = Rounding.ROUND) -> NDArray[np.float64]:
        """:meth:`quantised` with as many exponents as the values need."""
        ways: Mapping[Rounding, Any] = {Rounding.ROUND: np.round, Rounding.CEIL: np.ceil, Rounding.FLOOR: np.floor}
        if rounding not in ways:
            raise ValueError(f"no rounding {rounding.name} to the numbers of a format")
        floats = np.asarray(values, np.float64)
        _, exponent = np.frexp(floats)
        place = np.maximum(exponent - 1 - self.mantissa, self.least_exponent)
        return np.asarray(np.ldexp(ways[rounding](np.ldexp(floats, -place)), place))


E2M1 = FloatFormat(2, 1)
E2M3 = FloatFormat(2, 3)
E3M2 = FloatFormat(3, 2)
E4M3 = FloatFormat(4, 3)
E4M3FN = FloatFormat(4, 3, greatest=Fraction(448))
E5M2 = FloatFormat(5, 2, greatest=Fraction(57344))
