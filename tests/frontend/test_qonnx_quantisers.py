"""Quant, BipolarQuant, Trunc, MultiThreshold and Sign, on the host, on constants and inside the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isobit.frontend.qonnx.importer import import_onnx
from isobit.ir.ops import Step
from isobit.numerics import Rounding
from tests.frontend.qonnx_oracle import assert_exact, every_level
from tests.onnx_builder import QONNX, Net

MODES = [mode.name for mode in Rounding] + ["HALF_EVEN", "round"]


def requantiser(first: float, **second: object) -> Net:
    """One feature: every integer of 8 signed bits, then a second quantiser."""
    net = Net([1, 1])
    net.quant(net.quant("x", first, 0.0, 8), **second)  # type: ignore[arg-type]
    return net


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ratio", [2.0, 3.0, 0.7])
def test_rounding_modes_after_the_first_integer(tmp_path: Path, mode: str, ratio: float) -> None:
    # a ratio of two has a tie at every odd integer
    net = requantiser(0.25, scale=0.25 * ratio, bits=6, rounding_mode=mode)
    assert_exact(net, tmp_path, every_level(8, 0.25))


@pytest.mark.parametrize("mode", MODES)
def test_rounding_modes_on_the_host(tmp_path: Path, mode: str) -> None:
    net = Net([1, 1])
    net.quant("x", 0.5, 0.0, 4, rounding_mode=mode)
    ties = np.arange(-24, 25)[:, np.newaxis] / np.float32(8)
    assert_exact(net, tmp_path, ties)


@pytest.mark.parametrize("bits", range(1, 17))
@pytest.mark.parametrize(("signed", "narrow"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_widths_and_signs(tmp_path: Path, bits: int, signed: int, narrow: int) -> None:
    net = requantiser(0.3, scale=0.17 * 2.0 ** (8 - bits), bits=bits, signed=signed, narrow=narrow)
    graph = assert_exact(net, tmp_path, every_level(8, 0.3))
    lo, hi = graph.types[graph.outputs[0].name].bounds
    most = (2 ** (bits - 1) - 1 if bits > 1 else 1) if signed else 2**bits - 1 - narrow
    least = (-(2 ** (bits - 1)) + narrow if bits > 1 else -1) if signed else 0
    assert least <= lo <= hi <= most


@pytest.mark.parametrize("bits", [1, 2, 5, 16])
@pytest.mark.parametrize(("signed", "narrow"), [(0, 0), (1, 0), (1, 1)])
def test_widths_and_signs_on_the_host(tmp_path: Path, bits: int, signed: int, narrow: int) -> None:
    net = Net([1, 2])
    net.quant("x", 0.37, 0.0, bits, signed=signed, narrow=narrow)
    rng = np.random.default_rng(bits)
    extreme = [[np.inf, -np.inf], [0.0, -0.0], [1e30, -1e30], [1e-40, -1e-40]]
    assert_exact(net, tmp_path, np.concatenate([extreme, rng.normal(0, 0.2 * 2.0**bits, (60, 2))]))


@pytest.mark.parametrize("zero", [3.0, -2.0, 0.5, 0.3])
@pytest.mark.parametrize("where", ["host", "inner"])
def test_zero_points_on_activations(tmp_path: Path, zero: float, where: str) -> None:
    net = Net([1, 1])
    first = net.quant("x", 0.25, zero if where == "host" else 0.0, 8)
    net.quant(first, 0.5, zero if where == "inner" else 0.0, 5, signed=0)
    graph = assert_exact(net, tmp_path, np.arange(-160, 161)[:, np.newaxis] / np.float32(16))
    assert (graph.outputs[0].offset[0] == 0) == (where == "host")


@pytest.mark.parametrize("mode", ["ROUND", "FLOOR", "HALF_DOWN"])
def test_per_channel_scales_and_zero_points(tmp_path: Path, mode: str) -> None:
    net = Net([1, 3])
    first = net.quant("x", [0.1, 0.25, 1.5], [[1.0, 0.0, -3.0]], 6)
    second = net.quant(first, [[0.3, 0.5, 1.0]], 0.0, 4, rounding_mode=mode)
    net.quant(second, 0.7, [2.0, 0.0, 1.0], 4, signed=0, rounding_mode=mode)
    assert_exact(net, tmp_path, np.random.default_rng(1).normal(0, 8, (300, 3)))


@pytest.mark.parametrize("chain", [(2.0, 2.0), (3.0, 1.7), (0.5, 4.0), (1.0, 1.0), (2.5, 0.4)])
def test_chained_quantisers_compose(tmp_path: Path, chain: tuple[float, float]) -> None:
    net = Net([1, 1])
    current, scale = net.quant("x", 0.25, 0.0, 8), 0.25
    for ratio, mode in zip(chain, ("ROUND", "CEIL"), strict=True):
        scale *= ratio
        current = net.quant(current, scale, 1.0, 7, rounding_mode=mode)
    assert_exact(net, tmp_path, every_level(8, 0.25))


def test_ternary_and_bipolar_chain(tmp_path: Path) -> None:
    net = Net([1, 1])
    ternary = net.quant(net.quant("x", 0.1, 0.0, 8), 2.0, 0.0, 2, narrow=1)
    net.bipolar(net.op("Add", ternary, 0.5), 0.3)
    graph = assert_exact(net, tmp_path, every_level(8, 0.1))
    assert graph.types[graph.outputs[0].name].bounds == (-1, 1)


@pytest.mark.parametrize("scale", [1.0, 0.3, 2.0])
def test_bipolar_on_the_host_looks_at_the_sign_of_the_float(tmp_path: Path, scale: float) -> None:
    net = Net([1, 1])
    net.bipolar("x", scale)
    assert_exact(net, tmp_path, [[0.0], [-0.0], [1e-45], [-1e-45], [3.0], [-3.0], [np.inf], [-np.inf]])


def test_bipolar_per_channel_after_an_offset(tmp_path: Path) -> None:
    net = Net([1, 2])
    current = net.op("Add", net.quant("x", 0.5, 0.0, 4), [0.5, -0.25])
    net.bipolar(current, [[0.7, 1.1]])
    graph = assert_exact(net, tmp_path, np.random.default_rng(0).normal(0, 2, (60, 2)))
    assert len(set(graph.outputs[0].scale)) == 2


@pytest.mark.parametrize("zero", [0.0, 0.5, -3.0])
def test_one_signed_bit_with_a_zero_point(tmp_path: Path, zero: float) -> None:
    net = requantiser(0.25, scale=0.5, zero_point=zero, bits=1)
    assert_exact(net, tmp_path, every_level(8, 0.25))


@pytest.mark.parametrize("mode", ["FLOOR", "ROUND", "CEIL", "HALF_UP", "ROUND_TO_ZERO"])
@pytest.mark.parametrize("zero", [0.0, 4.0])
def test_trunc_version_1_keeps_the_scale(tmp_path: Path, mode: str, zero: float) -> None:
    net = Net([1, 1])
    first = net.quant("x", 0.25, zero, 8)
    net.op("Trunc", first, 0.25, zero, 8, 5, domain=QONNX, rounding_mode=mode)
    assert_exact(net, tmp_path, every_level(8, 0.25), qonnx_opset=1)


@pytest.mark.parametrize("mode", ["FLOOR", "ROUND", "HALF_DOWN"])
@pytest.mark.parametrize(("signed", "bits"), [(1, 4), (0, 5), (1, 3)])
def test_trunc_version_2_scales_and_clamps(tmp_path: Path, mode: str, signed: int, bits: int) -> None:
    net = Net([1, 1])
    first = net.quant("x", 0.25, 0.0, 8)
    net.op("Trunc", first, 0.25, 0.0, 8, 2.0, bits, domain=QONNX, signed=signed, narrow=0, rounding_mode=mode)
    assert_exact(net, tmp_path, every_level(8, 0.25), qonnx_opset=2)


def test_trunc_of_as_many_bits_as_a_logarithm_says(tmp_path: Path) -> None:
    """As Brevitas writes its adaptive average pool: the greatest sum's logarithm to base 2, rounded up."""
    net = Net([1, 1])
    first = net.quant("x", 0.25, 0.0, 8)
    bits = net.op("Ceil", net.op("Div", net.op("Log", 135.0), np.log(2.0)))
    net.op("Trunc", first, 0.25, 0.0, bits, 2.0, 4, domain=QONNX, signed=1, narrow=0, rounding_mode="FLOOR")
    assert_exact(net, tmp_path, every_level(8, 0.25), qonnx_opset=2)


