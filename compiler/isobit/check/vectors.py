"""Reading a user's input vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from isobit.errors import IsobitError, printable


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
