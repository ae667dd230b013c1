"""A Requantizer behind any Brevitas layer: free scales per channel, biases, zero points, every kind of layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import brevitas.quant as q
import numpy as np
import pytest
import torch
from torch import nn

import isobit
from isobit.errors import IsobitError
from isobit.frontend.brevitas import export_module
from isobit.interp import dequantise, quantise, run
from isobit.train import Accumulator, Requantizer, accuracy, adam, digits, fit
from tests.train.nets import compare_layers, first_difference, widths

FREE: dict[str, Any] = {"weight_quant": q.Int8WeightPerChannelFloat, "bias": True}
TENSOR: dict[str, Any] = {"weight_quant": q.Int8WeightPerTensorFloat, "bias": True}
SIGNS: dict[str, Any] = {"weight_quant": q.SignedBinaryWeightPerTensorConst, "bias": False}
WHOLE_BIAS = FREE | {"bias_quant": q.Int32Bias}


def entry(affine: bool = False) -> nn.Module:
    kind = q.ShiftedUint8ActPerTensorFloat if affine else q.Int8ActPerTensorFloat
    return qnn.QuantIdentity(act_quant=kind, return_quant_tensor=True)  # type: ignore[no-any-return]


def behind(layer: Any, inputs: tuple[int, int], bits: int = 4, **options: Any) -> list[nn.Module]:
    wrapped = Accumulator(layer)
    return [wrapped, Requantizer.behind(wrapped, bits, inputs=inputs, return_quant_tensor=True, **options)]


def dense(weights: dict[str, Any], affine: bool) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), entry(affine), *behind(qnn.QuantLinear(64, 24, **weights), (-128, 127), multiplicand_bits=5),
        *behind(qnn.QuantLinear(24, 16, **weights), (0, 15), per_channel=False, multiplicand_bits=5),
        qnn.QuantLinear(16, 10, **FREE),
    )  # fmt: skip


def convolutions() -> nn.Module:
    """Strides, groups, padding, a transposed convolution; a Requantizer of another width each."""
    return nn.Sequential(
        entry(), *behind(qnn.QuantConv2d(1, 6, 3, padding=1, **FREE), (-128, 127), 3, multiplicand_bits=5),
        *behind(qnn.QuantConv2d(6, 6, 3, stride=2, groups=3, **TENSOR), (0, 7), 8, multiplicand_bits=5),
        *behind(qnn.QuantConvTranspose2d(6, 4, 2, stride=2, **FREE), (0, 255), 2, multiplicand_bits=5),
        nn.Flatten(), qnn.QuantLinear(144, 10, **FREE),
    )  # fmt: skip


def trained(make: Any, *arguments: Any) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model: nn.Module = make(*arguments)
    fit(model, digits(), epochs=2, seed=1, optimiser=adam(3e-3), progress=False)
    return model


@pytest.mark.parametrize(
    ("make", "arguments"),
    [(dense, (FREE, False)), (dense, (WHOLE_BIAS, True)), (dense, (SIGNS, False)), (convolutions, ())],
)
@pytest.mark.parametrize("exporter", ["torchscript", pytest.param("dynamo", marks=pytest.mark.slow)])
def test_a_trained_network_is_built_exactly(make: Any, arguments: Any, exporter: Any, tmp_path: Path) -> None:
    model, data = trained(make, *arguments), digits()
    path = export_module(model, (1, 8, 8), tmp_path / "net.onnx", exporter)
    build = isobit.compile(path, tmp_path / "build", board="zcu104")
    compare_layers(model, path, build.graph, data.test_inputs)
    assert 0 < max(widths(build.graph).values()) <= 5
    (first,), (last,) = build.graph.inputs, build.graph.outputs
    got = run(build.graph, {first.name: quantise(first, data.test_inputs.numpy())})[last.name]
    with torch.no_grad():
        # the raw scores are float32 sums in torch; the classes are the same
        wanted = model(data.test_inputs)
    assert np.array_equal(dequantise(last, got).argmax(axis=-1), wanted.argmax(dim=-1).numpy())


def test_it_learns_without_calibration() -> None:
    model, data = trained(dense, FREE, False), digits()
    before = accuracy(model, data.test_inputs, data.test_labels)
    fit(model, data, epochs=6, seed=2, optimiser=adam(3e-3), progress=False)
    after = accuracy(model, data.test_inputs, data.test_labels)
    assert after > max(before, 0.8)


def test_it_is_simulated_exactly(tmp_path: Path) -> None:
    model, data = trained(dense, FREE, True), digits()
    build = isobit.compile(model, tmp_path / "build", input_shape=(1, 8, 8))
    result = isobit.csim(build, data.test_inputs[:100].numpy())
    assert result.equal
    assert result.source is not None
    assert (result.source.exact_mismatches, result.source.unexplained) == (0, ())


def test_the_accumulators_are_those_of_whole_number_arithmetic() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        layer = qnn.QuantConvTranspose2d(4, 6, 3, stride=2, groups=2, **TENSOR)
        quantiser = entry(True)
        x = quantiser.train()(torch.rand(2, 4, 5, 5) * 3 - 1)
    got = Accumulator(layer).eval()(x)
    weight = layer.quant_weight()
    unit = (weight.scale.double() * x.scale.double()).flatten()
    integers = [torch.round(v.value.double() / v.scale.double()) for v in (x, weight)]
    wanted = nn.functional.conv_transpose2d(*integers, None, 2, 0, 0, 2)
    wanted = wanted + torch.round(layer.bias.double() / unit).reshape(1, -1, 1, 1)
    first_difference("accumulators", got.detach().double().numpy(), wanted.detach().numpy())
    assert bool((got != torch.zeros(())).any())


def test_dense_layers_have_their_channels_last() -> None:
    layer = Accumulator(qnn.QuantLinear(3, 2, **FREE))
    act = Requantizer.behind(layer, 4)
    assert act.channel_axis == -1
    a, b, s = act.integers()
    x = torch.arange(-60.0, 60.0).reshape(5, 12, 2)
    wanted = torch.clamp(torch.floor((a * x.double() + b) / 2**s), 0, 15) / 16
    assert torch.equal(act(x).double(), wanted)


def test_gradients_reach_weights_bias_and_input() -> None:
    layer = Accumulator(qnn.QuantLinear(4, 3, **FREE))
    x = torch.rand(8, 4, requires_grad=True)
    layer(entry().train()(x)).sum().backward()
    for part in (x.grad, layer.layer.weight.grad, layer.layer.bias.grad):
        assert part is not None
        assert bool((part != 0).any())


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda: nn.Linear(3, 2), "not quantised"),
        (lambda: qnn.QuantLinear(3, 2, bias=False, weight_quant=None), "not quantised"),
        (lambda: qnn.QuantLinear(3, 2, bias=False, input_quant=q.Int8ActPerTensorFloat), "its input or output itself"),
    ],
)
def test_a_layer_without_whole_numbers_is_refused(layer: Any, message: str) -> None:
    with pytest.raises(IsobitError, match=message) as refusal:
        Accumulator(layer())
    assert refusal.value.code == "E304"


def test_an_input_without_a_scale_is_refused() -> None:
    with pytest.raises(IsobitError, match="no QuantTensor") as refusal:
        Accumulator(qnn.QuantLinear(3, 2, **FREE))(torch.ones(1, 3))
    assert refusal.value.code == "E304"
    assert "return_quant_tensor=True" in (refusal.value.hint or "")
