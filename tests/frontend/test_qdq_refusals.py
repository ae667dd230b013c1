"""QDQ files without an exact integer meaning are refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from isobit.errors import IsobitError
from isobit.frontend.qonnx.importer import import_onnx
from tests.frontend.test_qdq import WIDE, dequantised, quantised, through
from tests.onnx_builder import Net


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Neg"])
def test_integers_that_would_wrap_around_are_refused(tmp_path: Path, op: str) -> None:
    net = Net(["N", 2])
    q = quantised(net, "x", 1.0, 0, np.int8)
    net.op(op, *([q] if op == "Neg" else [q, net.const([100, 3], np.int8)]))
    with pytest.raises(IsobitError) as caught:
        import_onnx(net.save(tmp_path, opset=14))
    assert (caught.value.code, "wraps around" in caught.value.message) == ("E202", True)


Make = Callable[[Net], object]


def after_input(net: Net) -> str:
    return through(net, "x", 0.25, 3)


def softmax_inside(net: Net) -> str:
    y = through(net, net.op("Softmax", after_input(net), axis=1), 0.1, 0)
    return net.op("MatMul", y, np.eye(4))


def float8(net: Net) -> str:
    zero = helper.make_tensor("eight", TensorProto.FLOAT8E4M3FN, [], [0.0])
    net.constants.append(zero)
    return net.op("QuantizeLinear", "x", 0.5, "eight")


def quantised_twice(net: Net) -> str:
    weight = through(net, through(net, np.eye(4), 0.5, 0), 0.25, 0)
    return net.op("MatMul", after_input(net), weight)


def quantised_scale(net: Net) -> str:
    return net.op("DequantizeLinear", quantised(net, "x", 1.0, 0), through(net, [0.5], 0.5, 0))


REFUSED: dict[str, tuple[str, str, Make]] = {
    "blocks": ("E202", "block", lambda n: quantised(n, "x", np.ones((1, 2)), np.zeros((1, 2)), axis=1, block_size=2)),
    "eight bits of float": ("E202", "float8_e4m3fn", float8),
    "a scale of zero": ("E204", "scale of 0.0", lambda n: quantised(n, "x", 0.0, 0)),
    "a negative scale": ("E204", "scale of -1.0", lambda n: quantised(n, "x", [1.0, -1.0, 1.0, 1.0], [0] * 4)),
    "an infinite scale": ("E204", "inf", lambda n: quantised(n, "x", np.inf, 0)),
    "a scale of zero behind the integers": (
        "E204", "scale of 0.0", lambda n: dequantised(n, quantised(n, "x", 1.0, 0), 0.0, 0)
    ),
    "too few scales": ("E106", "scale shape [3]", lambda n: quantised(n, "x", np.ones(3), np.zeros(3))),
    "no such axis": ("E106", "axis 2", lambda n: quantised(n, "x", np.ones(4), np.zeros(4), axis=2)),
    "unequal shapes": ("E106", "zero point of shape []", lambda n: quantised(n, "x", np.ones(4), 0)),
    "a constant quantised twice": ("E202", "twice", quantised_twice),
    "a Softmax inside": ("E202", "Softmax", softmax_inside),
    "a Softmax per axis": (
        "E202", "per tensor", lambda n: quantised(n, n.op("Softmax", after_input(n), axis=1), np.ones(4), np.zeros(4))
    ),
    "a quantised scale": ("E206", "scale of DequantizeLinear", quantised_scale),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(tmp_path: Path, name: str) -> None:
    code, words, make = REFUSED[name]
    net = Net([1, 4])
    make(net)
    with pytest.raises(IsobitError) as caught:
        import_onnx(net.save(tmp_path, **WIDE))
    assert caught.value.code == code
    assert words in caught.value.message


def test_an_input_of_32_bits_needs_a_type(tmp_path: Path) -> None:
    net = Net([1, 4], elem=TensorProto.INT32)
    net.op("DequantizeLinear", "x", 0.5)
    with pytest.raises(IsobitError) as caught:
        import_onnx(net.save(tmp_path))
    assert caught.value.code == "E209"


def test_a_softmax_that_is_an_output_and_quantised_for_another(tmp_path: Path) -> None:
    net = Net([1, 4])
    softmax = net.op("Softmax", after_input(net), axis=1)
    other = net.op("Relu", through(net, softmax, 0.1, 0))
    with pytest.raises(IsobitError) as caught:
        import_onnx(net.save(tmp_path, softmax, other))
    assert (caught.value.code, "Softmax" in caught.value.message) == ("E202", True)


def test_a_softmax_that_is_an_output_and_quantised_by_quant(tmp_path: Path) -> None:
    net = Net([1, 4])
    softmax = net.op("Softmax", after_input(net), axis=1)
    with pytest.raises(IsobitError) as caught:
        import_onnx(net.save(tmp_path, softmax, net.quant(softmax, 0.1, 0.0, 4)))
    assert (caught.value.code, "Softmax" in caught.value.message) == ("E202", True)
