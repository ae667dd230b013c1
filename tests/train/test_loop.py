"""The training loop: the same seed gives the same result, an interruption changes nothing, refusals are coded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from isobit.errors import IsobitError
from isobit.train import Data, digits, fit, rescale_aware
from isobit.train.checkpoint import module_state
from tests.cli.runner import ROOT
from tests.train.nets import calibrated, mlp

EPOCHS = 4


def some_data() -> Data:
    data = digits()
    return Data(data.train_inputs[:256], data.train_labels[:256], data.test_inputs[:64], data.test_labels[:64])


def fresh() -> nn.Module:
    """A network with dropout whose quantisers are not calibrated yet, so that their counters are part of the state."""
    torch.manual_seed(5)
    return nn.Sequential(mlp(), nn.Dropout(0.1))


def state(model: nn.Module) -> dict[str, list[object]]:
    kinds = module_state(model)
    return {
        kind: [(key, v.tolist() if isinstance(v, Tensor) else v) for key, v in kinds[kind].items()] for kind in kinds
    }


def train_and_die(path: Path) -> None:
    """What the killed process runs: it dies in the middle of the third epoch."""
    torch.set_num_threads(1)
    calls = 0

    def loss(scores: Tensor, labels: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == 10:  # four steps an epoch
            os.kill(os.getpid(), signal.SIGKILL)
        return nn.functional.cross_entropy(scores, labels)

    fit(fresh(), some_data(), epochs=EPOCHS, seed=7, loss=loss, checkpoint=path, progress=False)


def test_a_killed_run_goes_on_bit_for_bit(tmp_path: Path) -> None:
    whole, resumed, path = fresh(), fresh(), tmp_path / "deep" / "run.pt"
    code = (
        f"from pathlib import Path; from tests.train.test_loop import train_and_die; train_and_die(Path({str(path)!r}))"
    )
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'compiler'}{os.pathsep}{ROOT}"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    path.with_name("run.pt.partial").write_bytes(b"half a file")
    history = fit(resumed, some_data(), epochs=EPOCHS, seed=7, checkpoint=path, progress=False)
    assert history == fit(whole, some_data(), epochs=EPOCHS, seed=7, progress=False)
    assert [e.number for e in history] == [1, 2, 3, 4]
    assert state(resumed) == state(whole)


def test_a_finished_run_is_only_read(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    first = fit(fresh(), some_data(), epochs=2, seed=7, checkpoint=path, progress=False)
    written, again = path.read_bytes(), fresh()
    assert fit(again, some_data(), epochs=2, seed=7, checkpoint=path, progress=False) == first
    assert path.read_bytes() == written and not again.training


def test_seeds_decide_and_the_callers_generator_is_left_alone() -> None:
    models = [fresh() for _ in range(3)]
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    for model, seed in zip(models, (7, 7, 8), strict=True):
        fit(model, some_data(), epochs=1, seed=seed, progress=False)
    assert torch.equal(torch.rand(3), expected)
    assert state(models[0]) == state(models[1]) != state(models[2])


def test_a_checkpoint_of_a_rescale_aware_network(tmp_path: Path) -> None:
    data = some_data()
    networks = [rescale_aware(calibrated("mlp", data.train_inputs), 4, keep_batchnorm=True) for _ in range(2)]
    first = fit(networks[0], data, epochs=2, checkpoint=tmp_path / "run.pt", progress=False)
    assert fit(networks[1], data, epochs=2, checkpoint=tmp_path / "run.pt", progress=False) == first
    assert state(networks[0]) == state(networks[1])


def test_the_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    fit(fresh(), some_data(), epochs=1, seed=7, checkpoint=path, progress=False)
    with pytest.raises(IsobitError, match="seed = 7, this run has 8") as refusal:
        fit(fresh(), some_data(), epochs=1, seed=8, checkpoint=path, progress=False)
    assert refusal.value.code == "E306"
    with pytest.raises(IsobitError, match="another network") as refusal:
        fit(
            nn.Sequential(nn.Flatten(), nn.Linear(64, 10)),
            some_data(),
            epochs=1,
            seed=7,
            checkpoint=path,
            progress=False,
        )
    assert refusal.value.code == "E306"


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\x80\x04\x95\x00", b"PK\x03\x04"])
def test_a_file_that_is_no_checkpoint_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    path.write_bytes(content)
    with pytest.raises(IsobitError) as refusal:
        fit(fresh(), some_data(), epochs=1, checkpoint=path, progress=False)
    assert refusal.value.code == "E306" and path.read_bytes() == content


def test_a_checkpoint_executes_no_code(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    torch.save({"run": Hostile(tmp_path / "executed")}, path)
    with pytest.raises(IsobitError) as refusal:
        fit(fresh(), some_data(), epochs=1, checkpoint=path, progress=False)
    assert refusal.value.code == "E306" and not (tmp_path / "executed").exists()


class Hostile:
    """Unpickling it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> object:
        return Path.touch, (self.path,)


def test_a_checkpoint_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IsobitError) as refusal:
        fit(fresh(), some_data(), epochs=1, checkpoint=tmp_path / "file" / "run.pt", progress=False)
    assert refusal.value.code == "E601"


def test_divergence_is_refused() -> None:
    def diverging(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr=1e38)

    with pytest.raises(IsobitError) as refusal:
        fit(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), some_data(), epochs=1, optimiser=diverging, progress=False)
    assert refusal.value.code == "E307"


def test_nothing_is_printed_without_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    fit(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), some_data(), epochs=1)
    assert capfd.readouterr() == ("", "")


def test_no_samples_are_refused() -> None:
    data = some_data()
    with pytest.raises(IsobitError) as refusal:
        fit(
            fresh(), Data(data.train_inputs[:0], data.train_labels[:0], *(data.test_inputs, data.test_labels)), epochs=1
        )
    assert refusal.value.code == "E305"
