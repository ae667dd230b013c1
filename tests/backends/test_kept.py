"""Compiled simulations are kept in the build, and used only for the very sources they were made from."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from isobit.backends import toolchain
from isobit.backends.kept import SIMULATIONS, Kept, key_of
from isobit.backends.toolchain import (
    QUICK_AGAIN_MACS,
    QUICK_MACS,
    SOME_AGAIN_MACS,
    SOME_MACS,
    Compilation,
    find_compiler,
)
from isobit.build.folder import load_build
from isobit.check.csim.last import CSIM, read_record
from tests.cli.runner import edited, isobit, small_model


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept")
    assert isobit("compile", small_model(folder), "-o", folder / "build").status == 0
    assert isobit("csim", folder / "build", "-n", 20, "--no-source").status == 0
    return folder / "build"


@pytest.fixture
def build(simulated: Path, tmp_path: Path) -> Path:
    shutil.copytree(simulated, tmp_path / "moved")
    return tmp_path / "moved"


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler that is never to be started."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a compiler was started")

    monkeypatch.setattr(toolchain, "begun", refuse)
    monkeypatch.setenv("ISOBIT_CACHE", "")


@pytest.mark.usefixtures("no_compiler")
def test_a_second_simulation_compiles_nothing_wherever_the_build_lies(build: Path) -> None:
    assert sorted(p.name for p in (build / SIMULATIONS).iterdir()) == [
        "faithful", "faithful.json", "native", "native.json",
    ]  # fmt: skip
    assert isobit("csim", build, "-n", 30, "--no-source").status == 0
    assert not any(name.startswith(SIMULATIONS) for name in load_build(build).manifest.files)


@pytest.mark.parametrize("name", ["hls/parameters.hpp", "hls/top.cpp", "hls/tb.cpp"])
@pytest.mark.usefixtures("no_compiler")
def test_another_source_is_compiled_again(build: Path, tmp_path: Path, name: str) -> None:
    copy = edited(build, tmp_path / "b", name, lambda text: text + "\n// another\n")
    with pytest.raises(AssertionError, match="a compiler was started"):
        isobit("csim", copy, "-n", 5, "--no-source")


@pytest.mark.usefixtures("no_compiler")
def test_other_flags_and_another_version_of_the_compiler_are_compiled_again(
    build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AssertionError, match="a compiler was started"):
        isobit("csim", build, "-n", 5, "--no-source", "--checked")
    monkeypatch.setattr(toolchain, "_identity", lambda compiler: [compiler, "another version"])
    with pytest.raises(AssertionError, match="a compiler was started"):
        isobit("csim", build, "-n", 5, "--no-source")


@pytest.mark.parametrize("damage", [b"", b"\x7fELF"])
@pytest.mark.usefixtures("no_compiler")
def test_a_damaged_program_counts_as_none(build: Path, damage: bytes) -> None:
    (build / SIMULATIONS / "native").write_bytes(damage)
    with pytest.raises(AssertionError, match="a compiler was started"):
        isobit("csim", build, "-n", 5, "--no-source")


def test_one_program_is_kept_of_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOBIT_CACHE", "")
    program, target = tmp_path / "program", tmp_path / "target"
    for key in ("a", "b"):
        program.write_bytes(key.encode())
        Kept(tmp_path, "native", key).put(program)
    assert not Kept(tmp_path, "native", "a").take(target) and not target.exists()
    assert Kept(tmp_path, "native", "b").take(target) and target.read_bytes() == b"b"


def test_a_key_knows_names_contents_and_words(tmp_path: Path) -> None:
    def key(words: list[str], **files: str) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        for name, text in files.items():
            (folder / f"{name}.hpp").write_text(text, encoding="utf-8")
        return key_of(words, [folder])

    assert key(["-O1"], a="1", b="2") == key(["-O1"], b="2", a="1")
    others = [key(["-O1"], a="1", b="2"), key(["-O1"], a="2", b="1"), key(["-O2"], a="1", b="2"), key(["-O1"], a="12")]
    assert len(set(others)) == len(others)


def test_an_interrupted_or_refused_simulation_leaves_the_last_verdict(
    build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (build / CSIM).read_bytes()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("isobit.check.csim.run._compare", interrupt)
        assert isobit("csim", build, "-n", 5).status == 130
    assert isobit("csim", build, "--inputs", build / "no.npy").status == 2
    assert (build / CSIM).read_bytes() == before and read_record(load_build(build), CSIM) is not None
    assert not list(build.glob(".*partial"))


def test_the_same_design_elsewhere_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOBIT_CACHE", str(tmp_path / "cache"))
    program, target = tmp_path / "program", tmp_path / "target"
    program.write_bytes(b"a program")
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    for build in (here, elsewhere):
        build.mkdir()
    Kept(here, "native", "a key").put(program)
    assert not Kept(elsewhere, "native", "another key").take(target)
    assert Kept(elsewhere, "native", "a key").take(target) and target.read_bytes() == b"a program"
    (shared,) = (tmp_path / "cache" / SIMULATIONS).iterdir()
    (shared / "program").write_bytes(b"b program")
    assert Kept(elsewhere, "native", "a key").take(target), "it has its own by now"
    assert not Kept(tmp_path, "native", "a key").take(target)


def test_few_vectors_take_a_quick_compiler_and_what_there_is(
    build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which flags a simulation is compiled with, and that a kept program does for less work than it was made for."""
    monkeypatch.setenv("ISOBIT_CACHE", "")
    shutil.rmtree(build / SIMULATIONS)
    started: list[str] = []

    def began(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        started.append(next(word for word in command if word.startswith("-O")))
        (tmp_path / "tb-native").write_bytes(b"a program")
        return subprocess.Popen(["true"])

    monkeypatch.setattr(toolchain, "begun", began)

    def flags(macs: int | None) -> list[str]:
        started.clear()
        Compilation(build / "hls", tmp_path, "native", find_compiler(), build, macs).result()
        return list(started)

    assert flags(QUICK_MACS) == ["-Og"]
    assert flags(1) == flags(QUICK_AGAIN_MACS) == []
    assert flags(QUICK_AGAIN_MACS + 1) == ["-O1"]
    assert flags(1) == flags(QUICK_AGAIN_MACS + 1) == []
    shutil.rmtree(build / SIMULATIONS)
    assert flags(QUICK_MACS + 1) == ["-O1"]
    assert flags(SOME_AGAIN_MACS) == flags(1) == []
    assert flags(SOME_AGAIN_MACS + 1) == ["-O2"]
    assert flags(1) == flags(None) == flags(SOME_AGAIN_MACS + 1) == []
    shutil.rmtree(build / SIMULATIONS)
    assert flags(SOME_MACS + 1) == ["-O2"]
