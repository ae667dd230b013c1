"""Compiled simulations, kept in a build's folder and used again while nothing that made them has changed.

A program lies in ``simulations/NAME`` and beside it ``NAME.json``: the key it was made for, which is a hash of every
source, flag and tool, and the program's own hash. What does not fit, damaged or of other sources, counts as none. The
folder is no part of what the manifest lists, and a build on a read-only medium works without it.

The same two files lie in the user's cache folder, by key: the same design in another folder is not compiled again.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from isobit.backends.cache import cache_folder, prune, replace, touch

SIMULATIONS = "simulations"
_SOURCES = frozenset({".cpp", ".hpp", ".h", ".sv"})
_ENTRIES, _SIZE = 256, 256_000_000
"""Of all builds together; one program has 50 kB to some megabytes."""


class Kept:
    """The place of one program in a build.

    Args:
        build: the build's folder.
        name: the simulation's name; one program is kept of each.
        key: what the program depends on (:func:`key_of`).
    """

    def __init__(self, build: Path, name: str, key: str) -> None:
        self._places = [(build / SIMULATIONS / name, build / SIMULATIONS / f"{name}.json")]
        self._entry: Path | None = None
        shared = cache_folder(SIMULATIONS)
        if shared is not None:
            self._entry = shared / key[:32]
            self._places.append((self._entry / "program", self._entry / "note.json"))
        self._key = key

    def take(self, target: Path) -> bool:
        """Copy the program to ``target``, where it can be run; False when there is none of this key."""
        for number, place in enumerate(self._places):
            program = self._read(*place)
            if program is None:
                continue
            target.write_bytes(program)
            target.chmod(0o755)
            if number > 0:
                touch(place[0].parent)
                self._write(program, *self._places[0])
            return True
        return False

    def put(self, program: Path) -> None:
        """Keep a program in the place of an earlier one, and for other builds; nothing where nothing can be written."""
        content = program.read_bytes()
        for place in self._places:
            self._write(content, *place)
        if self._entry is not None:
            with suppress(OSError):
                prune(self._entry.parent, _ENTRIES, _SIZE)

    def _read(self, program: Path, note: Path) -> bytes | None:
        with suppress(OSError, ValueError, RecursionError):
            said, content = json.loads(note.read_bytes()), program.read_bytes()
            if said == self._record(content):
                return content
        return None

    def _write(self, content: bytes, program: Path, note: Path) -> None:
        with suppress(OSError):
            program.parent.mkdir(exist_ok=True)
            replace(program, content)
            replace(note, json.dumps(self._record(content), indent=1).encode() + b"\n")

    def _record(self, program: bytes) -> dict[str, str]:
        return {"key": self._key, "sha256": hashlib.sha256(program).hexdigest()}


def key_of(words: Iterable[str], folders: Iterable[Path]) -> str:
    """The hash of ``words`` (flags, the tool and its version), of this machine, and of every source in ``folders``.

    Sources count by their path inside their folder: a build that was moved is the same.
    """
    digest = hashlib.sha256(json.dumps([*words, *_machine()]).encode())
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.suffix in _SOURCES and p.is_file()):
            digest.update(f"\n{path.relative_to(folder).as_posix()} ".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        digest.update(b"\n\n")
    return digest.hexdigest()


def _machine() -> list[str]:
    """What ``-march=native`` and a linked program depend on: the processor and the C library."""
    found = [platform.system(), platform.machine(), *platform.libc_ver()]
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        wanted = ("model name", "flags", "Features", "CPU part")
        found += sorted({line for line in lines if line.startswith(wanted)})
    return found
