"""Max and Min of two tensors, Tile and Expand, linear Resize that keeps the corners: exact before and after passes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isobit.errors import IsobitError
from isobit.frontend.qonnx.importer import import_onnx
from tests.frontend.qonnx_oracle import assert_exact
from tests.onnx_builder import Net


def pair(net: Net, first: tuple[float, float], second: tuple[float, float]) -> tuple[str, str]:
    """Two tensors of one input, with scales and zero points of their own."""
    left = net.quant("x", *first, 5)
    right = net.quant(net.op("Mul", net.quant("x", 0.5, 0.0, 5), -0.7), *second, 4)
    return left, right


def samples(shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(0).uniform(-9, 9, (40, *shape)).astype(np.float32)


@pytest.mark.parametrize("op", ["Max", "Min"])
@pytest.mark.parametrize(
    ("first", "second"),
    [((0.25, 0.0), (0.25, 0.0)), ((0.25, 3.0), (0.5, 0.0)), ((0.3, 1.0), (0.7, -2.0)), ((1.0, 0.0), (0.1, 0.0))],
)
def test_the_greater_and_the_lesser_of_two(tmp_path: Path, op: str, first: Any, second: Any) -> None:
    net = Net([1, 6])
    made = net.op(op, *pair(net, first, second))
    net.quant(net.op("Add", made, [0.1, 0.2, -0.3, 0.0, 1.0, -1.0]), 0.2, 0.0, 6)
    assert_exact(net, tmp_path, samples((6,)))


@pytest.mark.parametrize("op", ["Max", "Min"])
def test_as_an_output_and_of_three(tmp_path: Path, op: str) -> None:
    net = Net([1, 3, 2, 2])
    left, right = pair(net, (0.25, 1.0), (0.5, 0.0))
    third = net.quant(net.op("Mul", left, 0.4), 0.125, 0.0, 6)
    net.op(op, left, right, third, 0.5)
    graph = assert_exact(net, tmp_path, samples((3, 2, 2)))
    kind = graph.types[graph.outputs[0].inputs[0]]
    assert kind.bounds[1] - kind.bounds[0] < 200  # not the interval of the sum that makes it


def test_of_shapes_that_broadcast(tmp_path: Path) -> None:
    net = Net([1, 3, 4])
    x = net.quant("x", 0.25, 0.0, 5)
    mean = net.quant(net.op("ReduceMax", x, axes=[2], keepdims=1), 0.3, 1.0, 4)
    net.op("Min", x, mean)
    assert_exact(net, tmp_path, samples((3, 4)), opset=13)


def test_a_function_that_nothing_quantises_is_refused(tmp_path: Path) -> None:
    net = Net([1, 6])
    left, right = pair(net, (0.25, 0.0), (0.5, 0.0))
    net.op("Max", net.op("Exp", left), right)
    with pytest.raises(IsobitError) as caught:
        import_onnx(net.save(tmp_path))
    assert caught.value.code == "E201" and caught.value.hint


@pytest.mark.parametrize("repeats", [[1, 2, 1, 3], [1, 1, 2, 2], [1, 3, 1, 1]])
def test_tile(tmp_path: Path, repeats: list[int]) -> None:
    net = Net([1, 2, 3, 2])
    x = net.quant("x", 0.25, 0.0, 5)
    net.op("Tile", x, net.const(repeats, np.int64))
    assert_exact(net, tmp_path, samples((2, 3, 2)))


@pytest.mark.parametrize("shape", [[1, 2, 3, 4], [3, 1], [1, 2, 1, 1]])
def test_expand(tmp_path: Path, shape: list[int]) -> None:
    net = Net([1, 2, 1, 1])
    x = net.quant("x", 0.25, 0.0, 5)
    net.op("Expand", x, net.const(shape, np.int64))
    assert_exact(net, tmp_path, samples((2, 1, 1)))


def test_a_batch_that_grows_is_refused(tmp_path: Path) -> None:
    for op, numbers in (("Tile", [2, 1]), ("Expand", [2, 4])):
        net = Net([1, 4])
        net.op(op, net.quant("x", 0.25, 0.0, 5), net.const(numbers, np.int64))
        with pytest.raises(IsobitError) as caught:
            import_onnx(net.save(tmp_path))
        assert caught.value.code == "E202"


@pytest.mark.parametrize(("size", "out"), [((3, 4), (5, 7)), ((2, 3), (5, 3)), ((4, 2), (10, 2)), ((1, 3), (1, 9))])
def test_linear_resize_that_keeps_the_corners(tmp_path: Path, size: Any, out: Any) -> None:
    net = Net([1, 2, *size])
    x = net.quant("x", 0.25, 0.0, 5)
    y = net.op(
        "Resize", x, "", "", net.const([1, 2, *out], np.int64), mode="linear",
        coordinate_transformation_mode="align_corners",
    )  # fmt: skip
    net.quant(y, 0.3, 0.0, 6)
    assert_exact(net, tmp_path, samples((2, *size)), opset=13)


def test_corners_that_are_not_on_a_common_grid_are_refused(tmp_path: Path) -> None:
    net = Net([1, 2, 3, 3])
    x = net.quant("x", 0.25, 0.0, 5)
    mode = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
    net.op("Resize", x, "", "", net.const([1, 2, 6, 6], np.int64), **mode)
    with pytest.raises(IsobitError) as caught:
        import_onnx(net.save(tmp_path, opset=13))
    assert caught.value.code == "E202" and "align_corners" in caught.value.hint
