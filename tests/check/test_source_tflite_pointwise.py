"""Elementwise operators, reductions and quantisers make the integers of LiteRT's reference kernels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isobit.check.source.tflite.evaluate import evaluate_tflite
from isobit.check.source.tflite.file import read_tflite
from isobit.frontend.tflite import joins
from isobit.frontend.tflite.model import LIMITS
from tests.check.source_tflite_helpers import BOTH, Draw, agree, every_integer
from tests.tflite_builder import TfliteNet


@BOTH
@pytest.mark.parametrize("op", ["ADD", "SUB", "MUL"])
def test_every_pair_of_elementwise_operators(dtype: str, op: str, tmp_path: Path) -> None:
    net, every = Draw(dtype), every_integer(dtype)
    for activation in [0, 1, 2, 3, 0, 0]:
        x = net.input((1, 1), net.scale(0.005, 0.5), net.zero())
        constant = net.const(every[None], net.scale(0.005, 0.5), net.zero())
        pair = [x, constant] if activation % 2 else [constant, x]
        net.make(op, pair, (256,), net.scale(0.05, 0.5), fused_activation_function=activation)
    for _ in range(12 if op == "MUL" else 0):  # a float32 product of the scales, told from a double one
        x, constant = net.input((1, 1), net.scale(), net.zero()), net.const(every[None], net.scale(), net.zero())
        net.make(op, [x, constant], (256,), net.beside_halves(net.scale_of(x) * net.scale_of(constant)))
    agree(net, tmp_path, inputs={i: every[:, None].astype(dtype) for i in net.inputs}, spread=100)


@BOTH
@pytest.mark.parametrize(
    ("op", "tabled"), [("ADD", False), ("ADD", True), ("SUB", False), ("SUB", True), ("MUL", False)]
)
def test_every_pair_of_two_tensors(
    dtype: str, op: str, tabled: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if tabled:  # as where no single sum gives every pair's integer
        monkeypatch.setattr(joins, "_one_sum", lambda *_: None)
    net, every = Draw(dtype), every_integer(dtype).astype(dtype)
    inputs = {}
    for scales in [(0.1, 0.1), (0.1, 0.05), (0.03, 0.2), (), (), ()]:
        a, b = scales or (net.scale(0.005, 0.5), net.scale(0.005, 0.5))
        x, y = net.input((1, 256, 1), a, net.zero()), net.input((1, 1, 256), b, net.zero())
        inputs |= {x: every.reshape(1, 256, 1), y: every.reshape(1, 1, 256)}
        net.make(op, [x, y], (256, 256), net.scale(0.05, 0.5), fused_activation_function=len(inputs) % 4)
    agree(net, tmp_path, inputs=inputs, spread=100)


@BOTH
@pytest.mark.parametrize("op", ["ADD", "SUB", "MUL"])
def test_broadcasts(dtype: str, op: str, tmp_path: Path) -> None:
    net = Draw(dtype)
    x, y, row = net.image(3, 4, 5), net.image(3, 4, 5), net.image(1, 4, 1)
    scale = 0.3 if op == "MUL" else 0.1
    others = (net.operand(5), net.operand(3, 1, 1), net.operand(1), net.operand(), net.operand(3, 4, 5))
    for other in (y, row, x, *others):
        net.make(op, [x, other], (3, 4, 5), scale)
        net.make(op, [other, x], (3, 4, 5), scale)
    agree(net, tmp_path)


@BOTH
def test_a_map_times_a_factor_per_channel(dtype: str, tmp_path: Path) -> None:
    """Squeeze-and-excite, the factor on either side; a gate per position and one number are repeated."""
    net = Draw(dtype)
    x = net.image(3, 4, 5)
    for other in (
        net.image(1, 1, 5),
        net.image(3, 4, 1),
        net.image(1, 1, 1),
        net.image(3, 1, 5),
        net.input((1, 5), 0.07, 5),
    ):
        for pair in ([x, other], [other, x]):
            net.make("MUL", pair, (3, 4, 5), net.scale(0.05, 0.5), fused_activation_function=1)
    agree(net, tmp_path)


def _input_scales(op: str) -> tuple[float, float]:
    return (0.002, 0.12) if op in ("LOGISTIC", "TANH", "HARD_SWISH") else (0.01, 0.3)


@BOTH
@pytest.mark.parametrize(
    ("op", "options"),
    [
        ("RELU", {}), ("RELU6", {}), ("RELU_N1_TO_1", {}), ("HARD_SWISH", {}), ("LOGISTIC", {}), ("TANH", {}),
        ("QUANTIZE", {}), ("LEAKY_RELU", {"alpha": 0.1}), ("LEAKY_RELU", {"alpha": -1.7}),
    ],
)  # fmt: skip
def test_every_integer_of_unary_operators(dtype: str, op: str, options: dict[str, float], tmp_path: Path) -> None:
    net = Draw(dtype, 4)
    low = LIMITS[dtype][0]
    fixed = {"LOGISTIC": (1 / 256, low), "TANH": (1 / 128, low + 128)}.get(op)
    for place in range(60):
        x = net.input((1, 256), net.scale(*_input_scales(op)), net.zero())
        edge = net.beside_halves(net.scale_of(x) * abs(options.get("alpha", 1)))
        scale, zero = fixed or (net.scale(0.004, 0.3) if place % 2 else edge, net.zero())
        net.op(op, [x], (1, 256), scale, zero, **options)
    agree(net, tmp_path, inputs={i: every_integer(dtype)[None].astype(dtype) for i in net.inputs}, spread=20)


@BOTH
def test_a_slope_per_channel(dtype: str, tmp_path: Path) -> None:
    net = Draw(dtype)
    x = net.image(3, 4, 5)
    for slope in (net.operand(1, 1, 5), net.operand(3, 4, 5), net.operand(1, 1, 1)):
        net.make("PRELU", [x, slope], (3, 4, 5), 0.2)
    agree(net, tmp_path, refused=[1])  # a slope per element


@BOTH
def test_every_integer_with_a_slope(dtype: str, tmp_path: Path) -> None:
    net = Draw(dtype)
    for place in range(30):
        x, slope = net.input((1, 8), net.scale(), net.zero()), net.operand(8)
        net.make(
            "PRELU", [x, slope], (8,), net.beside_halves(net.scale_of(x) * (net.scale_of(slope) if place % 2 else 1))
        )
    every = np.repeat(every_integer(dtype)[:, None], 8, axis=1).astype(dtype)
    agree(net, tmp_path, inputs=dict.fromkeys(net.inputs, every), spread=100)


AXES: dict[tuple[int, ...], tuple[int, ...]] = {
    (1, 2): (1, 1, 7), (2, 1): (1, 1, 7), (3,): (5, 6, 1), (1,): (1, 6, 7), (-1, 1, 2): (1, 1, 1), (2, 3): (5, 1, 1),
}  # fmt: skip


@pytest.mark.parametrize(("op", "dtype"), [("MEAN", "int8"), ("MEAN", "uint8"), ("SUM", "uint8")])
def test_reductions(op: str, dtype: str, tmp_path: Path) -> None:
    net = Draw(dtype)
    x = net.image(5, 6, 7)
    for axis, kept in AXES.items():
        dropped = [n for i, n in enumerate((5, 6, 7), 1) if i not in axis and i - 4 not in axis]
        for scale in (0.4, 0.8) if op == "SUM" else (0.01, 0.03):
            net.make(op, [x, net.integers(axis)], kept, scale, keep_dims=True)
            net.make(op, [x, net.integers(axis)], dropped, scale)
        net.move(op, [x, net.integers(axis)], [(1, *kept)], keep_dims=True)
    same_scale = list(range(4, 30, 5))
    agree(net, tmp_path, refused=same_scale if op == "SUM" else [])  # whose kernel wraps in 8 bits


@BOTH
def test_a_mean_of_three_at_a_half(dtype: str, tmp_path: Path) -> None:
    net = Draw(dtype)
    x = net.input((1, 3, 90), 0.25, net.zero())
    for scale in (0.5, 0.25, 0.125):
        net.make("MEAN", [x, net.integers([1])], (90,), scale)
    agree(net, tmp_path, samples=20, spread=100)


@pytest.mark.parametrize("axis", AXES)
def test_an_int8_sum_is_the_uint8_sum_128_lower(axis: tuple[int, ...], tmp_path: Path) -> None:
    made, given = {}, np.random.default_rng(2).integers(0, 256, (20, 5, 6, 7))
    for dtype, lower in (("uint8", 0), ("int8", 128)):
        net = TfliteNet(dtype)
        x = net.input((1, 5, 6, 7), 0.1, 110 - lower)
        y = net.op("SUM", [x, net.integers(axis)], (1, *AXES[axis]), 3.0, 90 - lower, keep_dims=True)
        model = read_tflite(net.save(tmp_path / f"{dtype}.tflite"))
        made[dtype] = evaluate_tflite(model, {x: given - lower})[y]
    assert (made["int8"] == made["uint8"] - 128).all()
    assert len(np.unique(made["int8"])) > 9


def test_quantisation_between_types(tmp_path: Path) -> None:
    net = Draw("int8")
    for given, made in (("int8", "uint8"), ("uint8", "int8"), ("int8", "uint8"), ("uint8", "int8"), ("int8", "int8")):
        x = net.input((1, 256), net.scale(), net.zero(given), dtype=given)
        net.op("QUANTIZE", [x], (1, 256), net.scale(), net.zero(made), dtype=made)
    same = net.input((1, 256), 0.1, -5)
    net.op("QUANTIZE", [same], (1, 256), 0.1, 123, dtype="uint8")
    inputs = {i: every_integer(net.tensors[i].dtype)[None].astype(net.tensors[i].dtype) for i in net.inputs}
    agree(net, tmp_path, inputs=inputs, spread=100)


@BOTH
def test_quantisation_of_floats(dtype: str, tmp_path: Path) -> None:
    net = Draw(dtype)
    x = net.input((1, 400), dtype="float32")
    scales = [0.5, *(net.scale() for _ in range(5))]
    for scale in scales:
        net.op("QUANTIZE", [x], (1, 400), scale, net.zero())
    halves = (np.arange(-200, 200) + 0.5)[None] * np.array(scales)[:, None]
    inputs = np.concatenate([halves, np.nextafter(halves, 0), net.rng.normal(scale=3, size=(20, 400))])
    agree(net, tmp_path, inputs={x: inputs.astype(np.float32)}, spread=100)


@BOTH
def test_concatenation(dtype: str, tmp_path: Path) -> None:
    net = Draw(dtype)
    scale, zero = net.scale(), net.zero()
    parts = [net.input((1, 3, 4, depth), scale, zero) for depth in (2, 3)]
    parts.append(net.const(net.integers_of((1, 3, 4, 1)), scale, zero))
    for axis in (3, -1):
        net.op("CONCATENATION", parts, (1, 3, 4, 6), scale, zero, axis=axis)
    net.op("CONCATENATION", [parts[0], parts[0]], (1, 6, 4, 2), scale, zero, axis=1)
    if dtype == "uint8":
        others = [net.input((1, 3, 4, depth), net.scale(), net.zero()) for depth in (2, 3, 4)]
        net.op("CONCATENATION", [*others, *parts], (1, 3, 4, 15), scale, zero, axis=3)
    agree(net, tmp_path, refused=[0, 1, 3] if dtype == "uint8" else [0, 1])  # constants are joined


def test_every_integer_of_a_scaled_concatenation(tmp_path: Path) -> None:
    net = Draw("uint8")
    for _ in range(60):
        x, other = (net.input((1, 256), net.scale(), net.zero()) for _ in range(2))
        net.make("CONCATENATION", [x, other], (512,), net.beside_halves(net.scale_of(x)), axis=1)
    every = every_integer("uint8")[None].astype(np.uint8)
    agree(net, tmp_path, inputs=dict.fromkeys(net.inputs, every), spread=100)
