"""The search: batches of trials, which a sampler chooses from those before, kept in one SQLite file.

A batch is chosen as a whole before any of it runs, by a sampler that is made anew from the seed and the number of
trials so far, and written down; so the trials are the same however many workers there are, in whatever order they
finish, and wherever the study was interrupted. Trials that were under way then are run again first.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any

from isobit.errors import IsobitError, printable
from isobit.explore.study import Study, StudyFile
from isobit.explore.trial import Outcome, evaluate
from isobit.explore.workers import Workers, cluster, here, processes
from isobit.subprocesses import processors

BATCH = 8
"""Trials that a sampler chooses at a time; more workers than that wait."""
_NAME = "isobit"
Asked = tuple[int, dict[str, Any]]
"""A trial's number and its parameters."""


@dataclass(frozen=True)
class Trial:
    """A finished trial; ``folder`` is where its build lies, while it does."""

    number: int
    parameters: dict[str, Any]
    outcome: Outcome
    folder: Path


@dataclass(frozen=True)
class Explored:
    """All finished trials by number, and those of the front: none has more accuracy in less area."""

    trials: tuple[Trial, ...]
    front: tuple[Trial, ...]


def explore(
    path: Path, output: Path, *, trials: int, workers: int | None = None, scheduler: str | None = None, seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Explored:  # fmt: skip
    """Run a study, or go on with it, until it has ``trials`` trials or every combination.

    Args:
        path: the study file.
        output: a folder for ``study.sqlite3`` and the builds of the front.
        workers: processes of this machine, as many as it has cores without; 1 stays in this one.
        scheduler: a Dask cluster's address in their place.

    Raises:
        IsobitError: E621 for a study that cannot be used or is not the one that was begun, E622, E303, E610.
    """
    file = StudyFile.read(path)
    study = file.load()
    output.mkdir(parents=True, exist_ok=True)
    optuna = _optuna()
    kept = _storage(optuna, output / "study.sqlite3", study, seed)
    wanted = trials if study.size is None else min(trials, study.size)
    begun, before = time.monotonic(), len(_finished(optuna, kept))
    with _workers(workers, scheduler) as run:
        while (left := wanted - len(_finished(optuna, kept))) > 0:
            batch = _asked(optuna, kept, study, left, study.size is not None and study.size <= wanted, seed)
            if not batch:
                break
            calls = [(file, parameters, str(_folder(output, number))) for number, parameters in batch]
            for i, outcome in run(evaluate, calls):
                _tell(optuna, kept, batch[i][0], outcome)
                done = len(_finished(optuna, kept))
                each = (time.monotonic() - begun) / (done - before)
                progress(f"{done} of {wanted} trials, about {each * (wanted - done):.0f} s left")
    return _result(optuna, kept, output)


@contextmanager
def _workers(count: int | None, scheduler: str | None) -> Iterator[Workers]:
    if scheduler is not None:
        with cluster(scheduler) as run:
            yield run
        return
    count = count or processors()
    if count == 1:
        yield here
        return
    with processes(count) as run:
        yield run


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise IsobitError("E303", "Optuna is not installed", hint='pip install -e ".[explore]"') from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _storage(optuna: Any, path: Path, study: Study, seed: int) -> Any:
    """The study in ``path``, begun or gone on with."""
    if "?" in str(path):
        what = "SQLite's address of a study has no place for a question mark"
        raise IsobitError("E621", what, where=printable(path), hint="another folder with --output")
    space = {**{k: list(v) for k, v in study.lists.items()}, **{k: list(v) for k, v in study.ranges.items()}}
    try:
        kept = optuna.create_study(
            study_name=_NAME, storage=f"sqlite:///{path}", directions=["maximize", "minimize"], load_if_exists=True
        )
        before = kept.user_attrs.get("begun with")
        if before is None:
            kept.set_user_attr("begun with", {"space": space, "seed": seed})
    except Exception as error:
        said = printable(str(error).splitlines()[0])
        raise IsobitError("E621", said, where=printable(path), hint="another folder with --output") from error
    if before is not None and before["seed"] != seed:
        what = f"this folder's study was begun with the seed {printable(before['seed'])}, not {seed}"
        raise IsobitError("E621", what, where=printable(path), hint=f"--seed {printable(before['seed'])}")
    if before is not None and before["space"] != space:
        raise IsobitError(
            "E621", "the parameters are not those that this folder's study was begun with", where=printable(path),
            hint="another folder with --output, or the parameters as they were",
        )  # fmt: skip
    return kept


def _asked(optuna: Any, kept: Any, study: Study, left: int, every: bool, seed: int) -> list[Asked]:
    """What is to run now: the rest of the batch that was chosen last, else the first ``left`` of a new one.

    A batch is written down as a whole before its first trial is begun, and a trial with all of its parameters: wherever
    a run was ended, the next one goes on with the same trials.

    Args:
        every: all combinations are wanted, in turn; else the sampler chooses.
    """
    batch = kept.user_attrs.get("batch", {"first": 0, "every": every, "trials": []})
    if batch["every"] != every:  # what was begun of it is run; what comes is chosen otherwise
        batch = batch | {"every": every, "trials": batch["trials"][: _count(kept) - batch["first"]]}
    if not (numbers := _left(optuna, kept, batch)):
        batch = {"first": _count(kept), "every": every, "trials": _chosen(optuna, kept, study, every, seed)}
        kept.set_user_attr("batch", batch)
        numbers = _left(optuna, kept, batch)
    numbers = numbers[:left]
    spaces = _spaces(optuna, study)
    for number in range(_count(kept), max(numbers, default=-1) + 1):
        parameters, state = batch["trials"][number - batch["first"]], optuna.trial.TrialState.RUNNING
        kept.add_trial(optuna.trial.create_trial(params=parameters, distributions=spaces, state=state))
    return [(number, batch["trials"][number - batch["first"]]) for number in numbers]


def _left(optuna: Any, kept: Any, batch: dict[str, Any]) -> list[int]:
    """The numbers of a batch's trials that are not finished."""
    finished = {trial.number for trial in _finished(optuna, kept)}
    return [n for n in range(batch["first"], batch["first"] + len(batch["trials"])) if n not in finished]


def _chosen(optuna: Any, kept: Any, study: Study, every: bool, seed: int) -> list[dict[str, Any]]:
    """The parameters of the next batch; fewer, or none, where every combination has had its turn."""
    before = kept.get_trials(deepcopy=False)
    if every:
        tried = [trial.params for trial in before]
        combinations = (dict(zip(study.lists, values, strict=True)) for values in product(*study.lists.values()))
        return list(islice((c for c in combinations if c not in tried), BATCH))
    sampler = optuna.samplers.TPESampler(seed=seed + len(before), n_startup_trials=BATCH)
    apart = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    apart.add_trials(before)
    spaces = _spaces(optuna, study)
    return [dict(apart.ask(spaces).params) for _ in range(BATCH)]


def _spaces(optuna: Any, study: Study) -> dict[str, Any]:
    """What the parameters are of, as Optuna has it."""
    kinds = optuna.distributions
    spaces: dict[str, Any] = {name: kinds.CategoricalDistribution(values) for name, values in study.lists.items()}
    for name, (low, high) in study.ranges.items():
        whole = isinstance(low, int) and isinstance(high, int)
        spaces[name] = (kinds.IntDistribution if whole else kinds.FloatDistribution)(low, high)
    return spaces


def _count(kept: Any) -> int:
    return len(kept.get_trials(deepcopy=False))


def _finished(optuna: Any, kept: Any) -> Sequence[Any]:
    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.FAIL)
    found: Sequence[Any] = kept.get_trials(deepcopy=False, states=states)
    return found


