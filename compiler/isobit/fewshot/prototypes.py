"""From a few enrolled features to the integers of a head: one row for the mean, one for each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isobit.errors import IsobitError
from isobit.ir.types import IntArray

Floats = NDArray[np.float64]


def head_rows(enrolled: Sequence[IntArray], classes: int, limit: int, mean: IntArray | None = None) -> IntArray:
    """The rows ``(classes + 1, features)`` that a head takes: the mean, then a prototype for each class.

    A prototype is the mean of the class's centred features, each of length one, at length ``limit``. Slots without a
    class repeat the first prototype: of equal scores the lower class wins, so that they are never chosen.

    Args:
        enrolled: integer features ``(shots, features)`` of each class, at most ``classes`` of them.
        limit: the greatest magnitude of an element (:attr:`isobit.fewshot.Head.limit`).
        mean: integer ``(features,)``, such as the base classes'; without it that of all that is enrolled (PEFSL).

    Raises:
        IsobitError: E312 for no classes, for too many, for one without samples, and for a mean beyond ``limit``.
    """
    if not 1 <= len(enrolled) <= classes or not all(len(f) for f in enrolled):
        counts = [len(f) for f in enrolled]
        raise IsobitError("E312", f"{len(enrolled)} classes with {counts} samples for a head of {classes}")
    everything = np.concatenate([np.asarray(f, np.float64) for f in enrolled])
    centre = np.rint(everything.mean(axis=0)) if mean is None else np.asarray(mean, np.float64)
    if np.abs(centre).max(initial=0) > limit:
        raise IsobitError("E312", f"a mean beyond {limit}", hint="compile the head with more bits")
    units = np.stack([unit(unit(np.asarray(f, np.float64) - centre).mean(axis=0)) for f in enrolled])
    made = np.rint(units * limit)
    spare = np.repeat(made[:1], classes - len(made), axis=0)
    return np.concatenate([centre[None], made, spare]).astype(np.int64)


def unit(x: Floats) -> Floats:
    """Vectors along the last axis at length one; a vector of zeros stays."""
    length = np.sqrt((x * x).sum(axis=-1, keepdims=True))
    return np.asarray(np.divide(x, length, out=np.zeros_like(x), where=length > 0))
