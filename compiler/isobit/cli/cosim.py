"""``isobit cosim``: the design's RTL, simulated clock by clock."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from isobit.cli.options import MOST_VECTORS, Docker, Memory, seconds
from isobit.cli.terminal import Progress, out
from isobit.errors import EXIT_EQUAL, EXIT_MISMATCH


def cosim_command(
    build: Annotated[Path, typer.Argument(help="build folder")],
    frames: Annotated[int, typer.Option("-n", "--frames", min=1, max=MOST_VECTORS, help="frames, back to back")] = 8,
    stall: Annotated[bool, typer.Option("--stall", help="random gaps on the inputs and waits on the outputs")] = False,
    seed: Annotated[int, typer.Option(min=0, help="seed of the vectors, gaps and waits")] = 0,
    compiler: Annotated[str | None, typer.Option(help="C++ compiler: g++ or clang++")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, callback=seconds, help="seconds for the simulation's run")] = 600.0,
    wide: Annotated[bool, typer.Option("--wide", help="the highest level of every FIFO too")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the verdict as JSON")] = False,
    docker: Docker = False,
    memory: Memory = "4g",
) -> None:
    """Simulate the design's SystemVerilog in Verilator: every output integer, the clocks, the FIFOs' levels."""
    from isobit.build.folder import load_build
    from isobit.check.cosim.run import cosim
    from isobit.cli.rtl import say_if_written
    from isobit.container.run import CosimOptions, cosim_contained
    from isobit.report.cosim import cosim_lines

    loaded = load_build(build)
    with Progress() as progress:
        if docker:
            options = CosimOptions(frames, stall, seed, compiler, timeout)
            result = cosim_contained(loaded, options, memory, progress)
        else:
            result = cosim(
                loaded, frames, stall=stall, seed=seed, compiler=compiler, timeout=timeout, progress=progress
            )
    if as_json:
        sys.stdout.write(json.dumps(asdict(result) | {"equal": result.equal}, indent=1) + "\n")
    else:
        say_if_written(loaded)
        for line in cosim_lines(result, wide=wide):
            out.print(line, crop=False)
    raise typer.Exit(EXIT_EQUAL if result.equal else EXIT_MISMATCH)
