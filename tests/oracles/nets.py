"""The networks that the faults are tried on: small, and between them every part of the importers is used.

Every function writes one model file; nothing of the package under test is imported here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from onnx import helper

from tests.onnx_builder import Net, mlp, save

_MS = "com.microsoft"


def _triple(net: Net, data: str, scale: object, zero: object, dtype: Any) -> list[str]:
    return [data, net.const(scale), net.const(zero, dtype)]


def _entering(net: Net) -> list[str]:
    """The input as uint8 with its scale and zero point."""
    params = [net.const(0.23), net.const(7, np.uint8)]
    return [net.op("QuantizeLinear", "x", *params), *params]


def _saved(net: Net, folder: Path, *outputs: str) -> Path:
    model = net.model(*outputs)
    model.opset_import.append(helper.make_opsetid(_MS, 1))
    return save(model, folder)


def qoperator(folder: Path) -> Path:
    """A convolution, an average, a leaky ReLU, a residual add and a dense layer, all on quantised tensors."""
    rng, net = np.random.default_rng(1), Net(["N", 2, 4, 4])
    x = _entering(net)
    scales, kernel = [0.031, 0.017, 0.044], rng.integers(-99, 99, (3, 2, 3, 3))
    weights = _triple(net, net.const(kernel, np.int8), scales, [0] * 3, np.int8)
    y = [net.const(0.41), net.const(120, np.uint8)]
    bias = net.const([900, -1300, 77], np.int32)
    conv = net.op("QLinearConv", *x, *weights, *y, bias, pads=[1, 1, 1, 1])
    leaky = net.op("QLinearLeakyRelu", conv, *y, *y, domain=_MS, alpha=0.125)
    total = net.op("QLinearAdd", conv, *y, leaky, *y, net.const(0.77), net.const(99, np.uint8), domain=_MS)
    mean = net.op(
        "QLinearAveragePool", total, *net.nodes[-1].input[6:8], *y, domain=_MS, kernel_shape=[2, 2], strides=[2, 2]
    )
    flat = net.op("Flatten", mean)
    dense = _triple(net, net.const(rng.integers(-99, 99, (12, 5)), np.int8), 0.027, 0, np.int8)
    target = [net.const(0.9), net.const(101, np.uint8)]
    out = net.op("QGemm", flat, *y, *dense, net.const(rng.integers(-2000, 2000, 5), np.int32), *target, domain=_MS)
    return _saved(net, folder, net.op("DequantizeLinear", out, *target))


def qdq(folder: Path) -> Path:
    """QuantizeLinear and DequantizeLinear around a convolution and a dense layer, zero points off the middle."""
    rng, net = np.random.default_rng(2), Net(["N", 2, 5, 5])
    x = net.op("DequantizeLinear", *_entering(net))
    kernel = _triple(net, net.const(rng.integers(-99, 99, (3, 2, 3, 3)), np.int8), [0.03, 0.02, 0.05], [0] * 3, np.int8)
    conv = net.op("Conv", x, net.op("DequantizeLinear", *kernel, axis=0), rng.normal(size=3), strides=[2, 2])
    params = [net.const(0.3), net.const(11, np.uint8)]
    y = net.op("DequantizeLinear", net.op("QuantizeLinear", net.op("Relu", conv), *params), *params)
    weights = _triple(net, net.const(rng.integers(-99, 99, (12, 4)), np.int8), 0.02, 0, np.int8)
    dense = net.op("MatMul", net.op("Flatten", y), net.op("DequantizeLinear", *weights))
    params = [net.const(0.8), net.const(-9, np.int8)]
    return _saved(net, folder, net.op("DequantizeLinear", net.op("QuantizeLinear", dense, *params), *params))


def qonnx_dense(folder: Path) -> Path:
    """A QONNX network with BatchNormalization, constants that are computed, a sigmoid, and a residual join."""
    rng = np.random.default_rng(3)
    net = mlp(rng, [8, 6], scales=[0.11, 0.07, 0.23], bits=4, batch_norm=True)
    x = net.nodes[-1].output[0]
    scale = net.op("Mul", net.const([0.4]), net.op("Sqrt", net.const([0.03])))
    weight = net.quant(rng.normal(size=(6, 6)), scale, 0.0, 4, narrow=1)
    y = net.quant(net.op("Sigmoid", net.op("MatMul", x, weight)), 0.071, 0.0, 4, signed=0)
    joined = net.op("Sub", y, net.quant(net.op("LeakyRelu", net.op("Add", x, -0.61), alpha=0.3), 0.29, 2.0, 5))
    last = net.op("Div", net.op("Add", joined, rng.normal(size=6)), 0.83)
    net.quant(last, 0.31, 3.0, 5, rounding_mode="FLOOR")
    return net.save(folder)


def qonnx_image(folder: Path) -> Path:
    """A QONNX image network: padding, strides, groups, pools, a concatenation, a slice, a transpose before the end."""
    rng, net = np.random.default_rng(4), Net([1, 2, 6, 6])
    x = net.quant("x", 0.19, 0.0, 4)
    kernel = net.quant(rng.normal(size=(4, 2, 3, 3)), rng.uniform(0.1, 0.4, (4, 1, 1, 1)), 0.0, 4, narrow=1)
    conv = net.op("Conv", x, kernel, rng.normal(size=4), pads=[1, 0, 1, 2], strides=[1, 2])
    y = net.quant(net.op("Relu", conv), 0.6, 0.0, 4, signed=0)
    grouped = net.quant(rng.normal(size=(4, 2, 2, 2)), 0.2, 0.0, 4, narrow=1)
    z = net.quant(net.op("Conv", y, grouped, group=2, auto_pad="SAME_UPPER"), 0.5, 0.0, 5)
    pool = {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}
    both = net.op("Concat", *(net.op("MaxPool", value, **pool) for value in (y, z)), axis=1)
    cut = net.op("Slice", net.quant(both, 0.45, 0.0, 5), net.const([1], np.int64), net.const([8], np.int64),
                 net.const([1], np.int64))  # fmt: skip
    mean = net.quant(net.op("AveragePool", cut, kernel_shape=[3, 1]), 0.21, 0.0, 6)
    flat = net.op("Flatten", net.op("Transpose", mean, perm=[0, 2, 3, 1]))
    dense = net.quant(rng.normal(size=(14, 3)), 0.15, 0.0, 4, narrow=1)
    net.quant(net.op("MatMul", flat, dense), 0.7, 0.0, 8)
    return net.save(folder)


def channels_last(folder: Path) -> Path:
    """QONNX's channels-last convolution."""
    rng = np.random.default_rng(5)
    net = Net([1, 4, 4, 2])
    x = net.quant("x", 0.19, 3.0, 4)
    kernel = net.quant(rng.normal(size=(3, 2, 2, 2)), 0.2, 0.0, 4, narrow=1)
    conv = net.op("Conv", x, kernel, domain="qonnx.custom_op.channels_last", kernel_shape=[2, 2])
    net.quant(conv, 0.7, 0.0, 5)
    model = net.model()
    model.opset_import.append(helper.make_opsetid("qonnx.custom_op.channels_last", 13))
    return save(model, folder)


