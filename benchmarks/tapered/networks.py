"""The two networks of the comparison, float weights, activations of 8 bits once calibrated."""

from __future__ import annotations

from collections.abc import Callable

import brevitas.nn as qnn
import torch
from torch import Tensor, nn

from isobit.numerics.formats import FixedPoint
from isobit.train.formats import FormatActivation

UNSIGNED, SIGNED = [FixedPoint(8, 0, False)], [FixedPoint(8)]


def _quantised(signed: bool = False) -> nn.Module:
    return qnn.QuantIdentity(act_quant=FormatActivation(SIGNED if signed else UNSIGNED))


def _normalised(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
    return [conv, nn.BatchNorm2d(outputs)]


def conv_net(classes: int, size: int) -> nn.Module:
    """Two convolutions, 12 and 24 channels, and two dense layers; for 8 pixels about 16,000 weights."""
    flat = 24 * (size // 4) ** 2
    return nn.Sequential(
        _quantised(), *_normalised(1, 12), nn.ReLU(), _quantised(), nn.MaxPool2d(2), *_normalised(12, 24), nn.ReLU(),
        _quantised(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(flat, 128), nn.ReLU(), _quantised(),
        nn.Linear(128, classes),
    )  # fmt: skip


class _Block(nn.Module):
    """A basic block of a residual network: two convolutions and the shortcut, joined in one scale."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_normalised(inputs, outputs, stride=stride), nn.ReLU(), _quantised(), *_normalised(outputs, outputs)
        )
        same = inputs == outputs and stride == 1
        self.short = nn.Identity() if same else nn.Sequential(*_normalised(inputs, outputs, 1, stride))
        self.left, self.right, self.end = _quantised(True), _quantised(True), nn.Sequential(nn.ReLU(), _quantised())

    def forward(self, x: Tensor) -> Tensor:
        joined: Tensor = self.end(self.left(self.body(x)) + self.right(self.short(x)))
        return joined


def res_net(classes: int, size: int, width: int = 8) -> nn.Module:
    """The shape of ResNet-18: a stem, four stages of two basic blocks, each half the size, twice as wide; any size."""
    layers: list[nn.Module] = [_quantised(), *_normalised(1, width), nn.ReLU(), _quantised()]
    before = width
    for stage in range(4):
        for block in range(2):
            layers.append(_Block(before, width << stage, 2 if stage and not block else 1))
            before = width << stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes))


NETWORKS: dict[str, Callable[[int, int], nn.Module]] = {"ConvNet": conv_net, "ResNet-18-shaped": res_net}


def seeded(name: str, classes: int, size: int, seed: int) -> nn.Module:
    """A network of this name for square images of ``size`` pixels, with the weights of a seed."""
    torch.manual_seed(seed)
    return NETWORKS[name](classes, size)
