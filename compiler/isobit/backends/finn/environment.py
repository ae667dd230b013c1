"""finn-plus in an environment of its own: its pins cannot be met together with isobit's.

The environment is a folder of the user's cache, or whatever ``ISOBIT_FINN_PYTHON`` names.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from isobit.errors import CheckFailed, IsobitError, printable

FINN_PLUS = "finn-plus==1.6.1"
PACKAGES = (FINN_PLUS, "psutil")
"""finn-plus reads psutil without declaring it."""
OVERRIDE = "ISOBIT_FINN_PYTHON"
SECONDS = 3600.0


def python() -> Path:
    """The environment's interpreter, whether it is there or not."""
    if os.environ.get(OVERRIDE):
        return Path(os.environ[OVERRIDE])
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "isobit" / FINN_PLUS.replace("==", "-") / "bin" / "python"


def installed() -> bool:
    """Can finn-plus be run?"""
    return python().is_file()


def set_up(progress: Callable[[str], None] = lambda _: None) -> Path:
    """Make the environment, unless it is there; about 6 GB with the PyTorch that finn-plus depends on.

    Raises:
        IsobitError: E303 when it cannot be made; then nothing stays behind.
    """
    target = python()
    if target.is_file():
        return target
    if os.environ.get(OVERRIDE):
        raise IsobitError("E303", f"{OVERRIDE} names no interpreter", where=printable(target))
    folder = target.parents[1]
    partial = folder.with_name(folder.name + ".partial")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        progress("making the environment")
        _run([sys.executable, "-m", "venv", "--clear", str(partial)])
        progress(f"installing {FINN_PLUS}, about 6 GB with its PyTorch: several minutes")
        _run([str(partial / "bin" / "python"), "-m", "pip", "install", "--quiet", *PACKAGES])
        partial.rename(folder)
    except OSError as error:
        if not target.is_file():  # else another process has made it meanwhile
            what = printable(error.strerror or error)
            raise IsobitError("E303", what, where=printable(folder), hint="is it writable? XDG_CACHE_HOME") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise IsobitError("E303", f"{FINN_PLUS}: {printable(lines[-1], 300)}", hint="is there a network, and 6 GB?")


def run_script(script: Path, work: Path, *arguments: str, seconds: float = SECONDS) -> dict[str, Any]:
    """What ``script`` writes to ``work/result.json``, run by finn-plus's interpreter; its output is ``work/log.txt``.

    Raises:
        IsobitError: E303 without the environment, E601 where nothing can be written; CheckFailed: E606 when it
            ends without a result.
    """
    if not installed():
        raise IsobitError("E303", "finn-plus is not installed", hint="isobit finn setup")
    result, log = work / "result.json", work / "log.txt"
    try:
        result.unlink(missing_ok=True)
        stream = log.open("wb")
    except OSError as error:
        raise IsobitError("E601", printable(error.strerror or error), where=printable(work)) from error
    with stream:
        try:
            subprocess.run(
                [str(python()), str(script), str(work), *arguments], stdout=stream, stderr=subprocess.STDOUT, cwd=work,
                timeout=seconds, check=False, env=_environment(),
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise CheckFailed("E606", f"FINN ran longer than {seconds:g} s", where=printable(log)) from error
        except OSError as error:
            what = printable(error.strerror or error)
            raise IsobitError("E303", what, where=printable(python()), hint="isobit finn setup") from error
    if not result.is_file():
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["no output"]
        raise CheckFailed("E606", f"FINN ended without a result: {printable(lines[-1], 300)}", where=printable(log))
    try:
        found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckFailed("E606", f"FINN left no whole result: {printable(error)}", where=printable(result)) from error
    return found


def _environment() -> dict[str, str]:
    """Without what would put isobit's own packages in front of finn-plus's."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    return kept | {"TMPDIR": tempfile.gettempdir()}
