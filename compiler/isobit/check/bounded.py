"""The bounded simulation: a build's dataflow side by side, with exactly the planned FIFO depths.

The ordinary C simulation runs a frame through one process after the other, and a stream holds whatever it must. Here
every process waits when a FIFO is empty or full, several frames are under way at a time, and processes that wait for
each other are reported by name: what hardware would do, but for its clock.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from isobit.check.compare import count_differences, first_difference
from isobit.check.csim import DEFAULT_TIMEOUT, CsimResult, Run
from isobit.check.simulate import simulate
from isobit.check.stimuli import edge_and_random
from isobit.check.toolchain import Compilation, find_compiler
from isobit.emit.build import Build
from isobit.interp import Evaluator

DEFAULT_FRAMES = 4


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
    (node,), (output,) = build.graph.inputs, build.graph.outputs
    integers = edge_and_random(node, frames, np.random.default_rng(seed))
    expected = Evaluator(build.graph).run({node.name: integers})[output.name]
    with tempfile.TemporaryDirectory(prefix="isobit-bounded-") as scratch:
        binary = Compilation(build.hls, Path(scratch), "bounded", tool).result()
        done = simulate(build, binary, integers, Path(scratch), timeout)
    wrong = count_differences(expected, done.outputs)
    run = Run("bounded", frames, done.outputs.size, wrong, binary.seconds, done.seconds)
    return CsimResult((run,), first_difference(output.name, expected, done.outputs), None)
