"""Mul of two activations from QONNX and QDQ files: every output against exact arithmetic, and ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isobit.errors import IsobitError
from isobit.frontend.qonnx.importer import import_onnx
from isobit.ir.ops import Product, Table
from isobit.passes import optimise
from tests.frontend.qonnx_oracle import assert_exact
from tests.frontend.test_qdq import check, dequantised, through
from tests.onnx_builder import Net

Two = Callable[[Net, str], str]
IMAGE = np.random.default_rng(0).integers(-140, 140, (4, 4, 3, 5)).astype(np.float32) / 8
WEIGHTS = np.random.default_rng(1).integers(-3, 4, (4, 4, 1, 1))


def squeeze_and_excite(quantised: Two, gate: Two, factor: Callable[[Net, str], str] = lambda _, x: x) -> Net:
    """The block of MobileNetV3 and EfficientNet on a map of four channels; ``factor`` is the gate's last movement."""
    net = Net(["N", 4, 3, 5])
    x = quantised(net, "x")
    pooled = quantised(net, net.op("GlobalAveragePool", x))
    weights = [dequantised(net, net.const(w, np.int8), 0.25, 0, np.int8) for w in (WEIGHTS, WEIGHTS[::-1])]
    squeezed = quantised(net, net.op("Relu", net.op("Conv", pooled, weights[0])))
    excited = quantised(net, gate(net, quantised(net, net.op("Conv", squeezed, weights[1]))))
    quantised(net, net.op("Mul", x, factor(net, excited)))
    return net


def quant(net: Net, x: str) -> str:
    return net.quant(x, 0.125, 3.0, 8)


def qdq(net: Net, x: str) -> str:
    return through(net, x, 0.125, 37)


GATES: dict[str, Two] = {
    "sigmoid": lambda net, x: net.op("Sigmoid", x),
    "hard sigmoid": lambda net, x: net.op("HardSigmoid", x),
    "relu6 of x + 3": lambda net, x: net.op("Div", net.op("Clip", net.op("Add", x, 3.0), 0.0, 6.0), 6.0),
}


@pytest.mark.parametrize("gate", GATES)
def test_squeeze_and_excite_of_a_qonnx_file(gate: str, tmp_path: Path) -> None:
    graph = assert_exact(squeeze_and_excite(quant, GATES[gate]), tmp_path, IMAGE)
    (product,) = (n for n in graph.nodes if isinstance(n, Product))
    assert [graph.types[i].shape for i in product.inputs] == [(3, 5, 4), (1, 1, 4)]


@pytest.mark.parametrize("gate", GATES)
def test_squeeze_and_excite_of_a_qdq_file(gate: str, tmp_path: Path) -> None:
    check(squeeze_and_excite(qdq, GATES[gate]), tmp_path, IMAGE)


def pair(left: Any, right: Any, *, scale: Any = 0.125, zero: float = 3.0) -> Net:
    """``Mul`` of two quantised parts of one input, and a quantiser; ``left`` and ``right`` take the parts."""
    net = Net([1, 4, 3, 5])
    x, y = (net.quant(net.op("Mul", "x", f), s, z, 8) for f, s, z in ((1.0, scale, zero), (-0.7, 0.3, -2.0)))
    net.quant(net.op("Mul", left(net, x), right(net, y)), 0.7, 0.0, 8)
    return net


def same(net: Net, x: str) -> str:
    return x


def pooled(*axes: int, keep: int = 1) -> Callable[[Net, str], str]:
    def made(net: Net, x: str) -> str:
        return net.quant(net.op("ReduceMax", x, axes=list(axes), keepdims=keep), 0.2, 1.0, 6)

    return made


def turned(*order: int) -> Callable[[Net, str], str]:
    return lambda net, x: net.op("Transpose", x, perm=list(order))


