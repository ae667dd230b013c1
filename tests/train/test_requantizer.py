"""The trainable requantizer: what it computes, that it learns, and that it is built as it was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

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
from isobit.train import Data, Requantizer, adam, digits, fit
from tests.train.nets import compare_layers, first_difference, grey, widths

WEIGHTS: dict[str, Any] = {"weight_quant": q.Int8WeightPerTensorFixedPoint, "weight_bit_width": 4, "bias": False}


def network(bits: int, per_channel: bool, kind: Literal["dense", "conv"] = "dense", multiplicand: int = 6) -> nn.Module:
    """Two layers with Requantizers; the scores are a layer's raw outputs."""
    options: dict[str, Any] = {"per_channel": per_channel, "multiplicand_bits": multiplicand}
    if kind == "dense":
        first, second = qnn.QuantLinear(64, 24, **WEIGHTS), qnn.QuantLinear(24, 16, **WEIGHTS)
        flat, last = [nn.Flatten()], [qnn.QuantLinear(16, 10, **WEIGHTS)]
    else:
        first, second = qnn.QuantConv2d(1, 6, 3, **WEIGHTS), qnn.QuantConv2d(6, 4, 3, stride=2, **WEIGHTS)
        flat, last = [], [nn.Flatten(), qnn.QuantLinear(16, 10, **WEIGHTS)]
    return nn.Sequential(
        *flat, grey(), first, Requantizer.behind(first, bits, inputs=(0, 16), **options),
        second, Requantizer.behind(second, bits, **options), *last,
    )  # fmt: skip


def trained(*arguments: Any) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = network(*arguments)
    data = digits()
    part = Data(data.train_inputs[:512], data.train_labels[:512], data.test_inputs, data.test_labels)
    fit(model, part, epochs=1, seed=1, optimiser=adam(5e-3), progress=False)
    return model


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("bits", range(1, 9))
def test_a_trained_requantizer_is_imported_exactly(bits: int, per_channel: bool, tmp_path: Path) -> None:
    model, data = trained(bits, per_channel), digits()
    # both exporters, in turns
    path = export_module(
        model, (1, 8, 8), tmp_path / "net.onnx", "dynamo" if bits % 2 == per_channel else "torchscript"
    )
    build = isobit.compile(path, tmp_path / "build")
    compare_layers(model, path, build.graph, data.test_inputs)
    assert 0 < max(widths(build.graph).values()) <= 6
    (entry,), (exit_,) = build.graph.inputs, build.graph.outputs
    got = run(build.graph, {entry.name: quantise(entry, data.test_inputs.numpy())})[exit_.name]
    with torch.no_grad():
        first_difference("scores", dequantise(exit_, got), model(data.test_inputs).numpy())


@pytest.mark.parametrize("bits", [1, 4])
def test_a_convolution_with_a_requantizer_is_simulated_exactly(bits: int, tmp_path: Path) -> None:
    model, data = trained(bits, bits == 1, "conv"), digits()
    path = export_module(model, (1, 8, 8), tmp_path / "net.onnx")
    build = isobit.compile(path, tmp_path / "build")
    assert compare_layers(model, path, build.graph, data.test_inputs) >= 2
    result = isobit.csim(build, data.test_inputs[:100].numpy())
    assert result.equal and result.source is not None and result.source.exact_mismatches == 0


@pytest.mark.parametrize("multiplicand", [1, 2, 12])
def test_the_multiplicand_has_the_bits_asked_for(multiplicand: int, tmp_path: Path) -> None:
    model = trained(4, True, "dense", multiplicand)
    path = export_module(model, (1, 8, 8), tmp_path / "net.onnx")
    build = isobit.compile(path, tmp_path / "build")
    compare_layers(model, path, build.graph, digits().test_inputs)
    assert 0 < max(widths(build.graph).values()) <= multiplicand


@pytest.mark.parametrize("bits", [1, 2, 8])
def test_it_computes_the_formula_in_whole_numbers(bits: int) -> None:
    layer = Requantizer(bits, torch.tensor([0.013, 0.4]), torch.tensor([0.7, -3.0]), return_quant_tensor=True)
    a, b, s = layer.integers()
    x = torch.arange(-4000, 4000, dtype=torch.float32).reshape(-1, 2)
    made = layer(x)
    wanted = [
        [min(max((int(a[c]) * int(v) + int(b[c])) >> s, 0), 2**bits - 1) for c, v in enumerate(row)]
        for row in x.tolist()
    ]
    assert np.array_equal(made.int().numpy(), np.array(wanted))
    assert set(made.int().flatten().tolist()) == set(range(2**bits))
    assert float(made.scale) == 2.0**-bits


def test_gradients_pass_straight_through() -> None:
    layer = Requantizer(4, torch.tensor([0.25]), torch.tensor([2.0]))
    x = torch.tensor([3.0, 5.0, 1000.0], requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0.25 / 16, 0.25 / 16, 0.0]
    assert layer.gain.grad is not None and layer.gain.grad.tolist() == [0.25 * (3 + 5) / 16]
    assert layer.lift.grad is not None and layer.lift.grad.tolist() == [2.0]


@pytest.mark.parametrize("bits", [1, 2])
def test_it_learns_without_calibration(bits: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = network(bits, True)
    history = fit(model, digits(), epochs=8, seed=1, optimiser=adam(5e-3), progress=False)
    assert history[-1].accuracy > 0.7


def test_what_cannot_be_is_refused() -> None:
    for bits, slope, options in ((0, 1.0, {}), (9, 1.0, {}), (4, 0.0, {}), (4, 1.0, {"multiplicand_bits": 17})):
        with pytest.raises(IsobitError, match="Requantizer") as refusal:
            Requantizer(bits, torch.tensor([slope]), torch.tensor([0.0]), **options)
        assert refusal.value.code == "E304"


@pytest.mark.parametrize(
    ("options", "message"),
    [({"bias": True}, "has a bias"), ({"weight_quant": q.Int8WeightPerTensorFloat}, "no power of two")],
)
def test_a_layer_that_it_cannot_follow_is_refused(options: dict[str, Any], message: str) -> None:
    layer = qnn.QuantLinear(3, 2, **(WEIGHTS | options))
    nn.init.constant_(layer.weight, 0.3)
    with pytest.raises(IsobitError, match=message) as refusal:
        Requantizer.behind(layer, 4)
    assert refusal.value.code == "E304"


def test_a_channel_without_weights_has_a_slope() -> None:
    layer = qnn.QuantLinear(3, 2, bias=False, weight_quant=q.Int8WeightPerTensorFixedPoint)
    nn.init.constant_(layer.weight, 1.0)
    layer.weight.data[1] = 0
    assert bool((Requantizer.behind(layer, 4).initial > 0).all())
