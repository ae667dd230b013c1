"""The integer headers precompiled: made by whoever comes second, used while nothing changed, never in the way."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from isobit.backends.cache import cache_folder, prune, touch
from isobit.backends.precompiled import HEADER, Precompiled
from isobit.backends.toolchain import Compilation, Unit, _identity

GCC = shutil.which("g++")
pytestmark = pytest.mark.skipif(GCC is None, reason="g++ is not installed")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "ap_int.h").write_text("#pragma once\nenum { LEVEL = 1 };\n")
    (tmp_path / "main.cpp").write_text('#include "ap_int.h"\nint main() { return LEVEL; }\n')
    monkeypatch.setenv("ISOBIT_CACHE", str(tmp_path / "cache"))
    return tmp_path


def precompiled(folder: Path, *flags: str) -> Precompiled:
    assert GCC is not None
    return Precompiled(GCC, _identity(GCC), ["-std=c++14", *flags, f"-I{folder / 'include'}"])


def used(folder: Path, words: tuple[str, ...]) -> bool:
    """Whether the compiler takes the precompiled header: it marks it with an exclamation mark."""
    command = [
        str(GCC),
        "-std=c++14",
        f"-I{folder / 'include'}",
        *words,
        "-H",
        "-fsyntax-only",
        str(folder / "main.cpp"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return any(line.startswith("! ") for line in done.stderr.splitlines())


def entry(folder: Path) -> Path:
    (found,) = (folder / "cache" / "headers").iterdir()
    return found


def test_who_comes_second_makes_it_and_a_header_that_changed_is_read_again(cache: Path) -> None:
    assert precompiled(cache).take() == ()
    words = precompiled(cache).take()
    assert words == ("-include", str(entry(cache) / HEADER)) and used(cache, words)
    made = (entry(cache) / f"{HEADER}.gch").stat().st_ino
    assert precompiled(cache).take() == words and (entry(cache) / f"{HEADER}.gch").stat().st_ino == made
    assert sorted(p.name for p in entry(cache).iterdir()) == [HEADER, f"{HEADER}.gch", "note.json"]

    (cache / "include" / "ap_int.h").write_text("#pragma once\nenum { LEVEL = 22 };\n")
    assert precompiled(cache).take() == words and used(cache, words)
    assert compiled(cache) == 22


def test_what_is_damaged_is_made_anew(cache: Path) -> None:
    precompiled(cache).take()
    words = precompiled(cache).take()
    for name, content in ((f"{HEADER}.gch", b"gpch"), ("note.json", b"{"), ("note.json", b"[]"), ("note.json", b"{}")):
        (entry(cache) / name).write_bytes(content)
        assert precompiled(cache).take() == words and used(cache, words), name


def test_it_is_made_by_one_process_and_tried_again_an_hour_after_a_failure(cache: Path) -> None:
    precompiled(cache).take()
    (entry(cache) / "making").touch()
    assert precompiled(cache).take() == ()
    os.utime(entry(cache) / "making", (0, 0))
    assert precompiled(cache).take() != ()

    for _ in range(3):
        assert precompiled(cache, "-fno-such-flag").take() == ()


def compiled(folder: Path) -> int:
    """What the program of the folder returns."""
    include = folder / "include"
    unit = Unit(include / "ap_int.h", folder / "main.cpp", (folder, include), (), ("-I.", f"-I{include}"))
    assert GCC is not None
    program = Compilation(unit, folder, "native", GCC).result().path
    return subprocess.run([program], check=False).returncode


def test_one_that_the_compiler_cannot_read_is_left_out_and_dropped(cache: Path) -> None:
    for _ in range(3):
        assert compiled(cache) == 1
    made = entry(cache) / f"{HEADER}.gch"
    size, stamp = made.stat().st_size, made.stat().st_mtime_ns
    made.write_bytes(made.read_bytes()[: size // 2].ljust(size, b"\0"))
    os.utime(made, ns=(stamp, stamp))
    assert compiled(cache) == 1
    assert compiled(cache) == 1 and used(cache, ("-include", str(entry(cache) / HEADER)))


def test_without_a_cache_and_with_another_compiler_there_is_none(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("", str(cache / "main.cpp"), "/proc/nowhere"):
        monkeypatch.setenv("ISOBIT_CACHE", place)
        assert cache_folder("headers") is None
        assert [precompiled(cache).take() for _ in range(3)] == [()] * 3
    monkeypatch.setenv("ISOBIT_CACHE", str(cache / "cache"))
    for identity in (["clang++", "Debian clang version 14.0.6"], ["/nowhere/c++"]):
        assert [Precompiled("c++", identity, []).take() for _ in range(3)] == [()] * 3
    monkeypatch.delenv("ISOBIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache / "own"))
    assert cache_folder("headers") == cache / "own" / "isobit" / "headers"


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "program").write_bytes(bytes(100))
        os.utime(tmp_path / str(number), (number, number))
    touch(tmp_path / "0")
    prune(tmp_path, 4, 1000)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0", "2", "3", "4"]
    prune(tmp_path, 4, 250)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0", "4"]
    prune(tmp_path, 4, 1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0"]
