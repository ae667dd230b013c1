"""Hostile surroundings: folders, disks, compilers, boards, factories, vectors and edited builds."""

from __future__ import annotations

import errno
import os
import pickle
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isobit import demo
from isobit.build import folder as build_folder
from isobit.errors import CODES
from tests.cli.runner import Outcome, environment, isobit, isobit_process, rehash, small_model, tree


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("surroundings")
    assert isobit("compile", small_model(folder), "-o", folder / "build").status == 0
    return folder / "build"


def is_refused(done: Outcome, code: str, *parts: str) -> None:
    assert done.err.startswith(f"{code}: {CODES[code]}: "), (done.status, done.out, done.err)
    assert done.status == 2 and all(part in done.err for part in parts), done.err


# ---------------------------------------------------------------------------------------------------------- the output


def somebodys_file(folder: Path) -> Path:
    (folder / "out").write_text("mine")
    return folder / "out"


def somebodys_folder(folder: Path) -> Path:
    (folder / "out").mkdir()
    (folder / "out" / "thesis.tex").write_text("mine")
    return folder / "out"


def link_to_a_folder(folder: Path) -> Path:
    (folder / "elsewhere").mkdir()
    (folder / "out").symlink_to(folder / "elsewhere")
    return folder / "out"


def below_a_file(folder: Path) -> Path:
    (folder / "file").write_text("mine")
    return folder / "file" / "out"


def name_too_long(folder: Path) -> Path:
    return folder / ("x" * 300)


