"""Running a compiled simulation: how it says by name what went wrong, and what that becomes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from isobit.errors import CheckFailed, IsobitError, printable

_FAIL = re.compile(r"ISOBIT-FAIL kind=(\S+) ?(.*)")
_EXPLAINED = {
    "empty-read": "a process read from an empty stream",
    "leftover": "a stream still held words after the frame",
    "deadlock": "the processes wait for each other",
    "memory": "no memory for a process of the dataflow",
    "overflow": "a stream grew without bound",
    "lossy": "an assignment would lose bits",
    "index": "a table was read outside its bounds",
    "tlast": "the end of the batch was not marked",
    "file": "a file could not be read or written",
}


def run_program(command: list[str], flavour: str, timeout: float, folder: Path | None = None) -> None:
    """Run a compiled simulation to its end, in ``folder`` where one is given.

    Raises:
        CheckFailed: E606 when it stops with a named failure, crashes, or runs longer than ``timeout`` seconds.
        IsobitError: E606 when it cannot be started.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL, check=False, cwd=folder
        )
    except subprocess.TimeoutExpired as error:
        raise CheckFailed(
            "E606",
            f"it did not end within {timeout:g} s",
            where=f"{flavour} build",
            hint="fewer vectors (-n) or a longer --timeout",
        ) from error
    except OSError as error:
        raise IsobitError("E606", printable(error), where=f"{flavour} build") from error
    if done.returncode == 0:
        return
    match = _FAIL.search(done.stderr.decode(errors="replace"))
    if match:
        what = _EXPLAINED.get(match[1], match[1])
        raise CheckFailed("E606", f"{what} ({printable(match[2], 600)})", where=f"{flavour} build")
    raise CheckFailed("E606", f"it stopped with status {done.returncode}", where=f"{flavour} build")
