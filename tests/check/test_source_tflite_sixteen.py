"""Activations of 16 bits: import and evaluator make the integers of LiteRT's reference kernels, the rest is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isobit.errors import IsobitError
from isobit.frontend.tflite.importer import import_tflite
from tests.check.source_tflite_helpers import SAME, VALID, agree, places, steps
from tests.models.tflite_nets import Net
from tests.tflite_builder import TfliteNet

_BIAS_TYPES = {"int64": 4, "int32": 2}
"""The schema's numbers, as TensorFlow's converter writes them into ``quantized_bias_type``."""
UNIT, _ALL = 2.0**-15, (1, 1 << 16, 1)


def _every(net: TfliteNet) -> dict[int, Any]:
    every = np.arange(-(1 << 15), 1 << 15).reshape(_ALL).astype(np.int16)
    return dict.fromkeys(net.inputs, every)


@pytest.mark.parametrize("bias", ["int64", "int32"])
@pytest.mark.parametrize("op", ["CONV_2D", "TRANSPOSE_CONV"])
def test_convolutions(op: str, bias: str, tmp_path: Path) -> None:
    net = Net("int16")
    for stride, padding, fused in (((1, 1), SAME, 1), ((2, 1), VALID, 0)):
        x = net.image(5, 6, 3)
        by = net.filters((4, 3, 2, 3), 0, x, bias=bias)
        options = steps(stride, (1, 1), padding) | {"quantized_bias_type": _BIAS_TYPES[bias]}
        if op == "CONV_2D":
            size = (places(5, 3, stride[0], 1, padding), places(6, 2, stride[1], 1, padding), 4)
            given = [x, *by]
        else:
            size = (5 * stride[0], 6 * stride[1], 4) if padding == SAME else (4 * stride[0] + 3, 5 * stride[1] + 2, 4)
            given = [net.integers([1, *size]), by[0], x, by[1]]
            options = {k: v for k, v in options.items() if "dilation" not in k}
        net.make(op, given, size, net.sum_scale(x, by), **options | {"fused_activation_function": fused})
    agree(net, tmp_path, spread=150)


def test_depthwise_convolutions_and_dense_layers(tmp_path: Path) -> None:
    net = Net("int16")
    deep = net.depthwise(net.image(5, 6, 3))
    for bias in ("int64", "int32"):
        x = net.image(40)
        for by in (net.filters((9, 40), 0, x, bias=bias), net.filters((9, 40), 0, x, False, bias=bias)):
            options = {"quantized_bias_type": _BIAS_TYPES[bias], "fused_activation_function": 3}
            net.make("FULLY_CONNECTED", [x, *by], (9,), net.sum_scale(x, by), **options)
            net.make("FULLY_CONNECTED", [x, by[0], -1], (9,), net.sum_scale(x, by))
    assert net.shape(deep) == (5, 6, 3)
    agree(net, tmp_path, samples=30, spread=150)


@pytest.mark.parametrize("op", ["ADD", "SUB", "MUL"])
def test_joins(op: str, tmp_path: Path) -> None:
    net = Net("int16")
    options = {} if op == "MUL" else {"pot_scale_int16": False}
    for fused, (a, b, out) in enumerate([(0.1, 0.1, 0.15), (0.1, 0.03, 0.1), (0.002, 0.2, 0.3), (0.25, 0.5, 0.5)]):
        x, y, row = net.input((1, 40, 50), a), net.input((1, 40, 50), b), net.input((1, 40, 1), b)
        scale = out if op != "MUL" else a * b * 9000
        others = [y, row, net.operand(50), net.operand(1), net.operand(40, 1)]
        for pair in [*([x, other] for other in others), [others[2], x], [x, x]]:
            net.make(op, pair, (40, 50), scale, fused_activation_function=fused, **options)
    agree(net, tmp_path, spread=1000)


UNARY: list[tuple[str, float, dict[str, Any]]] = [
    ("RELU", 0.0, {}), ("RELU6", 0.0, {}), ("QUANTIZE", 0.0, {}), ("LEAKY_RELU", 0.0, {"alpha": 0.1}), ("ABS", 0.0, {}),
    ("LOGISTIC", UNIT, {}), ("TANH", UNIT, {}),
]  # fmt: skip


@pytest.mark.parametrize(("op", "scale", "options"), UNARY)
def test_every_integer_of_functions(op: str, scale: float, options: dict[str, Any], tmp_path: Path) -> None:
    net = Net("int16")
    for given in (0.0005, 2.0**-12, 2.0**-11, 0.003):
        x = net.input(_ALL, given)
        net.op(op, [x], _ALL, scale or net.beside_halves(given), **options)
    agree(net, tmp_path, inputs=_every(net), spread=1000)


def test_every_integer_from_and_to_8_bits(tmp_path: Path) -> None:
    net = Net("int16")
    x = net.input(_ALL, 0.0005)
    net.op("QUANTIZE", [x], _ALL, 0.07, -3, dtype="int8")
    y = net.input(_ALL, 0.07, 5, dtype="int8")
    net.op("QUANTIZE", [y], _ALL, 0.0003)
    net.op("NEG", [x], _ALL, 0.0005)
    every = _every(net)
    agree(net, tmp_path, inputs=every | {y: every[y].astype(np.int8)}, spread=200)


def test_pools_means_and_moves(tmp_path: Path) -> None:
    net = Net("int16")
    x = net.image(7, 6, 5)
    for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        net.pool(op, x, 3, 2, SAME)
        net.pool(op, x, 2, 2, VALID)
    for axes, shape in (([1, 2], (5,)), ([3], (7, 6))):
        for scale in (net.scale_of(x), net.scale_of(x) / 3, net.scale_of(x) / 2):
            net.make("MEAN", [x, net.integers(axes)], shape, scale)
    net.kept("REDUCE_MAX", [x, net.integers([1, 2])], (5,))
    net.kept("REDUCE_MIN", [x, net.integers([1])], (6, 5))
    turned = net.kept("REVERSE_V2", [x, net.integers([2])], (7, 6, 5))
    net.kept("MINIMUM", [x, turned], (7, 6, 5))
    net.kept("MAXIMUM", [x, turned], (7, 6, 5))
    net.kept("CONCATENATION", [x, turned], (14, 6, 5))
    net.operators[-1].options["axis"] = 1
    net.kept("TRANSPOSE", [x, net.integers([0, 3, 1, 2])], (5, 7, 6))
    net.kept("PAD", [x, net.integers([[0, 0], [1, 2], [0, 1], [0, 0]])], (10, 7, 5))
    net.kept("RESIZE_BILINEAR", [x, net.integers([14, 12])], (14, 12, 5))
    net.kept("RESIZE_NEAREST_NEIGHBOR", [x, net.integers([14, 12])], (14, 12, 5))
    net.kept("RESHAPE", [x, net.integers([1, 42, 5])], (42, 5))
    agree(net, tmp_path, spread=500)


def _one(op: str, scale: float = 0.1, zero: int = 0, dtype: str = "", **options: Any) -> TfliteNet:
    net = TfliteNet("int16")
    net.op(op, [net.input((1, 4), 0.1, zero)], (1, 4), scale, dtype=dtype, **options)
    return net


def _powers() -> TfliteNet:
    net = TfliteNet("int16")
    net.op("ADD", [net.input((1, 4), 0.5), net.input((1, 4), 0.25)], (1, 4), 0.5)
    return net


def _bias(said: int) -> TfliteNet:
    net = Net("int16")
    x = net.image(4, 4, 2)
    by = net.filters((3, 1, 1, 2), 0, x, bias="int32")
    net.make("CONV_2D", [x, *by], (4, 4, 3), **steps((1, 1), (1, 1), SAME), quantized_bias_type=said)
    return net


def _mixed() -> TfliteNet:
    net = TfliteNet("int16")
    w = net.const(np.ones((2, 4)), 0.1, dtype="int8")
    net.op("FULLY_CONNECTED", [net.input((1, 4), 0.1), w, -1], (1, 2), 0.1, dtype="int8")
    return net


def _shares() -> TfliteNet:
    net = _one("SOFTMAX", UNIT, beta=1.0)
    net.op("RELU", [1], (1, 4), UNIT)
    return net


REFUSED: dict[str, tuple[str, str, Callable[[], TfliteNet]]] = {
    "a kernel that LiteRT has not": ("E205", "no reference kernel of HARD_SWISH for int16", lambda: _one("HARD_SWISH")),
    "a kernel of another kind": ("E205", "the int16 kernel of GELU", lambda: _one("GELU")),
    "a zero point": ("E204", "a zero point of 3 in int16", lambda: _one("RELU", zero=3)),
    "a sigmoid on another scale": ("E204", "2**-15", lambda: _one("LOGISTIC")),
    "a softmax inside": ("E205", "inside a network of 16 bits", _shares),
    "to uint8": ("E205", "no kernel from int16 to uint8", lambda: _one("QUANTIZE", dtype="uint8")),
    "powers of two": ("E202", "pot_scale_int16", _powers),
    "a bias of another type than said": ("E203", "3 int64 needed", lambda: _bias(4)),
    "8 bits of 16": ("E205", "activations of int16 and int8", _mixed),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str, tmp_path: Path) -> None:
    code, words, make = REFUSED[name]
    with pytest.raises(IsobitError) as refused:
        import_tflite(make().save(tmp_path / "model.tflite"))
    assert (refused.value.code, words in str(refused.value)) == (code, True), str(refused.value)
