"""Brevitas layers that compute the accumulators and the requantizer's argument exactly as the hardware does.

A layer of :class:`Exact` is an ordinary Brevitas layer that exports to an ordinary Gemm or Conv. What it adds: the
weight scale has few significant bits (:mod:`isobit.train.short`), the bias is a whole number of the accumulator's
least unit, BatchNorm may live in the weights, and the forward pass has no rounding error, so that training sees the
very integers that the compiled network makes. The activation behind such a layer rounds down, as a shift does, and
the half step that makes it round to nearest is part of the bias; ties then need no rule of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brevitas.nn as qnn
import torch
from brevitas.function.ops_ste import floor_ste, round_ste
from torch import Tensor, nn

from isobit.train.network import refuse
from isobit.train.short import ShortScale, ShortScaledWeight

FRACTION = 256
"""Parts of an output step that a layer's output keeps: rounding down to parts and then to steps is rounding down."""
EXACT_FLOAT32 = 1 << 24
"""Whole numbers below this are exact in float32, and so are sums of them."""


class Folded(nn.Module):
    """BatchNorm as a scale and a shift per channel with running statistics, also while training.

    The forward pass of training and evaluation are the same function, so that it stays the compiled one; the running
    statistics follow the batches with the momentum of the BatchNorm they come from, as long as the module trains.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
        super().__init__()
        mean, variance = norm.running_mean, norm.running_var
        if mean is None or variance is None:
            raise refuse("a BatchNorm without running statistics", type(norm).__name__, "track_running_stats=True")
        self.gamma = nn.Parameter(norm.weight.detach().clone() if norm.affine else torch.ones_like(mean))
        self.beta = nn.Parameter(norm.bias.detach().clone() if norm.affine else torch.zeros_like(mean))
        self.register_buffer("mean", mean.detach().clone())
        self.register_buffer("variance", variance.detach().clone())
        self.epsilon, self.momentum = norm.eps, 0.1 if norm.momentum is None else norm.momentum

    def slope(self) -> Tensor:
        """[channels]: gamma / sqrt(variance + epsilon)."""
        slope: Tensor = self.gamma / torch.sqrt(self.variance + self.epsilon)
        return slope

    def shift(self, bias: Tensor) -> Tensor:
        """[channels]: what ``bias`` becomes behind the BatchNorm."""
        return self.beta + (bias - self.mean) * self.slope()

    @torch.no_grad()
    def follow(self, scaled: Tensor, bias: Tensor) -> None:
        """Moves the statistics towards those of a batch, given as ``slope * (layer's output without bias)``."""
        slope = self.slope()
        rows = scaled.detach().transpose(0, 1).flatten(1).float()
        alive = slope != 0
        safe = torch.where(alive, slope, torch.ones_like(slope))
        mean, variance = rows.mean(1) / safe + bias, rows.var(1) / safe.square()
        for kept, new in ((self.mean, mean), (self.variance, variance)):
            kept.copy_(torch.where(alive, kept + self.momentum * (new - kept), kept))


class Exact(nn.Module):
    """What the layers below share; mixed in before a Brevitas layer.

    Attributes:
        input_unit: a power of two of which the inputs are whole multiples.
        step: the scale of the quantiser behind the layer, a power of two, or None where the output is not quantised.
        norm: the BatchNorm that is kept apart from the weights, or None.
    """

    channel_axis = 1
    input_unit: float
    step: float | None
    norm: Folded | None
    weight: nn.Parameter
    bias: nn.Parameter | None
    weight_quant: Any
    constants: tuple[Tensor, Tensor]

    def setup(self, input_unit: float, step: float | None) -> None:
        """To be called once after construction; the attributes are those of the class."""
        self.input_unit, self.step = input_unit, step
        if step is not None:
            self.scale.limit = step / input_unit * (2**self.scale.bits - 1)

    @property
    def scale(self) -> ShortScale:
        """The weight scale, with the trainable number per channel."""
        scale: ShortScale = self.weight_quant.tensor_quant.scaling_impl
        return scale

    def quant_weight(self, quant_input: Any = None, subtensor_slice_list: Any = None) -> Any:
        """The quantised weight, as a Brevitas QuantTensor, with a kept BatchNorm inside; of a part of it for GPTQ."""
        weight = self.constants[0] if self.weight_quant.export_mode else self.folded_weight()
        if subtensor_slice_list is not None:
            weight = weight[tuple(slice(None) if part is None else slice(*part) for part in subtensor_slice_list)]
        return self.weight_quant(weight)

    def folded_weight(self) -> Tensor:
        """The float weight that is quantised."""
        weight = self.weight
        return weight if self.norm is None else weight * along(self.norm.slope(), weight.dim(), 0)

    def folded_bias(self) -> Tensor:
        """[channels]: the bias in whole units of the accumulator, and half a step where the quantiser rounds down."""
        bias = self._bias()
        if self.norm is not None:
            bias = self.norm.shift(bias)
        _, shift = self.scale.multiplicand()
        unit = torch.ldexp(torch.full_like(self.scale.gain.detach(), self.input_unit), -shift)
        whole: Tensor = round_ste(bias / unit)
        return whole * unit + (0.0 if self.step is None else self.step / 2)

    def inner_forward_impl(self, x: Any, quant_weight: Any, quant_bias: Any) -> Tensor:
        """The layer's output: float32, exact but for what lies below one part of the output's step."""
        if self.weight_quant.export_mode:  # the exporters run the module once before, in eval mode
            return self.plain(x, quant_weight, self.constants[1])
        if isinstance(quant_weight, Tensor):  # Brevitas' bias correction compares with weights as they are
            return self.plain(x, self.folded_weight(), self.folded_bias())
        bias = self.folded_bias()
        if not self.training:
            self.constants = self.folded_weight().detach(), bias.detach()
        accumulator = whole_sums(self.plain, x / self.input_unit, round_ste(quant_weight.value / quant_weight.scale))
        scale = quant_weight.scale.double().flatten() * self.input_unit
        scaled = accumulator.double() * along(scale, x.dim(), self.channel_axis)
        if self.norm is not None and self.training:
            self.norm.follow(scaled, self._bias().detach())
        return self._in_parts(scaled + along(bias.double(), x.dim(), self.channel_axis)).float()

    def _bias(self) -> Tensor:
        return torch.zeros_like(self.scale.gain) if self.bias is None else self.bias

    def plain(self, x: Any, weight: Any, bias: Any) -> Tensor:
        """What the Brevitas layer makes of numbers."""
        y: Tensor = super().inner_forward_impl(x, weight, bias)  # type: ignore[misc]
        return y

    def _in_parts(self, y: Tensor) -> Tensor:
        if self.step is None:
            return y
        part = self.step / FRACTION
        parts: Tensor = floor_ste(y / part)
        return parts * part


def whole_sums(layer: Callable[[Tensor, Tensor, None], Tensor], x: Tensor, weight: Tensor, axis: int = 0) -> Tensor:
    """The sums of products of whole numbers that ``layer(x, weight, bias)`` makes, without a rounding error.

    In float32 where they are sure to be exact, else in float64; ``axis`` is that of the weight's output channels.
    """
    with torch.no_grad():
        bound = weight.abs().transpose(0, axis).flatten(1).sum(1).max() * x.abs().max()
    # the convolutions of a GPU may take short cuts that are not exact, but not in float64
    if x.device.type == "cpu" and bound < EXACT_FLOAT32:
        return layer(x, weight, None)
    return layer(x.double(), weight.double(), None)


def along(values: Tensor, rank: int, axis: int) -> Tensor:
    """``values`` [n] shaped to broadcast along ``axis`` of an array of ``rank`` axes."""
    return values.reshape([-1 if i == axis % rank else 1 for i in range(rank)])


class ExactLinear(Exact, qnn.QuantLinear):  # type: ignore[misc]
    """A dense layer of [N, ..., features]; see :class:`Exact`."""

    channel_axis = -1


class ExactConv1d(Exact, qnn.QuantConv1d):  # type: ignore[misc]
    """A convolution of [N, C, W]; see :class:`Exact`."""


class ExactConv2d(Exact, qnn.QuantConv2d):  # type: ignore[misc]
    """A convolution of [N, C, H, W]; see :class:`Exact`."""


def fold(layer: Exact) -> None:
    """Writes a kept BatchNorm into the layer's weight and bias, in place; the forward pass does not change."""
    if layer.norm is None:
        return
    with torch.no_grad():
        bias = layer.norm.shift(layer._bias())
        layer.weight.copy_(layer.folded_weight())
    layer.bias, layer.norm = nn.Parameter(bias.detach().clone()), None


def like(layer: Any, scale: ShortScale) -> Exact:
    """An exact layer of the shape and weight quantiser of a Brevitas one, with another weight scale."""
    proxy = layer.weight_quant
    options = {
        "bias": layer.bias is not None, "weight_quant": ShortScaledWeight, "weight_scaling_impl": scale,
        "weight_bit_width": int(proxy.bit_width()), "weight_narrow_range": bool(proxy.is_narrow_range),
    }  # fmt: skip
    if isinstance(layer, qnn.QuantLinear):
        made: Exact = ExactLinear(layer.in_features, layer.out_features, **options)
        return made
    names = ("in_channels", "out_channels", "kernel_size", "stride", "dilation", "groups", "padding_mode")
    shape = {name: getattr(layer, name) for name in names}
    padding = "same" if layer.is_same_padded_strided else layer.padding
    kind = ExactConv1d if isinstance(layer, qnn.QuantConv1d) else ExactConv2d
    return kind(**shape, padding=padding, **options)


def weight_scale(layer: Any, where: str) -> Tensor:
    """[channels]: the scale of a Brevitas layer's weights.

    Raises:
        IsobitError: E304 for weights that are not integers of 2 bits and more, and quantisers inside the layer.
    """
    if layer.input_quant.is_quant_enabled or layer.output_quant.is_quant_enabled:
        raise refuse("the layer quantises its input or output itself", where, "use a QuantIdentity beside the layer")
    kinds = {type(part).__name__ for part in layer.weight_quant.modules()}
    if not layer.weight_quant.is_quant_enabled or "IntQuant" not in kinds:
        raise refuse("the weights are not integers of 2 bits and more", where, "use Int8WeightPerChannelFloat")
    weight = layer.quant_weight()
    if not bool(weight.signed) or bool((weight.zero_point != 0).any()) or int(weight.bit_width) < 2:
        raise refuse("the weights are unsigned, have a zero point or one bit", where, "use Int8WeightPerChannelFloat")
    scale: Tensor = weight.scale.detach().flatten()
    return scale.expand(layer.weight.shape[0])
