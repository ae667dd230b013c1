"""Seeded convolutional Brevitas networks for the tests and for the published table of exact models.

The architectures are those of the literature, with small knobs: ``width`` scales the channels and ``size`` is the
image's side, so that the fast tests take tiny ones. As in :mod:`models.brevitas_nets` nothing is trained: BatchNorm
statistics and activation scales are calibrated by a few forward passes in train mode, and BatchNorm scales (some of
them negative) are drawn at random, because random parameters reach more of the arithmetic than trained ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Literal

import numpy as np
import torch
from models.brevitas_conv_blocks import (
    Kit,
    Skip,
    basic_block,
    chain,
    easy_block,
    inverted_block,
    scatter_affine_parameters,
)
from torch import nn

Exporter = Literal["torchscript", "dynamo"]
Shape = tuple[int, ...]
CALIBRATION_PASSES = 6


@dataclass(frozen=True)
class ConvNet:
    """A named network; :meth:`build` makes it, always the same one.

    Attributes:
        name: unique among :data:`CASES`.
        family: a key of :data:`FAMILIES`.
        kit: bits, scales and joins.
        width: channels of the first stage.
        size: side of the input image, or samples of a one-dimensional input.
        classes: outputs of a classifier.
        exporters: the exporters that can write it.
    """

    name: str
    family: str
    kit: Kit
    width: int
    size: int
    classes: int = 10
    exporters: tuple[Exporter, ...] = ("torchscript", "dynamo")
    seed: int = 0

    @property
    def input_shape(self) -> Shape:
        """Shape of one sample, channels first."""
        return INPUT_SHAPES.get(self.family, lambda size: (3, size, size))(self.size)

    def build(self) -> nn.Module:
        """The network in eval mode; the global random generator of torch is left as it was."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = FAMILIES[self.family](self)
            scatter_affine_parameters(network)
            network.train()
            with torch.no_grad():
                for step in range(CALIBRATION_PASSES):
                    network(torch.from_numpy(self.inputs(8, seed=1000 + step)))
        return network.eval()

    def inputs(self, count: int, seed: int) -> np.ndarray:
        """Input images, float32 [count, *input_shape], a few values of them beyond the calibrated range."""
        generator = np.random.default_rng(seed)
        return generator.uniform(-1.1, 1.1, (count, *self.input_shape)).astype(np.float32)


# --- the architectures -----------------------------------------------------------------------------------------------


