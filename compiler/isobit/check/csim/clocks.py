"""How fast a design runs with given FIFO depths: a simulation of its declared schedules, word by word.

Where the FIFOs are deep enough (:func:`isobit.backends.dataflow.size_fifos` with the goal ``throughput``) the interval
is that of the slowest process, and no simulation is needed to know it. With fewer words processes wait for each other,
and only running them tells for how long. ``templates/sim/clock/clock.cpp`` does that; no data flow through it.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from isobit import templates
from isobit.backends.dataflow.design import Design
from isobit.backends.dataflow.fifo_figures import GOALS, fifo_cost
from isobit.backends.dataflow.network import Network
from isobit.backends.dataflow.pieces import PIECE, Runs
from isobit.backends.toolchain import find_compiler
from isobit.build.folder import Build
from isobit.errors import IsobitError, printable
from isobit.hardware import Board, Cost
from isobit.subprocesses import run

FRAMES = 8
"""Frames that are run beyond those that fill the pipelines."""


@dataclass(frozen=True)
class FifoChoice:
    """One choice of depths: its bits and cost, and clocks per frame (None: the design locks up)."""

    name: str
    bits: int
    cost: Cost
    clocks: int | None


def fifo_choices(build: Build, compiler: str | None = None) -> list[FifoChoice]:
    """The build's own FIFO depths, then those of either goal.

    Raises:
        IsobitError: E604, E605 or E509.
    """
    design, board = design_of(build), build.manifest.board
    with tempfile.TemporaryDirectory(prefix="isobit-clock-") as scratch:
        program = compiled_clock(Path(scratch), find_compiler(compiler))
        return [_choice(program, design, board, depths) for depths in ("depth", *GOALS)]


def design_of(build: Build) -> Design:
    """The build's design, FIFOs and all.

    Raises:
        IsobitError: E509 for a build of another back end than ``dataflow``.
    """
    if not isinstance(build.design, Design):
        raise IsobitError("E509", f"a build of {build.backend.name} has no FIFOs", where=printable(build.path))
    return build.design


def _choice(program: Path, design: Design, board: Board, depths: str) -> FifoChoice:
    words = {s.name: int(getattr(s, depths)) for s in design.streams}
    ends = run_clock(program, design, words, FRAMES + 2 * design.flag_depth)
    bits = sum(words[s.name] * s.bits for s in design.streams)
    name = "taken" if depths == "depth" else depths
    return FifoChoice(name, bits, fifo_cost(design, board, depths), ends[-1] - ends[-2] if ends else None)


def compiled_clock(folder: Path, compiler: str) -> Path:
    """The program that runs schedules, made in ``folder``."""
    source, output = templates.root() / "sim" / "clock" / "clock.cpp", folder / "clock"
    command = [compiler, "-std=c++14", "-O2", str(source), "-o", str(output)]
    done = run(command)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()[:200]
        raise IsobitError("E605", printable(said or "no message"), where="clock simulation")
    return output


def run_clock(
    program: Path, design: Design, depths: Mapping[str, int], frames: int = FRAMES,
    deeper: Mapping[str, int] = MappingProxyType({}),
) -> list[int]:  # fmt: skip
    """The clock in which each frame has left; empty when the design locks up. The ports never wait.

    ``deeper`` adds clocks to the latencies of processes, by name: what synthesis made of a pipeline is not known here.
    """
    data = _encoded(design, depths, frames, deeper)
    done = subprocess.run([str(program)], input=data, capture_output=True, check=True)
    lines = done.stdout.decode().split()
    return [] if "deadlock" in lines else [int(line) for line in lines]


def _encoded(design: Design, depths: Mapping[str, int], frames: int, deeper: Mapping[str, int]) -> bytes:
    """The design as the program reads it: 64-bit integers of this machine."""
    network, number = Network(design), {s.name: i for i, s in enumerate(design.streams)}
    parts: list[NDArray[np.int64]] = [_ints(frames, len(number), *(depths[s] for s in number), len(design.processes))]
    for process in design.processes:
        schedule, ports = network.schedules[process.name], []
        sides = (network.inputs[process.name], network.outputs[process.name])
        for stream, port in (pair for side in sides for pair in side.items()):
            runs = Runs.joined([Runs(port.part(first, first + PIECE)) for first in range(0, len(port), PIECE)])
            rows = np.stack([np.diff(np.append(runs.first, runs.count)), runs.value, runs.step], axis=1)
            ports += [_ints(number[stream], len(rows)), rows.reshape(-1)]
        latency = schedule.latency + deeper.get(process.name, 0)
        parts += [_ints(schedule.trip, latency, *map(len, sides)), *ports]
    return np.concatenate(parts).astype(np.int64).tobytes()


def _ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)
