"""ResNet-9 and ResNet-12 as few-shot backbones: an image to a vector of features.

Three blocks (ResNet-9) or four (ResNet-12) of widths fm, int(2.5 fm), 5 fm, 10 fm. A block is three 3x3 convolutions
with BatchNorm and without bias, and a 1x1 convolution with BatchNorm as shortcut, which is added before the last
activation. The strided form has stride 2 on the third convolution and on the shortcut, the other a 2x2 max-pool behind
the block. The features are the mean over height and width. Source: PEFSL and EASY (arXiv 2201.09699).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from isobit.errors import IsobitError, printable


class Block(nn.Module):
    """Three convolutions and a shortcut; halves height and width, by stride or by max-pool."""

    def __init__(self, inputs: int, outputs: int, *, strided: bool = True, slope: float = 0.0) -> None:
        super().__init__()
        stride = 2 if strided else 1
        self.body = nn.Sequential(
            _conv(inputs, outputs, 3, 1), _activation(slope),
            _conv(outputs, outputs, 3, 1), _activation(slope),
            _conv(outputs, outputs, 3, stride),
        )  # fmt: skip
        self.shortcut = _conv(inputs, outputs, 1, stride)
        self.activation = _activation(slope)
        self.pool = nn.Identity() if strided else nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] to [N, outputs, H / 2, W / 2], rounded up where strided, else down."""
        return self.pool(self.activation(self.body(x) + self.shortcut(x)))  # type: ignore[no-any-return]


class Backbone(nn.Module):
    """Blocks, then the mean over height and width; :attr:`features` is the length of the vector."""

    def __init__(self, widths: list[int], channels: int, *, strided: bool, slope: float) -> None:
        super().__init__()
        pairs = zip([channels, *widths], widths, strict=False)
        self.blocks = nn.Sequential(*(Block(i, o, strided=strided, slope=slope) for i, o in pairs))
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.features = widths[-1]

    def forward(self, x: Tensor) -> Tensor:
        """[N, channels, H, W] to [N, features]."""
        return torch.flatten(self.mean(self.blocks(x)), 1)


def resnet9(fm: int = 16, *, channels: int = 3, strided: bool = True, slope: float = 0.0) -> Backbone:
    """Three blocks. With fm = 16 on 32x32 images: 187,488 weights and 16.0 M multiply-accumulates.

    Args:
        fm: width of the first block.
        channels: of the image.
        strided: halve by stride, else by max-pool.
        slope: of the leaky ReLU below zero; 0 is a ReLU.

    Raises:
        IsobitError: E613 for a width below 1.
    """
    return Backbone(_widths(fm, 3), channels, strided=strided, slope=slope)


def resnet12(fm: int = 64, *, channels: int = 3, strided: bool = False, slope: float = 0.1) -> Backbone:
    """Four blocks; the rest as :func:`resnet9`."""
    return Backbone(_widths(fm, 4), channels, strided=strided, slope=slope)


def _widths(fm: int, blocks: int) -> list[int]:
    if fm < 1:
        raise IsobitError("E613", f"fm = {printable(fm)}", hint="the width of the first block, 1 or more")
    return [fm, int(2.5 * fm), 5 * fm, 10 * fm][:blocks]


def _conv(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    """A convolution that keeps the size but for its stride, and its BatchNorm."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs))


def _activation(slope: float) -> nn.Module:
    return nn.LeakyReLU(slope) if slope else nn.ReLU()