def cnv(net: ConvNet) -> nn.Module:
    """FINN's CNV: six valid 3x3 convolutions, two poolings, three dense layers (32x32 leaves one pixel)."""
    k, w = net.kit, net.width
    layers: list[nn.Module] = [k.signed(8)]
    for index, (inputs, outputs) in enumerate(pairwise([3, w, w, 2 * w, 2 * w, 4 * w, 4 * w])):
        layers.append(k.unit(inputs, outputs, 3, 1, 0))
        if index in (1, 3):
            layers.append(nn.MaxPool2d(2))
    side = (((net.size - 4) // 2) - 4) // 2 - 4
    features = 4 * w * side * side
    hidden = 8 * w
    dense = [k.dense(features, hidden), nn.BatchNorm1d(hidden), k.relu(), k.dense(hidden, net.classes), k.signed(8)]
    return chain([layers, nn.Flatten(), dense])


def lenet(net: ConvNet) -> nn.Module:
    """LeNet-5: two 5x5 convolutions with average pooling, three dense layers."""
    k, w = net.kit, net.width
    half = net.size // 2
    side = (half - 4) // 2
    flat = (8 * w // 3) * side * side
    return chain(
        [
            [k.signed(8), k.conv(1, w, 5, 1, 2), k.relu(), nn.AvgPool2d(2), k.signed()],
            [k.conv(w, 8 * w // 3, 5), k.relu(), nn.AvgPool2d(2), k.signed(), nn.Flatten()],
            [k.dense(flat, 20 * w), k.relu(), k.dense(20 * w, 14 * w), k.relu(), k.dense(14 * w, net.classes)],
        ]
    )


def vgg(net: ConvNet) -> nn.Module:
    """Stages of two padded 3x3 convolutions and a pooling, then a dense layer."""
    k, w = net.kit, net.width
    layers: list[nn.Module] = [k.signed(8)]
    inputs = 3
    for stage in range(3):
        outputs = w << stage
        layers += [k.unit(inputs, outputs), k.unit(outputs, outputs), nn.MaxPool2d(2)]
        inputs = outputs
    return chain([layers, nn.Flatten(), k.dense(inputs * (net.size // 8) ** 2, net.classes), k.signed(8)])


def resnet(net: ConvNet, blocks: tuple[int, ...]) -> nn.Module:
    """CIFAR's residual networks: a 3x3 stem, stages of basic blocks, each but the first halving the image."""
    k, w = net.kit, net.width
    layers: list[nn.Module] = [k.signed(8), k.unit(3, w)]
    inputs = w
    for stage, count in enumerate(blocks):
        for index in range(count):
            layers.append(basic_block(k, inputs, w << stage, 2 if stage and not index else 1))
            inputs = w << stage
    return chain([layers, k.classifier(inputs, net.classes)])


def resnet18(net: ConvNet) -> nn.Module:
    """ImageNet's ResNet-18: 7x7 stem of stride 2, overlapping padded max-pooling, four stages of two blocks."""
    k, w = net.kit, net.width
    stem = [k.signed(8), k.unit(3, w, 7, 2, 3), nn.MaxPool2d(3, 2, 1)]
    widths = [w, w, 2 * w, 2 * w, 4 * w, 4 * w, 8 * w, 8 * w]
    blocks = [
        basic_block(k, before, after, 1 if before == after else 2)
        for before, after in zip([w, *widths[:-1]], widths, strict=True)
    ]
    return chain([stem, blocks, k.classifier(8 * w, net.classes)])


def resnet9(net: ConvNet) -> nn.Module:
    """The few-shot backbone of EASY and PEFSL: features are the mean over the image."""
    k, w = net.kit, net.width
    widths = [3, w, 5 * w // 2, 5 * w]
    blocks = [easy_block(k, a, b, strided=s) for (a, b), s in zip(pairwise(widths), (True, False, True), strict=True)]
    return chain([k.signed(8), blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), k.signed(8)])


def mobilenet_v1(net: ConvNet) -> nn.Module:
    """MobileNet-V1: thirteen separable blocks."""
    k, w = net.kit, net.width
    layers: list[nn.Module] = [k.signed(8), k.unit(3, w, 3, 2, 1)]
    inputs = w
    plan = [(2, 1), (4, 2), (4, 1), (8, 2), (8, 1), (16, 2), *[(16, 1)] * 5, (32, 2), (32, 1)]
    for factor, stride in plan:
        layers.append(k.separable(inputs, w * factor, stride))
        inputs = w * factor
    return chain([layers, k.classifier(inputs, net.classes)])


def separable(net: ConvNet) -> nn.Module:
    """Three separable blocks."""
    k, w = net.kit, net.width
    blocks = [k.separable(w, 2 * w, 2), k.separable(2 * w, 2 * w), k.separable(2 * w, 4 * w, 2)]
    return chain([k.signed(8), k.unit(3, w, 3, 2, 1), blocks, k.classifier(4 * w, net.classes)])


def mobilenet_v2(net: ConvNet) -> nn.Module:
    """Three inverted residual blocks."""
    k, w = net.kit, net.width
    blocks = [inverted_block(k, w, w), inverted_block(k, w, 2 * w, 2), inverted_block(k, 2 * w, 2 * w)]
    return chain([k.signed(8), k.unit(3, w, 3, 2, 1), blocks, k.classifier(2 * w, net.classes)])


def dscnn(net: ConvNet) -> nn.Module:
    """Keyword spotting: a 10x4 convolution over 49x10 coefficients, four separable blocks."""
    k, w = net.kit, net.width
    blocks = [k.separable(w, w) for _ in range(4)]
    return chain([k.signed(8), k.unit(1, w, (10, 4), 2, (5, 1)), blocks, k.classifier(w, net.classes)])


def autoencoder(net: ConvNet) -> nn.Module:
    """Halved twice by strided convolutions, doubled again by nearest upsampling and a convolution."""
    k, w = net.kit, net.width
    down = [k.unit(3, w, 3, 2, 1), k.unit(w, 2 * w, 3, 2, 1)]
    up = [nn.Upsample(scale_factor=2.0), k.unit(2 * w, w), nn.Upsample(scale_factor=2.0), k.conv(w, 3, 3, 1, 1)]
    return chain([k.signed(8), down, up, k.signed(8)])


def transposed(net: ConvNet) -> nn.Module:
    """Halved twice by strided convolutions, doubled again by transposed ones."""
    k, w = net.kit, net.width
    down = [k.unit(3, w, 3, 2, 1), k.unit(w, 2 * w, 3, 2, 1)]
    up = [k.up(2 * w, w, 2, 2), nn.BatchNorm2d(w), k.relu(), k.up(w, 3, 4, 2, 1)]
    return chain([k.signed(8), down, up, k.signed(8)])


def radioml(net: ConvNet) -> nn.Module:
    """The one-dimensional VGG-10 for modulation recognition: convolution and pooling until eight samples are left."""
    k, w = net.kit, net.width
    layers: list[nn.Module] = [k.signed(8)]
    inputs, samples = 2, net.size
    while samples > 8:
        layers += [k.unit(inputs, w, 3, 1, 1, rank=1), nn.MaxPool1d(2)]
        inputs, samples = w, samples // 2
    hidden = [k.dense(w * samples, 2 * w), nn.BatchNorm1d(2 * w), k.relu()]
    return chain([layers, nn.Flatten(), hidden, k.dense(2 * w, net.classes), k.signed(8)])


def unet(net: ConvNet) -> nn.Module:
    """Two nested skips by concatenation around a halved image."""
    k, w = net.kit, net.width
    inner = chain([nn.MaxPool2d(2), k.unit(2 * w, 2 * w), nn.Upsample(scale_factor=2.0)])
    middle = chain([nn.MaxPool2d(2), k.unit(w, 2 * w), Skip(k, inner), k.unit(4 * w, w), nn.Upsample(scale_factor=2.0)])
    return chain([k.signed(8), k.unit(3, w), Skip(k, middle), k.unit(2 * w, w), k.conv(w, 2, 1), k.signed(8)])


FAMILIES: dict[str, Callable[[ConvNet], nn.Module]] = {
    "autoencoder": autoencoder,
    "cnv": cnv,
    "dscnn": dscnn,
    "lenet": lenet,
    "mobilenet_v1": mobilenet_v1,
    "mobilenet_v2": mobilenet_v2,
    "radioml": radioml,
    "resnet18": resnet18,
    "resnet20": lambda net: resnet(net, (3, 3, 3)),
    "resnet8": lambda net: resnet(net, (1, 1, 1)),
    "resnet9": resnet9,
    "separable": separable,
    "transposed": transposed,
    "unet": unet,
    "vgg": vgg,
}
INPUT_SHAPES: dict[str, Callable[[int], Shape]] = {
    "dscnn": lambda size: (1, size, 10), "lenet": lambda size: (1, size, size), "radioml": lambda size: (2, size),
}  # fmt: skip

# --- the lists -------------------------------------------------------------------------------------------------------

_FREE, _POW2 = Kit(4, 4), Kit(8, 8, pow2=True, per_channel=False)

FAST_CASES: tuple[ConvNet, ...] = (
    ConvNet("tiny_cnv_w1a1", "cnv", Kit(1, 1), 4, 32),
    ConvNet("tiny_cnv_w2a2", "cnv", Kit(2, 2), 3, 32),
    ConvNet("tiny_lenet_w5a5", "lenet", Kit(5, 5, float_bias=True), 3, 16),
    ConvNet("tiny_vgg_w8a8_pow2", "vgg", _POW2, 3, 8),
    ConvNet("tiny_vgg_w3a4_shifted", "vgg", Kit(3, 4, act="shifted"), 3, 8),
    ConvNet("tiny_resnet8_w4a4", "resnet8", _FREE, 3, 8),
    ConvNet("tiny_resnet8_w6a6_shared", "resnet8", Kit(6, 6, join="shared"), 3, 8),
    ConvNet("tiny_resnet9_w6a6_pow2", "resnet9", Kit(6, 6, pow2=True), 2, 8),
    ConvNet("tiny_resnet18_w8a8", "resnet18", Kit(8, 8), 2, 32),
    ConvNet("tiny_separable_w4a4", "separable", Kit(4, 4), 3, 11),
    ConvNet("tiny_mobilenet_v2_w7a7", "mobilenet_v2", Kit(7, 7, act="relu6"), 2, 8),
    ConvNet("tiny_dscnn_w8a8", "dscnn", Kit(8, 8), 4, 49, 12),
    ConvNet("tiny_autoencoder_w4a4", "autoencoder", _FREE, 2, 8),
    ConvNet("tiny_transposed_w4a4", "transposed", _FREE, 2, 8),
    ConvNet("tiny_radioml_w6a6", "radioml", Kit(6, 6), 4, 32, 24),
    ConvNet("tiny_unet_w5a5", "unet", Kit(5, 5), 2, 8),
)
"""One small network of each family, for tests that run each time."""

_SIZES: dict[str, tuple[int, int]] = {
    "autoencoder": (16, 32), "cnv": (64, 32), "dscnn": (64, 49), "lenet": (6, 28), "mobilenet_v2": (8, 32),
    "radioml": (64, 1024), "resnet20": (16, 32), "resnet8": (16, 32), "resnet9": (16, 32), "separable": (16, 32),
    "transposed": (16, 32), "unet": (8, 32), "vgg": (16, 32),
}  # fmt: skip
"""Width and size of each family in the published table."""

_KITS: dict[str, Kit] = {
    "w2a2": Kit(2, 2), "w4a4": _FREE, "w8a8_pow2_tensor": _POW2,
    "w6a6_shared": Kit(6, 6, per_channel=False, join="shared"),
}  # fmt: skip


def _table() -> tuple[ConvNet, ...]:
    pairs = product(sorted(_SIZES), _KITS.items())
    return tuple(ConvNet(f"{family}_{label}", family, kit, *_SIZES[family]) for family, (label, kit) in pairs)


_MORE_CASES: tuple[ConvNet, ...] = (
    ConvNet("cnv_w1a1", "cnv", Kit(1, 1), 64, 32),
    ConvNet("cnv_w1a2", "cnv", Kit(1, 2), 64, 32),
    ConvNet("resnet8_w3a3_pow2", "resnet8", Kit(3, 3, pow2=True), 16, 32),
    ConvNet("resnet8_w5a5_shifted", "resnet8", Kit(5, 5, act="shifted"), 16, 32),
    ConvNet("mobilenet_v2_w8a8_relu6", "mobilenet_v2", Kit(8, 8, act="relu6"), 16, 32),
    ConvNet("resnet18_w4a4_64", "resnet18", _FREE, 64, 64),
    ConvNet("mobilenet_v1_025_w8a8_96", "mobilenet_v1", Kit(8, 8), 8, 96, 2),
)

CASES: tuple[ConvNet, ...] = FAST_CASES + _table() + _MORE_CASES
"""Every configuration of the published table; the names are unique."""
