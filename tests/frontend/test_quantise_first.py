"""What PyTorch's and ONNX Runtime's quantisers write around operators that only move elements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isobit.errors import IsobitError
from isobit.frontend.coverage import check_model
from tests.frontend.qonnx_oracle import assert_exact
from tests.frontend.test_qdq import check, dequantised, quantised, through
from tests.onnx_builder import Net

RNG = np.random.default_rng(53)


def clipped_weights(net: Net, *shape: int) -> str:
    """Float weights with one scale a channel, and the Clip that keeps -128 out, as torch.onnx writes them."""
    scale = RNG.integers(1, 9, shape[0]) / 64
    integers = net.op(
        "QuantizeLinear", RNG.normal(size=shape), net.const(scale), net.const([0] * shape[0], np.int8), axis=0
    )
    clipped = net.op("Clip", integers, net.const(-127, np.int8), net.const(127, np.int8))
    return net.op("DequantizeLinear", clipped, net.const(scale), net.const([0] * shape[0], np.int8), axis=0)


def samples(*shape: int) -> Any:
    return RNG.integers(-300, 300, shape).astype(np.float32) / 8


def test_weights_clipped_between_their_quantisers(tmp_path: Path) -> None:
    net = Net(["N", 2, 5, 5])
    y = net.op("Conv", through(net, "x", 0.25, 100), clipped_weights(net, 3, 2, 3, 3))
    through(net, y, 0.5, 3)
    check(net, tmp_path, samples(3, 2, 5, 5))


def test_a_constant_of_scaled_integers_is_no_activation(tmp_path: Path) -> None:
    net = Net(["N", 4])
    w = dequantised(net, net.const(RNG.integers(-9, 9, (3, 4)), np.int8), 0.5, 0, np.int8)
    net.op("Gemm", through(net, "x", 0.25, 100), net.op("Clip", w, -2.0, 2.0), transB=1)
    with pytest.raises(IsobitError) as refusal:
        check(net, tmp_path, samples(3, 4))
    assert refusal.value.code == "E201"


@pytest.mark.parametrize("op", ["Concat", "MaxPool", "Resize", "Reshape", "Gather", "Split"])
def test_a_quantiser_behind_moved_functions_of_sums(tmp_path: Path, op: str) -> None:
    """Neither a Relu of sums with a bias of its own nor their scales can go through these; their integers can."""
    net = Net(["N", 2, 4, 4])
    x = through(net, "x", 0.25, 100)
    bias = RNG.normal(size=4)
    y = net.op("Relu", net.op("Conv", x, clipped_weights(net, 4, 2, 1, 1), bias))
    if op == "Concat":
        y = net.op("Concat", y, net.op("Sigmoid", net.op("Conv", x, clipped_weights(net, 4, 2, 1, 1))), axis=2)
    elif op == "MaxPool":
        y = net.op("MaxPool", net.op("Concat", y, y, axis=3), kernel_shape=[3, 3], pads=[1] * 4)
    elif op == "Resize":
        y = net.op("Resize", net.op("Concat", y, y, axis=2), "", net.const([1.0, 1, 2, 2]))
    elif op == "Reshape":
        y = net.op("Reshape", y, net.const([-1, 2, 2, 16], np.int64))
    elif op == "Gather":
        y = net.op("Gather", net.op("Concat", y, y, axis=2), net.const([0, 2, 5], np.int64), axis=2)
    else:
        net.op("Split", net.op("Transpose", y, perm=[0, 2, 3, 1]), outputs=["left", "right"], axis=3)
        y = net.op("Concat", "right", "left", axis=1)
    through(net, y, 0.5, 3)
    check(net, tmp_path, samples(3, 2, 4, 4))
    assert check_model(tmp_path / "model.onnx").reads


@pytest.mark.parametrize("scales", [(0.25, 0.25), (0.25, 0.5)])
def test_parts_of_the_raw_input_have_quantisers_of_their_own(tmp_path: Path, scales: tuple[float, float]) -> None:
    """Time steps of a recurrent network, unrolled: each is gathered as floats and then quantised."""
    net = Net(["N", 3, 4])
    steps = [
        net.op(
            "MatMul",
            through(net, net.op("Gather", "x", net.const(t, np.int64), axis=1), scale, 100),
            clipped_weights(net, 4, 4),
        )
        for t, scale in zip((0, 2), scales, strict=True)
    ]
    through(net, net.op("Add", *steps), 0.5, 3)
    check(net, tmp_path, samples(5, 3, 4))
    assert check_model(tmp_path / "model.onnx").reads


def test_what_the_first_quantiser_cannot_cross_is_refused(tmp_path: Path) -> None:
    net = Net(["N", 3, 4])
    through(net, net.op("ReduceMean", "x", axes=[1]), 0.25, 100)
    with pytest.raises(IsobitError) as refusal:
        check(net, tmp_path, samples(5, 3, 4))
    assert refusal.value.code == "E209"


@pytest.mark.parametrize("batch", [1, "N"])
def test_rows_on_the_batch_axis(tmp_path: Path, batch: int | str) -> None:
    """A dense layer on a sequence between two Reshapes, as ONNX Runtime's preprocessing writes MatMul and Add."""
    net = Net([batch, 3, 4])
    rows = net.op("Reshape", through(net, "x", 0.25, 100), net.const([-1, 4], np.int64))
    bias = dequantised(net, net.const([5, -7, 30, 2, 0], np.int32), 1 / 64, 0, np.int32)
    y = net.op("Relu", net.op("Gemm", rows, clipped_weights(net, 5, 4), bias, transB=1))
    y = net.op("Transpose", through(net, y, 0.5, 3), perm=[1, 0])
    y = net.op("Transpose", y, perm=[1, 0])
    through(net, net.op("Reshape", y, net.const([-1, 3, 5], np.int64)), 1.0, 7)
    check_rows(net, tmp_path, samples(4, 3, 4), batch)


