"""Quantisers of any number format: their numbers and gradients, and a trained tapered network equal everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
qnn = pytest.importorskip("brevitas.nn")

from torch import nn  # noqa: E402

from isobit.check.source.exact.evaluate import evaluate_exact  # noqa: E402
from isobit.check.source.float.run import run_float  # noqa: E402
from isobit.errors import IsobitError  # noqa: E402
from isobit.frontend.brevitas import export_module  # noqa: E402
from isobit.frontend.onnx.file import load_onnx  # noqa: E402
from isobit.frontend.qonnx.importer import import_onnx  # noqa: E402
from isobit.interp import quantise, run  # noqa: E402
from isobit.numerics.formats import (  # noqa: E402
    E2M1,
    E3M2,
    FixedPoint,
    PowersOfTwo,
    TabulatedFormat,
    Tapered,
    parse_format,
)
from isobit.numerics.formats.choose import Choice, choose  # noqa: E402
from isobit.passes import optimise  # noqa: E402
from isobit.train import Data, Request, adam, digits, fit, parse_formats, quantised  # noqa: E402
from isobit.train import quantise as quantise_network  # noqa: E402
from isobit.train.formats import (  # noqa: E402
    FormatActivation,
    FormatQuantiser,
    FormatWeight,
    calibrate,
    with_weights,
)
from isobit.train.learned_rounding import _around, _error, _inputs_of  # noqa: E402
from isobit.train.post_training import calibrated  # noqa: E402
from isobit.train.schemes import Scaled  # noqa: E402

FORMATS = [Tapered(4, 3), Tapered(5, 1), Tapered(3, 2), FixedPoint(4), E2M1, E3M2, PowersOfTwo(4)]


def fixed(made: TabulatedFormat, scale: float) -> FormatQuantiser:
    quantiser = FormatQuantiser([made])
    quantiser.take(Choice(made, np.float32([scale]), 0.0), ())
    return quantiser


@pytest.mark.parametrize("made", FORMATS, ids=str)
def test_the_numbers_are_those_of_the_format(made: TabulatedFormat) -> None:
    points = np.concatenate([made.values, made.midpoints, made.values * 1.3]).astype(np.float32)
    points = np.concatenate([np.nextafter(points, np.float32(-9e9)), points, np.nextafter(points, np.float32(9e9))])
    found = fixed(made, 0.25)(torch.from_numpy(points * np.float32(0.25)))
    assert found.tolist() == [float(int(n) * made.unit) / 4 for n in made.rounded(points)]


@pytest.mark.parametrize("made", FORMATS, ids=str)
def test_gradients_go_straight_through_and_stop_at_the_ends(made: TabulatedFormat) -> None:
    quantiser, ends = fixed(made, 0.5), (float(made.values[0]), float(made.values[-1]))
    inner = [v / 2 for v in (ends[0], 0.0, ends[1] * 0.75, ends[1])]
    outer = [ends[0] - 1.0, ends[1] + 1.0]
    x = torch.tensor(inner + outer, requires_grad=True)
    weights = torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    (quantiser(x) * weights).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [1, 2, 4, 8, 0, 0]
    rounded = made.values[made.index(np.float32(x.detach().numpy() / 0.5))].astype(np.float32)
    wanted = [*[n - float(q) for n, q in zip(rounded, x.detach().numpy() / 0.5, strict=True)][:4], ends[0], ends[1]]
    assert float(quantiser.scale.grad) == float(torch.tensor(wanted, dtype=torch.float32) @ weights)


def test_a_scale_per_channel_has_its_own_gradient() -> None:
    layer = qnn.QuantLinear(8, 3, bias=False, weight_quant=FormatWeight([Tapered(4, 2)], per_channel=True))
    rows = choose(layer.weight.detach().numpy(), [Tapered(4, 2)], per_channel=True)
    assert layer.weight_quant.scale.reshape(-1).tolist() == rows.scale.tolist()
    layer(torch.eye(8))[:, 1].sum().backward()
    gradient = layer.weight_quant.scale.grad.reshape(-1)
    assert gradient[0] == 0 and gradient[1] != 0 and gradient[2] == 0


def test_powers_of_two_are_not_trained() -> None:
    weight = FormatWeight("tapered:4", "power-of-two")
    layer = qnn.QuantConv2d(2, 3, 3, weight_quant=weight)
    layer(torch.randn(1, 2, 5, 5)).sum().backward()
    assert weight.scale.grad is None and float(torch.log2(weight.scale)) == round(float(torch.log2(weight.scale)))
    assert layer.weight.grad is not None


def test_activations_are_calibrated_one_after_the_other() -> None:
    first, second = FormatActivation("tapered:5"), FormatActivation("e2m1")
    model = nn.Sequential(qnn.QuantIdentity(act_quant=first), nn.ReLU(), qnn.QuantIdentity(act_quant=second))
    x = torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
    assert model(x).equal(x.relu())  # nothing is quantised yet
    calibrate(model, x, batch=128)
    assert first.format == choose(x.numpy(), parse_format("tapered:5")).format
    seen = choose(first(x).relu().detach().numpy(), [E2M1])
    assert second.format == E2M1 and second.scale.item() == seen.scale[0] and not second.seen


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        qnn.QuantIdentity(bit_width=5), qnn.QuantConv2d(1, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(),
        qnn.QuantIdentity(act_quant=FormatActivation("tapered:5")), nn.MaxPool2d(2), nn.Flatten(),
        qnn.QuantLinear(54, 10, bias=True), qnn.QuantIdentity(bit_width=8),
    )  # fmt: skip


@pytest.mark.parametrize("exporter", ["torchscript", "dynamo"])
def test_a_trained_network_is_equal_in_every_reading(tmp_path: Path, exporter: Any) -> None:
    """PyTorch, qonnx, the exact evaluator and the graph before and after the passes, on the whole test set."""
    data = digits()
    model = with_weights(network(1), "tapered:4")
    calibrate(model, data.train_inputs[:256])
    assert fit(model, data, epochs=3, optimiser=adam(4e-3), progress=False)[-1].accuracy > 0.8
    path = export_module(model, (1, 8, 8), tmp_path / "model.onnx", exporter)
    graph, x = import_onnx(path), data.test_inputs.numpy()
    (name,) = (o.outside for o in graph.outputs)
    (scale,) = graph.outputs[0].scale
    wanted = evaluate_exact(path, {i.outside: x for i in graph.inputs})[name]
    for candidate in (graph, optimise(graph)):
        made = run(candidate, {i.name: quantise(i, x) for i in candidate.inputs})[candidate.outputs[0].name]
        assert (made.astype(object) * scale == wanted.num / wanted.den if wanted.den == 1 else (
            made.astype(object) * scale * wanted.den == wanted.num
        )).all()  # fmt: skip
    with torch.no_grad():
        theirs = model(data.test_inputs).numpy()
    qonnx = run_float(load_onnx(path), x).outputs[name]
    assert (np.round(qonnx / np.float32(scale)) == made).all() and (np.round(theirs / np.float32(scale)) == made).all()


def test_layers_of_torch_become_those_of_brevitas() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3, stride=2, padding=1, bias=False), nn.Flatten(), nn.Linear(8, 3))
    made = with_weights(model, "tapered:6", per_channel=True)
    assert isinstance(made[0], qnn.QuantConv2d) and made[0].stride == (2, 2) and isinstance(model[0], nn.Conv2d)
    x = torch.randn(2, 1, 4, 4)
    inner = nn.functional.conv2d(x, made[0].weight_quant(model[0].weight), stride=2, padding=1)
    assert made[:1](x).equal(inner) and made[2].bias.equal(model[2].bias)
    assert isinstance(with_weights(nn.Linear(3, 2), "e3m2"), qnn.QuantLinear)


def test_what_cannot_be_exported_or_has_no_weights(tmp_path: Path) -> None:
    with pytest.raises(IsobitError) as found:
        with_weights(nn.Sequential(nn.ReLU()), "tapered:4")
    assert found.value.code == "E302"
    model = nn.Sequential(qnn.QuantIdentity(bit_width=4), with_weights(nn.Linear(3, 2), "power:3"))
    with pytest.raises(IsobitError, match="PowersOfTwo") as found:
        export_module(model, (3,), tmp_path / "model.onnx")
    assert found.value.code == "E302" and not (tmp_path / "model.onnx").exists()


@pytest.mark.parametrize(("name", "op"), [("tapered:4", "TaperedQuant"), ("float:e2m1", "FloatQuant")])
def test_a_float_network_is_quantised_in_them(tmp_path: Path, name: str, op: str) -> None:
    """What ``isobit quantize --format`` does: a scale for every output channel, the float weights as they were."""
    torch.manual_seed(3)
    model = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(36, 10))
    data = digits()
    few = Data(data.train_inputs[:64], data.train_labels[:64], data.test_inputs[:32], data.test_labels[:32])
    made = quantise_network(model, few, Request(parse_formats(name)))
    layer = next(m for m in made.model.modules() if isinstance(m, qnn.QuantConv2d))
    wanted = choose(model[0].weight.detach().numpy(), parse_format(name.removeprefix("float:")), per_channel=True)
    assert layer.weight_quant.format == wanted.format and layer.weight.equal(model[0].weight)
    assert layer.weight_quant.scale.reshape(-1).tolist() == wanted.scale.tolist()
    nodes = load_onnx(export_module(made.model, (1, 8, 8), tmp_path / "model.onnx")).nodes
    assert sum(node.op == op for node in nodes) == 2


@pytest.mark.parametrize("name", ["tapered:4", "int:4", "float:e2m1"])
@pytest.mark.parametrize("per_channel", [True, False])
def test_scales_that_are_powers_of_two(tmp_path: Path, name: str, per_channel: bool) -> None:
    """``--scales power-of-two [--per-tensor]``: every scale of the file, so that each requantizer is a shift."""
    torch.manual_seed(5)
    acts = "tapered:5" if name.startswith("tapered") else "6"
    formats = parse_formats(name, acts=acts).scaled("power-of-two", per_channel)
    data = digits()
    few = Data(data.train_inputs[:64], data.train_labels[:64], data.test_inputs[:32], data.test_labels[:32])
    model = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(36, 10))
    made = quantise_network(model, few, Request(formats, "qat", epochs=1, bias_correction=True)).model
    graph = optimise(import_onnx(path := export_module(made, (1, 8, 8), tmp_path / "model.onnx")))
    found = load_onnx(path)
    scales = [found.constants[n.inputs[1]].reshape(-1) for n in found.nodes if n.op.endswith("Quant")]
    assert len(scales) >= 4 and all((np.frexp(scale)[0] == 0.5).all() for scale in scales)
    assert [len(s) for s in scales if len(s) > 1] == ([4, 10] if per_channel else [])
    x = few.test_inputs.numpy()
    exact = evaluate_exact(path, {graph.inputs[0].outside: x})[graph.outputs[0].outside]
    mine = run(graph, {i.name: quantise(i, x) for i in graph.inputs})[graph.outputs[0].name]
    (output,) = graph.outputs
    steps = np.broadcast_to(output.scale, mine.shape)
    assert all(exact[i] == int(mine[i]) * steps[i] for i in np.ndindex(mine.shape))


def test_fixed_point_has_no_scale_to_choose() -> None:
    assert parse_formats("fixed").scaled("free", True) == parse_formats("fixed")
    for scales, per_channel in (("power-of-two", True), ("free", False)):
        with pytest.raises(IsobitError) as refused:
            parse_formats("fixed").scaled(scales, per_channel)
        assert refused.value.code == "E310" and "fixed point" in str(refused.value)


def test_names_of_the_command_line() -> None:
    both = parse_formats("tapered:4", acts="tapered:5").scaled("power-of-two", False)
    assert str(both) == "weights tapered:4 (powers of two, per tensor), activations tapered:5 (powers of two)"
    found = parse_formats("tapered:5", acts="6")
    assert str(found) == "weights tapered:5, activations int6" and found == parse_formats("tapered", "5", "6")
    assert str(parse_formats("float:e3m2")) == "weights float:e3m2, activations int8"
    assert str(parse_formats("int:3")) == "weights int3, activations int8"
    for text, code in (("tapered:17", "E205"), ("tapered:4:9", "E205"), ("float:x", "E613"), ("taper:4", "E310")):
        with pytest.raises(IsobitError) as refused:
            parse_formats(text)
        assert refused.value.code == code
    both = parse_formats("tapered:4", acts="tapered:5")
    assert str(both) == "weights tapered:4, activations tapered:5" and both.plain.entry == Scaled(8)
    for text, code in (("tapered:17", "E205"), ("tapered:5:9", "E205"), ("float:e2m1", "E310"), ("tapered:", "E613")):
        with pytest.raises(IsobitError) as refused:
            parse_formats("tapered:4", acts=text)
        assert refused.value.code == code
    with pytest.raises(IsobitError) as refused:
        _ = parse_formats("float:e2m1").weights.signed
    assert refused.value.code == "E310"


class Joined(nn.Module):
    """A residual sum, ReLU and leaky ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4))
        self.leaky, self.last = nn.LeakyReLU(0.125), nn.Linear(64, 10)

    def forward(self, x: Any) -> Any:
        before = self.first(x)
        return self.last(torch.flatten(self.leaky(self.second(before) + before), 1))


