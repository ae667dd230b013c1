"""``isobit finn``: the environment of finn-plus, and what it makes of a build."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from isobit.cli.options import seconds
from isobit.cli.terminal import Progress, out
from isobit.errors import EXIT_EQUAL, EXIT_MISMATCH

finn_app = typer.Typer(help="FINN: set up finn-plus, and run its conversion on a build.", no_args_is_help=True)


@finn_app.command("setup")
def finn_setup_command() -> None:
    """Install finn-plus into an environment of its own."""
    from isobit.backends.finn.environment import set_up

    with Progress() as progress:
        place = set_up(progress)
    out.print(f"finn-plus: {escape(shlex.quote(str(place)))}", soft_wrap=True)


@finn_app.command("check")
def finn_check_command(
    build: Annotated[Path, typer.Argument(help="build folder made with --backend finn")],
    work: Annotated[Path | None, typer.Option("--work", help="keep FINN's files in this folder")] = None,
    timeout: Annotated[float, typer.Option(min=1, callback=seconds, help="seconds")] = 3600.0,
) -> None:
    """Run FINN's conversion, folding and estimates, and compare the integers after every step."""
    from isobit.backends.finn.backend import FINN
    from isobit.backends.finn.verdict import check_finn_build, lines
    from isobit.build.folder import load_build
    from isobit.errors import IsobitError

    loaded = load_build(build)
    if loaded.backend.name != FINN.name:
        raise IsobitError("E509", f"a build of {loaded.backend.name}", hint="isobit compile --backend finn")
    with Progress() as progress, tempfile.TemporaryDirectory(prefix="isobit-finn-") as scratch:
        progress("FINN converts the network")
        verdict = check_finn_build(build.absolute(), (work or Path(scratch)).absolute(), timeout)
    estimate = loaded.manifest.estimate
    ours = {name: getattr(estimate, name) for name in ("lut", "dsp", "bram36", "interval")}
    for line in lines(verdict, ours):
        out.print(escape(line), soft_wrap=True)
    raise typer.Exit(EXIT_EQUAL if verdict.mapped and verdict.equal else EXIT_MISMATCH)
