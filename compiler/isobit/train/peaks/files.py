"""Labelled profiles on disk: an ``.npz`` with ``samples`` and ``centre``, or a CSV with a row per profile.

The npz holds ``samples`` [n, N], whole numbers 0..255, and ``centre`` [n], real numbers, NaN where there is no peak.
The CSV has a header ``centre,s0,s1,...`` and the same values row by row; an empty centre says that there is no peak.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.errors import IsobitError, printable
from isobit.train.peaks.signals import CASES, LEVELS, Profiles

LEAST_SAMPLES = 8
_LAYOUT = "samples [n, N] of 0..255 and centre [n], NaN where there is no peak"


def load_profiles(path: str | Path) -> Profiles:
    """Profiles from an ``.npz`` or ``.csv`` file, checked value by value.

    Raises:
        IsobitError: E305 naming the file and the first row that does not fit.
    """
    path = Path(path)
    readers = {".npz": _from_npz, ".csv": _from_csv}
    if path.suffix.lower() not in readers:
        raise IsobitError("E305", "no .npz and no .csv file", where=str(path), hint=_LAYOUT)
    return profiles_of(*readers[path.suffix.lower()](path), where=str(path))


def save_profiles(path: str | Path, profiles: Profiles) -> None:
    """Writes what :func:`load_profiles` reads; the suffix decides how. An earlier file is replaced as a whole.

    Raises:
        IsobitError: E305 for another suffix, E601 when the file cannot be written.
    """
    path = Path(path)
    writers = {".npz": _to_npz, ".csv": _to_csv}
    if path.suffix.lower() not in writers:
        raise IsobitError("E305", "profiles are written as .npz or .csv", where=str(path))
    partial = path.with_name(path.name + ".partial")
    try:
        writers[path.suffix.lower()](partial, profiles)
        partial.replace(path)
    except OSError as error:
        raise IsobitError("E601", printable(error), where=str(path)) from error


def profiles_of(samples: Any, centre: Any, where: str = "profiles") -> Profiles:
    """Profiles from arrays, checked: whole samples of 0..255, and centres inside their profile or NaN.

    Raises:
        IsobitError: E305 naming the first row that does not fit.
    """
    x, c = np.asarray(samples), np.asarray(centre)
    shapes = x.ndim == 2 and c.shape == x.shape[:1] and len(x) > 0 and x.shape[1] >= LEAST_SAMPLES
    if not shapes or x.dtype.kind not in "iuf" or c.dtype.kind not in "iuf":
        message = f"samples {x.dtype} {x.shape} and centre {c.dtype} {c.shape}"
        raise IsobitError("E305", message, where=where, hint=f"{_LAYOUT}; at least {LEAST_SAMPLES} samples each")
    whole = (x >= 0) & (x <= LEVELS) & (x == np.rint(x))
    _refuse(~whole.all(1), "a sample is no whole number of 0..255", where, "scale the samples to 8 bits first")
    outside = ~np.isnan(c) & ~((c >= 0) & (c <= x.shape[1] - 1))
    _refuse(
        outside, f"the centre is outside samples 0..{x.shape[1] - 1}", where, "count samples from 0; NaN for no peak"
    )
    case = np.where(np.isnan(c), CASES.index("no_peak"), 0).astype(np.int8)
    unknown = np.full(len(c), np.nan)
    return Profiles(x.astype(np.uint8), c.astype(np.float64), case, unknown, unknown, unknown)


def _refuse(wrong: NDArray[np.bool_], what: str, where: str, hint: str) -> None:
    if wrong.any():
        raise IsobitError("E305", what, where=f"{where}: profile {int(wrong.argmax())}", hint=hint)


def _from_npz(path: Path) -> tuple[Any, Any]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return np.asarray(arrays["samples"]), np.asarray(arrays["centre"])
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise IsobitError("E305", printable(error), where=str(path), hint=_LAYOUT) from error


def _from_csv(path: Path) -> tuple[Any, Any]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise IsobitError("E305", printable(error), where=str(path)) from error
    if len(rows) < 2 or not rows[0] or rows[0][0].strip() != "centre":
        raise IsobitError(
            "E305", "there is no header and row", where=str(path), hint="centre,s0,s1,... in the first line"
        )
    numbers = [_numbers(row, len(rows[0]), f"{path}: line {n}") for n, row in enumerate(rows[1:], 2) if row]
    table = np.array(numbers, np.float64)
    return table[:, 1:], table[:, 0]


def _numbers(row: Sequence[str], columns: int, where: str) -> list[float]:
    if len(row) != columns:
        raise IsobitError("E305", f"{len(row)} values, the header names {columns}", where=where)
    try:
        return [float("nan") if i == 0 and not cell.strip() else float(cell) for i, cell in enumerate(row)]
    except ValueError as error:
        raise IsobitError("E305", printable(error), where=where, hint="numbers only") from error


def _to_npz(path: Path, profiles: Profiles) -> None:
    with path.open("wb") as file:
        np.savez(file, samples=profiles.samples, centre=profiles.centre)


def _to_csv(path: Path, profiles: Profiles) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["centre", *(f"s{i}" for i in range(profiles.samples.shape[1]))])
        for centre, samples in zip(profiles.centre, profiles.samples, strict=True):
            writer.writerow(["" if np.isnan(centre) else repr(float(centre)), *map(int, samples)])