def test_tapered_activations_of_a_float_network(tmp_path: Path) -> None:
    """``--acts tapered:5``: calibrated one after the other, trained on, written, read back, equal in every reading."""
    torch.manual_seed(4)
    data, formats = digits(), parse_formats("tapered:4", acts="tapered:5")
    few = Data(data.train_inputs[:200], data.train_labels[:200], data.test_inputs[:60], data.test_labels[:60])
    request = Request(formats, "qat", epochs=1, bias_correction=True)
    model = quantise_network(Joined(), few, request).model
    activations = [m for m in model.modules() if isinstance(m, FormatActivation)]
    assert len(activations) == 4 and all(isinstance(m.format, Tapered) and m.format.bits == 5 for m in activations)
    path = export_module(model, (1, 8, 8), tmp_path / "model.onnx")
    ops = [node.op for node in load_onnx(path).nodes]
    assert ops.count("TaperedQuant") == 3 + len(activations) and ops.count("Quant") == 1
    graph, x = import_onnx(path), few.test_inputs.numpy()
    (output,) = graph.outputs
    made = run(optimise(graph), {i.name: quantise(i, x) for i in graph.inputs})[output.name]
    exact = evaluate_exact(path, {graph.inputs[0].outside: x})[output.outside]
    assert all(exact[i] == int(made[i]) * output.scale[0] for i in np.ndindex(made.shape))
    assert np.array_equal(
        np.round(run_float(load_onnx(path), x).outputs[output.outside] / float(output.scale[0])), made
    )


