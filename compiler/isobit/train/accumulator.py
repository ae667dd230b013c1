"""The whole-number accumulators of any Brevitas layer: what a Requantizer needs where scales are free.

A layer of Brevitas computes ``S_x * S_w * a`` in float32, from which the accumulator ``a`` cannot always be told. Here
the integers are multiplied and summed themselves. The exported file divides by the two scales again: in exact
arithmetic, which the importer uses, they cancel.
"""

from __future__ import annotations

from typing import Any

import torch
from brevitas.function.ops_ste import round_ste
from torch import Tensor, nn

from isobit.train.layers import along, whole_sums
from isobit.train.network import refuse


class Accumulator(nn.Module):
    """``a = sum(x * w) + round(bias / (S_x * S_w))`` of a Brevitas layer, in the integers x and w of its operands.

    Any QuantLinear, QuantConv or QuantConvTranspose will do: weight scales of any size, per tensor or per channel,
    with or without a bias. Its input is a QuantTensor with one scale, any zero point: give the quantiser before it
    ``return_quant_tensor=True``. Put a :class:`~isobit.train.Requantizer` behind it, which brings the scale back.

    Args:
        layer: the layer; it stays the owner of its parameters and its weight quantiser.

    Raises:
        IsobitError: E304 for a layer whose weights are not quantised, or that quantises its input or output itself;
            in the forward pass for an input without a scale of its own.
    """

    constants: tuple[Tensor, Tensor, Tensor]

    def __init__(self, layer: Any) -> None:
        super().__init__()
        where = type(layer).__name__
        if not hasattr(layer, "inner_forward_impl") or not layer.weight_quant.is_quant_enabled:
            raise refuse("the layer's weights are not quantised", where, "wrap a layer of brevitas.nn")
        if layer.input_quant.is_quant_enabled or layer.output_quant.is_quant_enabled:
            raise refuse("the layer quantises its input or output itself", where, "use a QuantIdentity before it")
        self.layer = layer

    @property
    def channel_axis(self) -> int:
        """The axis of the channels in the output: the last one of a dense layer, else the second."""
        return -1 if isinstance(self.layer, nn.Linear) else 1

    @property
    def _transposed(self) -> bool:
        return bool(getattr(self.layer, "transposed", False))

    def integer_weights(self) -> Tensor:
        """[channels, ...]: the weights as whole numbers, output channels first."""
        made = self.layer.quant_weight()
        whole: Tensor = torch.round(made.value / made.scale).detach()
        if not self._transposed:
            return whole
        grouped = whole.reshape(self.layer.groups, -1, *whole.shape[1:])
        return grouped.transpose(1, 2).flatten(0, 1)

    def forward(self, x: Any) -> Tensor:
        """Whole numbers, float32 or float64, of the shape of the layer's output."""
        weight = self.layer.quant_weight()
        if self.layer.weight_quant.export_mode:  # the exporters run the module once before, in eval mode
            return self._exported(_value(x), _value(weight))
        if isinstance(x, Tensor) or x.scale.numel() != 1:
            raise refuse("its input is no QuantTensor with one scale", type(self.layer).__name__,
                         "give the quantiser before it return_quant_tensor=True")  # fmt: skip
        scales = weight.scale.flatten(), x.scale.flatten()
        bias = self._bias(x, weight, scales[0].double() * scales[1].double())
        axis = int(self._transposed)  # of the weight's output channels
        sums = whole_sums(self.layer.inner_forward_impl, _integers(x), _integers(weight), axis)
        if not self.training:
            self.constants = (*(s.detach() for s in scales), bias.detach().float())
        return sums + along(bias.to(sums.dtype), sums.dim(), self.channel_axis)

    def _bias(self, x: Any, weight: Any, unit: Tensor) -> Tensor:
        """[channels] or [1], float64: the bias in whole units of the accumulator."""
        if self.layer.bias is None:
            return torch.zeros_like(unit)
        whole: Tensor = round_ste(_value(self.layer.bias_quant(self.layer.bias, x, weight)).double() / unit)
        return whole

    def _exported(self, x: Tensor, weight: Tensor) -> Tensor:
        y: Tensor = self.layer.inner_forward_impl(x, weight, None)
        weight_scale, input_scale, bias = (along(c, y.dim(), self.channel_axis) for c in self.constants)
        return y / weight_scale / input_scale + bias


def _value(x: Any) -> Tensor:
    value: Tensor = x if isinstance(x, Tensor) else x.value
    return value


def _integers(x: Any) -> Tensor:
    """A QuantTensor in whole steps from its zero point, gradients passed straight through."""
    whole: Tensor = round_ste(x.value / x.scale)
    return whole
