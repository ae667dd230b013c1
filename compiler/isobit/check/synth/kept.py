"""Results of synthesis, kept in the user's cache folder by a hash of everything they depend on.

A cache that cannot be read or written is none; a damaged entry counts as none.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path

from isobit.check.synth import netlist
from isobit.check.synth.netlist import Counts


def key_of(version: str, texts: Mapping[str, str]) -> str:
    """The hash of a version of Yosys, of all files of a run, its script among them, and of how cells are counted."""
    counting = Path(netlist.__file__).read_text(encoding="utf-8")
    return hashlib.sha256(json.dumps([version, counting, sorted(texts.items())]).encode()).hexdigest()


def kept(key: str) -> Counts | None:
    """The result of an earlier run."""
    with suppress(OSError, ValueError, TypeError, RecursionError):
        found = json.loads(_path(key).read_bytes())
        whole = isinstance(found, dict) and set(found) == {f.name for f in fields(Counts)}
        if whole and all(type(v) is int and v >= 0 for v in found.values()):
            return Counts(**found)
    return None


def keep(key: str, counts: Counts) -> None:
    """Keep a result; nothing when the folder cannot be written."""
    _keep(key, asdict(counts))


def _keep(key: str, content: Mapping[str, int]) -> None:
    path = _path(key)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=path.parent) as own:
            fresh = Path(own) / "result"
            fresh.write_text(json.dumps(content), encoding="utf-8")
            fresh.replace(path)


def kept_verdict(key: str) -> tuple[int, int, str] | None:
    """Clocks and words of an earlier comparison that found a netlist equal, and no problem."""
    with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        found = json.loads(_path(key).read_bytes())
        clocks, words = found["clocks"], found["words"]
        if type(clocks) is int and type(words) is int and clocks > 0 and words > 0:
            return clocks, words, ""
    return None


def keep_verdict(key: str, clocks: int, words: int) -> None:
    """Keep one that was equal."""
    _keep(key, {"clocks": clocks, "words": words})


def _path(key: str) -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "isobit" / "synth" / f"{key}.json"
