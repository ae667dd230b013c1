"""From marks to positions, and how good positions are.

Every detector is compared at the same share of false alarms: its threshold is the least score that at most one percent
of profiles without a peak exceed (:func:`threshold`). Errors are those of the profiles that it flags, in samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from isobit.train.peaks.baselines import Estimate, Floats
from isobit.train.peaks.networks import LineNet, ProfileNet
from isobit.train.peaks.signals import Profiles
from isobit.train.peaks.training import tensors

REACH = 4.5
"""Marks up to so many samples from the centre of a group belong to it."""
FALSE_ALARMS = 0.01
_BATCH = 4096


@dataclass(frozen=True)
class Score:
    """``rmse`` and ``mae`` of the flagged profiles with a peak, in samples (NaN if there is none); ``detected`` is the
    share of the profiles with a peak that are flagged, ``false_alarms`` that of those without."""

    rmse: float
    mae: float
    detected: float
    false_alarms: float


def strongest(marks: NDArray[Any], places: Floats) -> Estimate:
    """The strongest group of marks of each profile, [n, marks]: centre of mass and sum.

    The group is what lies within :data:`REACH` of the mark around which the sum is greatest; then, once more, of its
    centre. Without any mark the score is 0 and the position that of the first mark.
    """
    near = np.abs(places[:, None] - places[None]) <= REACH
    around = (marks @ near.astype(np.float64)).argmax(1)
    first = np.where(near[around], marks, 0)
    middle = _centre(first, places)
    group = np.where(np.abs(places - middle[:, None]) <= REACH, marks, 0)
    return Estimate(_centre(group, places), group.sum(1).astype(np.float64))


def _centre(group: NDArray[Any], places: Floats) -> Floats:
    total = group.sum(1)
    made = np.where(total > 0, (group * places).sum(1) / np.where(total > 0, total, 1), places[0])
    return np.asarray(made, np.float64)


def groups(marks: NDArray[Any], places: Floats, least: float) -> list[tuple[float, float]]:
    """Every peak of a long line, [marks]: centre of mass and sum of the runs of marks above 0 whose sum exceeds
    ``least``."""
    lit = np.concatenate([[False], np.asarray(marks) > 0, [False]])
    starts, ends = np.flatnonzero(~lit[:-1] & lit[1:]), np.flatnonzero(lit[:-1] & ~lit[1:])
    sums = [float(np.sum(marks[a:b])) for a, b in zip(starts, ends, strict=True)]
    centres = [float(np.sum(marks[a:b] * places[a:b])) for a, b in zip(starts, ends, strict=True)]
    return [(c / s, s) for c, s in zip(centres, sums, strict=True) if s > least]


@torch.no_grad()
def estimates(model: LineNet | ProfileNet, profiles: Profiles) -> Estimate:
    """What a network says of profiles."""
    inputs, _ = tensors(profiles)
    return read(model, np.concatenate([_plain(model(x)) for x in torch.split(inputs, _BATCH)]))


def read(model: LineNet | ProfileNet, outputs: NDArray[Any]) -> Estimate:
    """The positions in a network's real outputs: maps [n, channels, positions], or the two sums [n, 2] of a profile."""
    if isinstance(model, LineNet):
        places = model.design.places(outputs.shape[2] * model.design.stride).numpy()
        return strongest(outputs.transpose(0, 2, 1).reshape(len(outputs), -1), places)
    middle, total = (model.design.samples - 1) / 2, outputs[:, 1].astype(np.float64)
    there = total > 0
    offset = np.where(there, outputs[:, 0] / np.where(there, total, 1), 0.0)
    return Estimate(middle + np.clip(offset, -middle, middle), total)


def threshold(detect: Callable[[Profiles], Estimate], empty: Profiles, share: float = FALSE_ALARMS) -> float:
    """The least score that at most ``share`` of profiles without a peak exceed."""
    scores = np.sort(detect(empty).score)
    return float(scores[len(scores) - 1 - int(share * len(scores))])


def judge(found: Estimate, profiles: Profiles, least: float) -> Score:
    """Errors and rates of what is flagged, that is, scored above ``least``."""
    flagged, valid = found.score > least, profiles.valid
    error = (found.position - profiles.centre)[flagged & valid]
    rmse, mae = (
        (float("nan"),) * 2 if not error.size else (float(np.sqrt((error**2).mean())), float(np.abs(error).mean()))
    )
    return Score(rmse, mae, _share(flagged[valid]), _share(flagged[~valid]))


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if flags.size else float("nan")


def _plain(y: Any) -> NDArray[Any]:
    value: torch.Tensor = y if isinstance(y, torch.Tensor) else y.value
    return value.numpy()