def _tell(optuna: Any, kept: Any, number: int, outcome: Outcome) -> None:
    kept.set_user_attr(_attribute(number), outcome.plain())
    if outcome.refused:
        kept.tell(number, state=optuna.trial.TrialState.FAIL)
    else:
        kept.tell(number, [outcome.accuracy, outcome.area])


def _attribute(number: int) -> str:
    """Where a study keeps a trial's outcome."""
    return f"outcome of {number}"


def _folder(output: Path, number: int) -> Path:
    return output.resolve() / f"trial-{number:04d}"


def _result(optuna: Any, kept: Any, output: Path) -> Explored:
    """What was found; builds off the front are removed (of a refused trial there is none)."""
    outcomes = kept.user_attrs
    found = [
        Trial(t.number, dict(t.params), Outcome(**outcomes[_attribute(t.number)]), _folder(output, t.number))
        for t in _finished(optuna, kept)
    ]
    front = front_of(found)
    for trial in found:
        if trial not in front and not trial.outcome.refused:
            shutil.rmtree(trial.folder, ignore_errors=True)
    return Explored(tuple(found), tuple(front))


def front_of(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that none beats in accuracy and area, by area; of equal ones the first."""
    made = sorted((t for t in trials if not t.outcome.refused), key=_order)
    front: list[Trial] = []
    for trial in made:
        if not front or trial.outcome.accuracy > front[-1].outcome.accuracy:
            front.append(trial)
    return front


def _order(trial: Trial) -> tuple[int, float, int]:
    return trial.outcome.area, -trial.outcome.accuracy, trial.number
