"""Reductions, broadcasting, constants per element or on the left, borders, scalars: exact, folded or not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isobit.errors import IsobitError
from isobit.flow import compile_model
from tests.frontend.qonnx_oracle import assert_exact
from tests.onnx_builder import Net

SHAPE = (3, 4, 2)


def samples(*shape: int) -> Any:
    return np.random.default_rng(3).normal(0, 1.5, (12, *(shape or SHAPE))).astype(np.float32)


def ints(net: Net, *values: int) -> str:
    return net.const(list(values), np.int64)


@pytest.mark.parametrize("op", ["ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum"])
@pytest.mark.parametrize("axes", [(1,), (2,), (3,), (2, 3), (1, 3), (-1, -3), (1, 2, 3)])
@pytest.mark.parametrize("keep", [0, 1])
def test_reductions_over_any_axes(tmp_path: Path, op: str, axes: tuple[int, ...], keep: int) -> None:
    net = Net(["N", *SHAPE])
    x = net.quant("x", 0.1, 2.0, 5)
    if op == "ReduceSum":
        y = net.op(op, x, ints(net, *axes), keepdims=keep)
    else:
        y = net.op(op, x, axes=list(axes), keepdims=keep)
    net.quant(y, 0.3, 0.0, 7)
    assert_exact(net, tmp_path, samples())


OTHER: dict[str, tuple[tuple[int, ...], Callable[[Net, str], str]]] = {
    "maximum of rows added": (SHAPE, lambda n, x: n.op("Add", x, n.op("ReduceMax", x, axes=[3]))),
    "mean taken away": (SHAPE, lambda n, x: n.op("Sub", x, n.quant(n.op("GlobalAveragePool", x), 0.05, 0.0, 8))),
    "a map added": (SHAPE, lambda n, x: n.op("Add", x, np.arange(24).reshape(SHAPE) / 8 - 1)),
    "a map on the left": (SHAPE, lambda n, x: n.op("Sub", np.arange(24).reshape(1, *SHAPE) / 8, x)),
    "a map times": (SHAPE, lambda n, x: n.op("Mul", x, np.arange(24).reshape(SHAPE) / 8 - 1)),
    "a map times what has an offset": (SHAPE, lambda n, x: n.op("Mul", np.arange(24).reshape(1, *SHAPE) / 8 - 1,
                                                                n.op("Add", x, 0.3))),
    "a row added": (SHAPE, lambda n, x: n.op("Add", x, [0.25, -0.5])),
    "a quantised map": ((4, 3), lambda n, x: n.op("Add", n.quant(np.arange(12).reshape(4, 3) / 5, 0.3, 0.0, 4), x)),
    "a constant on the left": ((4, 3), lambda n, x: n.op("MatMul", n.quant(np.arange(8).reshape(2, 4) - 3, 0.5, 0.0, 4),
                                                         x)),
    "edge": (SHAPE, lambda n, x: n.op("Pad", x, ints(n, 0, 0, 1, 2, 0, 0, 2, 1), mode="edge")),
    "reflect": (SHAPE, lambda n, x: n.op("Pad", x, ints(n, 0, 0, 2, 1, 0, 0, 1, 1), mode="reflect")),
    "unsqueezed channels": ((4,), lambda n, x: n.op("Squeeze", n.op("Unsqueeze", n.op("MatMul", x, n.quant(
        np.eye(4) - 0.5, [[0.1, 0.2, 0.3, 0.4]], 0.0, 4)), ints(n, 2)), ints(n, 2))),
    "normalised in front": (SHAPE, lambda n, x: x),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER)
def test_joins_and_borders(tmp_path: Path, name: str) -> None:
    shape, make = OTHER[name]
    net = Net(["N", *shape])
    first = "x"
    if name == "normalised in front":
        first = net.op("BatchNormalization", "x", [1.0, 2.0, 0.7], [0.5, 0.0, 0.1], [0.1, 0.2, 0.3], [1.0, 2.0, 3.0])
    net.quant(make(net, net.quant(first, 0.1, 0.0, 5)), 0.2, 0.0, 7)
    assert_exact(net, tmp_path, samples(*shape))


@pytest.mark.parametrize("op", ["Squeeze", "Reshape", "ReduceSum"])
def test_a_number_per_sample(tmp_path: Path, op: str) -> None:
    net = Net(["N", 1])
    x = net.quant("x", 0.1, 0.0, 4)
    net.op(op, x, ints(net, -1 if op == "Reshape" else 1), **({"keepdims": 0} if op == "ReduceSum" else {}))
    (output,) = assert_exact(net, tmp_path, samples(1)).outputs
    assert output.outside_shape == ()


@pytest.mark.parametrize("mode", ["half_pixel", "asymmetric", "pytorch_half_pixel"])
@pytest.mark.parametrize("factors", [(2, 2), (4, 2), (1, 3), (2,)])
def test_linear_interpolation_by_whole_factors(tmp_path: Path, mode: str, factors: tuple[int, ...]) -> None:
    shape = SHAPE[: 1 + len(factors)]
    net = Net(["N", *shape])
    x = net.quant("x", np.reshape([0.1, 0.2, 0.3], (1, 3, *(1,) * len(factors))), 0.0, 4)
    y = net.op("Resize", x, "", [1, 1, *factors], mode="linear", coordinate_transformation_mode=mode)
    net.quant(y, 0.025, 0.0, 8)
    assert_exact(net, tmp_path, samples(*shape)[:4])


SOLID: dict[str, Callable[[Net, str], str]] = {
    "MaxPool": lambda n, x: n.op("MaxPool", x, kernel_shape=[2, 2, 2]),
    "AveragePool": lambda n, x: n.op("AveragePool", x, kernel_shape=[2, 2, 2]),
    "Pad": lambda n, x: n.op("Pad", x, ints(n, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1)),
    "Conv": lambda n, x: n.op("Conv", x, n.quant(np.ones((1, 1, 2, 2, 2)), 0.1)),
}


@pytest.mark.parametrize("name", SOLID)
def test_three_spatial_axes_are_exact_and_built_but_for_convolutions(tmp_path: Path, name: str) -> None:
    net = Net(["N", 1, 3, 3, 3])
    net.quant(SOLID[name](net, net.quant("x", 0.1, 0.0, 4)), 0.1, 0.0, 8)
    graph = assert_exact(net, tmp_path, samples(1, 3, 3, 3)[:4])
    if name != "Conv":  # one axis after the other
        compile_model(net.save(tmp_path), tmp_path / "build")
        assert name != "Pad" or [node.op for node in graph.nodes].count("pad") == 3
        return
    with pytest.raises(IsobitError, match="three spatial axes") as caught:
        compile_model(net.save(tmp_path), tmp_path / "build")
    assert caught.value.code == "E504" and not (tmp_path / "build").exists()
