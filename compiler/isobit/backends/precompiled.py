"""The integer headers parsed once: precompiled for g++ and kept in the user's cache folder.

Half of what g++ does for a small network is to read the open ap_types. Its precompiled header holds for one compiler,
one list of flags and one set of headers, by content; whoever compiles with them for the second time makes it, and any
later process takes it. Whatever is unlike what was written, stale, cut off or half made counts as none: the same
headers are then read as text, and the program is the same.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from isobit.backends.cache import cache_folder, prune, replace, touch
from isobit.subprocesses import run

HEADER = "isobit.hpp"
_HEADERS = ("<stdint.h>", "<stdio.h>", "<stdlib.h>", "<string.h>", '"ap_int.h"')
_TEXT = "".join(f"#include {name}\n" for name in _HEADERS)
_ENTRIES, _SIZE = 12, 500_000_000
"""What is kept: of the open ap_types one is 75 MB, of our own integers 16 MB."""
_GIVEN_UP = 3600.0
"""Seconds after which an unfinished one is tried again."""
_TIMEOUT = 120


class Precompiled:
    """The precompiled header of one compiler, its flags and its include folders.

    Args:
        identity: the compiler by kind and version.
        flags: all that change what the headers mean.
    """

    def __init__(self, compiler: str, identity: Sequence[str], flags: Sequence[str]) -> None:
        self._command = [compiler, *flags]
        self._entry: Path | None = None
        base = cache_folder("headers") if "clang" not in identity[-1].lower() and len(identity) > 1 else None
        if base is not None:
            words = json.dumps([_TEXT, *identity, *flags])
            self._entry = base / hashlib.sha256(words.encode()).hexdigest()[:32]

    def take(self) -> tuple[str, ...]:
        """The words that include it, before any other header; none where it is not to be had."""
        entry = self._entry
        if entry is None:
            return ()
        try:
            if not entry.is_dir():
                entry.mkdir()  # the first time: whoever comes again makes it
                return ()
            if not self._whole(entry) and not self._made(entry):
                return ()
            touch(entry)
        except (OSError, ValueError, RecursionError, subprocess.SubprocessError):
            return ()
        return ("-include", str(entry / HEADER))

    def drop(self) -> None:
        """It was of no use: nobody takes it again before it is made anew."""
        with suppress(OSError):
            if self._entry is not None:
                (self._entry / "note.json").unlink(missing_ok=True)

    def _whole(self, entry: Path) -> bool:
        """Whether it is what was written, of headers that have not changed since."""
        try:
            note = json.loads((entry / "note.json").read_bytes())
            return isinstance(note, dict) and bool(note) and all(_stamp(Path(p)) == stamp for p, stamp in note.items())
        except (OSError, ValueError, RecursionError):
            return False

    def _made(self, entry: Path) -> bool:
        """Make it, unless another process is about to, or failed a while ago."""
        lock = entry / "making"
        with suppress(FileNotFoundError):
            if time.time() - lock.stat().st_mtime > _GIVEN_UP:
                lock.unlink(missing_ok=True)
        try:
            lock.touch(exist_ok=False)
        except FileExistsError:
            return False
        (entry / "note.json").unlink(missing_ok=True)
        replace(entry / HEADER, _TEXT.encode())
        with tempfile.TemporaryDirectory(prefix=".making-", dir=entry) as own:
            fresh, read = Path(own) / "made.gch", Path(own) / "read"
            command = [*self._command, "-MD", "-MF", str(read), "-x", "c++-header", str(entry / HEADER)]
            command += ["-o", str(fresh)]
            done = run(command, _TIMEOUT)
            if done.returncode != 0 or not fresh.is_file():
                return False
            files = [Path(word) for word in _prerequisites(read.read_text(encoding="utf-8"))]
            made = entry / f"{HEADER}.gch"
            fresh.replace(made)
        note = {str(p): _stamp(p) for p in [*files, made]}
        replace(entry / "note.json", json.dumps(note).encode())
        lock.unlink(missing_ok=True)
        prune(entry.parent, _ENTRIES, _SIZE)
        return True


def _stamp(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]


def _prerequisites(rule: str) -> list[str]:
    """The files of a make rule; a blank in a name is escaped."""
    words = rule.replace("\\\n", " ").replace("\\ ", "\0").split()
    return [str(Path(word.replace("\0", " ")).absolute()) for word in words[1:]]