def test_trunc_version_2_with_a_shift_per_channel(tmp_path: Path) -> None:
    net = Net([1, 3])
    first = net.quant("x", [[0.25, 0.5, 1.0]], 0.0, 8)
    net.op("Trunc", first, [[0.25, 0.5, 1.0]], 0.0, 8, 2.0, 6, domain=QONNX, rounding_mode="FLOOR")
    assert_exact(net, tmp_path, np.tile(every_level(8, 0.25), 3), qonnx_opset=2)


def test_trunc_version_2_with_a_scale_per_channel_of_equal_outputs(tmp_path: Path) -> None:
    net = Net([1, 3])
    first = net.quant("x", 0.25, 0.0, 8)
    net.op("Trunc", first, [[0.25, 0.5, 1.0]], 0.0, 8, 2.0, 6, domain=QONNX, rounding_mode="FLOOR")
    assert_exact(net, tmp_path, np.tile(every_level(8, 0.25), 3), qonnx_opset=2)


def test_trunc_after_a_sum_rounds_to_the_stated_scale(tmp_path: Path) -> None:
    net = Net([1, 2])
    total = net.op("Add", net.quant("x", 0.25, 0.0, 6), [0.1, -0.35])
    falling = net.op("Mul", total, [-1.0, 3.0])
    net.op("Trunc", falling, 0.25, 0.0, 8, 4, domain=QONNX, rounding_mode="ROUND")
    assert_exact(net, tmp_path, np.tile(every_level(6, 0.25), 2), qonnx_opset=1)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("scale", "bias"), [(1.0, 0.0), (0.3, -4.0)])
