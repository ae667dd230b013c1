"""Networks for the FINN back end: an MLP; a CNN with a residual join, a depthwise layer and a pool; a decoder."""

from __future__ import annotations

import numpy as np
import onnx

from tests.onnx_builder import Net


def mlp() -> Net:
    net, rng = Net([1, 16], name="x"), np.random.default_rng(0)
    x = net.quant("x", 0.1, 0.0, 4)
    for inputs, outputs in ((16, 16), (16, 8)):
        w = net.quant(rng.normal(0, 0.5, (inputs, outputs)), 0.13, 0.0, 4, narrow=1)
        x = net.quant(net.op("Relu", net.op("MatMul", x, w)), 0.37, 0.0, 4, signed=0)
    w = net.quant(rng.normal(0, 0.5, (8, 4)), 0.11, 0.0, 4, narrow=1)
    net.quant(net.op("MatMul", x, w), 0.19, 0.0, 8)
    return net


def cnn() -> Net:
    net, rng = Net([1, 2, 8, 8], name="x"), np.random.default_rng(1)
    x = net.quant("x", 0.1, 0.0, 4)

    def conv(source: str, *shape: int, scale: float, **attributes: int) -> str:
        w = net.quant(rng.normal(0, 0.5, shape), scale, 0.0, 4, narrow=1)
        return net.op("Conv", source, w, pads=[1, 1, 1, 1], **attributes)

    x = net.quant(net.op("Relu", conv(x, 4, 2, 3, 3, scale=0.13)), 0.37, 0.0, 4, signed=0)
    y = net.quant(conv(x, 4, 4, 3, 3, scale=0.11), 0.41, 0.0, 4)
    x = net.quant(net.op("Relu", net.op("Add", x, y)), 0.5, 0.0, 4, signed=0)
    x = net.quant(net.op("Relu", conv(x, 4, 1, 3, 3, scale=0.11, group=4)), 0.31, 0.0, 4, signed=0)
    x = net.op("Flatten", net.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]))
    w = net.quant(rng.normal(0, 0.5, (64, 3)), 0.11, 0.0, 4, narrow=1)
    net.quant(net.op("MatMul", x, w), 0.19, 0.0, 8)
    return net


def decoder() -> onnx.ModelProto:
    """Two outputs, one of them read on; a 10-bit quantiser, nearest upsampling, a flatten of channels first."""
    net, rng = Net([1, 2, 4, 3], name="x"), np.random.default_rng(2)
    w = net.quant(rng.normal(0, 0.5, (4, 2, 3, 3)), 0.13, 0.0, 4, narrow=1)
    x = net.op("Conv", net.quant("x", 0.1, 0.0, 6), w, pads=[1, 1, 1, 1])
    x = net.op("Resize", net.quant(x, 0.012, 0.0, 10), "", net.const([1.0, 1.0, 2.0, 3.0]), mode="nearest")
    w = net.quant(rng.normal(0, 0.5, (2, 4, 3, 3)), 0.11, 0.0, 4, narrow=1)
    x = net.quant(net.op("Relu", net.op("Conv", x, w)), 0.37, 0.0, 4, signed=0)
    w = net.quant(rng.normal(0, 0.5, (2 * 6 * 7, 3)), 0.11, 0.0, 4, narrow=1)
    y = net.quant(net.op("MatMul", net.op("Flatten", x), w), 0.19, 0.0, 8)
    return net.model(x, y)
