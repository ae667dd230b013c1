"""Float networks quantised with short multiplicands: as long as asked for, and the integers of the torch network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import isobit
from isobit.errors import IsobitError
from isobit.frontend.brevitas import export_module
from isobit.train import Data, Request, adam, checkpoint, digits, fit, fixed, multiplicands, parse_formats
from isobit.train import quantise as quantise_network
from isobit.train.checkpoint import save
from isobit.train.fewshot import resnet9
from isobit.train.quantising import Method
from isobit.train.schemes import Scaled
from tests.cli.runner import isobit as command
from tests.train.nets import compare_layers, first_difference, widths

INT8 = parse_formats("int8")


@pytest.fixture(scope="module")
def data() -> Data:
    found = digits()
    return Data(found.train_inputs[:512], found.train_labels[:512], found.test_inputs[:200], found.test_labels[:200])


class Residual(nn.Module):
    """A ResNet-9 with a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = resnet9(2, channels=1, slope=0.0, strided=False), nn.Linear(10, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x))  # type: ignore[no-any-return]


def small() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 6, 2), nn.ReLU(),
        nn.Flatten(), nn.Linear(24, 10),
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(data: Data) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = small()
    fit(model, data, epochs=10, optimiser=adam(1e-2), progress=False)
    return model.eval()


def check(model: nn.Module, data: Data, bits: int, folder: Path) -> isobit.Build:
    """Every integer of every quantiser is torch's, all requantizers are short, and the C++ says the same."""
    path = export_module(model, tuple(data.test_inputs.shape[1:]), folder / "net.onnx")
    build = isobit.compile(path, folder / "build", rescale_bits=bits)
    assert compare_layers(model, path, build.graph, data.test_inputs[:64]) > 2
    found = widths(build.graph)
    assert found and max(found.values()) <= bits, found
    with torch.no_grad():
        mine = model(data.test_inputs).numpy()
    first_difference("outputs", build.predict(data.test_inputs.numpy(), graph=True), mine)
    return build


@pytest.mark.parametrize(
    ("method", "bits", "options"),
    [
        ("ptq", 1, {}), ("ptq", 4, {"gptq": True}), ("ptq", 3, {"learned_rounding": 20, "bias_correction": True}),
        ("qat", 2, {"epochs": 1, "bias_correction": True}),
    ],
)  # fmt: skip
def test_the_file_has_the_multiplicands_that_were_asked_for(
    method: Method, bits: int, options: dict[str, Any], trained: nn.Module, data: Data, tmp_path: Path
) -> None:
    before = {k: v.clone() for k, v in trained.state_dict().items()}
    found = quantise_network(trained, data, Request(INT8, method, rescale_bits=bits, **options))
    stages = {s.name: s.accuracy for s in found.stages}
    assert list(stages) == ["float", "ptq", "rescale", *(["qat"] if method == "qat" else [])]
    assert stages["float"] > 0.8 and min(stages.values()) > stages["float"] - (0.1 if bits > 1 else 0.4)
    assert all(1 <= m < 1 << bits for ms, _ in multiplicands(found.model).values() for m in ms)
    check(found.model, data, bits, tmp_path)
    assert all(torch.equal(v, before[k]) for k, v in trained.state_dict().items())


def test_an_interrupted_fine_tune_goes_on_from_its_checkpoint(trained: nn.Module, data: Data, tmp_path: Path) -> None:
    whole = Request(INT8, "qat", epochs=2, rescale_bits=3)
    kept = replace(whole, checkpoint=tmp_path / "run.pt")
    done: list[int] = []

    def stopped(path: Path, state: dict[str, Any]) -> None:
        save(path, state)
        done.append(len(state["done"]))
        if len(done) == 1:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "save", stopped)
        with pytest.raises(KeyboardInterrupt):
            quantise_network(trained, data, kept)
        again = quantise_network(trained, data, kept).model
    assert done == [1, 2]
    straight = quantise_network(trained, data, whole).model
    with torch.no_grad():
        first_difference("resumed", again(data.test_inputs).numpy(), straight(data.test_inputs).numpy())


