"""``isobit synth``: the design's RTL mapped to the cells of its board's family by Yosys."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from isobit.cli.options import seconds
from isobit.cli.terminal import Progress, out


def synth_command(
    build: Annotated[Path, typer.Argument(help="build folder")],
    layer: Annotated[str | None, typer.Option("--layer", help="only this layer")] = None,
    jobs: Annotated[int, typer.Option("-j", "--jobs", min=0, help="runs of Yosys side by side; 0: all cores")] = 0,
    timeout: Annotated[
        float, typer.Option(min=0.1, callback=seconds, help="seconds for a run of Yosys, of six parts")
    ] = 1800.0,
    verify: Annotated[
        bool, typer.Option("--verify", help="also simulate every mapped netlist beside its RTL, in Verilator")
    ] = False,
    wide: Annotated[bool, typer.Option("--wide", help="whole names and every column, however long the lines")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the counts as JSON")] = False,
) -> None:
    """Synthesise the design's SystemVerilog with Yosys: LUTs, FFs, DSPs, RAMs and logic depth beside the estimate."""
    from isobit.build.folder import load_build
    from isobit.check.synth.equal import demand_equal, verify_mapping
    from isobit.check.synth.run import synth
    from isobit.cli.rtl import say_if_written
    from isobit.report.synth import synth_json, synth_lines, verdict_table

    loaded = load_build(build)
    with Progress() as progress:
        # First: it leaves the counts behind.
        verdicts = verify_mapping(loaded, layer, jobs=jobs, timeout=timeout, progress=progress) if verify else ()
        result = synth(loaded, layer, jobs=jobs, timeout=timeout, progress=progress)
    if as_json:
        sys.stdout.write(json.dumps(synth_json(result, verdicts), indent=1) + "\n")
        demand_equal(verdicts)
        return
    say_if_written(loaded)
    for line in [*synth_lines(result, wide=wide), *([verdict_table(verdicts)] if verdicts else [])]:
        out.print(line, crop=False, soft_wrap=not isinstance(line, Table))
    demand_equal(verdicts)
