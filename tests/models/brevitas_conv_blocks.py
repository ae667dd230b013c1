"""The quantised layers and blocks that the convolutional test networks are made of.

A :class:`Kit` fixes widths, scales and the kind of residual join for a whole network; its methods make layers. Every
activation and every branch of a join is quantised, so that all networks have an exact integer meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import brevitas.nn as qnn
import brevitas.quant as q
import torch
from brevitas.quant.fixed_point import Int8WeightPerChannelFixedPoint
from torch import Tensor, nn

Join = Literal["unrelated", "shared"]
Activation = Literal["relu", "relu6", "shifted"]


@dataclass(frozen=True)
class Kit:
    """Quantisers of one network.

    ``join`` says how the two branches of a residual join are quantised: ``unrelated`` gives each branch its own scale,
    ``shared`` sends both through one quantiser. One bit is the sign (bipolar).
    """

    weight_bits: int
    act_bits: int
    pow2: bool = False
    per_channel: bool = True
    join: Join = "unrelated"
    act: Activation = "relu"
    float_bias: bool = False

    def weights(self) -> dict[str, Any]:
        """Keyword arguments that choose the weights' quantiser."""
        if self.weight_bits == 1:
            return {"weight_quant": q.SignedBinaryWeightPerTensorConst, "weight_scaling_const": 0.125}
        quantiser = {
            (False, False): q.Int8WeightPerTensorFloat,
            (False, True): q.Int8WeightPerChannelFloat,
            (True, False): q.Int8WeightPerTensorFixedPoint,
            (True, True): Int8WeightPerChannelFixedPoint,
        }[self.pow2, self.per_channel]
        return {"weight_quant": quantiser, "weight_bit_width": self.weight_bits}

    def conv(
        self,
        inputs: int,
        outputs: int,
        kernel: Any = 3,
        stride: Any = 1,
        padding: Any = 0,
        groups: int = 1,
        rank: int = 2,
    ) -> nn.Module:
        """A convolution of ``rank`` spatial axes."""
        layer = {1: qnn.QuantConv1d, 2: qnn.QuantConv2d}[rank]
        options: dict[str, Any] = {"stride": stride, "padding": padding, "groups": groups, "bias": self.float_bias}
        return layer(inputs, outputs, kernel, **options, **self.weights())  # type: ignore[no-any-return]

    def up(self, inputs: int, outputs: int, kernel: int, stride: int, padding: int = 0) -> nn.Module:
        """A transposed convolution."""
        options: dict[str, Any] = {"stride": stride, "padding": padding, "bias": self.float_bias}
        return qnn.QuantConvTranspose2d(inputs, outputs, kernel, **options, **self.weights())  # type: ignore

    def dense(self, inputs: int, outputs: int) -> nn.Module:
        """A dense layer."""
        return qnn.QuantLinear(inputs, outputs, bias=self.float_bias, **self.weights())  # type: ignore[no-any-return]

    def relu(self) -> nn.Module:
        """The activation of the network."""
        if self.act_bits == 1:
            return self.signed()
        if self.act == "shifted":
            shifted = q.ShiftedUint8ActPerTensorFixedPoint if self.pow2 else q.ShiftedUint8ActPerTensorFloat
            return qnn.QuantIdentity(act_quant=shifted, bit_width=self.act_bits)  # type: ignore[no-any-return]
        options: dict[str, Any] = {"bit_width": self.act_bits}
        if self.act == "relu6":
            options |= {"act_quant": q.Uint8ActPerTensorFloatMaxInit, "max_val": 6.0}
        else:
            options |= {"act_quant": q.Uint8ActPerTensorFixedPoint if self.pow2 else q.Uint8ActPerTensorFloat}
        return qnn.QuantReLU(**options)  # type: ignore[no-any-return]

    def signed(self, bits: int | None = None) -> nn.Module:
        """A signed quantiser without an activation function."""
        width = self.act_bits if bits is None else bits
        if width == 1:
            return qnn.QuantIdentity(act_quant=q.SignedBinaryActPerTensorConst)  # type: ignore[no-any-return]
        quantiser = q.Int8ActPerTensorFixedPoint if self.pow2 else q.Int8ActPerTensorFloat
        return qnn.QuantIdentity(act_quant=quantiser, bit_width=width)  # type: ignore[no-any-return]

    def unit(
        self,
        inputs: int,
        outputs: int,
        kernel: Any = 3,
        stride: Any = 1,
        padding: Any = 1,
        groups: int = 1,
        rank: int = 2,
    ) -> nn.Sequential:
        """Convolution, BatchNorm, activation."""
        norm = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}[rank](outputs)
        return nn.Sequential(self.conv(inputs, outputs, kernel, stride, padding, groups, rank), norm, self.relu())

    def separable(self, inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
        """MobileNet-V1's block: depthwise 3x3, pointwise."""
        return nn.Sequential(
            self.unit(inputs, inputs, 3, stride, 1, groups=inputs), self.unit(inputs, outputs, 1, 1, 0)
        )

    def classifier(self, features: int, classes: int) -> list[nn.Module]:
        """Global average pooling, an output quantiser on a dense layer."""
        return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), self.signed(8), self.dense(features, classes), self.signed(8)]


