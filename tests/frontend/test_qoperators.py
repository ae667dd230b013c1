"""Operators on quantised tensors: the integers of exact arithmetic, and of ONNX Runtime's own kernels.

Scales are powers of two where the kernels are compared: these round in float32, and with such scales exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from isobit.errors import IsobitError
from isobit.frontend.qonnx.importer import import_onnx
from isobit.interp import dequantise, quantise, run
from tests.frontend.qonnx_oracle import assert_exact
from tests.frontend.test_qdq import check, dequantised, quantised, runtime
from tests.onnx_builder import Net

MS = "com.microsoft"
POINTS = [(np.uint8, 7), (np.int8, -3)]


class QNet(Net):
    """A network that may hold ONNX Runtime's contrib operators."""

    def model(self, *outputs: str, **versions: int) -> onnx.ModelProto:
        made = super().model(*outputs, **versions)
        made.opset_import.append(helper.make_opsetid(MS, 1))
        return made

    def triple(self, data: str, scale: float, zero: int, dtype: Any) -> list[str]:
        """A tensor with its parameters."""
        return [data, self.const(scale), self.const(zero, dtype)]

    def target(self, scale: float, zero: int, dtype: Any) -> list[str]:
        """The parameters of an output."""
        return self.triple("", scale, zero, dtype)[1:]


def entering(net: QNet, dtype: Any, zero: int) -> list[str]:
    return net.triple(quantised(net, "x", 0.25, zero, dtype), 0.25, zero, dtype)


def leaving(net: QNet, name: str, scale: float, zero: int, dtype: Any) -> str:
    return dequantised(net, name, scale, zero, dtype)


def images(rng: np.random.Generator, *shape: int) -> Any:
    """Values on and between the input's levels."""
    return (rng.integers(-300, 300, shape) / 8).astype(np.float32)


@pytest.mark.parametrize(("dtype", "zero"), POINTS)
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("scales", [[0.5], [0.5, 0.125, 2.0]])
def test_convolutions(tmp_path: Path, dtype: Any, zero: int, bias: bool, scales: list[float]) -> None:
    rng, net = np.random.default_rng(1), QNet(["N", 2, 5, 5])
    each = scales[0] if len(scales) == 1 else scales
    weights = net.triple(net.const(rng.integers(-9, 9, (3, 2, 3, 3)), np.int8), each, np.zeros_like(each), np.int8)  # type: ignore[arg-type]
    extra = [net.const([100, -2000, 7], np.int32)] if bias else []
    inputs = [*entering(net, dtype, zero), *weights, *net.target(4.0, zero, dtype), *extra]
    q = net.op("QLinearConv", *inputs, strides=[2, 1], pads=[1, 0, 1, 2])
    check(net, tmp_path, images(rng, 6, 2, 5, 5), leaving(net, q, 4.0, zero, dtype))


def test_a_bias_beyond_float32_and_unrelated_scales_stay_exact(tmp_path: Path) -> None:
    net = QNet(["N", 1, 2, 2])
    weights = net.triple(net.const([[[[3]]], [[[-5]]]], np.int8), 0.0371, 0, np.int8)
    bias = net.const([(1 << 26) + 1, -(1 << 26) - 3], np.int32)
    target = net.target(12_345.7, 0, np.int8)
    q = net.op("QLinearConv", *entering(net, np.uint8, 3), *weights, *target, bias)
    assert_exact(net, tmp_path, images(np.random.default_rng(2), 20, 1, 2, 2), leaving(net, q, 12_345.7, 0, np.int8))


@pytest.mark.parametrize(("dtype", "zero"), POINTS)
@pytest.mark.parametrize("kind", ["QLinearMatMul", "QGemm"])
def test_products(tmp_path: Path, dtype: Any, zero: int, kind: str) -> None:
    rng, net = np.random.default_rng(3), QNet(["N", 4])
    weights = net.triple(net.const(rng.integers(-90, 90, (4, 3)), dtype), 0.5, zero, dtype)  # type: ignore[arg-type]
    if dtype is np.uint8:
        weights[0] = net.const(rng.integers(0, 255, (4, 3)), dtype)
    target, gemm = net.target(8.0, zero, dtype), kind == "QGemm"
    middle = [net.const([100, -77, 5], np.int32)] if gemm else []
    q = net.op(kind, *entering(net, dtype, zero), *weights, *middle, *target, domain=MS if gemm else "")
    check(net, tmp_path, images(rng, 40, 4), leaving(net, q, 8.0, zero, dtype))


Build = Callable[[QNet, list[str], list[str]], str]
ELEMENTWISE: dict[str, Build] = {
    "QLinearAdd": lambda n, x, y: n.op("QLinearAdd", *x, *x, *y, domain=MS),
    "QLinearMul": lambda n, x, y: n.op(
        "QLinearMul", *x, *n.triple(n.const([[[[5]], [[9]]]], np.uint8), 0.5, 0, np.uint8), *y, domain=MS
    ),
    "QLinearLeakyRelu": lambda n, x, y: n.op("QLinearLeakyRelu", *x, *y, domain=MS, alpha=0.25),
    "QLinearConcat": lambda n, x, y: n.op("QLinearConcat", *y, *x, *x, domain=MS, axis=1),
    "QLinearAveragePool": lambda n, x, y: n.op(
        "QLinearAveragePool", *x, *y, domain=MS, kernel_shape=[2, 2], strides=[2, 2]
    ),
    "QLinearGlobalAveragePool": lambda n, x, y: n.op("QLinearGlobalAveragePool", *x, *y, domain=MS),
}


