"""Compiled simulations, kept in a build's folder and used again while nothing that made them has changed.

A program lies in ``simulations/NAME`` and beside it ``NAME.json``: the key it was made for, which is a hash of every
source, flag and tool, and the program's own hash. What does not fit, damaged or of other sources, counts as none. The
folder is no part of what the manifest lists, and a build on a read-only medium works without it.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

SIMULATIONS = "simulations"
_SOURCES = frozenset({".cpp", ".hpp", ".h", ".sv"})


class Kept:
    """The place of one program in a build.

    Args:
        build: the build's folder.
        name: the simulation's name; one program is kept of each.
        key: what the program depends on (:func:`key_of`).
    """

    def __init__(self, build: Path, name: str, key: str) -> None:
        self._program, self._note = (build / SIMULATIONS / file for file in (name, f"{name}.json"))
        self._key = key

    def take(self, target: Path) -> bool:
        """Copy the program to ``target``, where it can be run; False when there is none of this key."""
        try:
            note, program = json.loads(self._note.read_bytes()), self._program.read_bytes()
            if note != self._record(program):
                return False
        except (OSError, ValueError, RecursionError):
            return False
        target.write_bytes(program)
        target.chmod(0o755)
        return True

    def put(self, program: Path) -> None:
        """Keep a program in the place of an earlier one; nothing when the build cannot be written."""
        content = program.read_bytes()
        with suppress(OSError):
            self._program.parent.mkdir(exist_ok=True)
            _replace(self._program, content)
            _replace(self._note, json.dumps(self._record(content), indent=1).encode() + b"\n")

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


def _replace(path: Path, content: bytes) -> None:
    """The whole content or none of it, also where two processes write."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
