"""The networks of ``accuracy.py``: each with 8-bit weights (a scale per channel) and activations, or in float32."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import brevitas.nn as qnn
import brevitas.quant as q
from torch import Tensor, nn

from isobit.train import Data

_WEIGHTS: dict[str, Any] = {"weight_quant": q.Int8WeightPerChannelFloat, "weight_bit_width": 8}


@dataclass(frozen=True)
class Layers:
    """Makes layers: with 8-bit quantisers, or the same layers in float32."""

    quantised: bool

    def signed(self) -> nn.Module:
        """A quantiser to -128..127, or nothing."""
        return qnn.QuantIdentity(act_quant=q.Int8ActPerTensorFloat, bit_width=8) if self.quantised else nn.Identity()

    def relu(self) -> nn.Module:
        """ReLU, quantised to 0..255."""
        return qnn.QuantReLU(act_quant=q.Uint8ActPerTensorFloat, bit_width=8) if self.quantised else nn.ReLU()

    def dense(self, inputs: int, outputs: int, bias: bool = False) -> nn.Module:
        """A dense layer."""
        if not self.quantised:
            return nn.Linear(inputs, outputs, bias=bias)
        return qnn.QuantLinear(inputs, outputs, bias=bias, **_WEIGHTS)  # type: ignore[no-any-return]

    def conv(self, inputs: int, outputs: int, size: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
        """A convolution that keeps the image's size but for the stride, and BatchNorm."""
        options: dict[str, Any] = {"stride": stride, "padding": size // 2, "groups": groups, "bias": False}
        convolution, quantisers = (qnn.QuantConv2d, _WEIGHTS) if self.quantised else (nn.Conv2d, {})
        return nn.Sequential(convolution(inputs, outputs, size, **options, **quantisers), nn.BatchNorm2d(outputs))


class Sum(nn.Module):
    """The sum of two branches whose values are quantised."""

    def __init__(self, left: nn.Module, right: nn.Module) -> None:
        super().__init__()
        self.left, self.right = left, right

    def forward(self, x: Tensor) -> Tensor:
        return self.left(x) + self.right(x)  # type: ignore[no-any-return]


def mlp(make: Layers, data: Data) -> nn.Sequential:
    """Three dense layers, 48 and 32 wide."""
    inputs = data.train_inputs[0].numel()
    return nn.Sequential(
        nn.Flatten(), make.signed(),
        make.dense(inputs, 48), nn.BatchNorm1d(48), make.relu(),
        make.dense(48, 32), nn.BatchNorm1d(32), make.relu(),
        make.dense(32, data.classes, bias=True), make.signed(),
    )  # fmt: skip


def cnn(make: Layers, data: Data) -> nn.Sequential:
    """Three convolutions, two max-pools, a dense layer."""
    return nn.Sequential(
        make.signed(),
        make.conv(data.train_inputs.shape[1], 8), make.relu(), nn.MaxPool2d(2),
        make.conv(8, 16), make.relu(),
        make.conv(16, 16), make.relu(), nn.MaxPool2d(2),
        *_head(make, 16, data.classes),
    )  # fmt: skip


def resnet8(make: Layers, data: Data) -> nn.Sequential:
    """ResNet-8: a stem and three blocks of two convolutions with a shortcut, here 8, 8, 16 and 16 channels wide."""

    def block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
        body = [make.conv(inputs, outputs, 3, stride), make.relu(), make.conv(outputs, outputs), make.signed()]
        shortcut = [] if stride == 1 else [make.conv(inputs, outputs, 1, stride), make.signed()]
        return nn.Sequential(Sum(nn.Sequential(*body), nn.Sequential(*shortcut)), make.relu())

    return nn.Sequential(
        make.signed(), make.conv(data.train_inputs.shape[1], 8), make.relu(),
        block(8, 8, 1), block(8, 16, 2), block(16, 16, 2), *_head(make, 16, data.classes),
    )  # fmt: skip


def mobilenet(make: Layers, data: Data) -> nn.Sequential:
    """A stem and three blocks of MobileNetV2 (1x1 to three times the channels, depthwise 3x3, 1x1); one shortcut."""

    def block(inputs: int, outputs: int, stride: int) -> nn.Module:
        wide = 3 * inputs
        body = nn.Sequential(
            make.conv(inputs, wide, 1), make.relu(), make.conv(wide, wide, 3, stride, groups=wide), make.relu(),
            make.conv(wide, outputs, 1), make.signed(),
        )  # fmt: skip
        return body if stride > 1 else nn.Sequential(Sum(body, nn.Sequential()), make.signed())

    return nn.Sequential(
        make.signed(), make.conv(data.train_inputs.shape[1], 8), make.relu(),
        block(8, 8, 1), block(8, 12, 2), block(12, 16, 2), *_head(make, 16, data.classes),
    )  # fmt: skip


def _head(make: Layers, channels: int, classes: int) -> list[nn.Module]:
    """The mean of every channel; a dense layer."""
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), make.dense(channels, classes, bias=True), make.signed()]


NETWORKS: dict[str, Callable[[Layers, Data], nn.Sequential]] = {
    "MLP": mlp, "CNN": cnn, "ResNet-8": resnet8, "MobileNet": mobilenet,
}  # fmt: skip
"""Builder by name. Images have sides of ``4 * 2**n``: a mean over any other number of values is no exact shift."""
