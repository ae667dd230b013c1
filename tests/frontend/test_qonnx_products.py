"""MatMul and Gemm with every kind of weights and bias, residual joins, whole small networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isobit.ir.ops import Add, Linear
from tests.frontend.qonnx_oracle import assert_exact, every_level
from tests.onnx_builder import Net, mlp

RNG = np.random.default_rng(5)
X = RNG.normal(0, 2, (40, 4)).astype(np.float32)
WEIGHTS = RNG.normal(0, 1, (4, 3)).astype(np.float32)
SCALES = np.array([0.3, 0.11, 0.5], np.float32)


def product(weight_quantiser: dict[str, object], *, gemm: bool = False) -> Net:
    """Quantised input, one product, one output quantiser."""
    net = Net([1, 4])
    x = net.quant("x", 0.25, 0.0, 6)
    data = WEIGHTS.T if gemm else WEIGHTS
    w = net.quant(data, **weight_quantiser)  # type: ignore[arg-type]
    y = net.op("Gemm", x, w, transB=1) if gemm else net.op("MatMul", x, w)
    net.quant(y, 0.4, 0.0, 6)
    return net


@pytest.mark.parametrize("gemm", [False, True])
@pytest.mark.parametrize(
    "quantiser",
    [
        {"scale": 0.13, "bits": 4, "narrow": 1},
        {"scale": 0.13, "bits": 4, "signed": 0, "zero_point": 7.0},
        {"scale": 0.13, "bits": 8, "zero_point": -3.0, "rounding_mode": "FLOOR"},
        {"scale": 0.7, "bits": 1},
        {"scale": 0.7, "bits": 2, "narrow": 1},
        {"scale": 0.001, "bits": 16},
        {"scale": 0.4, "bits": 3, "rounding_mode": "CEIL"},
    ],
    ids=["narrow", "unsigned", "zero point", "one bit", "ternary", "sixteen bits", "ceil"],
)
def test_weight_quantisers(tmp_path: Path, quantiser: dict[str, object], gemm: bool) -> None:
    assert_exact(product(quantiser, gemm=gemm), tmp_path, X)


def test_scales_per_output_channel(tmp_path: Path) -> None:
    assert_exact(product({"scale": SCALES, "bits": 4}), tmp_path, X)
    assert_exact(product({"scale": SCALES[:, np.newaxis], "bits": 4}, gemm=True), tmp_path, X)
    zeros = np.array([[1.0, -2.0, 0.0]])
    assert_exact(product({"scale": SCALES, "bits": 4, "zero_point": zeros}), tmp_path, X)


def test_scales_per_input_channel_and_per_weight(tmp_path: Path) -> None:
    each = RNG.uniform(0.1, 0.5, (4, 1)).astype(np.float32)
    assert_exact(product({"scale": each, "bits": 4}), tmp_path, X)
    assert_exact(product({"scale": each[:, 0], "bits": 4}, gemm=True), tmp_path, X)
    assert_exact(product({"scale": RNG.uniform(0.1, 0.5, (4, 3)), "bits": 4}), tmp_path, X)


def test_a_flat_scale_of_square_gemm_weights_is_per_input(tmp_path: Path) -> None:
    net = Net([1, 3])
    w = net.quant(RNG.normal(size=(3, 3)), SCALES, 0.0, 5)
    net.op("Gemm", net.quant("x", 0.5, 0.0, 4), w, transB=1)
    assert_exact(net, tmp_path, X[:, :3])


def test_bipolar_weights(tmp_path: Path) -> None:
    net = Net([1, 4])
    net.op("MatMul", net.bipolar("x", 0.5), net.bipolar(WEIGHTS, 0.3))
    assert_exact(net, tmp_path, X)


def test_plain_integers_are_weights_of_scale_one(tmp_path: Path) -> None:
    net = Net([1, 4])
    net.op("MatMul", net.quant("x", 0.3, 0.0, 4), RNG.integers(-9, 9, (4, 3)))
    assert_exact(net, tmp_path, X)


@pytest.mark.parametrize(("times", "scale"), [(0.25, 0.25), (2.0**-140, 2.0**-140), (8.0, 1.0), (2.0**9, 1.0)])
def test_plain_floats_on_a_grid_of_a_power_of_two_are_weights(tmp_path: Path, times: float, scale: float) -> None:
    net = Net([1, 4])
    weights = np.array([[3, -17, 0], [2, 100, -7], [0, 64, 5], [-1, 0, 127]])
    net.quant(net.op("MatMul", net.quant("x", 0.3, 0.0, 4), weights * times), times, 0.0, 8)
    graph = assert_exact(net, tmp_path, X)
    (layer,) = (node for node in graph.nodes if isinstance(node, Linear))
    assert (graph.by_name[layer.inputs[1]].value == weights.T * (times / scale)).all()  # type: ignore[attr-defined]


@pytest.mark.parametrize("zero", [3.0, 0.5, [1.0, 0.0, -2.0, 0.5]])
def test_activation_zero_points_go_through_the_product(tmp_path: Path, zero: object) -> None:
    net = Net([1, 4])
    x = net.quant("x", 0.3, zero, 5)
    net.quant(net.op("MatMul", x, net.quant(WEIGHTS, SCALES, 1.0, 4)), 0.3, 1.0, 5)
    assert_exact(net, tmp_path, X)


def test_activation_scales_per_channel(tmp_path: Path) -> None:
    net = Net([1, 4])
    x = net.quant("x", [0.3, 0.5, 0.7, 0.25], [0.0, 1.0, 2.0, 0.0], 5)
    net.op("MatMul", net.op("Mul", x, [1.0, -3.0, 0.5, 1.0]), net.quant(WEIGHTS, 0.2, 0.0, 4))
    assert_exact(net, tmp_path, X)


@pytest.mark.parametrize("factors", [[0.0], [0.0, 1.0, -2.0, 0.0], [0.0] * 4])
def test_features_scaled_by_zero(tmp_path: Path, factors: list[float]) -> None:
    net = Net([1, 4])
    x = net.op("Add", net.op("Mul", net.quant("x", 0.3, 0.0, 5), factors), [0.5, 1.0, 0.0, 2.0])
    net.quant(net.op("MatMul", x, net.quant(WEIGHTS, 0.2, 0.0, 4)), 0.3, 0.0, 5)
    assert_exact(net, tmp_path, X)


@pytest.mark.parametrize("bias", ["float", "quantised", "quantised per channel", "scalar", "row", "bits 32"])
def test_biases(tmp_path: Path, bias: str) -> None:
    net, values = Net([1, 4]), RNG.normal(0, 1, 3).astype(np.float32)
    y = net.op("MatMul", net.quant("x", 0.25, 0.0, 4), net.quant(WEIGHTS, 0.1, 0.0, 4))
    made: dict[str, object] = {
        "float": values,
        "quantised": net.quant(values, 0.05, 1.0, 8),
        "quantised per channel": net.quant(values, SCALES, 0.0, 8),
        "scalar": 0.3,
        "row": values[np.newaxis],
        "bits 32": net.quant(values, 2.0**-20, 0.0, 32),
    }
    net.quant(net.op("Relu", net.op("Add", y, made[bias])), 0.2, 0.0, 5, signed=0)
    assert_exact(net, tmp_path, X)


def test_the_constant_may_stand_on_the_left(tmp_path: Path) -> None:
    net = Net([1, 4])
    y = net.op("MatMul", net.quant("x", 0.25, 0.0, 4), net.quant(WEIGHTS, 0.1, 0.0, 4))
    y = net.op("Mul", SCALES, net.op("Sub", [0.5, 1.0, 0.0], net.op("Add", net.quant(SCALES, 0.01), y)))
    net.quant(y, 0.2, 0.0, 5)
    assert_exact(net, tmp_path, X)


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (0.3, -2.0), (-1.5, 1.0), (1.0, 0.0), (0.0, 1.0)])
def test_gemm_factors_and_bias(tmp_path: Path, alpha: float, beta: float) -> None:
    net = Net([1, 4])
    w = net.quant(WEIGHTS, SCALES, 0.0, 4)
    y = net.op("Gemm", net.quant("x", 0.25, 1.0, 4), w, net.quant(SCALES, 0.1, 0.0, 6), alpha=alpha, beta=beta)
    net.quant(y, 0.3, 0.0, 6)
    assert_exact(net, tmp_path, X)


@pytest.mark.parametrize("kind", ["Add", "Sub"])
def test_residual_join_with_unrelated_scales(tmp_path: Path, kind: str) -> None:
    net = Net([1, 4])
    x = net.quant("x", 0.3, 1.0, 5)
    branch = net.op("MatMul", x, net.quant(RNG.normal(size=(4, 4)), [0.1, 0.3, 0.7, 0.2], 0.0, 4))
    branch = net.quant(net.op("Relu", branch), [[0.37, 0.11, 0.5, 1.0]], 0.0, 4, signed=0)
    joined = net.op(kind, net.quant(x, 0.21, 0.0, 4), branch)
    net.quant(joined, 0.5, 2.0, 5)
    graph = assert_exact(net, tmp_path, X)
    assert any(isinstance(n, Add) and len(n.inputs) == 2 for n in graph.nodes)


def test_a_value_added_to_itself(tmp_path: Path) -> None:
    net = Net([1, 4])
    x = net.quant("x", 0.3, 1.0, 5)
    net.quant(net.op("Add", x, x), 0.7, 0.0, 5)
    assert_exact(net, tmp_path, X)


CLAMPS: dict[str, tuple[list[object], list[float]]] = {
    "relu": ([0.0], [1.0]),
    "both sides": ([-0.75, 0.5], [1.0, 0.5, 1.0, 0.25]),
    "of a fall": ([-0.75, 0.5], [-1.0, 0.5, -0.25, 1.0]),
    "above all": ([50.0], [1.0]),
    "below all": (["", -50.0], [1.0]),
    "above all of a fall": ([50.0], [-1.0]),
    "below all of a fall": (["", -50.0], [-1.0]),
}


@pytest.mark.parametrize("name", CLAMPS)
def test_a_clamp_at_integers_needs_no_quantiser(tmp_path: Path, name: str) -> None:
    limits, factors = CLAMPS[name]
    net = Net([1, 4])
    y = net.op("Clip", net.op("Mul", net.quant("x", 0.25, 0.0, 6), factors), *limits)
    net.op("MatMul", y, net.quant(WEIGHTS, 0.1, 0.0, 4))
    assert_exact(net, tmp_path, 3 * X)


def test_two_quantisers_of_one_raw_input(tmp_path: Path) -> None:
    net = Net([1, 4])
    net.op("Add", net.quant("x", 0.3, 0.0, 5), net.quant("x", 0.7, 1.0, 3))
    graph = assert_exact(net, tmp_path, X)
    assert [node.outside for node in graph.inputs] == ["x", "x"]


def test_product_over_the_last_axis_of_a_sequence(tmp_path: Path) -> None:
    net = Net([1, 3, 4])
    y = net.op("MatMul", net.quant("x", 0.25, 0.0, 5), net.quant(WEIGHTS, SCALES, 0.0, 4))
    net.quant(net.op("Add", y, [0.1, 0.2, 0.3]), 0.4, 0.0, 5)
    assert_exact(net, tmp_path, RNG.normal(0, 2, (20, 3, 4)))


def test_wide_weights_on_wide_activations(tmp_path: Path) -> None:
    net = Net([1, 4])
    w = net.quant(RNG.normal(0, 30000, (4, 2)), 1.0, 0.0, 32)
    net.quant(net.op("MatMul", net.quant("x", 2.0**-13, 0.0, 16), w), 3.0, 0.0, 16)
    graph = assert_exact(net, tmp_path, X)
    assert any(graph.types[n.name].bits > 31 for n in graph.nodes if isinstance(n, Linear))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("power_of_two", [False, True])
def test_multilayer_networks(tmp_path: Path, bits: int, power_of_two: bool) -> None:
    rng = np.random.default_rng(bits)
    scales = rng.uniform(0.3, 0.9, 7) * 6 / 2**bits
    if power_of_two:
        scales = 2.0 ** np.round(np.log2(scales))
    net = mlp(rng, [5, 7, 6, 3], scales=scales.tolist(), bits=bits, batch_norm=True)
    assert_exact(net, tmp_path, rng.normal(0, 2, (60, 5)))


def test_network_on_every_input(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    net = mlp(rng, [1, 6, 4], scales=[0.1, 0.21, 0.13, 0.3, 0.17], bits=8)
    assert_exact(net, tmp_path, every_level(8, 0.1))
