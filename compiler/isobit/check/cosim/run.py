"""Verdict 3, RTL = graph: the design's SystemVerilog in Verilator, every output integer and the clocks compared."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np

from isobit.backends.base import Progress, silent
from isobit.backends.dataflow.design import Design, Stream
from isobit.backends.dataflow.rows import without_slack
from isobit.backends.dataflow.rtl import layer_clocks, node_streams
from isobit.backends.ports import Port
from isobit.build.files import write_files
from isobit.build.folder import Build
from isobit.check.cosim.result import CosimResult, FifoLevel, LayerTimes
from isobit.check.cosim.sources import rtl_sources, simulation_sources
from isobit.check.cosim.verilator import verilated
from isobit.check.csim.compare import Mismatch, count_differences, first_difference, locate
from isobit.check.csim.stimuli import vectors_for
from isobit.errors import CheckFailed, printable
from isobit.interp import Evaluator
from isobit.ir import Graph
from isobit.ir.types import IntArray
from isobit.subprocesses import begun, ended

DEFAULT_FRAMES, DEFAULT_TIMEOUT = 8, 600.0
_GLANCE, _LINE = 0.05, 64
"""Seconds from one look at a running simulation to the next, and bytes that hold its last line."""
_FAIL = re.compile(r"ISOBIT-FAIL kind=(\S+) ?(.*)")
_EXPLAINED = {
    "deadlock": "the design stands still",
    "tlast": "the end of the batch is marked at the wrong word",
    "file": "a file could not be read or written",
}


def cosim(
    build: Build, frames: int = DEFAULT_FRAMES, *, stall: bool = False, seed: int = 0, compiler: str | None = None,
    timeout: float = DEFAULT_TIMEOUT, progress: Progress = silent,
) -> CosimResult:  # fmt: skip
    """Simulate ``frames`` random frames, back to back, and compare integers and clocks.

    Args:
        stall: random gaps on the inputs and waits on the outputs, from ``seed``; the vectors are from ``seed`` too.
        timeout: seconds for the run of the simulation.
        progress: told what of how much is done.

    Raises:
        CheckFailed: E606 when the design stands still (with its full and empty streams) or ends a batch wrongly.
        IsobitError: E509 for a build without a dataflow design, E614, E604 or E605 when it cannot be compiled.
    """
    design, texts = rtl_sources(build)
    integers = vectors_for(build.graph, frames, seed)
    expected = Evaluator(build.graph).run(integers)
    with tempfile.TemporaryDirectory(prefix="isobit-cosim-") as scratch:
        folder, started = Path(scratch), time.monotonic()
        program = _program(folder, build, design, texts, frames, compiler, progress)
        ready = time.monotonic()
        run = _Run(folder, build.graph, design, seed + 1 if stall else 0, timeout, progress)
        outputs = run(program, integers, 0)
        done = time.monotonic()
        wrong = sum(count_differences(expected[name], got) for name, got in outputs.items())
        mismatch = _located(run, program, build, integers, expected, outputs) if wrong else None
    return CosimResult(
        frames, sum(v.size for v in outputs.values()), wrong, mismatch, design.interval, run.interval, run.latency,
        stall, run.levels, run.layers, design.latency, round(ready - started, 1), round(done - ready, 2),
    )  # fmt: skip


def rtl_outputs(
    build: Build, integers: Mapping[str, IntArray], *, compiler: str | None = None, timeout: float = DEFAULT_TIMEOUT,
    progress: Progress = silent,
) -> dict[str, IntArray]:  # fmt: skip
    """The RTL's output integers ``(batch, *shape)`` by the graph's names, for integers of every input.

    Raises:
        CheckFailed, IsobitError: those of :func:`cosim`.
    """
    design, texts = rtl_sources(build)
    with tempfile.TemporaryDirectory(prefix="isobit-cosim-") as scratch:
        folder, frames = Path(scratch), len(next(iter(integers.values())))
        program = _program(folder, build, design, texts, frames, compiler, progress)
        return _Run(folder, build.graph, design, 0, timeout, progress)(program, integers, 0)


def _program(
    folder: Path, build: Build, design: Design, texts: dict[str, str], frames: int, compiler: str | None,
    progress: Progress,
) -> Path:  # fmt: skip
    """The compiled simulation of the design, in ``folder``."""
    texts = texts | simulation_sources(build, design)
    write_files(folder, {name: text.encode("utf-8") for name, text in texts.items()})
    sources = sorted(name for name in texts if name.endswith(".sv"))
    return verilated(folder, sources, (frames + 4) * design.interval, compiler, progress=progress)


class _Run:
    """Runs of one compiled design; keeps the clocks and levels of the last."""

    def __init__(
        self, folder: Path, graph: Graph, design: Design, stall: int, timeout: float, progress: Progress
    ) -> None:
        self.folder, self.graph, self.design, self.stall, self.timeout = folder, graph, design, stall, timeout
        self.progress = progress
        self.interval = self.latency = 0
        self.levels: tuple[FifoLevel, ...] = ()
        self.layers: tuple[LayerTimes, ...] = ()

    def __call__(self, program: Path, integers: Mapping[str, IntArray], tapped: int) -> dict[str, IntArray]:
        """Outputs ``(frames, *shape)`` by name; every layer's words of ``tapped`` frames are left in files."""
        frames = len(next(iter(integers.values())))
        sent, received = (self.folder / side for side in ("sent", "received"))
        for side in (sent, received):
            side.mkdir(exist_ok=True)
        for port in self.design.inputs:
            (sent / f"{port.name}.bin").write_bytes(port.raw(integers[port.node].reshape(frames, -1)))
        quiet = 4 * max(self.design.interval, 1000)
        arguments = [str(sent), str(received), str(frames), str(self.stall), str(quiet), str(tapped)]
        self._read_clocks(self._execute([str(program), *arguments], frames))
        return {p.node: self._output(received / f"{p.name}.bin", p, frames) for p in self.design.outputs}

    def _execute(self, command: list[str], frames: int) -> str:
        log, deadline = self.folder / "simulation.log", time.monotonic() + self.timeout
        process = begun(command, log, cwd=self.folder)
        try:
            while process.poll() is None:
                if time.monotonic() > deadline:
                    hint = "fewer frames (-n) or a longer --timeout"
                    raise CheckFailed("E606", f"it did not end within {self.timeout:g} s", where="RTL", hint=hint)
                self.progress(f"running the RTL: {_frames_done(log):,} of {frames:,} frames")
                time.sleep(_GLANCE)
        finally:
            ended(process)
        text = log.read_text(encoding="utf-8", errors="replace")
        if process.returncode == 0:
            return text
        match = _FAIL.search(text)
        what = f"{_EXPLAINED.get(match[1], match[1])} ({printable(match[2], 600)})" if match else ""
        raise CheckFailed("E606", what or f"it stopped with status {process.returncode}", where="RTL")

    def _output(self, path: Path, port: Port, frames: int) -> IntArray:
        return port.elements(np.fromfile(path, dtype=port.dtype)).reshape(frames, *self.graph.types[port.node].shape)

    def _read_clocks(self, text: str) -> None:
        words = [line.split() for line in text.splitlines()]
        times = [(int(w[1]), int(w[2])) for w in words if w[0] == "frame"]
        highest = {w[1]: int(w[2]) for w in words if w[0] == "level"}
        # The longest of the second half: a design that stumbles now and then is not at its interval.
        gaps = [later[1] - earlier[1] for earlier, later in pairwise(times)]
        self.interval = max(gaps[len(gaps) // 2 :], default=0)
        self.latency = times[0][1] - times[0][0] + 1
        self.levels = tuple(FifoLevel(s.name, s.depth, highest[s.name]) for s in self.design.streams)
        measured = [(int(w[2]), int(w[3])) for w in words if w[0] == "layer"]
        declared = layer_clocks(self.design).items()
        self.layers = tuple(
            LayerTimes(name, clocks.busy, clocks.latency, *found)
            for (name, clocks), found in zip(declared, measured, strict=True)
        )

    def taps(self) -> dict[str, IntArray]:
        """Every layer's integers of the first frame, ``(1, *shape)`` by graph value, as the streams carried them."""
        found = {}
        for number, (node, stream) in enumerate(node_streams(self.design)):
            values = words_of(self.folder / "received" / f"node{number}.tap", stream)
            found[node] = without_slack(values, self.graph.types[node], 1)
        return found


def _frames_done(log: Path) -> int:
    """How many frames a running simulation says have left."""
    last = log.read_bytes()[-_LINE:].rstrip().rpartition(b"\n")[2].split()
    return int(last[1]) if len(last) == 2 and last[0] == b"left" else 0


def words_of(path: Path, stream: Stream) -> IntArray:
    """The elements of a recorded stream, in order."""
    raw = np.fromfile(path, dtype=np.uint8).reshape(-1, (stream.bits + 7) // 8)
    bits = np.unpackbits(raw, axis=1, bitorder="little")[:, : stream.bits].reshape(-1, stream.elem.bits)
    weights = 1 << np.arange(stream.elem.bits, dtype=np.int64)
    if stream.elem.signed:
        weights[-1] = -weights[-1]
    return bits.astype(np.int64) @ weights


def _located(
    run: _Run, program: Path, build: Build, integers: Mapping[str, IntArray], expected: Mapping[str, IntArray],
    outputs: Mapping[str, IntArray],
) -> Mismatch | None:  # fmt: skip
    """The first wrong element, in the first layer whose stream carried another integer."""
    kept = run.interval, run.latency, run.levels, run.layers
    found = [m for name, got in outputs.items() if (m := first_difference(name, expected[name], got))]
    mismatch = min(found, key=lambda m: m.sample)
    frame = {name: v[mismatch.sample : mismatch.sample + 1] for name, v in integers.items()}
    run(program, frame, 1)
    run.interval, run.latency, run.levels, run.layers = kept
    wanted = Evaluator(build.graph).run(frame, taps=True)
    return locate(build.graph, wanted, run.taps(), mismatch.sample) or mismatch
