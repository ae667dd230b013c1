"""The bounded simulation: a build's dataflow side by side, with exactly the planned FIFO depths.

The ordinary C simulation runs a frame through one process after the other, and a stream holds whatever it must. Here
every process waits when a FIFO is empty or full, several frames are under way at a time, and processes that wait for
each other are reported by name: what hardware would do, but for its clock.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from isobit.backends.base import BOUNDED, refuse_flavour
from isobit.build.folder import Build
from isobit.check.csim.last import BOUNDED as RECORD
from isobit.check.csim.last import recorded
from isobit.check.csim.ready import made_ready
from isobit.check.csim.result import CsimResult
from isobit.check.csim.run import DEFAULT_TIMEOUT, judged, simulator
from isobit.check.csim.stimuli import vectors_for
from isobit.interp import Evaluator

DEFAULT_FRAMES = 4


@recorded(RECORD)
def bounded_csim(
    build: Build, frames: int = DEFAULT_FRAMES, *, compiler: str | None = None, seed: int = 0,
    timeout: float = DEFAULT_TIMEOUT, progress: Callable[[str], None] = lambda _: None,
) -> CsimResult:  # fmt: skip
    """Run ``frames`` random frames, overlapping, and compare every output with the interpreter.

    Raises:
        CheckFailed: E606 for a deadlock, with the stream that every waiting process waits for.
        IsobitError: E604, E605, or E509 for a back end that has no such simulation.
    """
    if BOUNDED not in build.backend.on_request:
        raise refuse_flavour(build.backend.name, BOUNDED)
    integers = vectors_for(build.graph, frames, seed)
    expected = Evaluator(build.graph).run(integers)
    with tempfile.TemporaryDirectory(prefix="isobit-bounded-") as scratch:
        one = simulator(build, BOUNDED, Path(scratch), compiler)
        made_ready(build, [one], progress)
        progress(f"running {frames:,} frames side by side")
        done = one.run(integers, timeout)
    run, mismatch = judged(one.flavour, expected, done)
    return CsimResult((run,), mismatch, None)
