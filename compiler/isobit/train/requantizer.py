"""A trainable requantizer that is the activation as well: ``y = clip((a * x + b) >> s, 0, 2**B - 1)``.

After Pistellato et al., Sensors 2023, 23(10), 4667, whose Requantizer layers learn their coefficients with the
network, so that no calibration is needed; parametrisation and initial values are ours.
"""

from __future__ import annotations

from typing import Any

import brevitas.nn as qnn
import brevitas.quant as q
import torch
from brevitas.function.ops_ste import floor_ste, round_ste
from brevitas.inject.enum import FloatToIntImplType, RestrictValueType, ScalingImplType
from torch import Tensor, nn

from isobit.errors import IsobitError
from isobit.train.accumulator import Accumulator
from isobit.train.layers import along
from isobit.train.network import refuse
from isobit.train.short import MAX_BITS, short_multiplicand


class Requantizer(nn.Module):
    """``y = clip(floor((a * x + b) / 2**s), 0, 2**bits - 1)`` with whole a, b, s; the output is ``y / 2**bits``.

    x is a whole multiple of some power of two: what a Brevitas layer without bias gives whose weight and input scales
    are powers of two, or sums of integers; of any other layer take the :class:`~isobit.train.Accumulator`. Then the
    forward pass, the exported file, the integer graph and C++ agree bit for bit. A QuantTensor will do. Export: Mul,
    Add and a Quant that rounds down. In units of the accumulator the shift is another, by the weights' scale, where
    that is a power of two: give those one scale per layer, or the channels need a shift each.

    Args:
        bits: of y, 1 to 8.
        slope: [channels] or [1], positive: the first ``a / 2**s``.
        offset: the first ``b / 2**s``, of the same shape, in steps of y.
        multiplicand_bits: of a, 1 to 16. All channels share s.
        channel_axis: of x, where slopes are per channel.
        whole: x is whole, as behind an Accumulator. Then half a unit is added to b in the exported file: it changes no
            result, and no float32 rounding of a reader can.
        return_quant_tensor: give Brevitas' QuantTensor.

    Attributes:
        gain: the parameter behind a, in units of ``slope``.
        lift: the parameter behind b, in units of ``2**bits`` steps.

    Raises:
        IsobitError: E304 for bits out of range or slopes that are not positive.
    """

    initial: Tensor
    constants: tuple[Tensor, Tensor]

    def __init__(
        self, bits: int, slope: Tensor, offset: Tensor, *, multiplicand_bits: int = 8, channel_axis: int = 1,
        whole: bool = False, return_quant_tensor: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        if not (1 <= bits <= 8 and 1 <= multiplicand_bits <= MAX_BITS and bool((slope > 0).all())):
            message = f"a Requantizer of {bits} bits with multiplicands of {multiplicand_bits} and slopes {slope}"
            raise IsobitError("E304", message, hint=f"1 to 8 bits, 1 to {MAX_BITS}, positive slopes")
        self.bits, self.multiplicand_bits, self.unit = bits, multiplicand_bits, 2.0**-bits
        self.channel_axis, self.slack = channel_axis, 0.5 * whole
        self.register_buffer("initial", slope.detach().float().clone())
        self.gain = nn.Parameter(torch.ones_like(self.initial))
        self.lift = nn.Parameter(offset.detach().float() * self.unit)
        self.quant = _floor_quantiser(bits, return_quant_tensor)

    @classmethod
    def behind(
        cls,
        layer: Any,
        bits: int,
        *,
        inputs: tuple[float, float] = (0.0, 1.0),
        per_channel: bool = True,
        **options: Any,
    ) -> Requantizer:
        """With first values for the outputs of a Brevitas layer or an Accumulator, from its weights alone.

        If the inputs (behind an Accumulator: whole) were independent and uniform over the range ``inputs``, the outputs
        of a channel would have the mean ``mu = (lo + hi) / 2 * sum(w)`` and the deviation
        ``d = (hi - lo) * sqrt(sum(w**2) / 12)``; the levels then span ``mu - d .. mu + 2 d``. ``options`` are those of
        the class.

        Raises:
            IsobitError: E304 for a plain layer with a bias, or with a weight scale that is no power of two.
        """
        whole = isinstance(layer, Accumulator)
        with torch.no_grad():
            weight = (layer.integer_weights() if whole else _plain_weights(layer)).flatten(1)
            mean = weight.sum(1) * (inputs[0] + inputs[1]) / 2
            deviation = (weight.square().sum(1) / 12).sqrt() * (inputs[1] - inputs[0])
        if not per_channel:
            mean, deviation = mean.mean(0, keepdim=True), deviation.mean(0, keepdim=True)
        deviation = torch.where(deviation > 0, deviation, torch.ones_like(deviation))
        slope = 2**bits / (3 * deviation)
        axis = layer.channel_axis if whole else -1 if isinstance(layer, nn.Linear) else 1
        return cls(bits, slope, (deviation - mean) * slope, channel_axis=axis, whole=whole, **options)

    def integers(self) -> tuple[Tensor, Tensor, int]:
        """``a`` and ``b``, whole numbers as float64 [channels] or [1], and ``s``, for x in units of 1."""
        a, b, s = self._whole()
        return a.detach().double(), b.detach().double(), s

    def _whole(self) -> tuple[Tensor, Tensor, int]:
        slope: Tensor = self.initial * self.gain.clamp(min=2.0**-8)
        m, shift = short_multiplicand(slope.detach(), self.multiplicand_bits, "layer")
        s = int(shift.max())
        a = m + (slope - slope.detach()) * 2.0**s  # the value is m, the gradient that of the slope
        b: Tensor = round_ste(self.lift * 2.0 ** (s + self.bits))
        return a, b, s

    def forward(self, x: Any) -> Any:
        """``y / 2**bits``, float32 of the shape of ``x`` or a QuantTensor."""
        x = x if isinstance(x, Tensor) else x.value
        shape = along(self.initial, x.dim(), self.channel_axis).shape
        if self.quant.act_quant.export_mode:  # the exporters run the module once before, in eval mode
            slope, offset = (c.reshape(shape) for c in self.constants)
            return self._clipped(x * slope + offset)
        if not self.training:
            a, b, s = self._whole()
            lifted = torch.where(b.abs() < 2.0**22, b + self.slack, b)  # float32 has room for the half
            self.constants = a.detach() * 2.0 ** -(s + self.bits), lifted.detach() * 2.0 ** -(s + self.bits)
        return self._clipped((floor_ste(self.levels(x)) * self.unit).float())

    def levels(self, x: Any) -> Tensor:
        """``(a * x + b) / 2**s`` in float64, neither rounded down nor clipped: what a loss sees where the clip has no
        slope."""
        x = x if isinstance(x, Tensor) else x.value
        shape = along(self.initial, x.dim(), self.channel_axis).shape
        a, b, s = self._whole()
        made: Tensor = (a.double().reshape(shape) * x.double() + b.double().reshape(shape)) * 2.0**-s
        return made

    def _clipped(self, y: Tensor) -> Any:
        # Brevitas writes one bit as a sign, so one bit is two of which the upper levels are cut off
        return self.quant(torch.clamp(y, 0.0, self.unit) if self.bits == 1 else y)


def _plain_weights(layer: Any) -> Tensor:
    """The weights of a layer whose outputs are whole multiples of a power of two."""
    where, quantised = type(layer).__name__, layer.quant_weight()
    if layer.bias is not None:
        raise refuse("the layer has a bias", where, "bias=False, as the Requantizer's b is one, or Accumulator(layer)")
    if bool((torch.frexp(quantised.scale).mantissa != 0.5).any()):
        raise refuse("the layer's weight scale is no power of two", where, "wrap the layer: Accumulator(layer)")
    weight: Tensor = quantised.value
    return weight


def _floor_quantiser(bits: int, return_quant_tensor: bool) -> Any:
    width = max(bits, 2)
    return qnn.QuantIdentity(
        act_quant=q.Uint8ActPerTensorFloat, bit_width=width, scaling_impl_type=ScalingImplType.CONST,
        restrict_scaling_type=RestrictValueType.FP, scaling_init=((1 << width) - 1) * 2.0**-bits,
        float_to_int_impl_type=FloatToIntImplType.FLOOR, return_quant_tensor=return_quant_tensor,
    )  # fmt: skip