def test_multithreshold(tmp_path: Path, rows: int, scale: float, bias: float) -> None:
    rng = np.random.default_rng(rows)
    table = np.sort(rng.normal(0, 8, (rows, 15)), axis=1)
    table[:, 4] = table[:, 5]  # a jump of two
    table[:, 7] = 2.5  # met exactly
    table = np.sort(table, axis=1)
    net = Net([1, 3])
    net.op("MultiThreshold", net.quant("x", 0.5, 0.0, 6), table, domain=QONNX, out_scale=scale, out_bias=bias)
    assert_exact(net, tmp_path, rng.normal(0, 8, (200, 3)))


def test_multithreshold_on_a_falling_channel(tmp_path: Path) -> None:
    net = Net([1, 2])
    current = net.op("Mul", net.quant("x", 0.5, 0.0, 6), [-1.5, 2.0])
    net.op("MultiThreshold", current, [[-3.0, 0.0, 1.5], [-1.0, 0.0, 4.0]], domain=QONNX, out_dtype="UINT2")
    assert_exact(net, tmp_path, np.tile(every_level(6, 0.5), 2))


def test_sign_has_three_values(tmp_path: Path) -> None:
    net = Net([1, 2])
    net.op("Sign", net.op("Mul", net.quant("x", 0.5, 0.0, 4), [1.0, -2.0]))
    graph = assert_exact(net, tmp_path, np.tile(every_level(4, 0.5), 2))
    assert graph.types[graph.outputs[0].name].bounds == (-1, 1)


def test_equal_channels_share_one_staircase(tmp_path: Path) -> None:
    net = Net([1, 4])
    net.quant(net.quant("x", 0.5), 1.5, 0.0, 4)
    graph = import_onnx(net.save(tmp_path))
    (step,) = [node for node in graph.nodes if isinstance(node, Step)]
    assert len(step.curves) == 1
