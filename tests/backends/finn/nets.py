"""Networks for the FINN back end: an MLP, and a CNN with a residual join, a depthwise layer and a maximum pool."""

from __future__ import annotations

import numpy as np

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
