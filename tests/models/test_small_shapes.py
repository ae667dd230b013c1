"""Networks at the edges of what is legal, from ONNX through C simulation: not one integer differs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx_builder import Net, save

import isobit
from isobit.errors import IsobitError

Made = tuple[Net, str]
Case = Callable[[np.random.Generator], Made]
CASES: dict[str, Case] = {}


def case(make: Case) -> Case:
    """Registers a network: it returns the net and the name of its output."""
    CASES[make.__name__] = make
    return make


def dense(
    net: Net, rng: np.random.Generator, x: str, inputs: int, outputs: int, bits: int = 4, scale: Any = 0.1
) -> str:
    """A dense layer of random weights."""
    return net.op("MatMul", x, net.quant(rng.normal(size=(inputs, outputs)), scale, 0.0, bits))


def integers(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its output declared as int64, which ArgMax and TopK make."""
    model.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
    return model


@case
def one_input_one_output(rng: np.random.Generator) -> Made:
    net = Net([1, 1])
    return net, net.quant(dense(net, rng, net.quant("x", 0.1), 1, 1), 0.05)


@case
def primes_and_single_neurons(rng: np.random.Generator) -> Made:
    net = Net([1, 13])
    x = net.quant("x", 0.1)
    x = net.quant(net.op("Relu", dense(net, rng, x, 13, 17)), 0.07, 0.0, 5, signed=0)
    x = net.quant(net.op("Relu", dense(net, rng, x, 17, 1)), 0.07, 0.0, 5, signed=0)
    return net, net.quant(dense(net, rng, x, 1, 11), 0.05)


@case
def all_weights_zero(rng: np.random.Generator) -> Made:
    net = Net([1, 4])
    x = net.quant(net.op("MatMul", net.quant("x", 0.1), net.quant(np.zeros((4, 6)), 0.1)), 0.05)
    return net, net.quant(net.op("Add", dense(net, rng, x, 6, 3), np.float32([0.1, 0.2, 0.3])), 0.05)


@case
def constant_hidden_channels(rng: np.random.Generator) -> Made:
    net = Net([1, 4])
    bias = np.float32([-1000, -1000, -1000, 1000, 1000, 0])
    shifted = net.op("Add", dense(net, rng, net.quant("x", 0.1), 4, 6), bias)
    x = net.quant(net.op("Relu", shifted), 0.05, 0.0, 4, signed=0)
    return net, net.quant(dense(net, rng, x, 6, 3), 0.1)


@case
def equal_columns(rng: np.random.Generator) -> Made:
    net = Net([1, 4])
    weights = rng.normal(size=(4, 2))[:, [0, 0, 1, 0, 1]]
    return net, net.quant(net.op("MatMul", net.quant("x", 0.1), net.quant(weights, 0.1)), 0.05)


@case
def only_a_quantiser(rng: np.random.Generator) -> Made:
    net = Net([1, 5])
    return net, net.quant("x", 0.1)


@case
def three_quantisers_in_a_row(rng: np.random.Generator) -> Made:
    net = Net([1, 5])
    x = net.quant(net.quant("x", 0.1), 0.33, 0.0, 6)
    return net, net.quant(net.op("Relu", x), 0.25, 0.0, 3, signed=0)


@case
def quantisers_that_cannot_be_one(rng: np.random.Generator) -> Made:
    net = Net([1, 16])
    x = net.quant(dense(net, rng, net.quant("x", 0.01, 0.0, 16), 16, 4, 8), 0.37, 0.0, 14)
    return net, net.quant(x, 0.91, 0.0, 13)


@case
def skips_of_unrelated_scales(rng: np.random.Generator) -> Made:
    net = Net([1, 8])
    x = net.quant("x", 0.1)
    for layer in range(2):
        a = net.quant(net.op("Relu", dense(net, rng, x, 8, 8)), 0.0731 + 0.01 * layer, 0.0, 4, signed=0)
        b = net.quant(dense(net, rng, a, 8, 8), 0.0913)
        x = net.quant(net.op("Add", b, x), 0.113 + 0.003 * layer, 0.0, 6)
    return net, x


@case
def sum_without_a_quantiser(rng: np.random.Generator) -> Made:
    net = Net([1, 8])
    x = net.quant("x", 0.1)
    return net, net.op("Add", net.quant(dense(net, rng, x, 8, 8), 0.0731), x)


@case
def argmax_with_bias(rng: np.random.Generator) -> Made:
    net = Net([1, 8])
    return net, net.op("ArgMax", net.op("Add", dense(net, rng, net.quant("x", 0.1), 8, 5), rng.normal(size=5)), axis=1)


@case
def argmax_of_a_scale_per_channel(rng: np.random.Generator) -> Made:
    net = Net([1, 8])
    scale = np.float32([[0.1, 0.2, 0.03, 0.07, 0.09]])
    return net, net.op("ArgMax", dense(net, rng, net.quant("x", 0.1), 8, 5, scale=scale), axis=1)


@case
def top_three(rng: np.random.Generator) -> Made:
    net = Net([1, 8])
    x = net.op("Add", dense(net, rng, net.quant("x", 0.1), 8, 5), rng.normal(size=5))
    net.op("TopK", x, net.const([3], np.int64), outputs=["values", "indices"], axis=-1)
    return net, "indices"


