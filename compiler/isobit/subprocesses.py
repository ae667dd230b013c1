"""C++ compilers as children: bounded in memory, and ended together with what they started.

A driver such as g++ starts the compiler proper: whoever ends the driver alone leaves that running. Each child gets a
process group, all of which is ended. The bound keeps a compiler that wants more than the machine has from taking the
machine with it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

_SHARE = 0.75
_OUT_OF_MEMORY = re.compile(r"out of memory|memory exhausted|[Cc]annot allocate memory|bad_alloc")


def memory_bound() -> int:
    """The bytes that one child may take: three quarters of the machine's; 0 where nobody knows how many it has."""
    try:
        return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * _SHARE)
    except (AttributeError, ValueError, OSError):
        return 0


def begun(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """A child that writes to ``log`` and reads nothing."""
    with log.open("wb") as file:
        return subprocess.Popen(
            _bounded(command), stdout=file, stderr=file, stdin=subprocess.DEVNULL, process_group=0
        )  # fmt: skip


def run(
    command: Sequence[str], timeout: float | None = None, given: bytes = b"", **further: Any
) -> subprocess.CompletedProcess[bytes]:
    """:func:`subprocess.run` that keeps what it prints; nothing of the child is left, however this ends.

    Args:
        timeout: seconds; None waits for ever.
        given: what the child reads.
        further: for :class:`subprocess.Popen`.

    Raises:
        subprocess.TimeoutExpired: when it does not end in time.
    """
    with subprocess.Popen(
        _bounded(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0,
        **further,
    ) as process:  # fmt: skip
        try:
            out, err = process.communicate(given, timeout)
        except BaseException:
            ended(process)
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def ended(process: subprocess.Popen[Any]) -> None:
    """End a child that is still running, and all that it started."""
    if process.poll() is None:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ran_out_of_memory(text: str) -> bool:
    """Whether a compiler says that it came upon the bound."""
    return _OUT_OF_MEMORY.search(text) is not None


def _bounded(command: Sequence[str]) -> list[str]:
    bound, shell = memory_bound(), shutil.which("sh")
    if not bound or shell is None:
        return list(command)
    return [shell, "-c", f'ulimit -v {bound >> 10} 2>/dev/null; exec "$@"', "sh", *command]