def check_rows(net: Net, folder: Path, x: Any, batch: int | str) -> None:
    if batch == "N":
        check(net, folder, x[:1])
    else:
        assert_exact(net, folder, x)


def test_a_gemm_over_channels_that_lie_elsewhere(tmp_path: Path) -> None:
    net = Net(["N", 2, 4, 4])
    y = through(net, net.op("Conv", through(net, "x", 0.25, 100), clipped_weights(net, 3, 2, 1, 1)), 0.5, 3)
    through(net, net.op("MatMul", y, net.op("Transpose", clipped_weights(net, 5, 4), perm=[1, 0])), 1.0, 7)
    check(net, tmp_path, samples(3, 2, 4, 4))


@pytest.mark.parametrize("axis", [1, 2])
def test_the_greatest_behind_a_softmax(tmp_path: Path, axis: int) -> None:
    """The order along a Softmax's own axis is its input's; along another it is not."""
    net = Net(["N", 4, 3])
    net.op("ArgMax", net.op("Softmax", through(net, "x", 0.25, 100), axis=1), axis=axis)
    if axis == 1:
        check(net, tmp_path, samples(6, 4, 3))
        return
    with pytest.raises(IsobitError) as refusal:
        check(net, tmp_path, samples(6, 4, 3))
    assert refusal.value.code == "E202"


@pytest.mark.parametrize("mode", ["half_pixel", "asymmetric"])
@pytest.mark.parametrize(("dtype", "zero"), [(np.uint8, 7), (np.int8, -3)])
def test_a_linear_resize_of_integers_cuts_off(tmp_path: Path, mode: str, dtype: Any, zero: int) -> None:
    net = Net(["N", 2, 3, 4])
    q = net.op("MaxPool", quantised(net, "x", 0.25, zero, dtype), kernel_shape=[1, 1])
    y = net.op("Resize", q, "", net.const([1.0, 1, 2, 2]), mode="linear", coordinate_transformation_mode=mode)
    dequantised(net, y, 0.25, zero, dtype)
    check(net, tmp_path, samples(4, 2, 3, 4))


def test_a_linear_resize_of_integers_by_three_is_refused(tmp_path: Path) -> None:
    net = Net(["N", 2, 3, 4])
    q = quantised(net, "x", 0.25, 7)
    dequantised(net, net.op("Resize", q, "", net.const([1.0, 1, 3, 3]), mode="linear"), 0.25, 7)
    with pytest.raises(IsobitError) as refusal:
        check(net, tmp_path, samples(4, 2, 3, 4))
    assert refusal.value.code == "E202" and "DequantizeLinear" in refusal.value.hint
