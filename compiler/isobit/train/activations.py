"""Activation quantisers with a constant power of two as scale, made from calibrated Brevitas ones."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import brevitas.nn as qnn
import brevitas.quant as q
import torch
from brevitas.inject.enum import FloatToIntImplType, ScalingImplType
from brevitas.inject.enum import RestrictValueType as Restrict
from torch import Tensor, nn

from isobit.errors import promised
from isobit.train.network import refuse


class Scale(nn.Module):
    """Multiplies by a constant, in float32: what an input or an output needs where a power of two moved in."""

    factor: Tensor

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.register_buffer("factor", torch.tensor(factor, dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        """The same shape as ``x``."""
        return x * self.factor


@dataclass(frozen=True)
class Levels:
    """What a quantiser does: integers ``lo .. hi`` times ``scale``, of ``bits`` bits, behind a ReLU if ``relu``."""

    scale: float
    bits: int
    signed: bool
    narrow: bool
    lo: int
    hi: int
    relu: bool


def levels_of(layer: Any, where: str) -> Levels:
    """Reads a QuantReLU, QuantIdentity or QuantHardTanh.

    Raises:
        IsobitError: E304 for a quantiser with a zero point, one bit, a scale per channel or another rounding than
            half-even, or none at all.
    """
    proxy = layer.act_quant
    if not proxy.is_quant_enabled or layer.input_quant.is_quant_enabled:
        raise refuse("the activation is not quantised once", where, "give it an act_quant and no input_quant")
    scale, zero, bits = proxy.scale(), proxy.zero_point(), int(proxy.bit_width())
    if scale.numel() != 1 or bool((zero != 0).any()) or bits < 2:
        raise refuse("the quantiser has a zero point, a scale per channel or one bit", where, "use a plain one")
    if proxy.rounding_mode != "ROUND":
        raise refuse(f"the quantiser's rounding is {proxy.rounding_mode}", where, "use ROUND")
    signed, narrow = bool(proxy.is_signed), bool(proxy.is_narrow_range)
    plain = Levels(float(scale.detach()), bits, signed, narrow, 0, 0, isinstance(layer, qnn.QuantReLU))
    lo, hi = _range(plain)
    return _bounded(layer, replace(plain, lo=lo, hi=hi))


def _bounded(layer: Any, levels: Levels) -> Levels:
    """With the bounds of a HardTanh, which round to levels."""
    inner = layer.act_quant.fused_activation_quant_proxy.activation_impl
    if not isinstance(inner, nn.Hardtanh):
        return levels
    lo, hi = (round(bound / levels.scale) for bound in (inner.min_val, inner.max_val))
    return replace(levels, lo=max(lo, levels.lo), hi=min(hi, levels.hi))


def power_of_two(scale: float) -> float:
    """The power of two nearest to ``scale`` on a logarithmic axis."""
    return 2.0 ** round(math.log2(scale))


def quantiser(levels: Levels, scale: float, floor: bool) -> nn.Module:
    """The quantiser with ``scale``, a power of two, rounding down or half-even; it has no parameters."""
    lo, hi = _range(levels)
    kind = qnn.QuantReLU if levels.relu else qnn.QuantIdentity
    made = kind(
        act_quant=q.Int8ActPerTensorFloat if levels.signed else q.Uint8ActPerTensorFloat,
        bit_width=levels.bits, narrow_range=levels.narrow, scaling_impl_type=ScalingImplType.CONST,
        restrict_scaling_type=Restrict.FP, scaling_init=scale * _threshold(levels),
        float_to_int_impl_type=FloatToIntImplType.FLOOR if floor else FloatToIntImplType.ROUND,
    )  # fmt: skip
    promised(
        float(made.act_quant.scale()) == scale, f"Brevitas made the scale {float(made.act_quant.scale())} of {scale}"
    )
    if (levels.lo, levels.hi) == (lo, hi):
        return made  # type: ignore[no-any-return]
    return nn.Sequential(nn.Hardtanh(levels.lo * scale, levels.hi * scale), made)


def _range(levels: Levels) -> tuple[int, int]:
    """The integers of the quantiser, whatever a HardTanh leaves of them."""
    if levels.signed:
        return levels.narrow - (1 << levels.bits - 1), (1 << levels.bits - 1) - 1
    return 0, (1 << levels.bits) - 1 - levels.narrow


def _threshold(levels: Levels) -> int:
    """What Brevitas divides a threshold by to get the scale."""
    return max(-_range(levels)[0], _range(levels)[1])
