"""The commands: what they print, their exit codes, and that outputs depend on inputs only."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from isobit import demo
from isobit.errors import CODES, middle_cut
from isobit.hardware.counted import bars, sentence
from isobit.version import __version__
from tests.cli.runner import Outcome, environment, isobit, isobit_process, small_model, tree


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("commands")
    done = isobit("compile", small_model(folder), "-o", folder / "build")
    assert done.status == 0, done.err
    return folder / "build"


def refused(done: Outcome, code: str, status: int = 2) -> bool:
    return done.status == status and done.err.startswith(f"{code}: {CODES[code]}: ")


def test_compile_lists_the_layers_and_names_the_next_command(tmp_path: Path) -> None:
    done = isobit("compile", small_model(tmp_path), "-o", tmp_path / "a build", "--board", "zcu104")
    assert (done.status, done.err) == (0, "")
    first = [line.split()[0] for line in done.out.splitlines() if line.strip()]
    assert all(name in first for name in ("pixels", "MatMul_2", "Quant_5", "MatMul_7", "Quant_8", "t8"))
    assert "no vendor tool was run" in done.out and f"\n{sentence(bars())}\n" in done.out
    assert f"isobit csim '{tmp_path / 'a build'}'" in done.out


def test_tables_fit_80_columns_and_cut_no_name(tmp_path: Path) -> None:
    done = isobit_process("compile", demo.MODEL, "-o", tmp_path / "b")
    table = done.out.partition("FIFOs")[0]
    assert done.status == 0 and max(map(len, table.splitlines())) <= 80 and "…" not in done.out
    layers = isobit("explain", tmp_path / "b").out
    assert all(name in layers for name in json.loads((tmp_path / "b/manifest.json").read_text())["project"]["layers"])
    assert max(map(len, isobit_process("boards").out.splitlines())) <= 80


def test_long_names_are_cut_in_the_middle_and_whole_when_wide(tmp_path: Path) -> None:
    proto, model = onnx.load(str(small_model(tmp_path))), tmp_path / "long.onnx"
    for node in proto.graph.node:
        node.name = f"encoder.stage.block.layer.{node.name or node.output[0]}.projection"
    onnx.save(proto, str(model))
    out = isobit("compile", model, "-o", tmp_path / "b").out.partition("FIFOs")[0]
    wide = isobit("explain", tmp_path / "b", "--wide").out
    layers = json.loads((tmp_path / "b/manifest.json").read_text())["project"]["layers"]
    assert max(map(len, out.splitlines())) <= 80 and out.count("limited by ") == 1 and out.count(" *") == 1
    assert all(name in wide for name in layers)
    assert [middle_cut("abcdefgh", n) for n in (8, 7, 6)] == ["abcdefgh", "abc…fgh", "abc…gh"]


def test_compile_as_json_and_two_builds_side_by_side(tmp_path: Path) -> None:
    model = small_model(tmp_path)
    done = isobit("compile", model, "-o", tmp_path / "a", "--json")
    found = json.loads(done.out)
    assert isobit("compile", model, "-o", tmp_path / "b", "--board", "zcu104", "--target-ii", 64).status == 0
    assert found["name"] == "model.onnx" and found["layers"][0]["name"] == "pixels"
    beside = json.loads(isobit("compare", tmp_path / "a", tmp_path / "b", "--json").out)
    whole = {row["name"]: (row["first"], row["second"]) for row in beside["whole"]}
    assert beside["same_graph"] and whole["board"] == ("Digilent PYNQ-Z1", "AMD ZCU104")
    assert whole["clocks a frame"][0] == str(found["interval"]) and beside["alone"] == [[], []]
    assert set(beside["layers"]) == {layer["name"] for layer in found["layers"]}
    shown = isobit("compare", tmp_path / "a", tmp_path / "b").out
    assert "the same integer graph" in shown and "not run yet" in shown
    alike = f"{len(found['layers'])} layers are built alike\n"
    assert isobit("compare", tmp_path / "a", tmp_path / "a").out.endswith(alike)
    assert isobit("compare", tmp_path / "a", tmp_path).status == 2


def test_two_builds_are_byte_identical(tmp_path: Path) -> None:
    for name in "ab":
        env = {"PYTHONHASHSEED": str(ord(name))}
        assert isobit_process("compile", demo.MODEL, "-o", tmp_path / name, env=env).status == 0
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_two_builds_from_brevitas_are_byte_identical(tmp_path: Path) -> None:
    pytest.importorskip("brevitas")
    (tmp_path / "net.py").write_text(BREVITAS)
    for name, run in (("a", isobit), ("b", isobit_process)):
        done = run("compile", f"{tmp_path}/net.py:build", "-o", tmp_path / name, "--input-shape", "4")
        assert done.status == 0, done.err
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert json.loads((tmp_path / "a/manifest.json").read_text())["source"]["name"] == "net.py:build"


BREVITAS = """
import torch, brevitas.nn as qnn
from torch import nn

