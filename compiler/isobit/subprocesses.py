"""C++ compilers as children: bounded in memory, and ended together with what they started.

A driver such as g++ starts the compiler proper: whoever ends the driver alone leaves that running. Each child gets a
process group, all of which is ended. The bound keeps a compiler that wants more than the machine has from taking the
machine with it.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

_SHARE, _GLANCE, _ROOM = 0.75, 0.02, 1 << 16
_OUT_OF_MEMORY = re.compile(r"out of memory|memory exhausted|[Cc]annot allocate memory|bad_alloc")


def memory_bound() -> int:
    """The bytes that one child may take: three quarters of the machine's; 0 where nobody knows how many it has."""
    try:
        return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * _SHARE)
    except (AttributeError, ValueError, OSError):
        return 0


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def begun(command: Sequence[str], log: Path, **further: Any) -> subprocess.Popen[bytes]:
    """A child that writes to ``log`` and reads nothing; ``further`` for :class:`subprocess.Popen`.

    A compiler that is ended leaves its own temporary files: they lie beside ``log``, in a folder that goes.
    """
    further.setdefault("env", {**os.environ, "TMPDIR": str(log.parent)})
    with log.open("wb") as file:
        return subprocess.Popen(
            _bounded(command), stdout=file, stderr=file, stdin=subprocess.DEVNULL, process_group=0, **further
        )


def run_all(
    commands: Sequence[Sequence[str]], folder: Path, timeout: float, told: Callable[[int], None]
) -> subprocess.CompletedProcess[bytes] | None:
    """All of ``commands``, as many at once as there are processors; nothing of them is left, however this ends.

    Args:
        folder: where each one's words go meanwhile.
        timeout: seconds for all of them.
        told: is given how many are done, at once and after each.

    Returns:
        the first that failed, with what it said as ``stderr``; None where none did.

    Raises:
        subprocess.TimeoutExpired: when they do not end in time.
    """
    started, waiting, running, done = time.monotonic(), list(enumerate(commands)), dict[int, Any](), 0
    told(done)
    try:
        while waiting or running:
            while waiting and len(running) < processors():
                number, command = waiting.pop(0)
                running[number] = begun(command, folder / f"command-{number}.log")
            for number in [n for n, process in running.items() if process.poll() is not None]:
                process, done = running.pop(number), done + 1
                if process.returncode != 0:
                    said = (folder / f"command-{number}.log").read_bytes()
                    return subprocess.CompletedProcess(process.args, process.returncode, b"", said)
                told(done)
            if time.monotonic() - started > timeout:
                raise subprocess.TimeoutExpired(commands[0], timeout)
            time.sleep(_GLANCE)
    finally:
        for process in running.values():
            ended(process)
    return None


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


def demand_room(folder: Path) -> None:
    """Name the cause where a compiler failed for want of space: what it says of that is lost with its log.

    Raises:
        OSError: when the disk of ``folder`` is full.
    """
    if shutil.disk_usage(folder).free < _ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def ran_out_of_memory(text: str) -> bool:
    """Whether a compiler says that it came upon the bound."""
    return _OUT_OF_MEMORY.search(text) is not None


def _bounded(command: Sequence[str]) -> list[str]:
    bound, shell = memory_bound(), shutil.which("sh")
    if not bound or shell is None:
        return list(command)
    return [shell, "-c", f'ulimit -v {bound >> 10} 2>/dev/null; exec "$@"', "sh", *command]