OUTPUTS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a file": (somebodys_file, "E602"),
    "somebody's folder": (somebodys_folder, "E602"),
    "a link to a folder": (link_to_a_folder, "E602"),
    "the working folder": (lambda folder: Path(), "E602"),
    "a folder above the working folder": (lambda folder: Path.cwd().parent, "E602"),
    "below a file": (below_a_file, "E601"),
    "read-only": (lambda folder: Path("/proc/isobit/out"), "E601"),
    "a name too long": (name_too_long, "E601"),
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_an_output_that_cannot_be_used(case: str, tmp_path: Path) -> None:
    make, code = OUTPUTS[case]
    output = make(tmp_path)
    before = tree(tmp_path)
    is_refused(isobit("compile", demo.MODEL, "-o", output), code)
    assert tree(tmp_path) == before and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_while_writing_keeps_the_earlier_build(
    error: BaseException, build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(build, tmp_path / "out")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(build_folder, "manifest_type", fail)
    done = isobit("compile", demo.MODEL, "-o", tmp_path / "out")
    if isinstance(error, OSError):
        is_refused(done, "E601", "No space left on device")
    else:
        assert (done.status, done.err) == (130, "interrupted\n")
    assert tree(tmp_path / "out") == tree(build) and [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """No file may grow beyond 4 kB, which the system enforces."""
    done = subprocess.run(
        [sys.executable, "-B", "-m", "isobit.cli", "compile", str(demo.MODEL), "-o", str(tmp_path / "out")],
        env=environment(), capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )  # fmt: skip
    is_refused(Outcome(done.returncode, done.stdout, done.stderr), "E601", "File too large")
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_folder_that_does_not_exist(build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    is_refused(isobit("csim", build), "E610", "nowhere")


# -------------------------------------------------------------------------------------------------- boards and options


def with_board(text: str) -> Callable[[Path], list[object]]:
    def make(folder: Path) -> list[object]:
        (folder / "board.toml").write_text(text)
        return ["--board", folder / "board.toml"]

    return make


def with_plan(text: str) -> Callable[[Path], list[object]]:
    def make(folder: Path) -> list[object]:
        (folder / "plan.toml").write_text(text)
        return ["--plan", folder / "plan.toml"]

    return make


PYNQ = (Path(demo.__file__).parents[1] / "hardware" / "boards" / "pynq-z1.toml").read_text()
OPTIONS: dict[str, tuple[Callable[[Path], list[object]], str]] = {
    "unknown board": (lambda folder: ["--board", "pynq-z9\n"], "E501"),
    "board file that is not there": (lambda folder: ["--board", folder / "my.toml"], "E501"),
    "board file that is no TOML": (with_board("name = = 3"), "E501"),
    "board without a part": (with_board(PYNQ.replace("part", "pert")), "E501"),
    "board with a negative count": (with_board(PYNQ.replace("53200", "-1")), "E501"),
    "board whose part would end a Tcl command": (with_board(PYNQ.replace("xc7z020", "xc7; exec rm")), "E501"),
    "board with a clock of zero": (with_board(PYNQ.replace("clock_mhz = 100", "clock_mhz = 0")), "E501"),
    "unknown input type": (lambda folder: ["--input-type", "FLOAT32"], "E209"),
    "input type of 64 bits": (lambda folder: ["--input-type", "UINT64"], "E209"),
    "input scale of zero": (lambda folder: ["--input-type", "UINT8", "--input-scale", "0"], "E204"),
    "input scale that is code": (lambda folder: ["--input-type", "INT8", "--input-scale", "exit()"], "E204"),
    "input shape of letters": (lambda folder: ["--input-shape", "1,a"], "E106"),
    "plan that is not there": (lambda folder: ["--plan", folder / "plan.toml"], "E503"),
    "plan that is no TOML": (with_plan("= 3"), "E503"),
    "plan for a layer that is not there": (with_plan("[layers.fc9]\npe = 2"), "E503"),
    "plan that divides nothing": (with_plan("[layers.n_1_MatMul]\npe = 7"), "E503"),
    "plan with an unknown body": (with_plan('[layers.n_3_Quant]\nimplementation = "magic"'), "E503"),
    "plan with a negative factor": (with_plan("[layers.n_1_MatMul]\nsimd = -4"), "E503"),
    "plan with an unknown memory": (with_plan('[layers.n_1_MatMul]\nmemory = "flash"'), "E503"),
    "plan with weights in UltraRAM": (with_plan('[layers.n_1_MatMul]\nmemory = "uram"'), "E505"),
    "plan with a FIFO that is not there": (with_plan("[fifos]\ns_none = 4"), "E506"),
    "unknown exporter": (lambda folder: ["--exporter", "magic"], "E302"),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_an_option_that_cannot_be_used(case: str, tmp_path: Path) -> None:
    make, code = OPTIONS[case]
    is_refused(isobit("compile", demo.MODEL, "-o", tmp_path / "out", *make(tmp_path)), code)
    assert not (tmp_path / "out").exists()


# ----------------------------------------------------------------------------------------------------------- factories

FACTORIES: dict[str, tuple[str, str]] = {
    "raises": ("def build():\n    raise RuntimeError('no weights')", "E301"),
    "is not there": ("def other():\n    pass", "E301"),
    "returns no module": ("def build():\n    return 3", "E301"),
    "exits": ("import sys\ndef build():\n    sys.exit(0)", "E301"),
    "is no Python": ("def build(:", "E301"),
    "fails in forward": (
        "from torch import nn\nclass N(nn.Module):\n    input_shape = (4,)\n"
        "    def forward(self, x):\n        return x[9]\ndef build():\n    return N()",
        "E302",
    ),
}


@pytest.mark.parametrize("case", FACTORIES)
def test_a_factory_that_cannot_be_used(case: str, tmp_path: Path) -> None:
    pytest.importorskip("brevitas")
    text, code = FACTORIES[case]
    (tmp_path / "train.py").write_text(text + "\n")
    is_refused(isobit("compile", f"{tmp_path}/train.py:build", "-o", tmp_path / "out"), code)
    assert not (tmp_path / "out").exists()


def test_a_factory_in_a_file_that_is_not_there(tmp_path: Path) -> None:
    is_refused(isobit("compile", f"{tmp_path}/train.py:build", "-o", tmp_path / "out"), "E301", "train.py")


# ----------------------------------------------------------------------------------------------------------- compilers


def test_no_compiler_on_the_path(build: Path, tmp_path: Path) -> None:
    done = isobit_process("csim", build, env={"PATH": str(tmp_path), "CXX": ""})
    is_refused(done, "E604", "g++, clang++", "apt-get install")


def test_a_compiler_that_is_not_there(build: Path) -> None:
    is_refused(isobit("csim", build, "--compiler", "/nowhere/g++"), "E604", "/nowhere/g++")


def test_a_compiler_that_fails_without_a_word(build: Path) -> None:
    is_refused(isobit("csim", build, "--compiler", "/bin/false"), "E605", "no message")


def test_a_compiler_that_makes_nothing(build: Path) -> None:
    done = isobit("csim", build, "--compiler", "/bin/true")
    is_refused(done, "E605", "no message")


# ------------------------------------------------------------------------------------------------------------- vectors


class Payload:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (os.system, ("touch isobit-was-here",))


def saved(array: object) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        np.save(folder / "x.npy", np.asarray(array))
        return folder / "x.npy"

    return make


def written(data: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "x.npy").write_bytes(data)
        return folder / "x.npy"

    return make


def truncated(folder: Path) -> Path:
    path = saved(np.zeros((9, 4)))(folder)
    path.write_bytes(path.read_bytes()[:-8])
    return path


def archive(folder: Path) -> Path:
    np.savez(folder / "x.npz", a=np.zeros((1, 4)))
    return folder / "x.npz"


VECTORS: dict[str, Callable[[Path], Path]] = {
    "missing": lambda folder: folder / "no.npy",
    "a folder": lambda folder: folder,
    "empty file": written(b""),
    "text": written(b"1, 2, 3\n"),
    "truncated": truncated,
    "a header that lies": written(b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'shape': (99999999999, 4)}".ljust(128)),
    "a pickle": written(pickle.dumps(Payload())),
    "pickled objects": saved(np.array([Payload()], dtype=object)),
    "an archive": archive,
    "no samples": saved(np.zeros((0, 4), np.float32)),
    "one number": saved(np.float32(3)),
    "wrong shape": saved(np.zeros((10, 5), np.float32)),
    "wrong shape of integers": saved(np.zeros((10, 5), np.int64)),
    "NaN": saved(np.full((2, 4), np.nan, np.float32)),
    "integers out of range": saved(np.full((2, 4), 99)),
    "integers beyond 64 bits": saved(np.full((2, 4), 2**64 - 1, np.uint64)),
    "complex numbers": saved(np.zeros((2, 4), complex)),
    "text array": saved(np.full((2, 4), "1")),
    "dates": saved(np.full((2, 4), "2020-01-01", "datetime64[s]")),
}


@pytest.mark.parametrize("case", VECTORS)
def test_vectors_that_cannot_be_used(case: str, build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    vectors = VECTORS[case](tmp_path)
    # The vectors are looked at before any compiler starts.
    is_refused(isobit("csim", build, "--inputs", vectors, "--compiler", "/bin/false"), "E607")
    assert not (tmp_path / "isobit-was-here").exists()


def test_more_vectors_than_memory(build: Path) -> None:
    is_refused(isobit("csim", build, "-n", 10**14), "E610", "allocate")


# -------------------------------------------------------------------------------------------------------------- builds


def changed(name: str, text: str | None, *, recorded: bool = False) -> Callable[[Path], None]:
    """A file of a build gone (None) or replaced, perhaps with its hash recorded."""

    def change(build: Path) -> None:
        if text is None:
            (build / name).unlink()
            return
        (build / name).write_text(text)
        if recorded:
            rehash(build, name)

    return change


BUILDS: dict[str, tuple[Callable[[Path], None], str]] = {
    "no manifest": (changed("manifest.json", None), "E603"),
    "manifest of nothing": (changed("manifest.json", ""), "E603"),
    "manifest of another kind": (changed("manifest.json", "[1, 2]"), "E603"),
    "manifest of the future": (changed("manifest.json", '{"format": 99}'), "E611"),
    "manifest of an older isobit": (changed("manifest.json", '{"format": 1}'), "E611"),
    "manifest with a bomb": (changed("manifest.json", "[" * 100_000), "E603"),
    "manifest that hashes files elsewhere": (
        changed("manifest.json", '{"format": 4, "ports": [], "files": {"../../etc/passwd": "0"}}'),
        "E608",
    ),
    "edited code": (changed("hls/top.cpp", "int main() {}"), "E608"),
    "lost file": (changed("hls/parameters.hpp", None), "E608"),
    "graph that is text": (changed("graph.txt", "hello\n", recorded=True), "E402"),
    "graph of nothing": (changed("graph.txt", "isobit graph 1\n", recorded=True), "E401"),
}


@pytest.mark.parametrize("case", BUILDS)
@pytest.mark.parametrize("command", ["csim", "explain", "show"])
def test_a_build_that_was_changed(command: str, case: str, build: Path, tmp_path: Path) -> None:
    change, code = BUILDS[case]
    shutil.copytree(build, tmp_path / "build")
    change(tmp_path / "build")
    is_refused(isobit(command, tmp_path / "build"), code)


def test_a_folder_that_is_no_build(tmp_path: Path) -> None:
    is_refused(isobit("csim", tmp_path), "E603", "isobit compile")
    is_refused(isobit("explain", tmp_path / "nowhere"), "E603")