class Residual(nn.Module):
    """``after(join(body(x), shortcut(x)))``: each branch passes a quantiser before the sum."""

    def __init__(self, kit: Kit, body: nn.Module, shortcut: nn.Module, after: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut, self.after = body, shortcut, after
        self.quant_body = kit.signed(max(kit.act_bits, 2))
        self.quant_shortcut = self.quant_body if kit.join == "shared" else kit.signed(max(kit.act_bits, 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.quant_body(self.body(x)) + self.quant_shortcut(self.shortcut(x)))  # type: ignore[no-any-return]


class Skip(nn.Module):
    """``cat(x, body(x))`` along the channels, both through quantisers of their own."""

    def __init__(self, kit: Kit, body: nn.Module) -> None:
        super().__init__()
        self.body, self.quant_body, self.quant_skip = body, kit.signed(), kit.signed()

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.quant_skip(x), self.quant_body(self.body(x))], dim=1)


def basic_block(kit: Kit, inputs: int, outputs: int, stride: int = 1) -> Residual:
    """ResNet's block of two 3x3 convolutions; a 1x1 convolution on the shortcut where the shape changes."""
    body = nn.Sequential(
        kit.unit(inputs, outputs, 3, stride, 1), kit.conv(outputs, outputs, 3, 1, 1), nn.BatchNorm2d(outputs)
    )
    return Residual(kit, body, _shortcut(kit, inputs, outputs, stride), kit.relu())


def easy_block(kit: Kit, inputs: int, outputs: int, *, strided: bool) -> nn.Module:
    """ResNet-9's block in EASY and PEFSL: three 3x3 convolutions, a 1x1 shortcut; halved by stride or by pooling."""
    stride = 2 if strided else 1
    body = nn.Sequential(
        kit.unit(inputs, outputs),
        kit.unit(outputs, outputs),
        kit.conv(outputs, outputs, 3, stride, 1),
        nn.BatchNorm2d(outputs),
    )
    shortcut = nn.Sequential(kit.conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
    block = Residual(kit, body, shortcut, kit.relu())
    return block if strided else nn.Sequential(block, nn.MaxPool2d(2))


def inverted_block(kit: Kit, inputs: int, outputs: int, stride: int = 1, expand: int = 6) -> nn.Module:
    """MobileNet-V2's block: expand, depthwise, project; a residual join where the shape stays."""
    hidden = inputs * expand
    body = nn.Sequential(
        kit.unit(inputs, hidden, 1, 1, 0),
        kit.unit(hidden, hidden, 3, stride, 1, groups=hidden),
        kit.conv(hidden, outputs, 1),
        nn.BatchNorm2d(outputs),
    )
    if stride == 1 and inputs == outputs:
        return Residual(kit, body, nn.Identity(), kit.signed())
    return nn.Sequential(body, kit.signed())


def _shortcut(kit: Kit, inputs: int, outputs: int, stride: int) -> nn.Module:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(kit.conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))


def scatter_affine_parameters(network: nn.Module) -> None:
    """BatchNorm scales in 0.5..1.5, about one in eight negative, and shifts in -0.5..0.5.

    Their statistics become plain averages over all batches, so that a few batches are enough.
    """
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            sign = torch.where(torch.rand_like(layer.weight) < 0.125, -1.0, 1.0)
            layer.weight.data = sign * (0.5 + torch.rand_like(layer.weight))
            layer.bias.data = torch.rand_like(layer.bias) - 0.5
            layer.momentum = None


def chain(layers: Sequence[nn.Module | Sequence[nn.Module]]) -> nn.Sequential:
    """Layers in a row; lists among them are flattened."""
    flat: list[nn.Module] = []
    for layer in layers:
        flat += [layer] if isinstance(layer, nn.Module) else layer
    return nn.Sequential(*flat)
