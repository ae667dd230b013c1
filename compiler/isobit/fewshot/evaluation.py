"""The two published ways to judge a few-shot classifier, thousands of runs at a time.

A run draws classes, supports and queries of each, and counts the queries that fall to their class. The two protocols
are two things and are never mixed:

* **EASY** (Bendou et al., arXiv 2201.09699): features less the base classes' mean, at length one; the class mean of the
  supports that is nearest wins.
* **PEFSL**: features less the mean of the run's own supports, at length one; class means at length one; the nearest
  wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from isobit.errors import IsobitError
from isobit.fewshot.prototypes import Floats, unit

Protocol = Literal["easy", "pefsl"]
_VALUES = 1 << 24
"""Values of one batch of runs."""


@dataclass(frozen=True)
class Outcome:
    """Mean accuracy over the runs and the half width of its 95 % interval, normal approximation."""

    accuracy: float
    interval: float
    runs: int

    def __str__(self) -> str:
        return f"{100 * self.accuracy:.2f} ± {100 * self.interval:.2f} %"


@dataclass(frozen=True)
class Task:
    """What a run draws: ``ways`` classes with ``shots`` supports and ``queries`` queries each."""

    ways: int = 5
    shots: int = 1
    queries: int = 15


def evaluate(
    features: NDArray[np.generic], labels: NDArray[np.generic], task: Task = Task(), *, protocol: Protocol = "easy",
    base_mean: NDArray[np.generic] | None = None, runs: int = 10_000, seed: int = 0,
) -> Outcome:  # fmt: skip
    """Accuracy on novel classes.

    Args:
        features: real or integer ``(samples, features)``.
        labels: the class of each, integers.
        base_mean: ``(features,)``, needed by EASY.

    Raises:
        IsobitError: E313 for labels that do not fit, fewer classes or samples than a run draws, a run that draws
            nothing, no runs, or EASY without a mean.
    """
    if min(task.ways, task.shots, task.queries, runs) < 1:
        raise IsobitError("E313", f"{runs} runs of {task}", hint="at least one of each")
    table = _by_class(np.asarray(features, np.float64), np.asarray(labels), task)
    if protocol == "easy" and base_mean is None:
        raise IsobitError("E313", "the protocol EASY subtracts the base classes' mean", hint="give base_mean")
    mean = np.asarray(base_mean, np.float64) if protocol == "easy" else None
    if mean is not None and (mean.shape != table[0].shape[1:] or not np.isfinite(mean).all()):
        what = f"a mean of shape {mean.shape} for features of shape {table[0].shape[1:]}"
        raise IsobitError("E313", what, hint="one finite number for each feature")
    rng = np.random.default_rng(seed)
    size = max(_VALUES // (task.ways * (task.shots + task.queries) * table[0].shape[1]), 1)
    right = np.concatenate([_runs(table, task, mean, min(size, runs - done), rng) for done in range(0, runs, size)])
    spread = float(right.std(ddof=1)) if runs > 1 else 0.0
    return Outcome(float(right.mean()), 1.96 * spread / runs**0.5, runs)


def _by_class(features: Floats, labels: NDArray[np.generic], task: Task) -> list[Floats]:
    """The features of each class."""
    if features.ndim != 2 or labels.shape != (len(features),) or labels.dtype.kind not in "iu":
        what = f"features {features.shape} with labels {labels.dtype} {labels.shape}"
        raise IsobitError("E313", what, hint="one vector and one integer for each sample")
    if not np.isfinite(features).all():
        raise IsobitError("E313", "a feature is no number")
    table = [features[labels == c] for c in np.unique(labels)]
    least = min(map(len, table), default=0)
    if len(table) < task.ways or least < task.shots + task.queries:
        wanted = f"{task.ways} with {task.shots} + {task.queries}"
        what = f"{len(table)} classes of at least {least} samples for runs of {wanted}"
        raise IsobitError("E313", what, hint="fewer ways, shots or queries")
    return table


def _runs(table: list[Floats], task: Task, mean: Floats | None, count: int, rng: np.random.Generator) -> Floats:
    """The share of queries that are right in each of ``count`` runs."""
    x = np.concatenate(table)[_drawn(table, task, count, rng)]
    support = x[:, :, : task.shots]
    x = unit(x - (support.mean(axis=(1, 2), keepdims=True) if mean is None else mean))
    prototypes = x[:, :, : task.shots].mean(axis=2)
    prototypes = unit(prototypes) if mean is None else prototypes
    queries = x[:, :, task.shots :].reshape(count, -1, x.shape[3])
    # |q - p|^2 less |q|^2, which is the same for every class
    distance = (prototypes**2).sum(axis=2)[:, None] - 2 * queries @ prototypes.transpose(0, 2, 1)
    truth = np.repeat(np.arange(task.ways), task.queries)
    return np.asarray((distance.argmin(axis=2) == truth).mean(axis=1))


def _drawn(table: list[Floats], task: Task, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Sample numbers ``(count, ways, shots + queries)`` in the table's order: random keys, the least ones win."""
    each, sizes = task.shots + task.queries, np.array([len(t) for t in table])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    classes = np.argsort(rng.random((count, len(table))), axis=1)[:, : task.ways]
    keys = rng.random((count, task.ways, int(sizes.max())))
    keys[np.arange(keys.shape[2]) >= sizes[classes][:, :, None]] = 2.0
    return np.asarray(np.argsort(keys, axis=2)[:, :, :each] + starts[classes][:, :, None])