@pytest.mark.parametrize("name", ["tapered:3", "int:3"])
def test_steps_after_training_work_on_weights_of_any_format(name: str) -> None:
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 4)), torch.rand(64, 16)
    formats = parse_formats(name)
    with torch.no_grad():
        plain, gptq, corrected = (
            calibrated(quantised(model, formats), x, **step)(x) - model(x)
            for step in ({}, {"gptq": True}, {"bias_correction": True})
        )
    assert float((gptq**2).mean()) < float((plain**2).mean())
    assert float(corrected.mean(0).abs().max()) < float(plain.mean(0).abs().max()) / 4


@pytest.mark.parametrize("name", ["tapered:3", "int:3", "fixed"])
def test_learned_rounding_takes_a_number_beside_the_weight(name: str) -> None:
    torch.manual_seed(1)
    model, x = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(27, 4)), torch.rand(40, 1, 5, 5)
    formats = parse_formats(name)
    made: Any = calibrated(quantised(model, formats), x, learned_rounding=60)
    again: Any = calibrated(quantised(model, formats), x, learned_rounding=60)
    moved = 0
    for layer, twin, plain in zip(made.modules(), again.modules(), quantised(model, formats).modules(), strict=True):
        if not isinstance(layer, qnn.QuantConv2d | qnn.QuantLinear):
            continue
        low, high, nearest = _around(plain, plain.weight.detach())
        now = layer.weight_quant(layer.weight)
        now = getattr(now, "value", now)
        assert layer.weight.equal(twin.weight) and bool(((now == low) | (now == high) | (now == nearest)).all())
        given = _inputs_of(made, layer, x)
        assert now.equal(nearest) or _error(plain, given, now) < _error(plain, given, nearest)
        moved += int((now != nearest).sum())
    assert moved > 0
    with pytest.raises(IsobitError, match="both choose") as found:
        calibrated(made, x, gptq=True, learned_rounding=1)
    assert found.value.code == "E311"


