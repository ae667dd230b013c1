"""Fixed point with free integer and fraction widths: Brevitas quantizers whose scale is exactly ``2^-F``.

``Q(I.F)`` counts the sign in ``I``: it has ``I + F`` bits and the range ``[-2^(I-1), 2^(I-1) - 2^-F]``. The unsigned
``Q(I.F)``, for what a ReLU leaves, has as many bits and the range ``[0, 2^I - 2^-F]``. Values are rounded half to even
and saturate (``ap_fixed<I + F, I, AP_RND_CONV, AP_SAT>``). Nothing is learned and nothing is calibrated: the format is
what the user says it is, in training, in the exported file and in the hardware. Brevitas' own ``*FixedPoint`` classes
choose ``F`` from the tensor instead.

Source: Kanda et al., arXiv 2602.12295 (the format and its use); the quantizers are Brevitas'.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from brevitas.core.zero_point import ZeroZeroPoint
from brevitas.inject import ExtendedInjector
from brevitas.inject.enum import (
    BitWidthImplType,
    FloatToIntImplType,
    QuantType,
    RestrictValueType,
    ScalingImplType,
    ScalingPerOutputType,
)
from brevitas.quant.solver.act import ActQuantSolver
from brevitas.quant.solver.bias import BiasQuantSolver
from brevitas.quant.solver.weight import WeightQuantSolver

from isobit.errors import IsobitError, printable

MOST_BITS = 16
"""Of the integer part and of the fraction, each."""


class _Constant(ExtendedInjector):  # type: ignore[misc]
    """What every quantizer of this format shares."""

    quant_type = QuantType.INT
    bit_width_impl_type = BitWidthImplType.CONST
    float_to_int_impl_type = FloatToIntImplType.ROUND
    scaling_impl_type = ScalingImplType.CONST
    restrict_scaling_type = RestrictValueType.POWER_OF_TWO
    scaling_per_output_type = ScalingPerOutputType.TENSOR
    zero_point_impl = ZeroZeroPoint
    narrow_range = False


@dataclass(frozen=True)
class FixedPoint:
    """The format ``Q(integer.fraction)``; each property is a quantizer that a Brevitas layer takes.

    >>> q = fixed(2, 6)
    >>> qnn.QuantConv2d(3, 8, 3, weight_quant=q.weight, bias_quant=q.bias)
    >>> qnn.QuantReLU(act_quant=q.unsigned)
    """

    integer: int
    fraction: int

    def __post_init__(self) -> None:
        whole = all(isinstance(v, int) and not isinstance(v, bool) for v in (self.integer, self.fraction))
        if not whole or not (1 <= self.integer <= MOST_BITS and 0 <= self.fraction <= MOST_BITS):
            raise IsobitError(
                "E310", f"Q({printable(self.integer)}.{printable(self.fraction)})",
                hint=f"the integer part, sign included, has 1 to {MOST_BITS} bits, the fraction 0 to {MOST_BITS}",
            )  # fmt: skip
        if self.integer + self.fraction < 2:
            raise IsobitError("E310", "Q(1.0) holds only -1 and 0", hint="at least two bits, such as Q(1.1)")

    def __str__(self) -> str:
        return f"{self.integer}.{self.fraction}"

    @property
    def bits(self) -> int:
        """Bits of a value."""
        return self.integer + self.fraction

    def interval(self, *, signed: bool = True) -> tuple[float, float]:
        """The least and the greatest real value."""
        step, reach = 2.0**-self.fraction, 2.0 ** (self.integer - signed)
        return (-reach if signed else 0.0), reach - step

    @property
    def reach(self) -> float:
        """The greatest value."""
        return self.interval()[1]

    @property
    def weight(self) -> type[Any]:
        """The quantizer of weights."""
        return self._quantizer(WeightQuantSolver)

    @property
    def signed(self) -> type[Any]:
        """The quantizer of activations of either sign."""
        return self._quantizer(ActQuantSolver)

    @property
    def unsigned(self) -> type[Any]:
        """The quantizer of activations that are never negative."""
        return self._quantizer(ActQuantSolver, signed=False)

    @property
    def bias(self) -> type[Any]:
        """The quantizer of biases: a grid of its own, not that of the accumulator."""
        return self._quantizer(BiasQuantSolver, requires_input_scale=False)

    def _quantizer(self, solver: type[Any], *, signed: bool = True, **further: Any) -> type[Any]:
        """``scaling_init`` is the threshold: Brevitas divides it by ``2^(bits - signed)``."""
        values = {"bit_width": self.bits, "signed": signed, "scaling_init": 2.0 ** (self.integer - signed)}
        return type(f"Fixed{self.integer}_{self.fraction}", (_Constant, solver), values | further)


def fixed(integer: int, fraction: int) -> FixedPoint:
    """The format ``Q(integer.fraction)``, sign included in ``integer``.

    Raises:
        IsobitError: E310 for widths that hold nothing, or more than 16 bits on a side.
    """
    return FixedPoint(integer, fraction)


def parse_fixed(text: str) -> FixedPoint:
    """The format that ``6.6`` names: integer bits, a dot, fraction bits.

    Raises:
        IsobitError: E310 for anything else.
    """
    found = re.fullmatch(r"\s*(-?\d+)\.(-?\d+)\s*", text)
    if not found:
        raise IsobitError("E310", f"{printable(text)!r} is no format", hint="integer and fraction bits, such as 6.6")
    return fixed(int(found[1]), int(found[2]))
