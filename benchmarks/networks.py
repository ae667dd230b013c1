"""Convolutional benchmark networks as QONNX files: seeded, untrained, free scales, one scale per weight tensor.

Written node by node, so that a figure depends on no exporter. hls4ml 1.3 does not convert such files with one weight
scale per channel.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from common import ROOT
from onnx import TensorProto, helper

sys.path[:0] = [str(ROOT)]
from tests.onnx_builder import Net, save  # noqa: E402

CNNS = {"MNIST-size CNN": (1, 28, 28), "CIFAR-size CNN": (3, 32, 32)}
"""The networks of the hls4ml comparison and the shape of one sample, channels first."""


class Layers:
    """Grows a network layer by layer; ``head`` is the tensor that the next layer reads."""

    def __init__(self, shape: tuple[int, int, int], bits: int) -> None:
        self.shape, self.bits = shape, bits
        self._rng = np.random.default_rng(0)
        self._net = Net([1, *shape])
        self.head = self._net.quant("x", 1 / 128, 0.0, 8)

    def conv(self, outputs: int, kernel: int = 3, pad: int = 0) -> None:
        channels, height, width = self.shape
        weights = self._weights((outputs, channels, kernel, kernel))
        side = {"kernel_shape": [kernel, kernel], "pads": [pad] * 4, "strides": [1, 1], "dilations": [1, 1], "group": 1}
        self.head = self._net.op("Conv", self.head, weights, **side)
        less = kernel - 1 - 2 * pad
        self.shape = (outputs, height - less, width - less)

    def activation(self) -> None:
        """ReLU and an unsigned quantiser."""
        scale = float(self._rng.uniform(0.1, 0.4))
        self.head = self._net.quant(self._net.op("Relu", self.head), scale, 0.0, self.bits, signed=0)

    def join(self, other: str) -> None:
        """A signed quantiser, and the sum with a tensor of another scale."""
        inner = self._net.quant(self.head, float(self._rng.uniform(0.1, 0.4)), 0.0, self.bits)
        self.head = self._net.op("Add", inner, other)

    def pool(self) -> None:
        """The maximum of 2x2 pixels."""
        channels, height, width = self.shape
        self.head = self._net.op("MaxPool", self.head, kernel_shape=[2, 2], strides=[2, 2], pads=[0] * 4)
        self.shape = (channels, height // 2, width // 2)

    def dense(self, outputs: int) -> None:
        """A fully connected layer; the frame is flattened first."""
        inputs = int(np.prod(self.shape))
        if self.shape[1:] != (1, 1):
            self.head = self._net.op("Flatten", self.head, axis=1)
        self.head = self._net.op("MatMul", self.head, self._weights((inputs, outputs)))
        self.shape = (outputs, 1, 1)

    def _weights(self, shape: tuple[int, ...]) -> str:
        values = self._rng.normal(0, 1, shape)
        scale = float(self._rng.uniform(0.9, 1.1)) * 3 / (1 << (self.bits - 1))
        return self._net.quant(values, scale, 0.0, self.bits, narrow=1)

    def finish(self, scale: float) -> None:
        """The output quantiser, 8 bits."""
        self.head = self._net.quant(self.head, scale, 0.0, 8)

    def save(self, folder: Path) -> Path:
        """The network written to ``folder/model.onnx``, with its output's shape: qonnx needs it to change the batch."""
        model = self._net.model()
        shape = [1, self.shape[0], *(n for n in self.shape[1:] if n > 1)]
        model.graph.output[0].CopyFrom(helper.make_tensor_value_info(self.head, TensorProto.FLOAT, shape))
        return save(model, folder)


def write_cnn(name: str, folder: Path, bits: int = 6) -> Path:
    """One of :data:`CNNS` as a file.

    The MNIST-size one is 8C3-P2-16C3-P2-10, the CIFAR-size one 16C3-P2-16C3-P2-24C3-P2-42-64-10.
    """
    net = Layers(CNNS[name], bits)
    channels, hidden, scale = ((8, 16), (), 4.1) if net.shape[0] == 1 else ((16, 16, 24), (42, 64), 1.7)
    for outputs in channels:
        net.conv(outputs)
        net.activation()
        net.pool()
    for outputs in hidden:
        net.dense(outputs)
        net.activation()
    net.dense(10)
    net.finish(scale)
    own = folder / name.split(maxsplit=1)[0]
    own.mkdir()
    return net.save(own)
