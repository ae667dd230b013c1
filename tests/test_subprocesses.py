"""Compilers end with all that they started, and never take more memory than they may."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from isobit import subprocesses
from isobit.backends import toolchain
from isobit.errors import IsobitError
from isobit.subprocesses import begun, ended, run

DRIVER = 'sleep 300 & echo $! > "$0"; wait'
"""A driver that starts the compiler proper, and waits for it."""


def alive(process: int) -> bool:
    """Whether a process runs; one that has ended and waits to be asked counts as none."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def started(note: Path) -> int:
    for _ in range(200):
        if note.is_file() and note.read_text().strip():
            return int(note.read_text())
        time.sleep(0.05)
    raise AssertionError("nothing began")


def gone(process: int) -> bool:
    for _ in range(100):
        if not alive(process):
            return True
        time.sleep(0.05)
    return False


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc")


@needs_proc
def test_what_a_child_has_started_ends_with_it(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    child = begun(["sh", "-c", DRIVER, str(note)], tmp_path / "log")
    process = started(note)
    assert alive(process)
    ended(child)
    assert child.returncode is not None and gone(process)
    ended(child)  # once more does no harm


@needs_proc
def test_nothing_is_left_when_the_time_is_over(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    with pytest.raises(subprocess.TimeoutExpired):
        run(["sh", "-c", DRIVER, str(note)], timeout=1.0)
    assert gone(started(note))


def test_what_a_child_says_is_handed_on(tmp_path: Path) -> None:
    done = run(["sh", "-c", "pwd; echo no >&2; exit 3"], cwd=tmp_path)
    assert (done.returncode, done.stdout.decode().strip(), done.stderr) == (3, os.fspath(tmp_path.resolve()), b"no\n")
    assert run(["cat"], given=b"\0\xff").stdout == b"\0\xff"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such bound")
def test_a_child_has_no_more_memory_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    program = [sys.executable, "-c", "print(len(bytearray(1 << 30)))"]
    assert run(program).stdout.strip() == str(1 << 30).encode()
    monkeypatch.setattr(subprocesses, "memory_bound", lambda: 1 << 29)
    assert run(program).returncode != 0


def test_a_compiler_that_wants_more_is_told_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "top.cpp").write_text("")
    (tmp_path / "tb.cpp").write_text("")
    compiler = tmp_path / "g++"
    compiler.write_text("#!/bin/sh\necho 'cc1plus: out of memory allocating 65536 bytes' >&2; exit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setattr(toolchain, "memory_bound", lambda: 3_000_000_000)
    unit = toolchain.Unit(tmp_path / "top.cpp", tmp_path / "tb.cpp", (tmp_path,), (), ())
    with pytest.raises(IsobitError) as refused:
        toolchain.Compilation(unit, tmp_path, "faithful", str(compiler)).result()
    assert refused.value.code == "E605" and refused.value.message == "the compiler needs more than 3 GB of memory"


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a compiler says of it is lost with its log."""
    subprocesses.demand_room(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(OSError, match="No space left"):
        subprocesses.demand_room(tmp_path)


def test_temporary_files_lie_where_they_go_with_the_rest(tmp_path: Path) -> None:
    """A compiler that is killed leaves its own behind."""
    process = begun([sys.executable, "-c", "import tempfile; print(tempfile.gettempdir())"], tmp_path / "log")
    assert process.wait(60) == 0
    assert (tmp_path / "log").read_text().strip() == str(tmp_path)