def test_the_state_of_a_module_has_its_format() -> None:
    torch.manual_seed(0)
    x = torch.randn(400, 8)

    def made(shape: float) -> nn.Module:
        weight, activation = FormatWeight("tapered:5", per_channel=True), FormatActivation("tapered:5")
        layer = qnn.QuantLinear(8, 3, bias=False, weight_quant=weight)
        with torch.no_grad():
            layer.weight.copy_(layer.weight.sign() * layer.weight.abs() ** shape)
        weight.choose()
        return nn.Sequential(qnn.QuantIdentity(act_quant=activation), layer).eval()

    one, other = made(6.0), made(0.1)
    calibrate(one, x**3)
    assert one[1].weight_quant.format != other[1].weight_quant.format and other[0].act_quant.format is None
    other.load_state_dict(one.state_dict())
    with torch.no_grad():
        assert other(x).equal(one(x))


def test_long_steps_leave_a_scale_positive_and_near() -> None:
    """A step of Adam is longer than the scale of an 8-bit float; a file has the parameter, torch must use the same."""
    torch.manual_seed(0)
    model = nn.Sequential(qnn.QuantIdentity(bit_width=8), with_weights(nn.Linear(6, 2, bias=False), "e4m3"))
    quantiser = model[1].weight_quant
    first = quantiser.scale.item()
    for lower in (True, False):
        with torch.no_grad():
            quantiser.scale.fill_(-1.0 if lower else 1e3)
        assert quantiser(model[1].weight).abs().max().item() > 0
        assert quantiser.scale.item() == (first / 8 if lower else first * 8)
