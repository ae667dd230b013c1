"""Residual joins, concatenation, forks, layouts and the integer operators of NEMO, around convolutions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isobit.errors import IsobitError
from isobit.ir.ops import Add, Reindex
from tests.frontend.qonnx_oracle import assert_exact
from tests.frontend.test_qonnx_conv import images, weights
from tests.frontend.test_qonnx_conv_moves import start
from tests.frontend.test_qonnx_conv_pools import ints
from tests.onnx_builder import Net

RNG = np.random.default_rng(37)


@pytest.mark.parametrize("kind", ["Add", "Sub"])
@pytest.mark.parametrize("channel_scales", [False, True])
def test_residual_join_with_unrelated_scales(tmp_path: Path, kind: str, channel_scales: bool) -> None:
    net, x = start(3, 4, 4)
    second: Any = RNG.uniform(0.1, 0.5, (1, 3, 1, 1)) if channel_scales else 0.17
    branch = net.quant(net.op("Conv", x, weights(net, 3, 3, 3, 3), pads=[1] * 4), second, 1.0, 4)
    y = net.quant(net.op("Relu", net.op(kind, branch, x)), 0.2, 0.0, 4, signed=0)
    net.quant(net.op("Conv", y, weights(net, 2, 3, 2, 2)), 0.3, 0.0, 5)
    graph = assert_exact(net, tmp_path, images(net))
    assert any(isinstance(n, Add) and len(n.inputs) == 2 for n in graph.nodes)


def test_join_of_two_unquantised_convolutions(tmp_path: Path) -> None:
    net, x = start(2, 4, 4)
    a = net.op("Conv", x, weights(net, 3, 2, 3, 3, scale=RNG.uniform(0.1, 0.6, (3, 1, 1, 1))), pads=[1] * 4)
    b = net.op("Conv", x, weights(net, 3, 2, 1, 1, scale=0.17), RNG.normal(size=3))
    net.quant(net.op("Add", a, b), 0.3, 0.0, 5)
    assert_exact(net, tmp_path, images(net))


def test_long_skips_and_forks(tmp_path: Path) -> None:
    net, x = start(2, 4, 4)
    a = net.quant(net.op("Conv", x, weights(net, 2, 2, 3, 3), pads=[1] * 4), 0.3, 0.0, 4)
    b = net.quant(net.op("Conv", a, weights(net, 2, 2, 1, 1)), 0.21, 0.0, 4)
    c = net.quant(net.op("Add", b, x), 0.17, 0.0, 4)
    d = net.quant(net.op("Add", net.op("Add", c, a), x), 0.4, 0.0, 4)
    joined = net.op("Concat", d, a, x, axis=1)
    last = net.quant(net.op("Conv", joined, weights(net, 2, 6, 2, 2)), 0.5, 0.0, 5)
    assert_exact(net, tmp_path, images(net), last, c)


@pytest.mark.parametrize("zero", [0.0, 1.0])
def test_concat_of_channels_with_scales_of_their_own(tmp_path: Path, zero: float) -> None:
    net, x = start(2, 4, 4)
    other = net.quant(net.op("Conv", x, weights(net, 3, 2, 1, 1)), 0.3, zero, 4)
    y = net.op("Concat", x, other, axis=1)
    net.quant(net.op("Conv", y, weights(net, 2, 5, 3, 3), pads=[int(zero == 0)] * 4), 0.5, 0.0, 5)
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("axis", [2, 3])
def test_concat_along_the_image(tmp_path: Path, axis: int) -> None:
    net, x = start(2, 4, 4)
    net.quant(net.op("Conv", net.op("Concat", x, x, axis=axis), weights(net, 2, 2, 3, 3)), 0.5, 0.0, 5)
    assert_exact(net, tmp_path, images(net))


def test_unrelated_scales_cannot_be_stacked(tmp_path: Path) -> None:
    net, x = start(2, 4, 4)
    other = net.quant(net.op("Conv", x, weights(net, 2, 2, 1, 1)), 0.3, 0.0, 4)
    net.op("Concat", x, other, axis=2)
    with pytest.raises(IsobitError) as refusal:
        assert_exact(net, tmp_path, images(net))
    assert refusal.value.code == "E208"


def test_join_across_layouts(tmp_path: Path) -> None:
    """A shortcut in NHWC, a body in NCHW."""
    net = Net([1, 4, 5, 2])
    x = net.quant("x", 0.25, 0.0, 4)
    y = net.op("Conv", net.op("Transpose", x, perm=[0, 3, 1, 2]), weights(net, 2, 2, 3, 3), pads=[1] * 4)
    y = net.op("Transpose", net.quant(y, 0.3, 0.0, 4), perm=[0, 2, 3, 1])
    y = net.quant(net.op("Add", y, x), 0.4, 0.0, 4)
    net.quant(net.op("ReduceMean", y, axes=[1, 2], keepdims=0), 0.1, 0.0, 6)
    graph = assert_exact(net, tmp_path, images(net))
    kinds = [n.op for n in graph.nodes if isinstance(n, Reindex)]
    assert len(kinds) <= 2  # the raw input turned once, the pooled pixel flattened


@pytest.mark.parametrize("kind", ["Quant", "Mul", "Add", "BatchNormalization", "PRelu", "BipolarQuant"])
def test_channel_constants_without_a_spatial_operator(tmp_path: Path, kind: str) -> None:
    """Nothing says that this is an image; the constants' shape does."""
    net, x = start(3, 2, 4)
    values = np.array([0.3, 0.2, 0.5]).reshape(1, 3, 1, 1)
    x = net.op("Sub", x, 0.1)
    if kind == "BatchNormalization":
        net.op(kind, x, *RNG.uniform(0.5, 1.5, (4, 3)))
    elif kind == "Quant":
        net.quant(x, values, 0.0, 3)
    elif kind == "BipolarQuant":
        net.bipolar(x, values)
    else:
        net.op(kind, x, values[0] if kind == "PRelu" else values)
    net.quant(net.nodes[-1].output[0], 0.4, 0.0, 3)
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("kind", ["Floor", "Ceil", "Round"])
def test_rounding_operators(tmp_path: Path, kind: str) -> None:
    net, x = start(2, 3, 3)
    y = net.op("Conv", x, weights(net, 3, 2, 2, 2), RNG.normal(size=3))
    y = net.op("Clip", net.op(kind, net.op("Div", y, 0.37)), 0.0, 7.0)
    net.quant(net.op("Conv", y, weights(net, 2, 3, 2, 2), pads=[1] * 4), 0.5, 0.0, 6)
    assert_exact(net, tmp_path, images(net))


