"""The clock simulation against the slow one of the FIFO tests, and `isobit fifos`."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from backends.dataflow.fifo_designs import depths_of, frame_ends, random_design, residual
from backends.dataflow.test_fifo_goals import compiled

from isobit import templates
from isobit.backends.dataflow import size_fifos
from isobit.backends.dataflow.design import Design, FifoGoal
from isobit.backends.toolchain import find_compiler
from isobit.build.folder import load_build
from isobit.check.csim.clocks import design_of, fifo_choices, run_clock
from tests.cli.runner import isobit

STRICT = ["-std=c++14", "-O1", "-Wall", "-Wextra", "-Werror"]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("clock") / "clock"
    source = templates.root() / "sim" / "clock" / "clock.cpp"
    subprocess.run([find_compiler(), *STRICT, str(source), "-o", str(output)], check=True)
    return output


def slowly(
    design: Design, depths: dict[str, int], frames: int, deeper: dict[str, int] | None = None
) -> list[int]:  # fmt: skip
    """Clock by clock; the frame-end flags never wait, as the clock simulation leaves them out."""
    return frame_ends(design, depths | dict.fromkeys(design.flags, 1 << 30), frames, deeper) or []


@pytest.mark.parametrize("seed", range(12))
def test_the_clocks_are_those_of_the_slow_simulation(seed: int, program: Path) -> None:
    design = random_design(seed)
    rng = Random(seed)
    for sized in (size_fifos(design), size_fifos(design, "least")):
        depths = depths_of(sized)
        assert run_clock(program, sized, depths, 5) == slowly(sized, depths, 5)
        deeper = {p.name: rng.choice([0, 1, 40]) for p in sized.processes}
        tight = {name: rng.choice([depth, max(depth - 1, 1)]) for name, depth in depths.items()}
        assert run_clock(program, sized, tight, 3, deeper) == slowly(sized, tight, 3, deeper)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("goal", ["throughput", "least"])
def test_no_latency_of_any_process_locks_the_design_up(seed: int, goal: FifoGoal, program: Path) -> None:
    sized = size_fifos(random_design(seed + 100), goal)
    depths, rng = depths_of(sized), Random(seed)
    names = [p.name for p in sized.processes]
    for most in (1, 16, 40, 256):
        for deeper in (dict.fromkeys(names, most), {n: rng.randint(0, most) for n in names}, {rng.choice(names): most}):
            assert len(run_clock(program, sized, depths, 4, deeper)) == 4


def test_a_deadlock_has_no_clocks(program: Path) -> None:
    design, around = residual(4, 4, 2)
    depths = depths_of(size_fifos(design, "least")) | {around: 2}
    assert slowly(design, depths, 2) == []
    assert run_clock(program, design, depths, 2) == []


def test_deep_enough_is_as_fast_as_the_slowest_process(program: Path) -> None:
    sized = size_fifos(residual(5, 4, 2)[0])
    ends = run_clock(program, sized, depths_of(sized), 12)
    assert ends[-1] - ends[-2] == sized.interval


def test_the_design_of_a_build_is_the_one_it_was_made_of(tmp_path: Path) -> None:
    build = load_build(compiled(tmp_path, "build", "--fifos", "least"))
    top = (build.hls / "top.cpp").read_text(encoding="utf-8")
    for stream in design_of(build).streams:
        assert f"#pragma HLS STREAM variable={stream.name} depth={stream.depth}\n" in top


def test_the_choices_of_a_build(tmp_path: Path) -> None:
    build = load_build(compiled(tmp_path, "build"))
    taken, throughput, least = fifo_choices(build)
    assert replace(taken, name="throughput") == throughput
    assert throughput.clocks == build.manifest.estimate.interval
    assert least.clocks is not None and throughput.clocks <= least.clocks and least.bits < throughput.bits


def test_the_command_shows_both_goals_and_a_deadlock(tmp_path: Path) -> None:
    first = compiled(tmp_path, "first", "--fifos", "least")
    choices = fifo_choices(load_build(first))
    out = isobit("fifos", first).out
    assert all(f"{choice.bits:,}" in out and f"{choice.clocks:,}" in out for choice in choices)
    name, depth = max(((s.name, s.depth) for s in design_of(load_build(first)).streams), key=lambda item: item[1])
    text = (first / "plan.toml").read_text(encoding="utf-8")
    (tmp_path / "plan.toml").write_text(text.replace(f"{name} = {depth}", f"{name} = 2"), encoding="utf-8")
    shallow = compiled(tmp_path, "shallow", "--fifos", "least", "--plan", tmp_path / "plan.toml")
    assert "locks up" in isobit("fifos", shallow).out