SHAPES: dict[str, tuple[Any, Any]] = {
    "two of one shape": (same, same),
    "a factor per channel": (same, pooled(2, 3)),
    "a factor per channel on the left": (pooled(2, 3), same),
    "a factor per position": (same, pooled(1)),
    "a factor per row": (pooled(1, 3), same),
    "a factor per column": (same, pooled(1, 2)),
    "one factor": (same, pooled(1, 2, 3)),
    "a vector of columns": (same, pooled(1, 2, keep=0)),
    "rows times columns": (pooled(1, 2), pooled(1, 3)),
    "channels last": (turned(0, 2, 3, 1), lambda net, y: turned(0, 2, 3, 1)(net, pooled(2, 3)(net, y))),
    "two layouts": (same, lambda net, y: turned(0, 3, 1, 2)(net, turned(0, 2, 3, 1)(net, y))),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_that_meet(name: str, tmp_path: Path) -> None:
    assert_exact(pair(*SHAPES[name]), tmp_path, IMAGE)


@pytest.mark.parametrize("right", [same, pooled(2, 3)])
def test_scales_of_channels_multiply(right: Any, tmp_path: Path) -> None:
    scales = np.array([0.125, 0.3, 0.5, 0.07], np.float32).reshape(1, 4, 1, 1)
    assert_exact(pair(same, right, scale=scales), tmp_path, IMAGE)


def test_zero_points_of_a_half_and_channels_times_zero(tmp_path: Path) -> None:
    """Offsets that are no integers of the operand's scale: ``s v + o`` is ``s / q (q v + p)``."""
    factors = np.array([0.0, 1.0, -0.5, 2.0], np.float32).reshape(1, 4, 1, 1)
    shifted = lambda net, x: net.op("Add", net.op("Mul", x, factors), [0.3])  # noqa: E731
    assert_exact(pair(shifted, same, zero=0.5), tmp_path, IMAGE)


def test_a_gate_that_nothing_quantises_and_is_rational(tmp_path: Path) -> None:
    net = Net([1, 4])
    x, y = net.quant("x", 0.25, 0.0, 6), net.quant(net.op("Mul", "x", -1.5), 0.25, 0.0, 6)
    net.quant(net.op("Mul", x, net.op("Clip", net.op("Add", net.op("Abs", y), 0.5), 0.25, 2.0)), 0.5, 0.0, 7)
    assert_exact(net, tmp_path, IMAGE[:, :, 0, 0])


def test_an_irrational_gate_needs_a_quantiser(tmp_path: Path) -> None:
    net = Net([1, 4])
    x, y = net.quant("x", 0.25, 0.0, 6), net.quant(net.op("Mul", "x", -1.5), 0.25, 0.0, 6)
    net.quant(net.op("Mul", x, net.op("Sigmoid", y)), 0.5, 0.0, 7)
    with pytest.raises(IsobitError, match="E203"):
        import_onnx(net.save(tmp_path))


def silu(bits: int, first: float, second: float) -> Net:
    """SiLU of a sum, the two factors quantised apart."""
    net = Net([1, 4])
    scale = 2.0 ** (6 - bits)
    total = net.op("MatMul", net.quant("x", scale, 0.0, bits), net.quant(WEIGHTS[:, :, 0, 0] * 0.25, 0.25, 0.0, 8))
    left, right = net.quant(total, first, 0.0, 8), net.quant(total, second, 0.0, 8)
    net.quant(net.op("Mul", left, net.quant(net.op("Sigmoid", right), 1 / 128, 0.0, 8)), 0.25, 0.0, 8)
    return net


@pytest.mark.parametrize(("bits", "kind"), [(6, Table), (16, Product)])
def test_silu_on_two_scales_is_a_table_or_beyond_16_bits_a_product(bits: int, kind: type, tmp_path: Path) -> None:
    graph = assert_exact(silu(bits, 0.25, 0.4), tmp_path, IMAGE[:, :, 0, 0])
    assert [type(n) for n in optimise(graph).nodes if isinstance(n, Product | Table)] == [kind]
