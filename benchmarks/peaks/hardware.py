"""What the line detector takes in hardware at P samples per clock, and whether the C++ is the graph at every P.

    python benchmarks/peaks/hardware.py [--docs] [--samples 10000000]

Each P is compiled for four parts (``*.toml`` here, clocks stated there) and, for the ZU3EG, simulated natively on a
stream of labelled lines end to end: every output of every line, borders included, is compared with the interpreter.
One row has lines that P does not divide. LUTs, DSPs and BRAMs are isobit's estimate, no synthesis.

Watts are a model and no measurement: :data:`OVERHEAD` times the energy of the additions and products in 45 nm by
Horowitz (ISSCC 2014), and :data:`STATIC_WATTS` assumed for the rest of the part. OVERHEAD is the dynamic power ratio
of FPGA and standard cells that Kuon and Rose found (IEEE TCAD 26(2), 2007). DMA, memory and processor are not in it.
"""

from __future__ import annotations

import argparse
import atexit
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "compiler")]

from common import cpu_of, publish, table  # noqa: E402

import isobit  # noqa: E402
from isobit.backends.dataflow.layer import Multiplier  # noqa: E402
from isobit.backends.dataflow.planner import LayerChoice, PlanRequest  # noqa: E402
from isobit.check.csim.run import simulator  # noqa: E402
from isobit.frontend.brevitas import export_module  # noqa: E402
from isobit.hardware import load_board  # noqa: E402
from isobit.interp import Evaluator  # noqa: E402
from isobit.ir import Graph  # noqa: E402
from isobit.ir.ops import Const, Linear  # noqa: E402
from isobit.train.peaks import lines, shipped  # noqa: E402

PARTS = ("xc7z020", "xczu3eg", "xczu7ev", "xcku5p")
SAMPLES_PER_CLOCK = (1, 2, 4, 8, 16, 32)
PAGE = ROOT / "docs" / "peaks.md"
LINE, ODD, TILE, CHUNK = 4096, 4100, 64, 256
"""Samples of a line, of one that P = 16 does not divide, and of a labelled tile; lines per call of the interpreter."""
OVERHEAD, STATIC_WATTS = 14.0, 0.5
RAVEL_LUTS, RAVEL_DSPS = 4930 / 5, 79
"""RAVEL's core (PyPI ``ravel-hls``): LUTs per GSa/s over its four channels, after routing; and its DSPs."""
BITS, SHOWN = (2, 3, 4, 8), 4
"""Widths, and the one that the tables by samples and by part are of: the least that keeps up with float."""
FIRST, SHARED = "convolutions_0_Conv", 4
"""The first convolution, and the samples per clock from which on products of it share an operand."""


@cache
def exported(bits: int, line: int) -> Path:
    """The shipped line detector of ``bits`` for lines of ``line`` samples as a QONNX file, written once."""
    folder = tempfile.mkdtemp(prefix="isobit-peaks-")
    atexit.register(shutil.rmtree, folder)
    return Path(export_module(shipped()["line", bits].model, (1, line), Path(folder) / "line.onnx"))


