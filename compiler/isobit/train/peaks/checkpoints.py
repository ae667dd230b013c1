"""Trained detectors on disk: one ``.npz`` of plain arrays, and the one that comes with isobit.

It holds ``DESIGN/BITS/NAME`` for every parameter and buffer of every network and ``DESIGN/BITS/threshold``, the score
above which there is a peak. No code in a file is executed.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isobit.errors import IsobitError, printable
from isobit.train.checkpoint import load_module_state, module_state
from isobit.train.peaks.baselines import Estimate
from isobit.train.peaks.metrics import estimates, threshold
from isobit.train.peaks.networks import DESIGNS, LineNet, ProfileNet, network
from isobit.train.peaks.signals import Profiles, Signal, generate

EMPTY = Signal(cases={"no_peak": 1.0}, spurious=0.0)
"""What thresholds are set on: profiles without a peak and without spikes."""
_EMPTY_COUNT, _EMPTY_SEED = 20_000, 77


@dataclass(frozen=True, eq=False)
class Detector:
    """A network and the score above which it flags a peak."""

    model: LineNet | ProfileNet
    threshold: float

    def __call__(self, profiles: Profiles) -> Estimate:
        """Positions and scores of profiles."""
        return estimates(self.model, profiles)


def empty() -> Profiles:
    """The profiles that thresholds are set on."""
    return generate(_EMPTY_COUNT, _EMPTY_SEED, EMPTY)


def detector(model: LineNet | ProfileNet) -> Detector:
    """A network with its threshold, set on :func:`empty`."""
    return Detector(model, threshold(lambda profiles: estimates(model, profiles), empty()))


def save_detectors(path: str | Path, detectors: Mapping[tuple[str, int], Detector]) -> None:
    """Writes detectors by design and bits; an earlier file is replaced as a whole.

    Raises:
        IsobitError: E601 when the file cannot be written.
    """
    path = Path(path)
    arrays: dict[str, Any] = {}
    for (design, bits), made in sorted(detectors.items()):
        arrays[f"{design}/{bits}/threshold"] = np.array(made.threshold)
        for name, tensor in _state(made.model).items():
            arrays[f"{design}/{bits}/{name}"] = tensor.numpy()
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            np.savez_compressed(file, **arrays)
        partial.replace(path)
    except OSError as error:
        raise IsobitError("E601", printable(error), where=str(path)) from error


def load_detectors(path: str | Path) -> dict[tuple[str, int], Detector]:
    """What :func:`save_detectors` wrote.

    Raises:
        IsobitError: E306 for a file that is none, or one of other designs.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        wanted = sorted({(d, int(b)) for d, b, _ in (name.split("/", 2) for name in arrays)})
        return {key: _detector(*key, arrays, str(path)) for key in wanted}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise IsobitError("E306", "it holds no peak detectors", where=str(path)) from error


@cache
def shipped() -> Mapping[tuple[str, int], Detector]:
    """The detectors that come with isobit: ``(design, bits)`` for "line" and "profile", 0 (float), 2, 3, 4 and 8
    bits."""
    return load_detectors(Path(str(files("isobit.train.peaks").joinpath("detectors.npz"))))


def _detector(design: str, bits: int, arrays: Mapping[str, Any], where: str) -> Detector:
    model = network(DESIGNS[design], bits)
    state = module_state(model)
    for kind in ("parameters", "buffers"):
        state[kind] = {k: torch.from_numpy(arrays[f"{design}/{bits}/{k}"]) for k in state[kind]}
    load_module_state(model, state, where)
    return Detector(model.eval(), float(arrays[f"{design}/{bits}/threshold"]))


def _state(model: LineNet | ProfileNet) -> dict[str, torch.Tensor]:
    state = module_state(model)
    return {**state["parameters"], **state["buffers"]}
