"""The bounded simulation: planned depths pass, a FIFO one word too shallow is a deadlock with its name."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from isobit.backends.dataflow import lower, size_fifos
from isobit.backends.dataflow.design import Design
from isobit.backends.dataflow.layer import LayerChoice
from isobit.backends.dataflow.network import MIN_DEPTH
from isobit.backends.dataflow.planner import Plan, PlanRequest, plan_for
from isobit.backends.toolchain import Compilation, find_compiler, include_flags
from isobit.build.folder import Build, Origin, load_build, write_build
from isobit.check.csim.bounded import bounded_csim
from isobit.errors import CheckFailed
from isobit.hardware import load_board
from isobit.interp import run
from isobit.ir import Graph, frozen_ints, verify
from isobit.ir.ops import Add, Const, Input, Linear, Output, Pad, Step
from isobit.numerics import Cuts
from tests.cli.runner import isobit

HEIGHT, WIDTH, CHANNELS = 5, 4, 4
ONE = frozen_ints(1)
TOP = 1 << 40  # 64-bit containers: one element a word


def residual(kernel: int) -> Graph:
    """``x + step(conv(x))``, with a window to fill (kernel 3) or a dense layer for every pixel (kernel 1)."""
    rng = np.random.default_rng(kernel)
    x = Input(name="x", shape=(HEIGHT, WIDTH, CHANNELS), lo=frozen_ints(0), hi=frozen_ints(TOP))
    border = kernel // 2
    weights = Const(name="w", value=frozen_ints(rng.integers(-3, 4, (CHANNELS, kernel, kernel, CHANNELS))))
    padded = (Pad(name="p", inputs=("x",), before=(border, border), after=(border, border)),) if border else ()
    return verify(
        Graph((
            x, weights, *padded,
            Linear(name="conv", inputs=("p" if border else "x", "w"), strides=(1, 1), dilations=(1, 1)),
            Step(name="act", inputs=("conv",), curves=(Cuts(0, [-TOP, 12345, 3 * TOP]),)),
            Add(name="sum", inputs=("act", "x"), coefficients=(ONE, ONE)),
            Output(name="y", inputs=("sum",)),
        ))
    )  # fmt: skip


def planned(graph: Graph) -> tuple[Plan, Design]:
    layers = {"act": LayerChoice(implementation="thresholds")}
    plan = plan_for(graph, load_board("pynq-z1"), PlanRequest(interval=2000, layers=layers))
    return plan, lower(graph, plan)


def written(folder: Path, graph: Graph, plan: Plan, design: Design) -> Build:
    vectors = np.zeros((1, HEIGHT, WIDTH, CHANNELS), dtype=np.int64)
    expected = run(graph, {"x": vectors})
    return write_build(folder, graph, plan.board, plan, design, b"", Origin("residual"), {"x": vectors} | expected)


def with_depths(design: Design, depths: Mapping[str, int]) -> Design:
    return replace(design, streams=tuple(replace(s, depth=depths.get(s.name, s.depth)) for s in design.streams))


def around(design: Design) -> str:
    """The deepest stream: the one beside the long branch."""
    return max(design.streams, key=lambda s: s.depth).name


def test_planned_and_least_depths_pass_and_fewer_deadlock(tmp_path: Path) -> None:
    """The least depths count no word that a process holds itself; here each of three on the way holds one."""
    graph = residual(3)
    plan, design = planned(graph)
    least = size_fifos(design, "least")
    name = around(least)
    (depth,) = (s.depth for s in least.streams if s.name == name)
    assert depth > MIN_DEPTH

    for number, sized in enumerate((size_fifos(design), least)):
        result = bounded_csim(written(tmp_path / str(number), graph, plan, sized), frames=3)
        assert result.equal
        assert result.runs[0].outputs == 3 * HEIGHT * WIDTH * CHANNELS

    shallow = written(tmp_path / "shallow", graph, plan, with_depths(least, {name: depth - 3}))
    with pytest.raises(CheckFailed, match="wait for each other") as caught:
        bounded_csim(shallow)
    waiting = caught.value.message
    assert f"stream={name}(full) process=fork_x_1;" in waiting.split("(", 1)[1]
    assert "(empty) process=sum;" in waiting
    assert waiting.index(name) < waiting.index("(empty) process=sum")
    listed = [part.split("process=")[1].rstrip(")") for part in waiting.split(";")]
    assert len(set(listed)) == len(listed)
    assert {"fork_x_1", "sum", "conv", "write_y"} <= set(listed) <= {p.name for p in design.processes}


def test_a_wrong_output_is_a_mismatch(tmp_path: Path) -> None:
    graph = residual(1)
    plan, design = planned(graph)
    build = written(tmp_path / "build", graph, plan, size_fifos(design))
    parameters = build.hls / "parameters.hpp"
    text = parameters.read_text(encoding="utf-8")
    assert "12345" in text
    parameters.write_text(text.replace("12345", str(2 * TOP)), encoding="utf-8")
    result = bounded_csim(build, frames=8)
    assert not result.equal
    assert result.runs[0].mismatches > 0
    assert result.mismatch is not None


def test_the_command_line(tmp_path: Path) -> None:
    graph = residual(1)
    plan, design = planned(graph)
    written(tmp_path / "build", graph, plan, size_fifos(design))
    done = isobit("csim", tmp_path / "build", "--bounded", "--frames", 2)
    assert done.status == 0
    assert "bounded" in done.out
    assert "160" in done.out  # outputs compared
    shallow = with_depths(size_fifos(design), {around(size_fifos(design)): 1})
    written(tmp_path / "shallow", graph, plan, shallow)
    failed = isobit("csim", tmp_path / "shallow", "--bounded")
    assert failed.status == 1
    assert "E606" in failed.err
    assert "(full)" in failed.err


def test_warning_free(tmp_path: Path) -> None:
    graph = residual(1)
    plan, design = planned(graph)
    build = load_build(written(tmp_path / "build", graph, plan, size_fifos(design)).path)
    assert Compilation(build.hls, tmp_path, "bounded", find_compiler()).result().path.exists()
    flags = ["-std=c++14", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-DISOBIT_BOUNDED"]
    flags += [*include_flags(build.hls, "bounded"), "-fsyntax-only"]
    command = [find_compiler(), *flags, str(build.hls / "top.cpp")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