def test_gptq_and_bias_correction_do_to_short_scales_what_they_do_to_long_ones(trained: nn.Module, data: Data) -> None:
    """With 16 bits nothing is lost, so that the outputs stay near those of the same steps without short scales."""
    for options in ({"gptq": True}, {"bias_correction": True}, {"learned_rounding": 20}):
        requests = [Request(INT8, rescale_bits=b, **options) for b in (None, 16)]  # type: ignore[arg-type]
        with torch.no_grad():
            long, short = (quantise_network(trained, data, r).model(data.test_inputs) for r in requests)
        span = float(long.max() - long.min())
        assert float((long - short).abs().mean()) < 0.02 * span, options


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ptq", "qat"])
def test_a_residual_network_is_simulated_as_it_was_quantised(method: Method, data: Data, tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = Residual()
    fit(model, data, epochs=2, optimiser=adam(5e-3), progress=False)
    made = quantise_network(model, data, Request(INT8, method, rescale_bits=4, epochs=1)).model
    build = check(made, data, 4, tmp_path)
    given, labels = data.test_inputs.numpy(), data.test_labels.numpy()
    assert isobit.csim(build, given[:40]).equal
    found = isobit.accuracy(build, given, labels, torch=made)
    assert found.equal and not any(d.count for d in found.differing if "source" not in (d.first, d.second))


FACTORY = """
import torch
from torch import nn

def net(slope=0.0):
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(64, 12, bias=False), nn.BatchNorm1d(12), nn.LeakyReLU(slope) if slope else nn.ReLU(),
                         nn.Linear(12, 10))
"""


def test_the_command_writes_a_file_that_needs_no_more_bits(data: Data, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(FACTORY)
    flat = {"x_train": data.train_inputs.flatten(1), "x_test": data.test_inputs.flatten(1)}
    np.savez(tmp_path / "digits.npz", **flat, y_train=data.train_labels, y_test=data.test_labels)  # type: ignore[arg-type]
    words = ["quantize", f"{tmp_path / 'model.py'}:net", "--data", tmp_path / "digits.npz", "-o", tmp_path / "q.onnx"]
    for more, code in (
        (["--format", "int8", "--arg", "slope=0.1"], "E304"), (["--weights", "1.5"], "E310"),
        (["--format", "int8", "--per-tensor"], "E310"), (["--format", "tapered:4"], "E310"),
        (["--format", "int8", "--layer", "0=1.5"], "E310"), (["--format", "int8", "--rescale-bits", "17"], "E304"),
    ):  # fmt: skip
        done = command(*words, "--rescale-bits", "4", *more)
        assert done.status == 2 and done.err.startswith(code) and "Traceback" not in done.err, done.err
        assert not (tmp_path / "q.onnx").exists()
    done = command(*words, "--format", "int8", "--rescale-bits", "4", "--method", "qat", "--epochs", "1")
    assert (done.status, done.err) == (0, "") and "rescale" in done.out
    assert "qat and file: 0 of 200 predictions differ" in done.out
    build = isobit.compile(tmp_path / "q.onnx", tmp_path / "build", rescale_bits=4)
    assert 0 < max(widths(build.graph).values()) <= 4


def test_scales_that_a_format_gives_are_refused_from_python(trained: nn.Module, data: Data) -> None:
    for request in (
        Request(INT8, rule=lambda name, module: Scaled(4), rescale_bits=4),
        Request(INT8, rule={"0": fixed(1, 5)}, rescale_bits=4),
    ):
        with pytest.raises(IsobitError, match="E310"):
            quantise_network(trained, data, request)
    found = quantise_network(trained, data, Request(INT8, rule={"0": Scaled(4)}, rescale_bits=4))
    assert int(found.model.get_submodule("0").weight_quant.bit_width()) == 4  # type: ignore[union-attr]
