"""``isobit explore``: accuracy against resources over what a study leaves open."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from isobit.cli.terminal import Progress, out
from isobit.errors import EXIT_REFUSED


def explore_command(
    study: Annotated[Path, typer.Argument(help="study.py: parameters, model, accuracy")],
    output: Annotated[Path, typer.Option("-o", "--output", help="folder of study.sqlite3 and the best builds")],
    trials: Annotated[int, typer.Option(min=1, help="trials in all, those of earlier runs included")] = 64,
    workers: Annotated[int | None, typer.Option(min=1, help="processes; as many as there are cores without")] = None,
    scheduler: Annotated[str | None, typer.Option(help="a Dask cluster instead: tcp://host:8786")] = None,
    seed: Annotated[int, typer.Option(min=0, help="seed of the sampler")] = 0,
    plot: Annotated[Path | None, typer.Option(help="draw the front into this .svg or .png file")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print every trial as JSON")] = False,
) -> None:
    """Search for the builds with most accuracy in least area; an interrupted search goes on where it was."""
    from isobit.build.files import refuse_unwritable
    from isobit.explore.run import explore
    from isobit.explore.view import draw_explored, explored_json, explored_table
    from isobit.report.plot import refuse_picture

    if plot is not None:
        refuse_unwritable(plot)
        refuse_picture(plot)
    with Progress() as progress:
        progress("beginning")
        found = explore(
            study, output, trials=trials, workers=workers, scheduler=scheduler, seed=seed, progress=progress
        )  # fmt: skip
    if plot is not None:
        draw_explored(plot, found)
    if as_json:
        sys.stdout.write(json.dumps(explored_json(found), indent=1) + "\n")
    else:
        out.print(explored_table(found), crop=False)
    if not found.front:
        raise typer.Exit(EXIT_REFUSED)
