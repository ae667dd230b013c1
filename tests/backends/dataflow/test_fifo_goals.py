"""The two goals of the FIFO depths and the user's own, from the command line to a named deadlock."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from backends.dataflow.fifo_designs import depths_of, residual

from isobit.backends.dataflow.fifo import size_fifos
from isobit.backends.dataflow.fifo_figures import fifo_cost
from isobit.backends.dataflow.network import MIN_DEPTH
from isobit.backends.toolchain import find_compiler, include_flags
from isobit.errors import IsobitError
from isobit.hardware import load_board
from tests.cli.runner import isobit
from tests.onnx_builder import Net


def residual_model(folder: Path, channels: int = 4, size: int = 6) -> Path:
    """``quant(x) + quant(relu(conv(quant(x))))`` with a 3x3 kernel."""
    rng = np.random.default_rng(0)
    net = Net([1, channels, size, size])
    x = net.quant("x", 0.25, 0.0, 4)
    kernel = net.quant(rng.normal(size=(channels, channels, 3, 3)), 0.125, 0.0, 4, narrow=1)
    inner = net.op("Conv", x, kernel, pads=[1, 1, 1, 1], kernel_shape=[3, 3])
    inner = net.quant(net.op("Relu", inner), 0.25, 0.0, 4, signed=0)
    net.quant(net.op("Add", inner, x), 0.3, 0.0, 4)
    return net.save(folder)


def compiled(folder: Path, name: str, *options: object) -> Path:
    done = isobit("compile", residual_model(folder), "-o", folder / name, "--target-ii", 5000, *options)
    assert done.status == 0, done.err
    return folder / name


def plan_of(build: Path) -> dict[str, Any]:
    return tomllib.loads((build / "plan.toml").read_text(encoding="utf-8"))


def depths_in(build: Path) -> dict[str, int]:
    """The depths of the streams in the generated code."""
    text = (build / "hls/top.cpp").read_text(encoding="utf-8")
    found = re.findall(r"STREAM variable=(s_\w+) depth=(\d+)", text)
    return {name: int(depth) for name, depth in found}


def test_the_plan_file_lists_every_fifo_of_the_code_and_either_goal(tmp_path: Path) -> None:
    for goal in ("throughput", "least"):
        build = compiled(tmp_path, goal, "--fifos", goal)
        listed = plan_of(build)["fifos"]
        assert listed == depths_in(build)
        record = json.loads((build / "manifest.json").read_text())["project"]["fifos"]
        assert record["goal"] == goal and record["taken"] == record[goal] and record["shallow"] == {}
    assert record["least"]["bits"] < record["throughput"]["bits"]


def test_an_edited_depth_is_taken_and_the_others_are_computed(tmp_path: Path) -> None:
    first = compiled(tmp_path, "first")
    name, depth = max(depths_in(first).items(), key=lambda item: item[1])
    (tmp_path / "plan.toml").write_text(f"[fifos]\n{name} = {depth + 7}\n")
    second = compiled(tmp_path, "second", "--plan", tmp_path / "plan.toml")
    assert depths_in(second) == depths_in(first) | {name: depth + 7}


def test_the_plan_file_of_a_build_makes_the_same_build(tmp_path: Path) -> None:
    first = compiled(tmp_path, "first", "--fifos", "least")
    again = compiled(tmp_path, "again", "--plan", first / "plan.toml")
    assert (first / "hls/top.cpp").read_bytes() == (again / "hls/top.cpp").read_bytes()


def test_a_fifo_that_the_user_made_too_shallow_deadlocks_by_name(tmp_path: Path) -> None:
    first = compiled(tmp_path, "first", "--fifos", "least")
    name, depth = max(depths_in(first).items(), key=lambda item: item[1])
    assert depth > 2 * MIN_DEPTH
    text = (first / "plan.toml").read_text(encoding="utf-8")
    (tmp_path / "plan.toml").write_text(text.replace(f"{name} = {depth}", f"{name} = 2"), encoding="utf-8")
    done = isobit(
        "compile", residual_model(tmp_path), "-o", tmp_path / "shallow", "--target-ii", 5000, "--fifos", "least",
        "--plan", tmp_path / "plan.toml",
    )  # fmt: skip
    assert done.status == 0
    assert f"shallower than planned: {name} (2 of {depth})" in done.out
    assert isobit("csim", first, "--bounded").status == 0
    failed = isobit("csim", tmp_path / "shallow", "--bounded")
    assert failed.status == 1 and failed.err.startswith("E606")
    assert f"stream={name}(full)" in failed.err


def test_the_summary_shows_both_goals(tmp_path: Path) -> None:
    build = compiled(tmp_path, "build")
    out = isobit("explain", build).out
    record = json.loads((build / "manifest.json").read_text())["project"]["fifos"]
    for goal in ("throughput", "least"):
        (line,) = (text for text in out.splitlines() if text.startswith(f"FIFOs for {goal}"))
        assert f"{record[goal]['bits']:,} bits" in line and f"{record[goal]['lut']} LUT" in line


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("[fifos]\ns_nowhere = 4\n", "E506", "'s_nowhere' is no FIFO of this design"),
        ("[fifos]\ns_x = 0\n", "E503", "fifos.s_x = 0: at least 1"),
        ("[fifos]\ns_x = -3\n", "E503", "fifos.s_x"),
        ("[fifos]\ns_x = 2.0\n", "E503", "fifos.s_x"),
        ("[fifos]\ns_x = true\n", "E503", "fifos.s_x"),
        ("[fifos]\ns_x = 99999999999\n", "E503", "fifos.s_x"),
        ("[fifos]\ns_x = 16777216\n", "E502", "16384 of 140 BRAM36"),
    ],
)
def test_a_depth_that_cannot_be_is_refused(text: str, code: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(text)
    done = isobit("compile", residual_model(tmp_path), "-o", tmp_path / "b", "--plan", tmp_path / "plan.toml")
    assert done.status == (3 if code == "E502" else 2)
    assert done.err.startswith(code) and message in done.err
    assert not (tmp_path / "b").exists()


def test_an_unknown_goal_is_refused(tmp_path: Path) -> None:
    done = isobit("compile", residual_model(tmp_path), "-o", tmp_path / "b", "--fifos", "deep")
    assert done.status == 2 and "fifos = 'deep'" in done.err and "least, throughput" in done.err


def test_fixed_depths_replace_those_of_the_goal() -> None:
    design, around = residual(4, 4, 2)
    sized = size_fifos(design, "least", fixed={around: 3})
    assert depths_of(sized) == depths_of(size_fifos(design, "least")) | {around: 3}
    with pytest.raises(IsobitError, match="'s_none' is no FIFO"):
        size_fifos(design, fixed={"s_none": 3})


def test_every_stream_knows_both_goals() -> None:
    design, _ = residual(4, 4, 2)
    full, least = size_fifos(design), size_fifos(design, "least")
    assert [s.throughput for s in least.streams] == [s.depth for s in full.streams]
    assert [s.least for s in full.streams] == [s.depth for s in least.streams]
    board = load_board("pynq-z1")
    assert fifo_cost(full, board, "least") == fifo_cost(least, board)
    assert fifo_cost(least, board).weight < fifo_cost(full, board).weight


def test_memories_and_depths_of_the_user_change_no_integer_and_raise_no_warning(tmp_path: Path) -> None:
    """UltraRAM for the window, block RAM for the weights, deep FIFOs: the plan never changes what is computed."""
    (name,) = (n for n in plan_of(compiled(tmp_path, "first"))["layers"] if n.startswith("Conv"))
    text = f'[layers.{name}]\nmemory = "bram"\nline_buffer = "uram"\n[fifos]\ns_{name} = 40\n'
    (tmp_path / "plan.toml").write_text(text)
    build = compiled(tmp_path, "second", "--board", "kv260", "--plan", tmp_path / "plan.toml")
    assert ", isobit::URAM>(" in (build / "hls/top.cpp").read_text(encoding="utf-8")
    done = isobit("csim", build, "-n", 50, "--no-source", "--checked")
    assert done.status == 0, done.err
    flags = ["-std=c++14", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-fsyntax-only"]
    command = [find_compiler(), *flags, *include_flags(build / "hls", "native"), str(build / "hls/top.cpp")]
    checked = subprocess.run(command, check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr[:2000]
