"""The bounded simulation: a build's dataflow side by side, with exactly the planned FIFO depths.

The ordinary C simulation runs a frame through one process after the other, and a stream holds whatever it must. Here
every process waits when a FIFO is empty or full, several frames are under way at a time, and processes that wait for
each other are reported by name: what hardware would do, but for its clock.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from isobit.build.folder import Build
from isobit.check.csim.last import BOUNDED, recorded
from isobit.check.csim.result import CsimResult
from isobit.check.csim.run import DEFAULT_TIMEOUT, judged
from isobit.check.csim.simulate import simulate
from isobit.check.csim.stimuli import vectors_for
from isobit.check.csim.toolchain import Compilation, find_compiler
from isobit.interp import Evaluator

DEFAULT_FRAMES = 4


@recorded(BOUNDED)
def bounded_csim(
    build: Build, frames: int = DEFAULT_FRAMES, *, compiler: str | None = None, seed: int = 0,
    timeout: float = DEFAULT_TIMEOUT,
) -> CsimResult:  # fmt: skip
    """Run ``frames`` random frames, overlapping, and compare every output with the interpreter.

    Raises:
        CheckFailed: E606 for a deadlock, with the stream that every waiting process waits for.
        IsobitError: E604 or E605.
    """
    tool = find_compiler(compiler)
    integers = vectors_for(build.graph, frames, seed)
    expected = Evaluator(build.graph).run(integers)
    with tempfile.TemporaryDirectory(prefix="isobit-bounded-") as scratch:
        binary = Compilation(build.hls, Path(scratch), "bounded", tool).result()
        done = simulate(build, binary, integers, Path(scratch), timeout)
    run, mismatch = judged(binary, expected, done)
    return CsimResult((run,), mismatch, None)
