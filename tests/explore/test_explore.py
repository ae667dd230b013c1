"""Exploration: the same trials and front however they run; nothing is lost where a worker dies or a run is cut."""

from __future__ import annotations

import io
import json
import os
import sqlite3
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("optuna", reason="the extra `explore` is not installed")

from explore.studies import DEADLY, PLAIN, RANGES
from rich.console import Console

from isobit.errors import IsobitError
from isobit.explore import run as running
from isobit.explore.run import Explored, Trial, explore, front_of
from isobit.explore.study import StudyFile
from isobit.explore.trial import Outcome, evaluate
from isobit.explore.view import explored_table
from isobit.explore.workers import cluster, processes
from tests.cli.runner import isobit
from tests.onnx_builder import Net


def written(folder: Path, text: str) -> Path:
    """A study of a 5-4-2 network, whose five inputs come one by one."""
    net, rng = Net([1, 5]), np.random.default_rng(0)
    x = net.quant("x", 0.5, 0.0, 4)
    for inputs, outputs in ((5, 4), (4, 2)):
        weights = net.quant(rng.integers(-7, 8, (inputs, outputs)) * 0.3, 0.3, 0.0, 4, narrow=1)
        x = net.quant(net.op("MatMul", x, weights), 0.7, 0.0, 4)
    net.save(folder).rename(folder / "model.onnx")
    (folder / "study.py").write_text(text, encoding="utf-8")
    return folder / "study.py"


def found_of(explored: Explored) -> list[tuple[int, dict[str, Any], Outcome]]:
    return [(t.number, t.parameters, t.outcome) for t in explored.trials]


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Explored:
    folder = tmp_path_factory.mktemp("serial")
    return explore(written(folder, PLAIN), folder / "out", trials=8, workers=1)


def test_every_combination_is_tried_once_and_the_front_is_kept(serial: Explored) -> None:
    assert len(serial.trials) == 8
    assert len({(t.parameters["target_ii"], t.parameters["kind"]) for t in serial.trials}) == 8
    made = [t for t in serial.trials if not t.outcome.refused]
    assert serial.front and all(t.folder.is_dir() for t in serial.front)
    assert not [t for t in serial.trials if t not in serial.front and t.folder.exists()]
    for trial in made:  # nothing beats a trial of the front, and something on it is as good as every other
        better = [t for t in serial.front if t.outcome.area <= trial.outcome.area]
        assert any(t.outcome.accuracy >= trial.outcome.accuracy for t in better)
    areas = [t.outcome.area for t in serial.front]
    assert areas == sorted(set(areas))


