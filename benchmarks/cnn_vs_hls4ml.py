"""C simulation against hls4ml's io_stream on two convolutional networks: ready, images per second, memory.

    python benchmarks/cnn_vs_hls4ml.py [--docs]

What is measured, and how, is what ``csim_vs_hls4ml.py`` says: isobit prepares the faithful and the native build, and
its images per second are the native one's. Memory is the peak of the process, its compilers and its simulation
together, imports included.
"""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from common import in_fresh_process, publish, table
from csim_vs_hls4ml import Samples, measure_hls4ml, measure_isobit
from networks import CNNS, write_cnn

SAMPLES = 200
PRECISIONS = ("fixed<16,6>", "fixed<32,16>")
"""hls4ml's default precisions: its own, and one that is wide enough for most of these integers."""


def samples(name: str) -> Samples:
    """Float32 images ``(SAMPLES, channels, height, width)``."""
    return np.random.default_rng(0).uniform(-1, 1, (SAMPLES, *CNNS[name])).astype(np.float32)


def measure(name: str, file: str, tool: list[str], folder: Path) -> dict[str, Any]:
    """One tool on one network."""
    x = samples(name)
    if tool == ["isobit"]:
        return measure_isobit(file, folder, x)
    return measure_hls4ml(file, folder, "io_stream", *tool, x)  # its first layer transposes the images itself


def rows(name: str, file: Path) -> list[list[str]]:
    """One network's lines of the table."""
    ours = in_fresh_process(__file__, "--measure", name, str(file), "isobit")
    print(f"{name} isobit: {figures(ours, ours['native'])}", flush=True)
    lines = []
    for precision in PRECISIONS:
        theirs = in_fresh_process(__file__, "--measure", name, str(file), precision)
        print(f"{name} hls4ml {precision}: {figures(theirs, theirs['us'])}", flush=True)
        levels = [np.rint(np.array(r["y"]).reshape(-1) / ours["step"]) for r in (ours, theirs)]
        differ = np.count_nonzero(levels[0] != levels[1])
        ratios = (ours["ready"] / theirs["ready"], theirs["us"] / ours["native"], ours["peak"] / theirs["peak"])
        numbers = [f"{ratio:.2f}" if ratio < 2 else f"{ratio:.0f}" for ratio in ratios]
        lines.append([f"{name}, {precision}", *numbers, f"{differ:,} of {levels[0].size:,}"])
    return lines


def figures(result: dict[str, Any], microseconds: float) -> str:
    """The absolute figures, for the terminal."""
    rate = f"{1e6 / microseconds:,.1f} images a CPU second"
    return f"import {result['import']:.2f} CPU s, ready {result['ready']:.2f} CPU s, {rate}, {result['peak']:.0f} MiB"


def main() -> None:
    """Measures, or, as a fresh process, is measured."""
    if "--measure" in sys.argv:
        name, file, *tool = sys.argv[sys.argv.index("--measure") + 1 :]
        with tempfile.TemporaryDirectory() as scratch, redirect_stdout(sys.stderr):
            result = measure(name, file, tool, Path(scratch))
        print(json.dumps(result))
        return
    with tempfile.TemporaryDirectory() as scratch:
        lines = [line for name in CNNS for line in rows(name, write_cnn(name, Path(scratch)))]
    header = (
        "network, hls4ml's precision", "CPU time until ready, share of hls4ml's", "images per second, times hls4ml's",
        "peak memory, share of hls4ml's", "hls4ml's outputs that differ from isobit's",
    )  # fmt: skip
    publish("cnn", table(header, lines))


if __name__ == "__main__":
    main()
