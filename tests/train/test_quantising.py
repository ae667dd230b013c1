"""Float networks quantised by Brevitas' graph mode: exact behind the export, as accurate as the formats allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from isobit.errors import IsobitError
from isobit.frontend.brevitas import export_module
from isobit.frontend.qonnx.importer import import_onnx
from isobit.interp import dequantise, quantise, run
from isobit.train import Data, Formats, Request, accuracy, adam, digits, fit, fixed, parse_formats, quantised
from isobit.train import quantise as quantise_network
from isobit.train.fewshot import resnet9
from isobit.train.post_training import calibrated
from isobit.train.schemes import Format, Scaled
from tests.cli.runner import isobit as command

FACTORY = """
import torch
from torch import nn

def net(width=8):
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(1, width, 3, stride=2, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.Flatten(),
                         nn.Linear(9 * width, 10))

def trained():
    model = net()
    model.load_state_dict(torch.load({path!r}))
    return model.eval()
"""


@pytest.fixture(scope="module")
def data() -> Data:
    """Grey levels 0 to 1, exact in eight fraction bits."""
    found = digits()
    return Data(found.train_inputs / 16, found.train_labels, found.test_inputs / 16, found.test_labels)


@pytest.fixture(scope="module")
def folder(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A factory, the weights it loads, and the data as an npz file."""
    place = tmp_path_factory.mktemp("quantising")
    (place / "model.py").write_text(FACTORY.format(path=str(place / "float.pt")))
    space: dict[str, Callable[[], nn.Module]] = {}
    exec((place / "model.py").read_text(), space)
    model = space["net"]()
    fit(model, data, epochs=4, optimiser=adam(1e-2), progress=False)
    torch.save(model.state_dict(), place / "float.pt")
    arrays = {"x_train": data.train_inputs, "y_train": data.train_labels}
    arrays |= {"x_test": data.test_inputs, "y_test": data.test_labels}
    np.savez(place / "digits.npz", **{k: v.numpy() for k, v in arrays.items()})
    return place


def residual(slope: float, strided: bool) -> nn.Module:
    """A ResNet-9 with BatchNorm statistics."""
    model = resnet9(2, channels=1, slope=slope, strided=strided).train()
    for _ in range(3):
        model(torch.rand(16, 1, 8, 8))
    return model.eval()


def differing(model: nn.Module, x: torch.Tensor, folder: Path) -> int:
    """Outputs of the exported file's graph that are not those of the torch module."""
    graph = import_onnx(export_module(model, tuple(x.shape[1:]), folder / "net.onnx"))
    (entry,), (exit_,) = graph.inputs, graph.outputs
    made = dequantise(exit_, run(graph, {entry.name: quantise(entry, x.numpy())})[exit_.name])
    with torch.no_grad():
        return int(np.count_nonzero(made != model(x).numpy()))


@pytest.mark.parametrize(
    ("slope", "strided", "merge", "options"),
    [
        (0.125, False, True, {"bias_correction": True}),
        pytest.param(0.0, True, False, {}, marks=pytest.mark.slow),
        pytest.param(0.0, False, False, {"gptq": True}, marks=pytest.mark.slow),
    ],
)
def test_a_residual_network_is_exact_behind_the_export(
    slope: float, strided: bool, merge: bool, options: dict[str, bool], tmp_path: Path
) -> None:
    model, x = residual(slope, strided), torch.rand(12, 1, 8, 8)
    formats = parse_formats("fixed", "1.6", "5.6")
    made = quantised(model, formats, rule={"blocks.1.body.0.0": fixed(1, 3)}, merge_batchnorm=merge)
    calibrated(made, x, **options)
    assert any(isinstance(m, nn.BatchNorm2d) for m in made.modules()) != merge
    assert differing(made, x, tmp_path) == 0
    with torch.no_grad():
        assert float((made(x) - model(x)).abs().mean()) < 0.05 * float(model(x).abs().mean()) + 0.05


def test_the_range_is_filled_without_changing_the_float_network() -> None:
    model, x = residual(0.0, True), torch.rand(12, 1, 8, 8)
    wide = Formats(fixed(1, 16), fixed(8, 16), fixed(8, 16))
    filled, plain = (quantised(model, wide, fit_range=f) for f in (True, False))
    layer = filled.get_submodule("blocks.0.body.0.0")
    most = layer.weight.detach().flatten(1).abs().amax(1)
    assert ((most > 0.5) & (most < 1)).all()
    with torch.no_grad():
        assert float((filled(x) - plain(x)).abs().max()) < 0.01