def test_an_interrupted_study_goes_on_where_it_was(
    serial: Explored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, told = written(tmp_path, PLAIN), running._tell

    def once(*args: Any) -> None:
        told(*args)
        if args[2] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(running, "_tell", once)
    with pytest.raises(KeyboardInterrupt):
        explore(study, tmp_path / "out", trials=8, workers=1)
    monkeypatch.undo()
    calls = []
    resumed = explore(study, tmp_path / "out", trials=8, workers=1, progress=calls.append)
    assert found_of(resumed) == found_of(serial) and len(calls) == 5
    assert explore(study, tmp_path / "out", trials=8, workers=1) == resumed


class Killed(BaseException):
    """The process ends here, whatever would have been done next."""


def _cut(monkeypatch: pytest.MonkeyPatch, write: str, call: int) -> None:
    """End the process right behind the ``call``-th write of this kind."""
    from optuna.study import Study

    own, count = getattr(Study, write), [0]

    def counted(*args: Any, **named: Any) -> Any:
        result = own(*args, **named)
        count[0] += 1
        if count[0] == call:
            raise Killed
        return result

    monkeypatch.setattr(Study, write, counted)


@pytest.mark.parametrize(
    ("write", "call"),
    [("add_trial", 1), ("add_trial", 3), ("set_user_attr", 2), ("set_user_attr", 5),
     ("tell", 1)],
)  # fmt: skip
@pytest.mark.parametrize("kind", [PLAIN, RANGES])
def test_a_run_that_is_killed_anywhere_goes_on_with_the_same_trials(
    kind: str, write: str, call: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while a batch is being written down: no trial is left without parameters, or running."""
    monkeypatch.setattr(running, "evaluate", _fake)
    study = written(tmp_path, kind)
    whole = explore(study, tmp_path / "whole", trials=8, workers=1)
    with monkeypatch.context() as cut:
        _cut(cut, write, call)
        with pytest.raises(Killed):
            explore(study, tmp_path / "out", trials=8, workers=1)
    assert found_of(explore(study, tmp_path / "out", trials=8, workers=1)) == found_of(whole)
    import optuna

    kept = optuna.load_study(study_name="isobit", storage=f"sqlite:///{tmp_path / 'out' / 'study.sqlite3'}")
    assert len(kept.trials) == 8 and all(trial.state.is_finished() for trial in kept.trials)


def _fake(file: StudyFile, parameters: dict[str, Any], folder: str) -> Outcome:
    area = sum(len(str(value)) for value in parameters.values())
    return Outcome(accuracy=hash(str(sorted(parameters.items()))) % 97 / 97, area=area)


def test_more_trials_later_are_those_of_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "evaluate", _fake)
    study = written(tmp_path, RANGES)
    whole = explore(study, tmp_path / "whole", trials=12, workers=1)
    for trials in (3, 9, 12):
        found = explore(study, tmp_path / "out", trials=trials, workers=1)
        assert found_of(found) == found_of(whole)[:trials]
    plain = explore(written(tmp_path, PLAIN), tmp_path / "some", trials=3, workers=1)
    assert len(plain.trials) == 3
    everything = explore(tmp_path / "study.py", tmp_path / "some", trials=8, workers=1)
    assert found_of(everything)[:3] == found_of(plain)
    before, after = ({str(t.parameters) for t in everything.trials[part]} for part in (slice(3), slice(3, None)))
    assert len(after) == 5 and not before & after


def test_another_seed_is_another_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "evaluate", _fake)
    study = written(tmp_path, RANGES)
    explore(study, tmp_path / "out", trials=2, workers=1, seed=3)
    with pytest.raises(IsobitError, match=r"E621: .*the seed 3, not 0") as error:
        explore(study, tmp_path / "out", trials=2, workers=1)
    assert error.value.hint == "--seed 3"


class FakeFuture:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def result(self) -> None:
        raise self.error


@pytest.mark.parametrize(("name", "code"), [("KilledWorker", "E610"), ("CommClosedError", "E622"), ("gone", "E622")])
def test_what_ends_on_a_cluster_is_an_error_with_a_code(name: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed", reason="the extra `explore` is not installed")
    errors = {
        "KilledWorker": distributed.scheduler.KilledWorker("evaluate-1", None, 3),
        "CommClosedError": distributed.comm.CommClosedError("closed"), "gone": CancelledError("lost dependencies"),
    }  # fmt: skip

    class Client:
        def __init__(self, *_: Any, **__: Any) -> None: ...
        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: Any) -> None: ...

        def submit(self, *_: Any, **__: Any) -> FakeFuture:
            return FakeFuture(errors[name])

    monkeypatch.setattr(distributed, "Client", Client)
    monkeypatch.setattr(distributed, "as_completed", list)
    with cluster("tcp://nowhere:1") as run, pytest.raises(IsobitError, match=code) as error:
        list(run(os._exit, [(3,)]))
    assert "goes on" in error.value.hint


def test_two_dask_workers_one_killed(serial: Explored, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="the extra `explore` is not installed")
    study = written(tmp_path, DEADLY)
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "local_directory": str(tmp_path)}
    with distributed.LocalCluster(**options) as cluster:
        found = explore(study, tmp_path / "out", trials=8, scheduler=cluster.scheduler_address)
    assert (tmp_path / "killed").exists()
    assert found_of(found) == found_of(serial)
    assert [t.number for t in found.front] == [t.number for t in serial.front]


@pytest.mark.slow
def test_two_processes_find_the_same(tmp_path: Path) -> None:
    """More trials than a batch: the later ones are chosen from what the earlier ones found."""
    study = written(tmp_path, RANGES)
    alone = explore(study, tmp_path / "alone", trials=10, workers=1, seed=3)
    both = explore(study, tmp_path / "both", trials=10, workers=2, seed=3)
    assert found_of(alone) == found_of(both) and len({str(t.parameters) for t in alone.trials}) == 10
    assert found_of(explore(study, tmp_path / "other", trials=2, workers=1, seed=4)) != found_of(alone)[:2]


def test_refusals_are_outcomes_and_said(tmp_path: Path) -> None:
    text = PLAIN.replace('"target_ii": [5, 10, 3, 20]', '"samples_per_clock": [2]')
    done = isobit("explore", written(tmp_path, text), "-o", tmp_path / "out", "--workers", 1)
    assert done.status == 2 and done.out.startswith("2 trials, 0 on the front, 2 refused")
    assert "2 refused: E503" in done.out
    text = PLAIN.replace("return Path", "raise KeyError(kind)  # ").replace("[5, 10, 3, 20]", "[10]")
    found = explore(written(tmp_path, text), tmp_path / "raises", trials=4, workers=1)
    assert {t.outcome.refused for t in found.trials} == {"KeyError: 'a'", "KeyError: 'b'"}


@pytest.mark.parametrize("said", ["return float('nan')", "return 1e999", "raise SystemExit(0)"])
def test_an_accuracy_that_is_no_number_is_refused(said: str, tmp_path: Path) -> None:
    text = PLAIN.replace("[5, 10, 3, 20]", "[5, 10]").replace("return build", f"{said}  # ")
    text = text.replace(f"{said}  # ", f"if build.manifest.estimate.interval <= 5:\n        {said}\n    return build")
    found = explore(written(tmp_path, text), tmp_path / "out", trials=4, workers=1)
    refused = [t for t in found.trials if t.outcome.refused]
    assert len(refused) == 2 and not any(t in found.front or t.folder.exists() for t in refused)
    assert [t.parameters["target_ii"] for t in found.front] == [10]


def test_what_was_in_a_trials_place_stays(tmp_path: Path) -> None:
    own = tmp_path / "out" / "trial-0000" / "thesis.txt"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    found = explore(written(tmp_path, PLAIN), tmp_path / "out", trials=8, workers=1)
    assert found.trials[0].outcome.refused.startswith("E602") and own.read_text() == "mine"


def test_a_folder_that_sqlite_cannot_be_told_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsobitError, match=r"E621: .*question mark"):
        explore(written(tmp_path, PLAIN), tmp_path / "what?", trials=1, workers=1)


def test_a_process_that_ends_is_an_error_with_a_code() -> None:
    with processes(1) as run, pytest.raises(IsobitError, match="E610"):
        list(run(os._exit, [(3,)]))


def test_a_refusal_comes_back_from_a_process_whole(tmp_path: Path) -> None:
    file = StudyFile(tmp_path / "study.py", "1 / 0")
    with processes(1) as run, pytest.raises(IsobitError, match=r"E621: .*ZeroDivisionError") as found:
        list(run(evaluate, [(file, {}, str(tmp_path / "out"))]))
    assert (found.value.where, found.value.hint) == ("study.py", "run it by itself")


def test_the_command_shows_the_front_and_draws_it(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra `plots` is not installed")
    study = written(tmp_path, PLAIN.replace('["a", "b"]', '["a"]'))
    words = ["explore", study, "-o", tmp_path / "out", "--workers", 1]
    done = isobit(*words, "--plot", tmp_path / "front.svg")
    assert done.status == 0 and "trial-000" in done.out and "kind a" in done.out
    content = json.loads(isobit(*words, "--json").out)
    assert len(content["trials"]) == 4 and set(content["front"]) <= set(range(4))
    assert (tmp_path / "front.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / 0", "E621: .*ZeroDivisionError"),
        ("model = 1", "E621: .*no parameters"),
        ('parameters = {"a": [1]}', "E621: .*no model"),
        ('parameters = {"a": 3}\nmodel = ""', "E621: .*parameter 'a' is no list"),
        ('parameters = {"a": [[]]}\nmodel = ""', "E621: .*a choice of 'a'"),
        ('parameters = {"a": [1]}\nmodel = ""', "E621: .*no accuracy"),
        (PLAIN.replace('"board"', '"target_ii"'), "E621: .*an option and a parameter"),
    ],
)
def test_a_study_that_cannot_be_used_says_why(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(IsobitError, match=message):
        StudyFile.read(written(tmp_path, text)).load()


def test_other_parameters_and_other_files_are_refused(serial: Explored, tmp_path: Path) -> None:
    out = serial.trials[0].folder.parent
    with pytest.raises(IsobitError, match=r"E621: .*not those that this folder's study was begun with"):
        explore(written(tmp_path, RANGES), out, trials=1, workers=1)
    (tmp_path / "out").mkdir()
    with sqlite3.connect(tmp_path / "out" / "study.sqlite3") as other:
        other.execute("create table studies (a)")
    with pytest.raises(IsobitError, match="E621"):
        explore(written(tmp_path, PLAIN), tmp_path / "out", trials=1, workers=1)
    with pytest.raises(IsobitError, match="E621"):
        explore(tmp_path / "nowhere.py", tmp_path / "out", trials=1)


def test_a_choice_is_no_markup_and_no_command_of_a_terminal() -> None:
    trial = Trial(0, {"kind": "[/b]\x1b[2J", "rate": 0.25}, Outcome(0.5, 10), Path("trial-0000"))
    console = Console(file=io.StringIO(), width=200)
    console.print(explored_table(Explored((trial,), (trial,))))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert r"kind [/b]\x1b[2J, rate 0.25" in shown and "\x1b" not in shown


def test_of_equal_trials_the_first_is_on_the_front() -> None:
    def trial(number: int, accuracy: float, area: int, refused: str = "") -> Trial:
        return Trial(number, {}, Outcome(accuracy, area, refused=refused), Path())

    made = [trial(0, 0.5, 10), trial(1, 0.9, 30), trial(2, 0.5, 10), trial(3, 0.4, 20), trial(4, 1.0, 1, "no")]
    assert [t.number for t in front_of(made)] == [0, 1]
