"""The user's cache folder: what may be used again by any build, and may be deleted at any time.

``$ISOBIT_CACHE`` says where; empty, there is none. Without it ``$XDG_CACHE_HOME/isobit``, else ``~/.cache/isobit``. A
folder that cannot be read or written counts as none, and what is written appears whole or not at all.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

VARIABLE = "ISOBIT_CACHE"


def cache_folder(name: str) -> Path | None:
    """The folder for one kind of results, made where it is not there; None without one."""
    try:
        place = os.environ.get(VARIABLE)
        if place is None:
            place = str(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "isobit")
        if not place:
            return None
        folder = Path(place).absolute() / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # no home
        return None
    return folder


def replace(path: Path, content: bytes) -> None:
    """The whole content or none of it, also where two processes write."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def prune(folder: Path, entries: int, size: int) -> None:
    """Delete the entries that were used longest ago until no more than ``entries``, of ``size`` bytes in all, are left.

    An entry is a folder whose time is that of its last use.
    """
    used: list[tuple[float, Path, int]] = []
    for entry in folder.iterdir():
        with suppress(OSError):
            held = sum(p.stat().st_size for p in entry.iterdir())
            used.append((entry.stat().st_mtime, entry, held))
    total = 0
    for number, (_, entry, held) in enumerate(sorted(used, reverse=True)):
        total += held
        if number >= entries or (number > 0 and total > size):
            shutil.rmtree(entry, ignore_errors=True)


def touch(entry: Path) -> None:
    """An entry was used."""
    with suppress(OSError):
        os.utime(entry)