def compiled(
    bits: int, part: str, samples: int, folder: Path, line: int = LINE, first: Multiplier = "packed"
) -> isobit.Build:  # fmt: skip
    """The shipped line detector of ``bits`` at ``samples`` per clock, lines without a gap.

    The 6 or more bits of its first weights are worth DSPs, two products in each (``first``); the rest is additions.
    """
    layers = {FIRST: LayerChoice(multiplier=first)} if samples >= SHARED else {}
    request = PlanRequest(share=1.0, samples=samples, interval=-(-line // samples), layers=layers)
    board = str(Path(__file__).with_name(part + ".toml"))
    return isobit.compile(exported(bits, line), folder, board=board, plan_request=request)


def rate(build: isobit.Build) -> float:
    """Samples per second of lines that follow each other, with the clocks between them."""
    return float(build.graph.inputs[0].shape[0] * build.manifest.estimate.frames_per_second)


def joules(graph: Graph) -> tuple[float, float]:
    """Per sample: operations (two per product), and joules of the products and sums."""
    operations, picojoules = 0.0, 0.0
    for node in (n for n in graph.nodes if isinstance(n, Linear)):
        weights = graph.by_name[node.inputs[1]]
        assert isinstance(weights, Const)
        count = graph.types[node.name].size * int(np.prod(weights.value.shape[1:]))
        a, b = graph.types[node.inputs[0]].bits, graph.types[node.inputs[1]].bits
        total = graph.types[node.name].bits
        one = 0.0030 * a * b + 0.0010 * max(a, b) if b > 1 else 0.0
        operations, picojoules = operations + 2 * count, picojoules + count * (one + 0.003125 * total)
    line = graph.inputs[0].shape[0]
    return operations / line, picojoules * 1e-12 / line


def stream(samples: int, line: int) -> np.ndarray[Any, Any]:
    """Labelled lines end to end, integers [lines, line, 1]: at least ``samples``."""
    count, tiles = -(-samples // line), -(-line // TILE)
    seeds = range(-(-count // CHUNK))
    parts = [lines(CHUNK, tiles, seed).samples.reshape(CHUNK, tiles * TILE, 1)[:, :line] for seed in seeds]
    return np.concatenate(parts)[:count]


def expected(graph: Graph, inputs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What the interpreter makes of the stream, uint8."""
    (entry,), (exit_,), machine = graph.inputs, graph.outputs, Evaluator(graph)
    parts = (inputs[i : i + CHUNK].astype(np.int64) for i in range(0, len(inputs), CHUNK))
    return np.concatenate([machine.run({entry.name: part})[exit_.name].astype(np.uint8) for part in parts])


def simulated(build: isobit.Build, inputs: np.ndarray[Any, Any], wanted: np.ndarray[Any, Any]) -> str:
    """The stream through the native C++: "equal" and its speed with all copying, or how many outputs differ."""
    (entry,), (exit_,) = build.graph.inputs, build.graph.outputs
    with tempfile.TemporaryDirectory() as scratch:
        one = simulator(build, "native", Path(scratch), None)
        one.run({entry.name: inputs[:1]}, timeout=3600)  # waits for the compiler
        done, seconds = cpu_of(lambda: one.run({entry.name: inputs}, timeout=3600))
    wrong = int((done.outputs[exit_.name] != wanted).sum())
    return (
        f"{wrong} outputs differ"
        if wrong
        else f"{inputs.size:,} equal, {inputs.size / seconds / 1e6:.1f} MSa per CPU s"
    )


def by_samples(samples: int) -> list[list[str]]:
    """A row for each P on the ZU3EG."""
    rows: list[list[str]] = []
    for line, counts in ((LINE, SAMPLES_PER_CLOCK), (ODD, (16,))):
        stream_in, wanted, text = stream(samples, line), None, ""
        for count in counts:
            with tempfile.TemporaryDirectory() as scratch:
                build = compiled(SHOWN, "xczu3eg", count, Path(scratch) / "build", line)
                if wanted is None:
                    wanted, text = expected(build.graph, stream_in), build.graph.digest
                if build.graph.digest != text:
                    raise SystemExit("the plan changed the graph")
                rows.append(_row(count, line, build, simulated(build, stream_in, wanted)))
                print(" ".join(rows[-1]), file=sys.stderr)
    return rows


def _row(samples: int, line: int, build: isobit.Build, verdict: str) -> list[str]:
    estimate, (operations, energy) = build.manifest.estimate, joules(build.graph)
    speed = rate(build)
    dynamic = OVERHEAD * energy * speed
    resources = (f"{n:,}" for n in (estimate.lut, estimate.dsp, estimate.bram36))
    return [
        str(samples), f"{line:,}", f"{speed / 1e9:.3f}", *resources,
        f"{estimate.lut / speed * 1e9:,.0f}", f"{dynamic:.2f}", f"{operations * speed / 1e12:.3f}",
        f"{operations * speed / 1e12 / (dynamic + STATIC_WATTS):.2f}", verdict,
    ]  # fmt: skip


def by_part() -> list[list[str]]:
    """A row for each part: what of it every P takes, and the rate. Parts with the same DSPs share their estimates."""
    made: dict[tuple[str, int], isobit.Build] = {}
    rows = []
    for board in (load_board(str(Path(__file__).with_name(part + ".toml"))) for part in PARTS):
        cells = []
        for count in SAMPLES_PER_CLOCK:
            with tempfile.TemporaryDirectory() as scratch:
                if (board.dsp, count) not in made:
                    made[board.dsp, count] = compiled(SHOWN, board.name, count, Path(scratch) / "build")
            estimate = made[board.dsp, count].manifest.estimate
            share = max(estimate.lut / board.lut, estimate.dsp / board.dsps)
            speed = LINE * board.clock_mhz * 1e6 / estimate.interval
            cells.append(f"{share:.1%}, {speed / 1e9:.2f}" if share <= 1 else "does not fit")
        rows.append([board.title, *cells])
    return rows


def by_width() -> list[list[str]]:
    """Two rows for each width at P = 16 on the ZU3EG: without a DSP, and with the first convolution in DSPs."""
    rows = []
    ways: tuple[tuple[str, Multiplier], ...] = (("additions", "adders"), ("DSPs", "packed"))
    for bits, (text, first) in product(BITS, ways):
        with tempfile.TemporaryDirectory() as scratch:
            build = compiled(bits, "xczu3eg", 16, Path(scratch) / "build", first=first)
        estimate = build.manifest.estimate
        per = estimate.lut / 4
        rows.append([
            str(bits), text, f"{estimate.lut:,}", str(estimate.dsp), f"{per:,.0f}",
            "yes" if per <= RAVEL_LUTS and 2 * estimate.dsp <= RAVEL_DSPS else "no",
        ])  # fmt: skip
    return rows


def main() -> None:
    """The command line; see the module's docstring."""
    arguments = argparse.ArgumentParser(description="the line detector in hardware")
    arguments.add_argument("--docs", action="store_true", help="put the tables into docs/peaks.md")
    arguments.add_argument("--samples", type=int, default=10_000_000, help="of the simulated stream")
    arguments.add_argument("--only", choices=["samples", "parts", "widths"], action="append", help="one table")
    given = arguments.parse_args()
    columns = [
        "samples a line",
        "GSa/s, line after line",
        "LUT",
        "DSP",
        "BRAM36",
        "LUT per GSa/s",
        "W",
        "TOPS",
    ]
    tables: dict[str, Callable[[], str]] = {
        "samples": lambda: table(["P", *columns, "TOPS/W", "C simulation"], by_samples(given.samples)),
        "parts": lambda: table(["part", *(f"P = {p}" for p in SAMPLES_PER_CLOCK)], by_part()),
        "widths": lambda: table(
            ["bits", "first convolution", "LUT", "DSP", "LUT per GSa/s", "within RAVEL's LUTs and half its DSPs"],
            by_width(),
        ),
    }
    for name in given.only or tables:
        publish(f"peaks {name}", tables[name](), PAGE)


if __name__ == "__main__":
    main()
