"""Convolutions, matrix products and pools make the integers of LiteRT's reference kernels."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.check.source_tflite_helpers import BOTH, SAME, VALID, Draw, agree, places, steps

WINDOWS = pytest.mark.parametrize(
    ("kernel", "stride", "dilation"),
    [((3, 3), (1, 1), (1, 1)), ((3, 2), (2, 3), (1, 1)), ((1, 1), (2, 1), (1, 1)), ((2, 3), (1, 1), (2, 1))],
)


@BOTH
@WINDOWS
@pytest.mark.parametrize("padding", [SAME, VALID])
def test_convolutions(
    dtype: str,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: int,
    tmp_path: Path,
) -> None:
    net = Draw(dtype, sum(kernel) + padding)
    options = steps(stride, dilation, padding)
    size = [places(n, k, s, d, padding) for n, k, s, d in zip((7, 9), kernel, stride, dilation, strict=True)]
    x, wide = net.image(7, 9, 3), net.image(7, 9, 6)
    for activation in range(4):
        fused = options | {"fused_activation_function": activation}
        net.make("CONV_2D", [x, *net.filters((5, *kernel, 3), 0, x)], (*size, 5), 4.0, **fused)
        by = net.filters((1, *kernel, 6), 3, x, per_channel=bool(activation % 2))
        net.make("DEPTHWISE_CONV_2D", [x, *by], (*size, 6), 1.0, depth_multiplier=2, **fused)
    if dtype == "int8":
        net.make("CONV_2D", [wide, *net.filters((4, *kernel, 3), 0, wide)], (*size, 4), 3.0, **options)
    agree(net, tmp_path)


@BOTH
def test_fully_connected(dtype: str, tmp_path: Path) -> None:
    net = Draw(dtype)
    x, image = net.image(20), net.image(3, 4, 5)
    for activation, per_channel in enumerate([False, True, False, True]):
        by = net.filters((6, 20), 0, x, per_channel and dtype == "int8")
        net.make("FULLY_CONNECTED", [x, *by], (6,), 2.0, fused_activation_function=activation)
    weights, _ = net.filters((7, 20), 0, image, per_channel=False)
    net.op("FULLY_CONNECTED", [image, weights, -1], (3, 7), 2.0, net.zero())
    weights, bias = net.filters((7, 5), 0, image, per_channel=False)
    net.make("FULLY_CONNECTED", [image, weights, bias], (3, 4, 7), 1.0, keep_num_dims=True)
    weights = net.const(net.integers_of((7, 20)), net.scale(), 9)  # a zero point, which only this kernel takes in int8
    net.make("FULLY_CONNECTED", [x, weights, -1], (7,), 2.0)
    agree(net, tmp_path)


def test_a_matrix_product_rounds_halves_away_from_zero(tmp_path: Path) -> None:
    net = Draw("int8")
    x = net.input((1, 1), 0.5)
    net.op("FULLY_CONNECTED", [x, net.const([[1], [-1]], 0.25), -1], (1, 2), 0.25, 3)
    agree(net, tmp_path, inputs={x: np.arange(-128, 128, dtype=np.int8)[:, None]})


@pytest.mark.parametrize("op", ["FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D"])
@pytest.mark.parametrize(("dtype", "per_channel"), [("int8", False), ("int8", True), ("uint8", False)])
def test_multipliers_to_the_last_bit(op: str, dtype: str, per_channel: bool, tmp_path: Path) -> None:
    """Sums of 31 bits beside a rounding edge tell a float32 product from a double one, and one rounding from two."""
    net, channels = Draw(dtype), 200
    for _ in range(6):
        zero = net.zero()
        x = net.input((1, 1, 1, 1), net.scale(), zero)
        scales = [net.scale(2e-7, 4e-7) for _ in range(channels if per_channel else 1)]
        out, entering = net.scale(0.5, 1), Fraction(net.tensors[x].scale[0])
        reals = np.array([entering * Fraction(s) / Fraction(out) for s in scales] * (1 if per_channel else channels))
        levels = net.rng.integers(-70, 70, channels)
        edges = np.array([int((k + Fraction(1, 2)) / r) for k, r in zip(levels.tolist(), reals, strict=True)])
        bias = np.clip(edges + net.rng.integers(-12, 13, channels), -(2**31) + 1, 2**31 - 1)
        shape = {"FULLY_CONNECTED": (channels, 1), "CONV_2D": (channels, 1, 1, 1)}.get(op, (1, 1, 1, channels))
        fixed = 0 if dtype == "int8" else 128
        weights = net.const(np.full(shape, fixed), scales, fixed, axis=shape.index(channels))
        by = [x, weights, net.integers(bias, [float(entering) * s for s in scales])]
        options = {} if op == "FULLY_CONNECTED" else steps((1, 1), (1, 1), VALID)
        options |= {"depth_multiplier": channels} if op == "DEPTHWISE_CONV_2D" else {}
        net.op(op, by, (1, channels) if op == "FULLY_CONNECTED" else (1, 1, 1, channels), out, fixed, **options)
    agree(net, tmp_path, 1)


@BOTH
@pytest.mark.parametrize("padding", [SAME, VALID])
@pytest.mark.parametrize(("kernel", "stride"), [((3, 3), (2, 2)), ((2, 3), (1, 2)), ((1, 2), (3, 2))])
def test_transposed_convolution(
    dtype: str, padding: int, kernel: tuple[int, int], stride: tuple[int, int], tmp_path: Path
) -> None:
    net = Draw(dtype, kernel[0])
    x = net.image(4, 3, 3)
    for odd in range(2):  # the least and the greatest image that the input can have come from
        size = [_grown(n, k, s, padding, odd) for n, k, s in zip((4, 3), kernel, stride, strict=True)]
        weights, bias = net.filters((5, *kernel, 3), 0, x)
        shape = net.integers([1, *size, 5])
        options = {"stride_h": stride[0], "stride_w": stride[1], "padding": padding}
        net.make("TRANSPOSE_CONV", [shape, weights, x], (*size, 5), 3.0, **options)
        net.make("TRANSPOSE_CONV", [shape, weights, x, bias], (*size, 5), 3.0, **options, fused_activation_function=odd)
    agree(net, tmp_path)


def _grown(size: int, kernel: int, stride: int, padding: int, most: int) -> int:
    least = (size - 1) * stride + (1 if padding == SAME else kernel)
    return least + most * (stride - 1)


@BOTH
@pytest.mark.parametrize("padding", [SAME, VALID])
@pytest.mark.parametrize(("window", "stride"), [((2, 2), (2, 2)), ((3, 4), (1, 2)), ((5, 1), (3, 3)), ((6, 7), (1, 1))])
def test_pools(dtype: str, padding: int, window: tuple[int, int], stride: tuple[int, int], tmp_path: Path) -> None:
    net = Draw(dtype, window[0])
    x = net.image(6, 7, 3)
    options = {"filter_height": window[0], "filter_width": window[1], "stride_h": stride[0], "stride_w": stride[1]}
    size = [places(n, k, s, 1, padding) for n, k, s in zip((6, 7), window, stride, strict=True)]
    for activation in range(4):
        for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
            net.move(op, [x], [(1, *size, 3)], padding=padding, fused_activation_function=activation, **options)
    agree(net, tmp_path)


def test_int4_weights(tmp_path: Path) -> None:
    net = Draw("int8")
    x = net.image(5, 5, 3)
    weights = net.const(net.rng.integers(-8, 8, (3, 3, 3, 3)), [0.1, 0.2, 0.3], dtype="int4")
    bias = net.integers([100, -200, 300], [net.tensors[x].scale[0] * s for s in (0.1, 0.2, 0.3)])
    net.make("CONV_2D", [x, weights, bias], (3, 3, 3), **steps((1, 1), (1, 1), VALID))
    agree(net, tmp_path)
