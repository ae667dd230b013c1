"""Reading a user's input vectors, writing what the layers of a simulation held."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.ir.types import IntArray

Vectors = np.ndarray[tuple[int, ...], np.dtype[np.generic]]


def load_vectors(path: Path) -> Vectors | dict[str, Vectors]:
    """An array from a ``.npy`` file, or arrays by input name from an ``.npz``; nothing in it is executed.

    Raises:
        IsobitError: E607 when the file is missing or holds anything but plain arrays.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        hint = "save it with numpy.save, or with numpy.savez where there are several inputs"
        raise IsobitError("E607", printable(error), where=printable(path), hint=hint) from error


def save_taps(path: Path, taps: Mapping[str, IntArray]) -> None:
    """Every layer's integers as one array of an ``.npz`` file, by layer name.

    Raises:
        IsobitError: E601 when the file cannot be written.
    """
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, values in taps.items():
                with archive.open(name + ".npy", "w") as member:
                    np.lib.format.write_array(member, np.ascontiguousarray(values), allow_pickle=False)
    except OSError as error:
        raise IsobitError("E601", printable(error.strerror or error), where=printable(path)) from error
