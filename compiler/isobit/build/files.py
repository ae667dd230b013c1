"""The files of a build: written all at once or not at all, and known by their SHA-256."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from isobit.errors import IsobitError, printable

MANIFEST = "manifest.json"


def file_hashes(root: Path) -> dict[str, str]:
    """SHA-256 of every file under ``root`` but the manifest, by relative path, sorted."""
    files = sorted(p for p in root.rglob("*") if p.is_file() and p.name != MANIFEST)
    return {p.relative_to(root).as_posix(): file_hash(p) for p in files}


def file_hash(path: Path) -> str:
    """SHA-256 of a file, which is not held as a whole."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_files(root: Path, files: Mapping[str, bytes]) -> None:
    """Write each file below ``root``, by relative path, creating folders."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@contextmanager
def atomic_folder(destination: Path) -> Iterator[Path]:
    """A fresh folder that becomes ``destination`` when the block succeeds and vanishes when it does not.

    An earlier isobit build there is replaced; anything else is refused.

    Raises:
        IsobitError: E602 when ``destination`` holds something else, E601 when it cannot be written.
    """
    try:
        _refuse_foreign(destination)
        destination.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{destination.name[:40]}.", suffix=".partial", dir=destination.parent))
    except OSError as error:
        raise _unwritable(destination, error) from error
    try:
        yield work
        _swap(work, destination)
    except OSError as error:
        raise _unwritable(destination, error) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def refuse_unwritable(path: Path) -> None:
    """E601, before any work is done, for a file that could not be written at the end; nothing is left behind.

    Raises:
        IsobitError: E601 for a folder, and for a name whose folder cannot be made or written to.
    """
    try:
        if path.is_dir():
            raise IsobitError("E601", "it is a folder", where=printable(path), hint="name a file")
        folder = next(p for p in path.absolute().parents if p.exists())
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        what = printable(error.strerror or error)
        raise IsobitError("E601", what, where=printable(path), hint="choose a writable place") from error


def _refuse_foreign(destination: Path) -> None:
    if Path.cwd().is_relative_to(destination.resolve()):
        raise IsobitError(
            "E602", "the working folder lies inside it", where=printable(destination), hint="choose a folder of its own"
        )
    if destination.is_symlink() or (destination.exists() and not destination.is_dir()):
        raise IsobitError(
            "E602", "the output path is not a folder", where=printable(destination), hint="choose another -o"
        )
    if destination.is_dir() and any(destination.iterdir()) and not (destination / MANIFEST).is_file():
        raise IsobitError(
            "E602",
            "the folder is not empty and holds no isobit build",
            where=printable(destination),
            hint="choose another -o",
        )


def _swap(work: Path, destination: Path) -> None:
    work.chmod(0o755)
    old = work.with_suffix(".old")
    if destination.exists():
        destination.replace(old)
    try:
        work.replace(destination)
    except BaseException:
        if old.exists():
            old.replace(destination)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _unwritable(destination: Path, error: OSError) -> IsobitError:
    return IsobitError(
        "E601",
        printable(error.strerror or error),
        where=printable(destination),
        hint="choose a writable folder with -o",
    )
