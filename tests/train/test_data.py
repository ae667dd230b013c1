"""Data sets of one's own: arrays, pairs, loaders; what does not fit is E305 and never a TypeError."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="NOT TESTED: isobit[train] is not installed")
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from isobit.errors import IsobitError  # noqa: E402
from isobit.train import Data, accuracy, fit  # noqa: E402
from isobit.train.data import data_of  # noqa: E402

X = np.random.default_rng(0).random((20, 6), dtype=np.float32)
Y = np.arange(20) % 3


def loader(count: int = 20) -> Any:
    return DataLoader(TensorDataset(torch.from_numpy(X[:count]), torch.from_numpy(Y[:count])), batch_size=6)


def batches() -> Iterator[tuple[Any, Any]]:
    for first in range(0, 20, 5):
        yield X[first : first + 5], Y[first : first + 5]


def test_a_quarter_is_held_back_and_nothing_is_lost() -> None:
    data = Data(X.astype(np.float64).tolist(), Y.tolist())
    assert (len(data.train_labels), len(data.test_labels), data.classes) == (15, 5, 3)
    both = torch.cat([data.train_inputs, data.test_inputs]).numpy()
    assert np.array_equal(np.sort(both, axis=0), np.sort(X, axis=0))
    again, other = Data(X, Y), Data(X, Y, seed=1)
    assert torch.equal(again.test_inputs, data.test_inputs) and not torch.equal(other.test_inputs, data.test_inputs)
    assert len(Data(X, Y, test_share=0.5).test_labels) == 10


@pytest.mark.parametrize(
    "given",
    [(X, Y), [X, Y], (X[:15], Y[:15], X[15:], Y[15:]), loader, (loader, lambda: loader(5)), batches,
     lambda: loader().dataset, ((X[:15], Y[:15]), (X[15:], Y[15:])), lambda: (loader(15), (X[15:], Y[15:]))],
)  # fmt: skip
def test_what_stands_for_a_data_set(given: Any) -> None:
    made = given() if callable(given) else given
    made = tuple(part() if callable(part) else part for part in made) if isinstance(made, tuple) else made
    data = data_of(made)
    assert len(data.train_labels) in (15, 20) and len(data.test_labels) == 5
    assert data.train_inputs.dtype == torch.float32 and data.train_labels.dtype == torch.int64


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "NoneType is no data set"), (3, "int is no data set"), (X, "ndarray is no data set"),
        ((X,), "no data set"), ((X, Y, X, None), "go together"),
        ((X, Y[:5]), "20 inputs float32, 5 labels"), ((X[:0], Y[:0]), "no samples"), ((X, -Y), "labels from -2"),
        ((X * np.nan, Y), "NaN"), ((X, Y.astype(float)), "labels float64"), ((X, np.eye(3)[Y]), "argmax"),
        ((X.astype(object), Y), "train"), ((X, Y, X[:, :3], Y), "to train, .* to test"),
        ((X[:1], Y[:1]), "one sample"), ([{"x": 1}], "no data set"), (iter([X]), "pairs of inputs and labels"),
        (iter([]), "it gives nothing"), ("nowhere.npz", "nowhere.npz"), (iter([(X, Y), (X[:, :2], Y)]), "one shape"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(given: Any, words: str) -> None:
    with pytest.raises(IsobitError, match=rf"(?s)E305.*{words}"):
        data_of(given)


def test_a_model_that_does_not_take_the_samples() -> None:
    with pytest.raises(IsobitError, match=r"(?s)E305.*of shape \(6,\), the labels 0 to 2"):
        fit(nn.Linear(5, 3), (X, Y), epochs=1)
    with pytest.raises(IsobitError, match=r"(?s)E305.*labels 0 to 2"):
        fit(nn.Linear(6, 2), (X, Y), epochs=1)
    for wrong in ({"epochs": "x"}, {"epochs": 1, "batch": 0}, {"epochs": 1, "optimiser": None}):
        with pytest.raises(IsobitError, match="E613"):
            fit(nn.Linear(6, 3), (X, Y), **wrong)
    with pytest.raises(IsobitError, match=r"E613.*model"):
        fit(nn.Linear, (X, Y), epochs=1)  # type: ignore[arg-type]


def test_training_and_accuracy_take_arrays() -> None:
    model = nn.Linear(6, 3)
    (epoch,) = fit(model, loader(), epochs=1, progress=False)
    assert 0 <= epoch.accuracy <= 1 and 0 <= accuracy(model, X, Y) <= 1