def qonnx_chain(folder: Path) -> Path:
    """Quantisers behind quantisers with scales of their own, per channel, and a bias behind the last integer."""
    rng, net = np.random.default_rng(6), Net([1, 8])
    x = net.quant("x", 0.21, 0.0, 6)
    weight = net.quant(rng.normal(size=(8, 5)), rng.uniform(0.05, 0.3, (1, 5)), 0.0, 4, narrow=1)
    first = net.quant(net.op("MatMul", x, weight), rng.uniform(0.2, 0.9, (1, 5)), 0.0, 5)
    second = net.quant(net.op("Mul", first, rng.uniform(0.5, 2, 5)), 0.9, 0.0, 4)
    last = net.quant(rng.normal(size=(5, 3)), 0.2, 0.0, 4, narrow=1)
    net.op("Add", net.op("MatMul", second, last), [1.8, -0.9, 3.6])
    return net.save(folder)


def dyadic(folder: Path) -> Path:
    """Scales that are powers of two, so that every other accumulator lies half way between two levels."""
    rng, net = np.random.default_rng(7), Net(["N", 6])
    params = [net.const(0.25), net.const(128, np.uint8)]
    x = net.op("DequantizeLinear", net.op("QuantizeLinear", "x", *params), *params)
    weights = _triple(net, net.const(rng.integers(-9, 9, (6, 4)), np.int8), 0.5, 0, np.int8)
    dense = net.op("MatMul", x, net.op("DequantizeLinear", *weights))
    params = [net.const(0.25), net.const(3, np.uint8)]
    return _saved(net, folder, net.op("DequantizeLinear", net.op("QuantizeLinear", dense, *params), *params))


def dyadic_leaky(folder: Path) -> Path:
    """The same with a leaky ReLU of slope 1/2 behind the sums: a staircase of two segments, with ties on both."""
    rng, net = np.random.default_rng(8), Net(["N", 6])
    params = [net.const(0.25), net.const(128, np.uint8)]
    x = net.op("DequantizeLinear", net.op("QuantizeLinear", "x", *params), *params)
    weights = _triple(net, net.const(rng.integers(-9, 9, (6, 4)), np.int8), 0.5, 0, np.int8)
    dense = net.op("MatMul", x, net.op("DequantizeLinear", *weights))
    params = [net.const(2.0), net.const(5, np.int8)]
    leaky = net.op("LeakyRelu", dense, alpha=0.5)
    return _saved(net, folder, net.op("DequantizeLinear", net.op("QuantizeLinear", leaky, *params), *params))


NETS: dict[str, Callable[[Path], Path]] = {
    "channels_last": channels_last,
    "dyadic": dyadic,
    "dyadic_leaky": dyadic_leaky,
    "qdq": qdq,
    "qonnx_chain": qonnx_chain,
    "qonnx_dense": qonnx_dense,
    "qonnx_image": qonnx_image,
    "qoperator": qoperator,
}
