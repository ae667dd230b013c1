"""``isobit plan``: what fits a board, how fast, and what a change costs; seconds, and no vendor tool."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from isobit.cli.options import finite
from isobit.cli.terminal import Progress, out


def plan_command(
    model: Annotated[str, typer.Argument(help="a model as `isobit compile` takes it")],
    board: Annotated[str | None, typer.Option(help="board name or a .toml file; see `isobit boards`")] = None,
    clock: Annotated[float | None, typer.Option(help="clock in MHz, in the place of the board's own")] = None,
    max_util: Annotated[
        float, typer.Option(min=0.01, max=1.0, callback=finite, help="share of the board that may be used")
    ] = 0.6,
    target_fps: Annotated[
        float | None, typer.Option(min=0.001, callback=finite, help="at least this many frames per second")
    ] = None,
    target_ii: Annotated[int | None, typer.Option(min=1, help="at most this many clocks per frame")] = None,
    latency: Annotated[str | None, typer.Option(help="at most this time from first word to last: 1ms, 20us")] = None,
    minimise: Annotated[str, typer.Option(help="have least of: area, lut, dsp, bram or energy")] = "area",
    samples_per_clock: Annotated[int, typer.Option(min=0, help="samples of the input per clock to keep up with")] = 0,
    fifos: Annotated[str, typer.Option(help="as for compile: throughput or least")] = "throughput",
    plan: Annotated[Path | None, typer.Option(help="TOML file that fixes layers")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="write the plan, for compile --plan")] = None,
    front: Annotated[int, typer.Option(min=0, max=1000, help="points of the front of throughput to show")] = 0,
    plot: Annotated[Path | None, typer.Option(help="draw the front into this .svg or .png file")] = None,
    diff: Annotated[
        tuple[Path, Path] | None, typer.Option(help="instead, what the second plan file costs more")
    ] = None,
    input_shape: Annotated[str | None, typer.Option("--input-shape", help="as for compile")] = None,
    input_type: Annotated[str | None, typer.Option("--input-type", help="as for compile")] = None,
    input_scale: Annotated[str, typer.Option("--input-scale", help="as for compile")] = "1",
    exporter: Annotated[str, typer.Option(help="as for compile")] = "torchscript",
    arithmetic: Annotated[str, typer.Option(help="as for compile")] = "auto",
    wide: Annotated[bool, typer.Option("--wide", help="whole names, however long the lines")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print all of it as JSON")] = False,
) -> None:
    """Find the plan that is proven best, by a constraint solver: the fastest that fits, or the cheapest fast enough."""
    from isobit.api.compile import Asked
    from isobit.api.planning import Model, plan_model, plan_of_file
    from isobit.backends.dataflow.planner import print_plan
    from isobit.backends.dataflow.planner.request import DEFAULT_SHARE
    from isobit.build.files import refuse_unwritable
    from isobit.report import plan as views
    from isobit.report.plot import refuse_picture

    source = Model(model, input_shape, input_type, input_scale, exporter, arithmetic)
    if diff is not None:
        with Progress() as progress:
            progress("reading the model")
            graph = source.graph()
            old, new = (plan_of_file(graph, path, board, clock) for path in diff)
        if as_json:
            sys.stdout.write(json.dumps(views.difference_json(old, new), indent=1) + "\n")
        else:
            out.print(views.difference_table(old, new, wide=wide), crop=False)
        return
    for path in (p for p in (output, plot) if p is not None):
        refuse_unwritable(path)
    if plot is not None:
        refuse_picture(plot)
    asked = Asked(plan, target_fps, target_ii, samples_per_clock, max_util, fifos)
    with Progress() as progress:
        found = plan_model(
            source, board or "pynq-z1", clock, asked, minimise=minimise, latency=latency,
            points=front or (12 if plot else 0), progress=progress,
        )  # fmt: skip
    if output is not None:
        output.write_text(print_plan(found.optimum.plan), encoding="utf-8", newline="\n")
    if plot is not None:
        views.draw_front(plot, found.optimum, found.front)
    if as_json:
        sys.stdout.write(json.dumps(views.plan_json(found.optimum, found.front), indent=1) + "\n")
        return
    out.print(views.plan_table(found.optimum, found.front, wide=wide), crop=False)
    if output is not None:
        name = escape(shlex.quote(str(output)))
        # Ports as wide as a target asks, the share and the FIFOs are no part of this file: asked for again.
        again = f" --target-ii {found.optimum.whole.interval}" if target_fps or target_ii else ""
        again += f" --max-util {max_util:g}" if max_util != DEFAULT_SHARE else ""
        again += f" --fifos {fifos}" if fifos != "throughput" else ""
        out.print(f"plan in {name}; isobit compile --plan {name}{again} takes it", soft_wrap=True)
