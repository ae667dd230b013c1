"""Q(I.F): every code of small formats by definition, refusals, and whole networks that compile exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from torch import nn

import isobit
from isobit.errors import IsobitError
from isobit.frontend.brevitas import export_module
from isobit.interp import dequantise, quantise, run
from isobit.train import FixedPoint, adam, digits, fit, fixed, parse_fixed
from tests.train.nets import compare_layers, first_difference

WIDTHS = [(1, 1), (1, 5), (2, 0), (2, 3), (3, 4), (6, 6), (8, 8), (1, 16), (16, 1), (16, 16)]


def by_definition(q: FixedPoint, x: np.ndarray, signed: bool) -> np.ndarray:
    """``clip(round half even(x 2^F))`` in float64, in which every product and half here is exact."""
    most = 2 ** (q.integer + q.fraction - signed) - 1
    least = -(2 ** (q.integer + q.fraction - 1)) if signed else 0
    return np.clip(np.rint(x.astype(np.float64) * 2.0**q.fraction), least, most)


def points(q: FixedPoint) -> torch.Tensor:
    """Codes, the middles between them, what lies on either side of a middle, and beyond both ends."""
    reach = min(2 ** (q.bits + 1), 3000)
    halves = torch.arange(-2 * reach, 2 * reach + 1, dtype=torch.float32) * 2.0 ** (-q.fraction - 1)
    aside = torch.cat([halves, torch.nextafter(halves, halves + 1), torch.nextafter(halves, halves - 1)])
    ends = torch.tensor(q.interval()) * torch.tensor([[1.0], [1.0000001], [40.0]])
    return torch.cat([aside, ends.reshape(-1)])


@pytest.mark.parametrize(("integer", "fraction"), WIDTHS)
@pytest.mark.parametrize("signed", [True, False])
def test_an_activation_is_what_the_definition_says(integer: int, fraction: int, signed: bool) -> None:
    q = fixed(integer, fraction)
    act = qnn.QuantIdentity(act_quant=q.signed if signed else q.unsigned, return_quant_tensor=True).eval()
    x = points(q)
    made = act(x)
    assert float(made.scale) == 2.0**-fraction and int(made.bit_width) == integer + fraction
    wanted = by_definition(q, x.numpy(), signed)
    if q.bits <= 23:  # beyond, float32 itself has no such integers
        first_difference(str(q), made.int(float_datatype=True).numpy().astype(np.float64), wanted)
    lo, hi = q.interval(signed=signed)
    assert made.value.min() == np.float32(lo) and made.value.max() == np.float32(hi)


@pytest.mark.parametrize(("integer", "fraction"), WIDTHS)
def test_weights_and_biases_are_of_their_own_formats(integer: int, fraction: int) -> None:
    q = fixed(integer, fraction)
    layer = qnn.QuantLinear(4, 3, bias=True, weight_quant=q.weight, bias_quant=fixed(4, 7).bias)
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(-(2.0**integer), 2.0**integer, 12).reshape(3, 4))
        layer.bias.copy_(torch.tensor([-9.0, 0.12, 0.5 + 2.0**-8]))
    weights = layer.quant_weight()
    assert float(weights.scale) == 2.0**-fraction
    wanted = by_definition(q, layer.weight.detach().numpy(), True)
    if q.bits <= 23:
        first_difference("weights", weights.int(float_datatype=True).detach().numpy().astype(np.float64), wanted)
    bias = layer.quant_bias()
    assert bias.value.tolist() == [-8.0, 15 / 128, 0.5]


@pytest.mark.parametrize("widths", [(0, 4), (-1, 4), (3, -1), (17, 1), (1, 17), (1, 0), (True, 3), ("2", 3), (2.0, 3)])
def test_widths_that_hold_nothing_are_refused(widths: tuple[Any, Any]) -> None:
    with pytest.raises(IsobitError) as caught:
        fixed(*widths)
    assert caught.value.code == "E310" and caught.value.hint


@pytest.mark.parametrize("text", ["6", "6,6", "a.b", "", "0.4", "1.-2", "1.5.2"])
def test_a_format_in_words(text: str) -> None:
    assert parse_fixed(" 6.10 ") == fixed(6, 10) and str(fixed(6, 10)) == "6.10"
    with pytest.raises(IsobitError) as caught:
        parse_fixed(text)
    assert caught.value.code == "E310"


def network(weights: FixedPoint, acts: FixedPoint, other: FixedPoint, slope: float = 0.125) -> nn.Module:
    """A small network whose second layer has widths of its own, with a residual sum of two formats."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.entry = qnn.QuantIdentity(act_quant=fixed(6, 2).signed)
            bits = {"bias": False, "weight_quant": weights.weight}
            self.first, self.norm = qnn.QuantConv2d(1, 6, 3, padding=1, stride=2, **bits), nn.BatchNorm2d(6)
            self.relu = qnn.QuantReLU(act_quant=acts.unsigned)
            self.second = qnn.QuantConv2d(
                6, 6, 3, padding=1, bias=True, weight_quant=other.weight, bias_quant=fixed(3, 9).bias
            )
            self.leaky, self.third = nn.LeakyReLU(slope), qnn.QuantIdentity(act_quant=other.signed)
            self.pool, self.head = nn.AdaptiveAvgPool2d(1), qnn.QuantLinear(6, 10, **bits)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.relu(self.norm(self.first(self.entry(x))))
            x = self.third(self.leaky(self.second(x))) + x
            return self.head(self.pool(x).flatten(1))  # type: ignore[no-any-return]

    return Net()


@pytest.mark.parametrize(
    ("weights", "acts", "other"),
    [
        pytest.param((1, 5), (6, 6), (2, 4), id="6-12"),
        pytest.param((1, 3), (4, 2), (1, 7), id="4-6", marks=pytest.mark.slow),
        pytest.param((2, 2), (3, 5), (5, 1), id="4-8", marks=pytest.mark.slow),
    ],
)
def test_trained_exported_compiled_and_still_the_same_integers(
    weights: tuple[int, int], acts: tuple[int, int], other: tuple[int, int], tmp_path: Path
) -> None:
    data = digits()
    torch.manual_seed(3)
    model = network(fixed(*weights), fixed(*acts), fixed(*other))
    fit(model, data, epochs=1, optimiser=adam(1e-2), progress=False)
    path = export_module(model, (1, 8, 8), tmp_path / "net.onnx")
    build = isobit.compile(path, tmp_path / "build")
    assert compare_layers(model, path, build.graph, data.test_inputs[:80]) > 0


def test_a_slope_that_is_no_binary_fraction_ties_in_float32_and_is_followed_there(tmp_path: Path) -> None:
    """On a fixed-point grid ``0.1 x`` meets a rounding edge again and again: float32 arithmetic follows the source."""
    x = digits().test_inputs[:40]
    torch.manual_seed(3)
    model = network(fixed(1, 5), fixed(6, 6), fixed(2, 4), slope=0.1).eval()
    path = export_module(model, (1, 8, 8), tmp_path / "net.onnx")
    build = isobit.compile(path, tmp_path / "build", arithmetic="float32")
    (entry,), (exit_,) = build.graph.inputs, build.graph.outputs
    made = dequantise(exit_, run(build.graph, {entry.name: quantise(entry, x.numpy())})[exit_.name])
    with torch.no_grad():
        first_difference("scores", made, model(x).numpy())