def biased() -> nn.Module:
    """A convolution of small weights, one channel as good as dead, with a large bias before its BatchNorm."""
    torch.manual_seed(2)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)).eval()
    with torch.no_grad():
        model[0].weight.mul_(0.02)
        model[0].weight[3] = 1e-30
        model[0].bias.copy_(torch.tensor([3.0, -3.0, 2.0, 0.5]))
        model[1].running_mean.copy_(model[0].bias)
        model[1].running_var.fill_(1e-5)
    return model


@pytest.mark.parametrize("rule", [None, {"0": fixed(1, 7)}])
def test_a_filled_range_saturates_neither_the_bias_nor_a_layers_own_format(rule: dict[str, Format] | None) -> None:
    weights = "1.7" if rule is None else "4.4"
    model, x = biased(), torch.rand(8, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    made = quantised(model, parse_formats("fixed", weights, "3.12"), rule=rule)
    layer = made.get_submodule("0")
    most = layer.weight.detach().flatten(1).abs().amax(1)[:3]
    assert ((most > 0.49) & (most < 1)).all() and not layer.bias.any()
    assert all(torch.isfinite(t).all() for t in made.state_dict().values())
    with torch.no_grad():
        inner, wanted = made.get_submodule("1")(layer(x)), model[:2](x)
    assert float(wanted.abs().max()) > 0.5 and float((inner - wanted).abs().max()) < 0.1


def test_widths_by_pattern_by_function_and_of_the_input() -> None:
    formats = parse_formats("fixed", "1.5", "6.6", "2.7")
    made = quantised(residual(0.0, True), formats, rule={"blocks.0.*.0": fixed(2, 3), "*.activation": fixed(3, 2)})
    assert float(made.get_submodule("x_quant").act_quant.scale()) == 2.0**-7
    assert float(made.get_submodule("blocks.0.shortcut.0").quant_weight().scale) == 2.0**-3
    assert float(made.get_submodule("blocks.1.shortcut.0").quant_weight().scale) == 2.0**-5
    assert float(made.get_submodule("blocks.0.activation").act_quant.scale()) == 2.0**-2
    made = quantised(
        residual(0.125, True), formats, rule=lambda n, m: fixed(4, 4) if n.startswith("blocks.2") else None
    )
    assert float(made.get_submodule("blocks.2.activation").act_quant.scale()) == 2.0**-4
    assert float(made.get_submodule("blocks.1.body.1").act_quant.scale()) == 2.0**-6


@pytest.mark.parametrize("place", ["entry", "layer", "everywhere"])
def test_whatever_needs_data_for_its_scale_is_shown_some(place: str) -> None:
    """Of the input or of one layer alone, in a network of formats that need none."""
    formats = parse_formats("int8" if place == "everywhere" else "fixed")
    formats = replace(formats, entry=Scaled(8) if place == "entry" else None)
    rule = {"blocks.0.activation": Scaled(8)} if place == "layer" else None
    made = quantised(residual(0.0, True), formats, rule=rule)
    x = torch.rand(64, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 40
    name = "blocks.0.activation" if place == "layer" else "x_quant"
    before = float(made.get_submodule(name).act_quant.scale())
    calibrated(made, x)
    after = float(made.get_submodule(name).act_quant.scale())
    assert after != before and (place == "layer" or 35 / 128 < after < 41 / 127)


def test_an_output_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    """Before the data, which are not there, are looked for."""
    (tmp_path / "file").write_bytes(b"")
    words = ["quantize", "nowhere.py:net", "--data", tmp_path / "nowhere.npz"]
    for output in (tmp_path, tmp_path / "file" / "net.onnx"):
        done = command(*words, "-o", output)
        assert done.status == 2 and "E601" in done.err
    done = command(*words, "-o", tmp_path / "new" / "net.onnx")
    assert "E601" not in done.err and not (tmp_path / "new").exists()


def test_trained_on_in_the_formats_it_gains_and_stays_exact(folder: Path, data: Data, tmp_path: Path) -> None:
    space: dict[str, Callable[[], nn.Module]] = {}
    exec((folder / "model.py").read_text(), space)
    model = space["trained"]()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    request = Request(parse_formats("fixed", "1.2", "3.2", "1.4"), "qat", epochs=2, rate=3e-3)
    found = quantise_network(model, data, request)
    stages = {s.name: s.accuracy for s in found.stages}
    assert list(stages) == ["float", "ptq", "qat"] and stages["qat"] > max(stages["ptq"], 0.85)
    assert stages["float"] == accuracy(model, data.test_inputs, data.test_labels)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert differing(found.model, data.test_inputs[:100], tmp_path) == 0


def test_the_command_writes_a_file_that_compiles(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "quantised.onnx"
    words = ["quantize", f"{folder / 'model.py'}:trained", "--data", folder / "digits.npz", "-o", file]
    done = command(*words, "--weights", "1.7", "--acts", "6.6", "--layer", "4=2.6", "--bias-correction")
    assert (done.status, done.err) == (0, ""), done.err
    assert "weights 1.7, activations 6.6" in done.out and "ptq" in done.out and "float" in done.out
    graph = import_onnx(file)
    assert len(graph.outputs) == 1


@pytest.mark.slow
def test_eight_bits_by_the_command_and_twice_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "quantised.onnx"
    words = ["quantize", f"{folder / 'model.py'}:trained", "--data", folder / "digits.npz", "-o", file]
    eight = command(*words, "--format", "int8", "--gptq")
    assert (eight.status, eight.err) == (0, "") and "weights int8" in eight.out
    first = file.read_bytes()
    assert command(*words, "--format", "int8", "--gptq").status == 0 and file.read_bytes() == first


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--weights", "0.4"], "E310"), (["--acts", "4.-1"], "E310"), (["--format", "posit8"], "E310"),
        (["--format", "int1"], "E310"), (["--method", "magic"], "E613"), (["--layer", "nowhere=2.2"], "E311"),
        (["--layer", "4"], "E613"), (["--arg", "width=9", "--method", "ptq"], "E301"),
        (["--features", "--method", "qat"], "E311"), (["--format", "int:\u00b2"], "E310"),
        (["--scales", "power-of-two"], "E310"), (["--per-tensor"], "E310"), (["--scales", "nearest"], "E613"),
    ],
)  # fmt: skip
def test_a_request_that_cannot_be_met_is_refused(words: list[str], code: str, folder: Path, tmp_path: Path) -> None:
    given = ["--data", folder / "digits.npz", "-o", tmp_path / "q.onnx"]
    done = command("quantize", f"{folder / 'model.py'}:trained", *given, *words)
    assert done.status == 2 and done.err.startswith(code) and "Traceback" not in done.err
    assert not (tmp_path / "q.onnx").exists()


class Branches(nn.Module):
    """Looks at its values: no tracer can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x) if x.sum() > 0 else -self.layer(x)


def spoiled() -> nn.Module:
    model = nn.Sequential(nn.Linear(4, 2))
    with torch.no_grad():
        model[0].weight[0, 1] = torch.nan
    return model


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Branches, "it cannot be traced: TraceError"),
        (spoiled, "0.weight holds values that are no numbers"),
        (lambda: nn.Sequential(nn.ReLU()), "there is no layer to quantise"),
        (
            lambda: nn.Sequential(nn.LeakyReLU(0.1), nn.Linear(4, 2), nn.LeakyReLU(0.2)),
            "leaky ReLUs of different slopes",
        ),
    ],
)
def test_a_network_that_cannot_be_quantised_is_refused(make: Callable[[], nn.Module], said: str) -> None:
    with pytest.raises(IsobitError) as caught:
        quantised(make(), parse_formats("fixed"))
    assert caught.value.code == "E311" and caught.value.message.startswith(said) and caught.value.hint


def test_samples_and_labels_that_do_not_fit_are_refused() -> None:
    model, formats = nn.Sequential(nn.Linear(4, 2)), parse_formats("fixed")
    made, x, y = quantised(model, formats), torch.rand(6, 4), torch.tensor([0, 1] * 3)
    bad = torch.full((3, 4), torch.inf)
    for given, said in ((x[:0], "no calibration data"), (torch.rand(3, 5), "shape (5,)"), (bad, "no numbers")):
        with pytest.raises(IsobitError, match="E311") as caught:
            calibrated(made, given)
        assert said in caught.value.message
    with pytest.raises(IsobitError, match="E305"):
        quantise_network(model, Data(x, y + 1, x, y), Request(formats))
