"""Few-shot classification on the board: enrol a few images of each class, then classify, prototypes in the fabric.

    from fewshot import FewShot

    shots = FewShot()                    # loads the overlay; or FewShot(net) with an Accelerator that is loaded already
    shots.enrol("cup", images)           # float32 (batch, ...) in the model's own layout; more calls add to a class
    shots.enrol("key", others)
    print(shots.classify(more))          # ["cup", "key", ...]: one pass through the fabric, head included
    shots.save("mine.npz")               # and FewShot().load("mine.npz") later

Enrolled features are kept as the integers that the fabric made. From them come the rows that the head takes with every
sample, all integers: the mean of all features (or the one given), then for each class the mean of its centred features
at length one. The fabric subtracts the mean, multiplies and takes the largest: ``docs/fewshot.md`` of isobit says more.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from arithmetic import Array, entering
from driver import Accelerator, Port


class FewShot:
    """Classes by enrolled examples.

    Args:
        net: the loaded accelerator; one of this folder without.
        mean: integer features ``(features,)`` that are subtracted, such as the base classes' mean; without them the mean
            of all that is enrolled.
    """

    def __init__(self, net: Accelerator | None = None, mean: Array | None = None) -> None:
        self.net = Accelerator() if net is None else net
        head = self.net.model.head
        if not head:
            raise ValueError("this package has no head: compile with --head CLASSES")
        ports = {p.name: p for p in self.net.model.ports}
        self._rows, self._label = ports[head["prototypes"]], ports[head["label"]]
        self._features = ports[head["features"]]
        self._image = next(p for p in self.net.model.inputs if p.name != self._rows.name)
        self.mean = None if mean is None else np.asarray(mean, np.int64)
        self.enrolled: dict[str, Array] = {}

    @property
    def classes(self) -> int:
        """The most classes that the head holds."""
        return self._rows.shape[0] - 1

    def enrol(self, label: str, images: Array) -> int:
        """Add samples of a class; how many it has then.

        Raises:
            ValueError: no samples, a class more than the head holds, and what :meth:`Accelerator.run` raises.
        """
        label = str(label)
        if label not in self.enrolled and len(self.enrolled) == self.classes:
            raise ValueError(f"the head holds {self.classes} classes: forget one, or compile with a larger --head")
        if not len(images):
            raise ValueError(f"no samples of {label}")
        before = self.enrolled.get(label)
        found = self.features(images)
        self.enrolled[label] = found if before is None else np.concatenate([before, found])
        return len(self.enrolled[label])

    def forget(self, label: str) -> None:
        """Remove a class."""
        del self.enrolled[str(label)]

    def classify(self, images: Array) -> list[str]:
        """The label of every sample.

        Raises:
            ValueError: nothing is enrolled, and what :meth:`Accelerator.run` raises.
        """
        labels = list(self.enrolled)
        found = self._run(images, self.rows())[self._label.name]
        return [labels[int(i)] for i in found.reshape(-1)]

    def features(self, images: Array) -> Array:
        """The integer features of samples, int64 ``(batch, features)``."""
        found = self._run(images, np.zeros(self._rows.shape, np.int64))[self._features.name]
        return found.reshape(len(found), -1)

    def rows(self) -> Array:
        """What the head takes: the mean and the prototypes, int64 ``(classes + 1, features)``.

        Slots without a class repeat the first prototype: of equal scores the lower index wins.

        Raises:
            ValueError: nothing is enrolled, or a mean that the head cannot hold.
        """
        if not self.enrolled:
            raise ValueError("nothing is enrolled: enrol(label, images) first")
        return head_rows(list(self.enrolled.values()), self._rows, self.mean)

    def save(self, path: str | Path) -> None:
        """Write classes, enrolled features and mean to an ``.npz`` file."""
        arrays = {f"features_{i}": f for i, f in enumerate(self.enrolled.values())}
        if self.mean is not None:
            arrays["mean"] = self.mean
        np.savez_compressed(path, labels=np.array(list(self.enrolled), dtype=np.str_), **arrays)

    def load(self, path: str | Path) -> FewShot:
        """Take up what :meth:`save` wrote, in the place of what is enrolled.

        Raises:
            ValueError: features of another backbone's size, or more classes than the head holds.
        """
        with np.load(path, allow_pickle=False) as file:
            labels = [str(label) for label in file["labels"]]
            found = {label: file[f"features_{i}"].astype(np.int64) for i, label in enumerate(labels)}
            mean = file["mean"].astype(np.int64) if "mean" in file.files else None
        size = self._rows.shape[1]
        if len(found) > self.classes or any(f.ndim != 2 or f.shape[1] != size for f in found.values()):
            raise ValueError(f"{path} is not for {self.classes} classes and {size} features")
        self.enrolled, self.mean = found, mean
        return self

    def _run(self, images: Array, rows: Array) -> Mapping[str, Array]:
        integers = entering(self._image.host, np.asarray(images))
        repeated = np.broadcast_to(rows, (len(integers), *rows.shape))
        return self.net.run_integers({self._image.name: integers, self._rows.name: repeated})


def head_rows(enrolled: list[Array], port: Port, mean: Array | None = None) -> Array:
    """The rows of a head for integer features ``(shots, features)`` of each class; see :meth:`FewShot.rows`."""
    everything = np.concatenate(enrolled).astype(np.float64)
    centre = np.rint(everything.mean(axis=0)) if mean is None else np.asarray(mean, np.float64)
    if np.abs(centre).max(initial=0) > port.hi:
        raise ValueError(f"a mean beyond {port.hi}: compile the head with more bits")
    units = np.stack([_unit(_unit(f.astype(np.float64) - centre).mean(axis=0)) for f in enrolled])
    made = np.rint(units * port.hi)
    spare = np.repeat(made[:1], port.shape[0] - 1 - len(made), axis=0)
    return np.concatenate([centre[None], made, spare]).astype(np.int64)


def _unit(x: Any) -> Any:
    """Vectors along the last axis at length one; a vector of zeros stays."""
    length = np.sqrt((x * x).sum(axis=-1, keepdims=True))
    return np.divide(x, length, out=np.zeros_like(x), where=length > 0)