@pytest.mark.parametrize("divisor", [64, 37, -9])
def test_integer_division_rounds_towards_zero(tmp_path: Path, divisor: int) -> None:
    """The requantizer of NEMO's integer files: cast, multiply and divide as int64, clip."""
    net, x = start(2, 3, 3, scale=1.0)
    y = net.op("Conv", x, net.const(RNG.integers(-9, 10, (3, 2, 2, 2))), pads=[1] * 4)
    y = net.op("Mul", net.op("Cast", y, to=7), ints(net, 23))
    y = net.op("Cast", net.op("Div", y, ints(net, divisor)), to=1)
    net.op("Conv", net.op("Clip", y, -20.0, 25.0), net.const(RNG.integers(-9, 10, (2, 3, 2, 2))), pads=[1] * 4)
    assert_exact(net, tmp_path, images(net, 20) * 5)


@pytest.mark.parametrize("kind", [6, 7, 3])
def test_a_cast_rounds_towards_zero(tmp_path: Path, kind: int) -> None:
    net, x = start(2, 3, 3)
    net.op("Cast", net.op("Cast", net.op("Mul", x, 1.7), to=kind), to=1)
    assert_exact(net, tmp_path, images(net))


def test_a_cast_that_could_wrap_around_is_refused(tmp_path: Path) -> None:
    net, x = start(2, 3, 3)
    net.op("Cast", net.op("Cast", net.op("Mul", x, 100.0), to=3), to=1)
    with pytest.raises(IsobitError) as refusal:
        assert_exact(net, tmp_path, images(net) / 9)
    assert refusal.value.code == "E202"


def test_a_clip_beyond_the_reachable_values(tmp_path: Path) -> None:
    net, x = start(2, 3, 3)
    net.op("Floor", net.op("Clip", x, 100.0, 200.0))
    assert_exact(net, tmp_path, images(net))
