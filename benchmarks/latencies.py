"""What pipelines deeper than declared do to a design: clocks from frame to frame, or "locks up".

    python benchmarks/latencies.py [MODEL ...] [--board pynq-z1] [--draws 3] [--docs]

The demo, chains of residual blocks, a small U-Net, and every MODEL, a file (``MODEL@BOARD`` chooses another board). A
design is planned, its FIFOs sized for either goal, and its declared schedules run word by word
(``isobit fifos``) with N clocks more of latency in every process, and in drawn subsets of them: of these the slowest.
Nothing is timed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

from common import ROOT, publish, table
from growth import write_model

from isobit import demo
from isobit.api.compile import target_board
from isobit.backends.dataflow.design import Design, FifoGoal
from isobit.backends.dataflow.fifo import size_fifos
from isobit.backends.dataflow.lower import lower
from isobit.backends.dataflow.planner import PlanRequest, plan_for
from isobit.backends.dataflow.whole import whole_design
from isobit.backends.toolchain import find_compiler
from isobit.check.csim.clocks import FRAMES, compiled_clock, run_clock
from isobit.flow import import_source
from isobit.passes import optimise

PAGE = ROOT / "docs" / "hardware.md"
DEEPER = (0, 1, 8, 16, 40, 256)
GOALS: tuple[FifoGoal, ...] = ("throughput", "least")


def clocks(program: Path, design: Design, most: int, draws: int) -> str:
    """The clocks of the last frame, the slowest of so many draws."""
    names, rng, found = [p.name for p in design.processes], Random(most), list[int]()
    depths = {s.name: s.depth for s in design.streams}
    frames = FRAMES + 2 * design.flag_depth
    for draw in range(draws + 1 if most else 1):
        deeper = {name: most if not draw else rng.choice([0, rng.randint(0, most), most]) for name in names}
        ends = run_clock(program, design, depths, frames, deeper)
        if not ends:
            return "locks up"
        found.append(ends[-1] - ends[-2])
    return f"{max(found):,}"


def rows(program: Path, name: str, model: Path, board: str, draws: int) -> Iterator[list[str]]:
    """A network's lines, one a goal."""
    graph, target = optimise(import_source(model)), target_board(board, None)
    design = lower(graph, plan_for(graph, target, PlanRequest(), whole_design))
    for goal in GOALS:
        sized = size_fifos(design, goal)
        line = [name, goal, str(len(sized.processes)), *(clocks(program, sized, n, draws) for n in DEEPER)]
        print(line, file=sys.stderr, flush=True)
        yield line


def usual(folder: Path) -> Iterator[tuple[str, Path]]:
    """The networks that are run where none is named."""
    yield "demo", Path(demo.MODEL)
    for blocks, size in ((2, 16), (8, 8)):
        (folder / f"{blocks}").mkdir()
        yield f"{blocks} residual blocks, {size} x {size}", write_model(folder / f"{blocks}", blocks, 8, size)
    sys.path[:0] = [str(ROOT / "tests")]
    from models.brevitas_conv_nets import ConvNet, Kit

    from isobit.frontend.brevitas import export_module

    net = ConvNet("unet", "unet", Kit(5, 5), 2, 8)
    export_module(net.build(), net.input_shape, folder / "unet.onnx", "torchscript")
    yield "U-Net, 8 x 8", folder / "unet.onnx"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--board", default="pynq-z1")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--docs", action="store_true", help="put the table into docs/hardware.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="isobit-latencies-") as scratch:
        program, lines = compiled_clock(Path(scratch), find_compiler()), list[list[str]]()
        files = [*usual(Path(scratch)), *((Path(m).parent.name, Path(m)) for m in options.models)]
        for name, model in files:
            path, _, board = str(model).partition("@")
            lines += rows(program, name, Path(path), board or options.board, options.draws)
    head = ("network", "FIFOs for", "processes", "as declared", *(f"+{n}" for n in DEEPER[1:]))
    if options.docs:
        publish("latencies", table(head, lines), PAGE)
    else:
        print(table(head, lines))


if __name__ == "__main__":
    main()
