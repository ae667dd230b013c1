"""``isobit report``, ``isobit fifos`` and ``isobit verify``."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from isobit.cli.options import seconds
from isobit.cli.terminal import Progress, out
from isobit.errors import EXIT_EQUAL, EXIT_MISMATCH


def report_command(
    build: Annotated[Path, typer.Argument(help="build folder")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="the page; report.html in the build folder without it")
    ] = None,
    inputs: Annotated[
        Path | None, typer.Option(help=".npy of samples, as csim takes them, for the accumulators' histograms")
    ] = None,
    csynth: Annotated[
        Path | None, typer.Option(help="instead, lay this csynth.xml of Vitis HLS beside the estimate")
    ] = None,
    utilization: Annotated[
        Path | None, typer.Option(help="instead, lay this text of Vivado's report_utilization beside the estimate")
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(help="add that report's point to this file of your own, and say how far points lie")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print everything as JSON instead")] = False,
) -> None:
    """Write one HTML page: graph, layers, resources, verdicts, accumulators, FIFOs; or read a vendor's report."""
    from isobit.build.folder import load_build
    from isobit.check.csim.vectors import load_vectors
    from isobit.report.page import write_page
    from isobit.report.plain import report_json
    from isobit.report.result import report
    from isobit.report.text import report_lines

    if csynth or utilization or calibration:
        _beside(build, csynth, utilization, calibration, as_json, foreign=bool(output or inputs))
        return
    if as_json and output:
        raise typer.BadParameter("--json prints; leave -o out, or redirect", param_hint="--output")
    with Progress() as progress:
        loaded = load_build(build)
        progress("running the interpreter")
        made = report(loaded, load_vectors(inputs) if inputs else None)
    if as_json:
        sys.stdout.write(json.dumps(report_json(made), indent=1) + "\n")
        return
    page = write_page(made, output or build / "report.html")
    out.print(report_lines(made))
    out.print(f"report in {escape(shlex.quote(str(page)))}", soft_wrap=True)


def _beside(
    build: Path, csynth: Path | None, utilization: Path | None, calibration: Path | None, as_json: bool, *,
    foreign: bool,
) -> None:  # fmt: skip
    """A vendor's report beside the estimate, and its point in a user's calibration file."""
    from isobit.build.folder import load_build
    from isobit.report.beside import add_point, beside, beside_json, beside_table, spread_lines
    from isobit.report.vendor import read_csynth, read_utilization

    if (csynth is None) == (utilization is None) or foreign:
        raise typer.BadParameter("--csynth or --utilization, one of them, without -o and --inputs")
    report = read_csynth(csynth) if csynth else read_utilization(utilization or Path())
    loaded = load_build(build)
    found = beside(loaded, report)
    spread = add_point(calibration, loaded, found) if calibration else {}
    if as_json:
        sys.stdout.write(json.dumps(beside_json(found, spread), indent=1) + "\n")
        return
    out.print(beside_table(found), crop=False)
    for line in spread_lines(spread):
        out.print(line, soft_wrap=True)


def fifos_command(
    build: Annotated[Path, typer.Argument(help="build folder")],
    compiler: Annotated[str | None, typer.Option(help="C++ compiler: g++ or clang++")] = None,
) -> None:
    """Say what the FIFOs take and how fast the design runs with them, as they are and for either goal."""
    from isobit.build.folder import load_build
    from isobit.check.csim.clocks import fifo_choices
    from isobit.report.fifos import fifo_table

    loaded = load_build(build)
    with Progress() as progress:
        progress("running the schedules")
        choices = fifo_choices(loaded, compiler)
    out.print(fifo_table(choices, loaded.manifest.board.clock_mhz))


def verify_command(
    build: Annotated[Path, typer.Argument(help="build folder")],
    rtl: Annotated[bool, typer.Option("--rtl", help="prove the RTL too, for all inputs (Yosys)")] = False,
    limit: Annotated[float, typer.Option(min=0.1, callback=seconds, help="seconds for the proofs of --rtl")] = 600.0,
    as_json: Annotated[bool, typer.Option("--json", help="print the result as JSON")] = False,
) -> None:
    """Check again, from the build's files alone, that every requantizer's integers equal its exact staircase."""
    from isobit.check.proofs.verify import verify_build
    from isobit.report.rescale import verify_table

    found = verify_build(build)
    result, shown, holds = asdict(found) | {"holds": found.holds}, [verify_table(found)], found.holds
    if rtl:
        from isobit.build.folder import load_build
        from isobit.check.synth.datapaths import prove_datapaths
        from isobit.cli.rtl import say_if_written
        from isobit.report.synth import datapath_table

        loaded = load_build(build)
        with Progress() as progress:
            proofs = prove_datapaths(loaded, limit=limit, progress=progress)
        if not as_json:
            say_if_written(loaded)
        holds = holds and not any(p.problem or p.left for p in proofs)  # what is left is not proven
        result |= {"holds": holds, "rtl": [asdict(p) for p in proofs]}
        shown.append(datapath_table(proofs))
    if as_json:
        sys.stdout.write(json.dumps(result, indent=1) + "\n")
    else:
        for table in shown:
            out.print(table, crop=False)
    raise typer.Exit(EXIT_EQUAL if holds else EXIT_MISMATCH)
