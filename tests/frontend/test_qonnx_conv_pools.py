"""Pooling in every form that exporters write, against exact rational arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isobit.errors import IsobitError
from isobit.ir.ops import MaxPool
from tests.frontend.qonnx_oracle import assert_exact
from tests.frontend.test_qonnx_conv import images, weights
from tests.onnx_builder import QONNX, Net

RNG = np.random.default_rng(29)


def ints(net: Net, *values: int) -> str:
    return net.const(values, np.int64)


@pytest.mark.parametrize("kernel", [(2, 2), (3, 1), (3, 3)])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (1, 3)])
@pytest.mark.parametrize(
    "extra", [{}, {"pads": [1, 0, 0, 1]}, {"ceil_mode": 1}, {"ceil_mode": 1, "pads": [1, 1, 1, 1]}]
)
def test_max_pool(tmp_path: Path, kernel: Any, strides: Any, extra: dict[str, Any]) -> None:
    net = Net([1, 2, 7, 6])
    if min(kernel) == 1 and "pads" in extra:
        extra = extra | {"pads": [1, 0, 1, 0]}
    y = net.op("MaxPool", net.quant("x", 0.25, 0.0, 5), kernel_shape=kernel, strides=strides, **extra)
    net.quant(y, 0.4, 0.0, 4)
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_max_pool_with_automatic_padding(tmp_path: Path, mode: str) -> None:
    net = Net([1, 2, 7, 6])
    net.op("MaxPool", net.quant("x", 0.25, 0.0, 5), kernel_shape=[2, 3], strides=[2, 2], auto_pad=mode)
    assert_exact(net, tmp_path, images(net))


def test_max_pool_with_dilation_and_in_one_dimension(tmp_path: Path) -> None:
    net = Net([1, 2, 11])
    y = net.op("MaxPool", net.quant("x", 0.25, 0.0, 5), kernel_shape=[3], strides=[2], dilations=[2], pads=[1, 1])
    net.op("MaxPool", y, kernel_shape=[2])
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("scale", [0.25, [[[[0.25]], [[0.4]]]]])
@pytest.mark.parametrize("zero", [0.0, 2.0])
def test_padding_never_wins_the_maximum(tmp_path: Path, scale: Any, zero: float) -> None:
    """All values far below zero: a padding of zero would show."""
    net = Net([1, 2, 4, 4])
    net.op("MaxPool", net.quant("x", scale, zero, 4), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    assert_exact(net, tmp_path, images(net) - 8)


@pytest.mark.parametrize("order", ["after quantiser", "before relu", "after relu", "after batch norm"])
def test_max_pool_between_activation_and_quantiser(tmp_path: Path, order: str) -> None:
    net = Net([1, 2, 6, 6])
    y = net.op("Conv", net.quant("x", 0.25, 0.0, 4), weights(net, 3, 2, 3, 3), RNG.normal(size=3), pads=[1] * 4)
    pool: dict[str, Any] = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1] * 4}
    if order == "after batch norm":
        y = net.op("BatchNormalization", y, [0.7, 1.2, 0.4], RNG.normal(size=3), RNG.normal(size=3), [1.0, 2.0, 0.5])
    if order != "before relu":
        y = net.op("Relu", y)
    if order == "after quantiser":
        y = net.quant(y, 0.3, 0.0, 3, signed=0)
    y = net.op("MaxPool", y, **pool)
    if order == "before relu":
        y = net.op("Relu", y)
    net.quant(y, 0.3, 0.0, 3, signed=0)
    graph = assert_exact(net, tmp_path, images(net))
    assert any(isinstance(n, MaxPool) for n in graph.nodes)


@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 0, 1, 1]])
@pytest.mark.parametrize("factors", [[1.0, -0.5], [-2.0, -0.5], [0.0, -1.0]])
def test_the_maximum_of_falling_values(tmp_path: Path, factors: list[float], pads: list[int]) -> None:
    net = Net([1, 2, 4, 4])
    y = net.op("Mul", net.quant("x", 0.25, 0.0, 4), [[[[f]] for f in factors]])
    net.quant(net.op("MaxPool", y, kernel_shape=[2, 2], pads=pads), 0.3, 0.0, 3)
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("kernel", [(2, 2), (3, 2)])
@pytest.mark.parametrize("extra", [{}, {"pads": [1, 1, 1, 0], "count_include_pad": 1}, {"strides": [2, 3]}])
@pytest.mark.parametrize(("scale", "zero"), [(0.25, 0.0), (0.3, 3.0), ([[[[0.25]], [[0.4]]]], 0.0)])
def test_average_pool(tmp_path: Path, kernel: Any, extra: dict[str, Any], scale: Any, zero: float) -> None:
    net = Net([1, 2, 7, 6])
    net.quant(net.op("AveragePool", net.quant("x", scale, zero, 4), kernel_shape=kernel, **extra), 0.1, 0.0, 6)
    assert_exact(net, tmp_path, images(net))


def test_average_pool_in_one_dimension(tmp_path: Path) -> None:
    net = Net([1, 2, 9])
    net.op("AveragePool", net.quant("x", 0.25, 0.0, 4), kernel_shape=[4], strides=[2])
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("include", [0, 1])
@pytest.mark.parametrize("extra", [{"pads": [1, 1, 1, 1]}, {"pads": [0, 1, 1, 0], "dilations": [1, 2]}, {}])
@pytest.mark.parametrize(("scale", "zero"), [(0.25, 0.0), (0.3, 3.0), ([[[[0.25]], [[0.4]]]], 1.0)])
def test_an_average_whose_divisor_varies(
    tmp_path: Path, include: int, extra: dict[str, Any], scale: Any, zero: float
) -> None:
    """A window at the border has fewer elements, or more of them are padding, or ``ceil_mode`` reaches beyond both."""
    net = Net([1, 2, 6, 7])
    pool = {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1, "count_include_pad": include}
    net.quant(net.op("AveragePool", net.quant("x", scale, zero, 4), **pool, **extra), 0.1, 0.0, 6)
    assert_exact(net, tmp_path, images(net), opset=19)


def test_ceil_mode_that_changes_nothing(tmp_path: Path) -> None:
    net = Net([1, 2, 6, 6])
    net.quant(
        net.op("AveragePool", net.quant("x", 0.25, 0.0, 4), kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1), 0.1
    )
    assert_exact(net, tmp_path, images(net))


GLOBAL = ["GlobalAveragePool", "GlobalMaxPool", "AveragePool", "ReduceMean", "ReduceMean dropped", "ReduceMean input"]


@pytest.mark.parametrize("kind", GLOBAL)
@pytest.mark.parametrize("size", [(4, 3), (1, 1), (5,)])
def test_global_pooling(tmp_path: Path, kind: str, size: Any) -> None:
    net = Net([1, 3, *size])
    y, axes = net.quant("x", 0.25, 1.0, 4), list(range(2, 2 + len(size)))
    if kind == "AveragePool":
        y = net.op(kind, y, kernel_shape=size)
    elif kind == "ReduceMean input":
        y = net.op("ReduceMean", y, ints(net, *axes), keepdims=1)
    elif kind.startswith("ReduceMean"):
        y = net.op("ReduceMean", y, axes=axes, keepdims=int(kind == "ReduceMean"))
    else:
        y = net.op(kind, y)
    y = net.quant(y, 0.1, 0.0, 6)
    y = y if kind == "ReduceMean dropped" else net.op("Flatten", y)
    net.quant(net.op("MatMul", y, weights(net, 3, 2)), 0.2, 0.0, 5)
    assert_exact(net, tmp_path, images(net), opset=18 if kind == "ReduceMean input" else 13)


def test_mean_over_negative_axes_of_channels_last(tmp_path: Path) -> None:
    net = Net([1, 4, 3, 2])
    net.quant(net.op("ReduceMean", net.quant("x", 0.25, 1.0, 4), axes=[-3, -2], keepdims=0), 0.1, 0.0, 6)
    assert_exact(net, tmp_path, images(net))


def test_unpooled_mean_into_a_dense_layer(tmp_path: Path) -> None:
    """No quantiser between: the division travels on as an exact scale."""
    net = Net([1, 3, 4, 5])
    y = net.op("Flatten", net.op("GlobalAveragePool", net.quant("x", 0.25, 1.0, 4)))
    net.quant(net.op("Gemm", y, weights(net, 3, 2), RNG.normal(size=2)), 0.2, 0.0, 5)
    assert_exact(net, tmp_path, images(net))


def test_mean_over_channels_and_rows(tmp_path: Path) -> None:
    """Any axis but the batch may be the one that is kept."""
    net = Net([1, 3, 4, 5])
    y = net.quant(net.op("ReduceMean", net.quant("x", 0.25, 1.0, 4), axes=[1, 2], keepdims=0), 0.1, 0.0, 6)
    net.quant(net.op("MatMul", y, weights(net, 5, 2)), 0.2, 0.0, 5)
    assert_exact(net, tmp_path, images(net))


def test_a_mean_over_the_batch_is_refused(tmp_path: Path) -> None:
    net = Net([1, 3, 4, 4])
    net.quant(net.op("ReduceMean", net.quant("x", 0.25, 1.0, 4), axes=[0, 2, 3]), 0.1, 0.0, 6)
    with pytest.raises(IsobitError) as refusal:
        assert_exact(net, tmp_path, images(net))
    assert refusal.value.code == "E202"


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize(("kernel", "stride", "obits"), [(2, 2, 4), (3, 1, 4), (4, 4, 2), (2, 2, 8)])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_quant_average_pool(tmp_path: Path, signed: int, kernel: int, stride: int, obits: int, layout: str) -> None:
    """It works on tensors that hold integers."""
    net = Net([1, 2, 6, 5] if layout == "NCHW" else [1, 6, 5, 2])
    attrs: dict[str, Any] = {
        "kernel": kernel,
        "stride": stride,
        "ibits": 4,
        "obits": obits,
        "signed": signed,
        "data_layout": layout,
    }
    net.op("QuantAvgPool2d", net.quant("x", 1.0, 0.0, 4, signed=signed), domain=QONNX, **attrs)
    assert_exact(net, tmp_path, images(net) * 4)


@pytest.mark.parametrize("mode", ["FLOOR", "ROUND", "CEIL"])
@pytest.mark.parametrize("pool", ["AveragePool", "GlobalAveragePool"])
def test_truncation_after_pooling(tmp_path: Path, mode: str, pool: str) -> None:
    """Brevitas' truncating average pool: the mean's scale is that of the sum; its low bits are dropped."""
    net = Net([1, 2, 4, 4])
    y = net.quant("x", 0.25, 0.0, 4, signed=0)
    y = net.op(pool, y) if pool.startswith("Global") else net.op(pool, y, kernel_shape=[2, 2], strides=[2, 2])
    bits = 8 if pool.startswith("Global") else 6
    net.op("Trunc", y, 0.25 / 2 ** (bits - 4), 0.0, float(bits), 4.0, domain=QONNX, rounding_mode=mode)
    assert_exact(net, tmp_path, images(net))


def test_pooling_of_a_bipolar_activation(tmp_path: Path) -> None:
    net = Net([1, 2, 4, 4])
    y = net.op("MaxPool", net.bipolar("x", 0.3), kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    net.op("AveragePool", y, kernel_shape=[2, 2])
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize(
    ("attrs", "code"),
    [
        ({"kernel": 2, "stride": 2, "ibits": 4}, "E102"),
        ({"kernel": 2, "stride": 2, "ibits": 4, "obits": 10**9}, "E102"),
        ({"kernel": 9, "stride": 2, "ibits": 4, "obits": 4}, "E106"),
        ({"kernel": 2, "stride": 0, "ibits": 4, "obits": 4}, "E106"),
    ],
)
def test_malformed_quant_average_pools(tmp_path: Path, attrs: dict[str, int], code: str) -> None:
    net = Net([1, 2, 6, 5])
    net.op("QuantAvgPool2d", net.quant("x", 1.0, 0.0, 4), domain=QONNX, **attrs)  # type: ignore[arg-type]
    with pytest.raises(IsobitError) as refusal:
        assert_exact(net, tmp_path, images(net))
    assert refusal.value.code == code


def test_a_quant_average_pool_of_scaled_values_is_refused(tmp_path: Path) -> None:
    net = Net([1, 2, 6, 5])
    net.op("QuantAvgPool2d", net.quant("x", 0.3, 0.0, 4), domain=QONNX, kernel=2, stride=2, ibits=4, obits=4, signed=1)
    with pytest.raises(IsobitError) as refusal:
        assert_exact(net, tmp_path, images(net))
    assert refusal.value.code == "E202"
