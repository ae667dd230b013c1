"""MatMulInteger and ConvInteger with constant zero points, and model-local functions, as onnx-quantize writes both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from isobit.errors import IsobitError
from isobit.frontend.onnx.file import load_onnx
from isobit.frontend.qonnx.importer import import_onnx
from tests.frontend.test_qdq import check, quantised, through
from tests.onnx_builder import Net, save


def scaled(net: Net, sums: str, scale: object, **attrs: int) -> str:
    """The real values of int32 sums, quantised to 8 bits."""
    real = net.op("DequantizeLinear", sums, net.const(scale), **attrs)
    return through(net, real, 0.75, 3)


@pytest.mark.parametrize(("dtype", "zero"), [(np.uint8, 131), (np.int8, -3)])
@pytest.mark.parametrize("zeros", [None, 2, [1, -5, 0]])
def test_products(tmp_path: Path, dtype: Any, zero: int, zeros: Any) -> None:
    rng, net = np.random.default_rng(1), Net(["N", 4])
    q = quantised(net, "x", 0.25, zero, dtype)
    points = [net.const(zero, dtype), *([] if zeros is None else [net.const(zeros, np.int8)])]
    sums = net.op("MatMulInteger", q, net.const(rng.integers(-99, 99, (4, 3)), np.int8), *points)
    sums = net.op("Add", sums, net.const([7, -1000, 3], np.int32))
    check(net, tmp_path, rng.integers(-90, 90, (40, 4)) / 4, scaled(net, sums, [0.5, 0.25, 0.125], axis=1))


@pytest.mark.parametrize("zeros", [False, True])
def test_convolutions(tmp_path: Path, zeros: bool) -> None:
    rng, net = np.random.default_rng(2), Net(["N", 2, 5, 5])
    points = [net.const(9, np.uint8), net.const(-2, np.int8)] if zeros else []
    weights = net.const(rng.integers(-9, 9, (3, 2, 3, 3)), np.int8)
    sums = net.op("ConvInteger", quantised(net, "x", 0.25, 9), weights, *points, pads=[1, 0, 1, 2], strides=[2, 1])
    real = net.op("Mul", net.op("Cast", sums, to=TensorProto.FLOAT), 0.5)
    check(net, tmp_path, rng.integers(-90, 90, (6, 2, 5, 5)) / 4, through(net, real, 0.75, 3))


def test_sums_that_leave_int32_wrap_and_are_refused(tmp_path: Path) -> None:
    net = Net([1, 66_000])
    q = quantised(net, "x", 1.0, 0)
    sums = net.op("MatMulInteger", q, net.const(np.full((66_000, 1), 255), np.uint8))
    with pytest.raises(IsobitError, match=r"E202.*a cast of"):
        import_onnx(net.save(tmp_path, scaled(net, sums, 1.0)))


def with_functions(net: Net, output: str, *functions: onnx.FunctionProto) -> onnx.ModelProto:
    model = net.model(output, opset=21, ir_version=10)
    model.functions.extend(functions)
    model.opset_import.append(helper.make_opsetid("local", 1))
    return model


def function(name: str, inputs: list[str], output: str, *nodes: onnx.NodeProto) -> onnx.FunctionProto:
    imports = [helper.make_opsetid("", 21), helper.make_opsetid("local", 1)]
    return helper.make_function("local", name, inputs, [output], list(nodes), imports)


def test_functions_are_written_out(tmp_path: Path) -> None:
    """Two levels deep, called twice, names inside as outside."""
    inner = function(
        "Halved", ["t", "s"], "y", helper.make_node("Mul", ["s", "s"], ["step"]),
        helper.make_node("DequantizeLinear", ["t", "step"], ["y"]),
    )  # fmt: skip
    outer = function(
        "Dense", ["x", "w", "s"], "y", helper.make_node("QuantizeLinear", ["x", "s"], ["q"]),
        helper.make_node("MatMulInteger", ["q", "w"], ["t"]),
        helper.make_node("Halved", ["t", "s"], ["y"], domain="local"),
    )  # fmt: skip
    rng, net = np.random.default_rng(3), Net(["N", 4])
    weights = [net.const(rng.integers(-9, 9, (4, 4)), np.int8) for _ in range(2)]
    made = "x"
    for weight in weights:
        made = net.op("Dense", made, weight, net.const(0.25), domain="local")
    output = through(net, made, 0.5, 0)
    model = with_functions(net, output, inner, outer)

    class Made(Net):
        def model(self, *outputs: str, **versions: int) -> onnx.ModelProto:
            return model

    check(Made(["N", 4]), tmp_path, rng.integers(-10, 90, (30, 4)) / 4)


def test_functions_that_grow_without_end_are_refused_at_once(tmp_path: Path) -> None:
    twice = [
        function(f"f{i}", ["x"], "y", helper.make_node(f"f{i + 1}", ["x"], ["t"], domain="local"),
                 helper.make_node(f"f{i + 1}", ["t"], ["y"], domain="local"))
        for i in range(40)
    ]  # fmt: skip
    last = function("f40", ["x"], "y", helper.make_node("Relu", ["x"], ["y"]))
    net = Net(["N", 4])
    path = save(with_functions(net, net.op("f0", "x", domain="local"), *twice, last), tmp_path)
    with pytest.raises(IsobitError, match=r"E106.*more than 65536 nodes"):
        load_onnx(path)


def test_dynamic_quantisation_is_named_as_such(tmp_path: Path) -> None:
    net = Net(["N", 4])
    q = net.op("DynamicQuantizeLinear", "x", outputs=["q", "s", "z"])
    net.op("MatMulInteger", q, net.const(np.ones((4, 2)), np.int8), "z", outputs=["t"])
    y = net.op("Mul", net.op("Cast", "t", to=TensorProto.FLOAT), "s")
    with pytest.raises(IsobitError, match=r"E206.*dynamic quantisation"):
        import_onnx(net.save(tmp_path, y))


def test_integers_rounded_and_clipped_as_floats_and_cast_back(tmp_path: Path) -> None:
    """As quantizeml writes a requantizer: Floor(sum / 2^s * m + 0.5), clipped, to INT8, which the clip makes fit."""
    rng, net = np.random.default_rng(4), Net(["N", 4])
    q = net.op("Cast", quantised(net, "x", 0.25, 3), to=TensorProto.FLOAT)
    w = net.op("Cast", net.const(rng.integers(-60, 60, (4, 3)), np.int8), to=TensorProto.FLOAT)
    real = net.op("Mul", net.op("Div", net.op("MatMul", q, w), 4096.0), [217.0, 99.0, 143.0])
    whole = net.op("Clip", net.op("Floor", net.op("Add", real, 0.5)), -128.0, 127.0)
    back = net.op("Cast", whole, to=TensorProto.INT8)
    check(net, tmp_path, rng.integers(-90, 290, (40, 4)) / 4, net.op("DequantizeLinear", back, 0.5))