def build():
    torch.manual_seed(3)
    return nn.Sequential(qnn.QuantIdentity(bit_width=4), qnn.QuantLinear(4, 3, bias=False, weight_bit_width=4),
                         qnn.QuantReLU(bit_width=4), qnn.QuantLinear(3, 2, bias=False, weight_bit_width=4))
"""


def test_show_of_a_model_and_of_its_build_are_the_same_graph(build: Path, tmp_path: Path) -> None:
    model = small_model(tmp_path)
    assert isobit("show", model, "--full").out == isobit("show", build, "--full").out
    raw = isobit("show", model, "--raw").out
    assert "round" in raw and raw != isobit("show", model).out


def test_explain_says_where_a_layer_came_from_and_what_it_beat(build: Path) -> None:
    done = isobit("explain", build, "Quant_5")
    assert done.status == 0
    for part in ("Quant_5: step of MatMul_2", "rules: shrink-multiplicands", "lookup", "multiply_shift", "thresholds"):
        assert part in done.out


def test_explain_refuses_an_unknown_layer_and_lists_the_known(build: Path) -> None:
    done = isobit("explain", build, "fc\n9")
    assert refused(done, "E609") and r"fc\\n9" in done.err and "MatMul_2" in done.err


def test_boards_paths_and_version() -> None:
    assert "xc7z020clg400-1" in isobit("boards").out
    sim, ap_types = (line.split("=") for line in isobit("paths").out.splitlines())
    assert sim[0] == "SIM" and Path(sim[1], "common", "hls_stream.h").is_file()
    assert ap_types[0] == "AP_TYPES" and Path(ap_types[1], "ap_int.h").is_file()
    assert isobit("--version").out == f"isobit {__version__}\n"


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["fly"],
        ["compile"],
        ["csim", "b", "--no-such-option"],
        ["csim", "b", "-n", "0"],
        *([*words, "9" * 20] for words in (["csim", "b", "-n"], ["csim", "b", "--frames"], ["cosim", "b", "-n"])),
        *([name, "b", "--timeout", value] for name in ("csim", "cosim", "synth") for value in ("inf", "nan", "1e300")),
        ["verify", "b", "--rtl", "--limit", "nan"],
        ["compile", "m.onnx", "-o", "b", "--target-fps", "inf"],
    ],
)
def test_wrong_usage_exits_with_2(args: list[str]) -> None:
    done = isobit(*args)
    assert done.status == 2 and "Usage: isobit" in done.out + done.err


def test_a_design_too_large_for_its_board_exits_with_3(tmp_path: Path) -> None:
    board = (Path(demo.__file__).parents[1] / "hardware" / "boards" / "pynq-z1.toml").read_text()
    (tmp_path / "tiny.toml").write_text(board.replace("lut = 53200", "lut = 300"))
    done = isobit("compile", demo.MODEL, "-o", tmp_path / "b", "--board", tmp_path / "tiny.toml")
    assert refused(done, "E502", status=3) and "of 300 LUT" in done.err
    assert not (tmp_path / "b").exists()


def test_a_reader_that_goes_away_is_no_error(build: Path) -> None:
    command = [sys.executable, "-m", "isobit.cli", "show", str(build), "--full"]
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_a_refusal(build: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "isobit.cli", "show", str(build)],
            env=environment(), stdout=full, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert done.returncode == 2 and done.stderr.startswith(b"E610: ") and b"Traceback" not in done.stderr


@pytest.mark.parametrize(("name", "status"), [("INT", 130), ("TERM", 143)])
def test_an_interrupted_run_leaves_nothing(build: Path, tmp_path: Path, name: str, status: int) -> None:
    compiler, scratch = tmp_path / "cxx", tmp_path / "scratch"
    # Two compilers start; one signal is sent, as a second one may meet a Python that is already shutting down.
    compiler.write_text(f"#!/bin/sh\nmkdir {tmp_path}/sent 2>/dev/null && kill -{name} $PPID\nexec sleep 30\n")
    compiler.chmod(0o755)
    scratch.mkdir()
    # A shell that runs the tests in the background ignores SIGINT, and children would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        done = isobit_process("csim", build, "--compiler", compiler, env={"TMPDIR": str(scratch)})
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.status == status and "Traceback" not in done.err
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "nowhere.onnx", "-o"),
        ("plan", "nowhere.onnx", "--plot"),
        ("explore", "nowhere.py", "-o", "out", "--plot"),
        ("predict", "nowhere", "--inputs", "x.npy", "-o"),
        ("export", "nowhere.onnx", "--onnx"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_the_work(words: tuple[str, ...], tmp_path: Path) -> None:
    """Before the sources, which are not there, are looked for."""
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "net.npz").mkdir()
    (tmp_path / "front.svg").mkdir()
    place = tmp_path / ("net.npz" if "-o" in words[-1:] else "front.svg")
    for output in (place, tmp_path / "file" / place.name):
        done = isobit(*words, output)
        assert done.status == 2 and "E601" in done.err, done.err
