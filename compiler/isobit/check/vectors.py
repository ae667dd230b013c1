"""Reading a user's input vectors, writing what the layers of a simulation held."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.ir.types import IntArray


def load_vectors(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """An array from a ``.npy`` file; nothing in it is executed.

    Raises:
        IsobitError: E607 when the file is missing or is no plain numeric array.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise IsobitError("E607", printable(error), where=printable(path), hint="save it with numpy.save") from error
    if not isinstance(array, np.ndarray):
        raise IsobitError(
            "E607", "an archive of several arrays", where=printable(path), hint="save one array with numpy.save"
        )
    return array


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
