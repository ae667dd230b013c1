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
    """An array from a ``.npy`` file or ``file.npz:name``, or arrays by input name from an ``.npz``; nothing in it is
    executed.

    Raises:
        IsobitError: E607 when the file is missing, holds anything but plain arrays, or none of that name.
    """
    file, member = archive_member(path)
    try:
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded as archive:
            if member and member not in archive.files:
                held = ", ".join(map(printable, archive.files))
                raise IsobitError("E607", f"no array {printable(member)!r}; it holds {held}", where=printable(file))
            return archive[member] if member else {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        hint = "save it with numpy.save, or with numpy.savez where there are several inputs"
        raise IsobitError("E607", printable(error), where=printable(path), hint=hint) from error


def archive_member(path: Path) -> tuple[Path, str]:
    """The file, and the array's name behind ``file.npz:`` ("" for a whole file)."""
    file, colon, member = path.name.rpartition(":")
    if not colon or not file.endswith(".npz") or path.exists():
        return path, ""
    return path.with_name(file), member


def save_taps(path: Path, taps: Mapping[str, IntArray]) -> None:
    """Every layer's integers as one array of an ``.npz`` file, by layer name.

    Raises:
        IsobitError: E601 when the file cannot be written.
    """
    save_arrays(path, taps)


def save_arrays(path: Path, arrays: Mapping[str, Vectors]) -> None:
    """An ``.npz`` file of these arrays, the same bytes for the same arrays; any name will do.

    Raises:
        IsobitError: E601 when the file cannot be written.
    """
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, values in arrays.items():
                with archive.open(name + ".npy", "w") as member:
                    np.lib.format.write_array(member, np.ascontiguousarray(values), allow_pickle=False)
    except OSError as error:
        raise IsobitError("E601", printable(error.strerror or error), where=printable(path)) from error
