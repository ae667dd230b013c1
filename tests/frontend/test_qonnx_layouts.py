"""Operators in front of which the integers do not lie channels last: they are brought there, exactly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.frontend.qonnx_oracle import assert_exact
from tests.onnx_builder import Net

PER_CHANNEL = np.array([0.11, 0.2, 0.07], np.float32).reshape(1, 3, 1, 1)


def concat_of_unlike_scales(net: Net) -> str:
    """Nothing has asked for channels last yet; the two parts have scales of their own."""
    first = net.quant("x", 0.125, 0.0, 5)
    return net.op("Concat", first, net.quant(first, 0.3, 1.0, 3), axis=1)


def sum_with_scales_per_channel(net: Net) -> str:
    """The second operand alone knows which axis its channels are."""
    return net.op("Add", net.quant("x", 0.23, 0.0, 3), net.quant("x", PER_CHANNEL, 0.0, 4))


def largest_of_a_reshaped_vector(net: Net) -> str:
    y = net.quant(net.op("Flatten", "x"), 0.2, 0.0, 5)
    return net.op("ArgMax", net.op("Reshape", y, net.const([1, 4, 3, 3], np.int64)), axis=1)


def largest_of_a_row(net: Net) -> str:
    return net.op("ArgMax", net.quant("x", 0.2, 0.0, 5), axis=-1, keepdims=0)


def border_of_a_shifted_vector(net: Net) -> str:
    """The zero of the border is no zero integer, and the last axis of the integers is a spatial one."""
    y = net.quant(net.op("Flatten", "x"), 0.2, -1.0, 5, signed=0)
    image = net.op("Reshape", y, net.const([1, 4, 3, 3], np.int64))
    w = net.quant(np.linspace(-1, 1, 2 * 4 * 9).reshape(2, 4, 3, 3), 0.125, 0.0, 4)
    return net.op("Conv", net.op("Pad", image, net.const([0, 0, 1, 0, 0, 0, 0, 2], np.int64)), w)


@pytest.mark.parametrize(
    "make",
    [
        concat_of_unlike_scales, sum_with_scales_per_channel, largest_of_a_reshaped_vector, largest_of_a_row,
        border_of_a_shifted_vector,
    ],
)  # fmt: skip
def test_the_network_is_exact(make: Callable[[Net], str], tmp_path: Path) -> None:
    net = Net([1, 3, 3, 4])
    made = make(net)
    assert_exact(net, tmp_path, np.random.default_rng(0).normal(size=(8, 3, 3, 4)), made)
