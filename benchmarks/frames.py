"""Clocks from frame to frame when loops rewind, and when each drains between frames.

    python benchmarks/frames.py [MODEL ...] [--board pynq-z1] [--target-ii N] [--max-util 0.6] [--input-type UINT8]

Without files the demo network and a 16-64-32-32-5 MLP of 4 bits. One plan per network, two declarations of its loops:
*draining* is the longest of iterations + pipeline + 2, as loops without ``rewind`` were declared; *rewinding* the
longest of iterations, which is the interval that is planned and printed. *Simulated* runs the declared schedules word
by word with the planned FIFOs. No vendor tool is run.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from common import benchmark_models, table

import isobit
from isobit import demo
from isobit.backends.dataflow.network import Network
from isobit.backends.dataflow.planner import PlanRequest
from isobit.check.csim.clocks import design_of, fifo_choices

RESTART = 2
"""Clocks between the last write of a loop that drains and its next iteration."""


def row(name: str, model: Path, options: argparse.Namespace) -> list[str]:
    """One network's row."""
    request = PlanRequest(interval=options.target_ii, share=options.max_util)
    with tempfile.TemporaryDirectory(prefix="isobit-frames-") as scratch:
        build = isobit.compile(
            model, Path(scratch) / "build", board=options.board, plan_request=request, input_type=options.input_type
        )  # fmt: skip
        simulated = fifo_choices(build)[0].clocks
    network = Network(design_of(build))
    draining = max(s.trip + s.latency + RESTART for s in network.schedules.values())
    clocks = [f"{count or 0:,}" for count in (draining, network.interval, simulated)]
    return [name, *clocks, f"{draining / network.interval:.2f}", str(build.manifest.estimate.latency)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--board", default="pynq-z1")
    parser.add_argument("--target-ii", type=int)
    parser.add_argument("--max-util", type=float, default=0.6)
    parser.add_argument("--input-type")
    options = parser.parse_args()
    if options.models:
        rows = [row(f"{m.parent.name}/{m.name}", m, options) for m in options.models]
    else:
        with benchmark_models() as files:
            rows = [row("demo", Path(demo.MODEL), options), row("16-64-32-32-5, 4-bit", files["4-bit"], options)]
    print(table(["network", "draining", "rewinding", "simulated", "times as fast", "latency"], rows))


if __name__ == "__main__":
    main()
