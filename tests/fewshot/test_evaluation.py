"""The vectorised protocols against loops that read like the papers, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from isobit.errors import IsobitError
from isobit.fewshot import evaluation
from isobit.fewshot.evaluation import Task, evaluate

RNG = np.random.default_rng(3)
CENTRES = RNG.normal(size=(9, 6))
LABELS = np.repeat(np.arange(9), 12)
FEATURES = CENTRES[LABELS] + 0.7 * RNG.normal(size=(108, 6))


def slowly(protocol: str, task: Task, drawn: np.ndarray, base: np.ndarray) -> float:
    """One run by the words of the protocol; ``drawn`` are sample numbers (ways, shots + queries)."""
    supports, queries = FEATURES[drawn[:, : task.shots]], FEATURES[drawn[:, task.shots :]]
    mean = base if protocol == "easy" else supports.reshape(-1, 6).mean(0)

    def length_one(v: np.ndarray) -> np.ndarray:
        return v / np.sqrt((v * v).sum())

    prototypes = []
    for way in supports:
        prototype = np.mean([length_one(s - mean) for s in way], axis=0)
        prototypes.append(length_one(prototype) if protocol == "pefsl" else prototype)
    right = 0
    for way, samples in enumerate(queries):
        for q in samples:
            distances = [((length_one(q - mean) - p) ** 2).sum() for p in prototypes]
            right += int(np.argmin(distances)) == way
    return right / queries[..., 0].size


@pytest.mark.parametrize("protocol", ["easy", "pefsl"])
@pytest.mark.parametrize("task", [Task(5, 1, 4), Task(3, 5, 7)])
def test_every_run_is_what_the_words_say(protocol: str, task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    base, runs = FEATURES.mean(0) + 0.3, 40
    table = [FEATURES[c == LABELS] for c in range(9)]
    mean = base if protocol == "easy" else None
    found = evaluation._runs(table, task, mean, runs, np.random.default_rng(5))
    drawn = evaluation._drawn(table, task, runs, np.random.default_rng(5))
    assert drawn.shape == (runs, task.ways, task.shots + task.queries)
    for run, samples in enumerate(drawn):
        assert len(set(samples.reshape(-1).tolist())) == samples.size
        assert len({int(LABELS[s]) for s in samples[:, 0]}) == task.ways
        assert all(len(set(LABELS[way].tolist())) == 1 for way in samples)
        assert found[run] == slowly(protocol, task, samples, base)


def test_thousands_of_runs_with_their_interval() -> None:
    outcome = evaluate(FEATURES, LABELS, Task(5, 1, 5), base_mean=FEATURES.mean(0), runs=2000)
    again = evaluate(FEATURES, LABELS, Task(5, 1, 5), base_mean=FEATURES.mean(0), runs=2000)
    assert outcome == again and 0.3 < outcome.accuracy < 1 and 0 < outcome.interval < 0.02 and outcome.runs == 2000
    many = evaluate(FEATURES, LABELS, Task(5, 5, 5), protocol="pefsl", runs=2000, seed=1)
    assert many.accuracy > outcome.accuracy and str(many).endswith("%")
    chance = evaluate(RNG.normal(size=(108, 6)), LABELS, Task(5, 1, 5), protocol="pefsl", runs=2000)
    assert abs(chance.accuracy - 0.2) < 5 * chance.interval


def test_integers_are_features_too() -> None:
    whole = np.rint(FEATURES * 100).astype(np.int64)
    a = evaluate(whole, LABELS, Task(5, 1, 5), base_mean=whole.mean(0), runs=50)
    assert a == evaluate(whole.astype(np.float64), LABELS, Task(5, 1, 5), base_mean=whole.mean(0), runs=50)


@pytest.mark.parametrize(
    ("features", "labels", "options"),
    [
        (FEATURES, LABELS[:-1], {}), (FEATURES, LABELS.astype(float), {}), (FEATURES[:, 0], LABELS, {}),
        (np.full_like(FEATURES, np.nan), LABELS, {}), (FEATURES, LABELS, {"task": Task(10, 1, 1)}),
        (FEATURES, LABELS, {"task": Task(5, 8, 8)}), (FEATURES, LABELS, {"protocol": "easy"}),
        (FEATURES, LABELS, {"task": Task(5, 0, 1)}), (FEATURES, LABELS, {"runs": 0}),
        (FEATURES, LABELS, {"protocol": "easy", "base_mean": np.float64(0)}),
    ],
)  # fmt: skip
def test_what_cannot_be_evaluated_is_refused(
    features: np.ndarray, labels: np.ndarray, options: dict[str, object]
) -> None:
    with pytest.raises(IsobitError) as caught:
        evaluate(features, labels, **{"protocol": "pefsl", **options})  # type: ignore[arg-type]
    assert (caught.value.code == "E313" and caught.value.hint) or "no number" in caught.value.message