@pytest.mark.parametrize("kind", ELEMENTWISE)
def test_operators_of_one_tensor_and_joins(tmp_path: Path, kind: str) -> None:
    rng, net = np.random.default_rng(4), QNet(["N", 2, 4, 4])
    q = ELEMENTWISE[kind](net, entering(net, np.uint8, 131), net.target(0.5, 64, np.uint8))
    check(net, tmp_path, images(rng, 8, 2, 4, 4), leaving(net, q, 0.5, 64, np.uint8))


@pytest.mark.parametrize("include", [0, 1])
@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 0, 1, 1]])
def test_averages_beyond_the_border(tmp_path: Path, include: int, pads: list[int]) -> None:
    """ONNX Runtime's kernel counts what ceil_mode adds wherever it counts padding; AveragePool does not."""
    net = QNet(["N", 2, 5, 5])
    pool = {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1, "count_include_pad": include, "pads": pads}
    x, y = entering(net, np.uint8, 131), net.target(0.5, 64, np.uint8)
    q = net.op("QLinearAveragePool", *x, *y, domain=MS, **pool)
    check(net, tmp_path, images(np.random.default_rng(6), 4, 2, 5, 5), leaving(net, q, 0.5, 64, np.uint8))


def test_a_sigmoid(tmp_path: Path) -> None:
    net = QNet(["N", 3])
    q = net.op("QLinearSigmoid", *entering(net, np.int8, 5), *net.target(1 / 256, -128, np.int8), domain=MS)
    assert_exact(net, tmp_path, images(np.random.default_rng(5), 60, 3), leaving(net, q, 1 / 256, -128, np.int8))


def test_a_final_softmax_stays_on_the_host(tmp_path: Path) -> None:
    rng, net = np.random.default_rng(6), QNet(["N", 4])
    softmax = net.op("QLinearSoftmax", *entering(net, np.int8, 0), *net.target(1 / 256, -128, np.int8), domain=MS,
                     axis=1, opset=13)  # fmt: skip
    path = net.save(tmp_path, leaving(net, softmax, 1 / 256, -128, np.int8))
    x = images(rng, 50, 4)
    graph = import_onnx(path)
    (node,), (output,) = graph.inputs, graph.outputs
    mine = dequantise(output, run(graph, {node.name: quantise(node, x)})[output.name])
    (theirs,) = runtime(path, x).values()
    assert np.abs((mine - theirs) * 256).max() <= 1  # its kernel looks exponentials up


def huge(net: QNet) -> None:
    net.constants.append(onnx.TensorProto(name="huge", data_type=onnx.TensorProto.INT8, dims=[1 << 40]))
    weights = [net.const(np.ones((1, 1, 1, 1)), np.int8), net.const(1.0), "huge"]
    net.op("QLinearConv", *entering(net, np.int8, 0), *weights, *net.target(0.5, 0, np.int8))


REFUSED: dict[str, tuple[str, str, Callable[[QNet], object]]] = {
    "missing inputs": ("E102", "needs 8 inputs", lambda n: n.op("QLinearConv", *entering(n, np.int8, 0), "x")),
    "no zero point": (
        "E202", "no zero point",
        lambda n: n.op("QLinearLeakyRelu", *entering(n, np.int8, 0), n.const(0.5), "", domain=MS),
    ),
    "channels last": (
        "E202", "channels_last", lambda n: n.op(
            "QLinearGlobalAveragePool", *entering(n, np.int8, 0), *n.target(0.5, 0, np.int8), domain=MS, channels_last=1
        ),
    ),
    "a Softmax of old": (
        "E202", "opset", lambda n: n.op(
            "QLinearSoftmax", *entering(n, np.int8, 0), *n.target(0.5, 0, np.int8), domain=MS, opset=11
        ),
    ),
    "a zero point that claims to be huge": ("E202", "zero points of shape [1099511627776]", huge),
    "another contrib operator": ("E201", "NhwcMaxPool", lambda n: n.op("NhwcMaxPool", "x", domain=MS)),
    "a concat without a tensor": (
        "E202", "6 inputs",
        lambda n: n.op("QLinearConcat", *n.target(0.5, 0, np.int8), *entering(n, np.int8, 0), "x", domain=MS, axis=1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(tmp_path: Path, name: str) -> None:
    code, words, make = REFUSED[name]
    net = QNet(["N", 2, 4, 4] if name == "channels last" else [1, 4])
    make(net)
    with pytest.raises(IsobitError) as caught:
        import_onnx(net.save(tmp_path))
    assert (caught.value.code, words in str(caught.value)) == (code, True), str(caught.value)


def test_an_attribute_may_have_any_name(tmp_path: Path) -> None:
    net = QNet(["N", 4])
    q = net.op("QLinearLeakyRelu", *entering(net, np.int8, 0), *net.target(0.5, 0, np.int8), domain=MS)
    net.nodes[-1].attribute.append(helper.make_attribute("inputs", 3))
    with pytest.raises(IsobitError) as caught:
        import_onnx(net.save(tmp_path, q))
    assert caught.value.code.startswith("E1")


def test_names_that_the_expansion_would_give_are_no_way_in(tmp_path: Path) -> None:
    net = QNet(["N", 4])
    q = net.op("QLinearLeakyRelu", *entering(net, np.int8, 0), *net.target(0.5, 0, np.int8), domain=MS)
    net.op("Relu", "x", outputs=[f"{q} from part 1"])
    with pytest.raises(IsobitError) as caught:
        import_onnx(net.save(tmp_path, q, f"{q} from part 1"))
    assert caught.value.code == "E107"