@case
def zero_points_everywhere(rng: np.random.Generator) -> Made:
    net = Net([1, 8])
    x = net.quant("x", 0.1, 37.0, 8, signed=0)
    x = net.quant(dense(net, rng, x, 8, 6), 0.25, 11.0, 6, signed=0)
    weights = net.quant(rng.normal(size=(6, 5)), 0.1, 3.0, 5)
    return net, net.quant(net.op("MatMul", x, weights), 0.05, -9.0)


@case
def activation_scales_per_channel(rng: np.random.Generator) -> Made:
    net = Net([1, 8])
    x = net.quant(dense(net, rng, net.quant("x", 0.1), 8, 6), np.float32([[0.1, 0.05, 0.25, 0.3, 0.17, 0.09]]), 0.0, 5)
    return net, net.quant(dense(net, rng, x, 6, 4), 0.11)


@case
def powers_of_two_16_bits(rng: np.random.Generator) -> Made:
    net = Net([1, 16])
    x = net.quant("x", 2**-12, 0.0, 16)
    x = net.quant(net.op("Relu", dense(net, rng, x, 16, 16, 16, 2**-12)), 2**-11, 0.0, 16, signed=0)
    return net, net.quant(dense(net, rng, x, 16, 5, 16, 2**-12), 2**-10, 0.0, 16)


@case
def away_from_zero_12_bits(rng: np.random.Generator) -> Made:
    net = Net([1, 9])
    x = dense(net, rng, net.quant("x", 2**-5), 9, 5, 8, 2**-5)
    return net, net.quant(x, 2**-8, 0.0, 12, rounding_mode="UP")


@pytest.mark.parametrize("name", CASES)
def test_no_integer_differs(name: str, tmp_path: Path) -> None:
    net, output = CASES[name](np.random.default_rng(0))
    model = net.model(output)
    path = save(integers(model) if name.startswith(("argmax", "top")) else model, tmp_path)
    result = isobit.csim(isobit.compile(path, tmp_path / "build"), vectors=500)

    assert result.mismatch is None, str(result.mismatch)
    assert [run.mismatches for run in result.runs] == [0, 0]
    assert result.source is not None
    assert (result.source.exact_mismatches, result.source.unexplained) == (0, ())
    assert result.source.exact_outputs > 0
    assert result.source.float_integers > 0


@pytest.mark.parametrize("checked", [False, True])
def test_constants_beyond_64_bits(tmp_path: Path, checked: bool) -> None:
    net, rng = Net([1, 16]), np.random.default_rng(0)
    x = net.quant("x", 3.1e-4, 0.0, 16)
    x = net.op("Add", dense(net, rng, x, 16, 5, 16, 1.7e-4), rng.normal(size=5))
    path = net.save(tmp_path, net.quant(x, 3.9e-3, 0.0, 16))
    build = isobit.compile(path, tmp_path / "build")
    assert "wide_constant" in (build.hls / "parameters.hpp").read_text()
    assert isobit.csim(build, vectors=500, checked=checked).equal


def test_a_mode_that_qonnx_lacks_is_checked_exactly(tmp_path: Path) -> None:
    net, rng = Net([1, 9]), np.random.default_rng(0)
    x = dense(net, rng, net.quant("x", 2**-5), 9, 5, 8, 2**-5)
    path = net.save(tmp_path, net.quant(x, 2**-8, 0.0, 12, rounding_mode="ROUND_TO_ZERO"))
    source = isobit.csim(isobit.compile(path, tmp_path / "build"), vectors=100).source
    assert source is not None
    assert (source.exact_mismatches, source.float_integers) == (0, 0)
    assert source.exact_outputs > 0
    assert "ROUND_TO_ZERO" in source.note


def test_a_step_without_a_body_is_refused_with_every_reason(tmp_path: Path) -> None:
    net, rng = Net([1, 8]), np.random.default_rng(0)
    x = net.op("Sigmoid", dense(net, rng, net.quant("x", 0.001, 0.0, 16), 8, 5, 12, 0.003))
    path = net.save(tmp_path, net.quant(x, 2**-12, 0.0, 12, signed=0))
    with pytest.raises(IsobitError) as refused:
        isobit.compile(path, tmp_path / "build")
    assert refused.value.code == "E504"
    for body in ("multiply_shift", "thresholds", "lookup"):
        assert body in refused.value.message
    assert not (tmp_path / "build").exists()


def test_a_final_relu_on_the_host_is_compared_exactly(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    net = Net([1, 4])
    weights = net.quant(rng.normal(size=(4, 3)), 0.3, 0.0, 4)
    net.op("Relu", net.op("Add", net.op("MatMul", net.quant("x", 0.25, 0.0, 4), weights), [0.1, -0.7, 0.4]))
    result = isobit.csim(isobit.compile(net.save(tmp_path), tmp_path / "build"), vectors=100)
    assert result.equal and result.source is not None
    assert (result.source.exact_outputs, result.source.exact_mismatches) == (96, 0)


def test_a_declared_input_scale_is_exact(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    net = Net([1, 4])
    weights = net.quant(rng.normal(size=(4, 3)), 0.3, 0.0, 4)
    net.quant(net.op("MatMul", net.quant("x", 0.11, 0.0, 4), weights), 0.4, 0.0, 6)
    path = net.save(tmp_path)
    build = isobit.compile(path, tmp_path / "build", input_type="UINT8", input_scale="1/255")
    assert build.graph.inputs[0].quantiser is None  # the first quantiser is in the fabric
    result = isobit.csim(build, vectors=200)
    assert result.equal and result.source is not None
    assert (result.source.exact_outputs, result.source.exact_mismatches) == (96, 0)
