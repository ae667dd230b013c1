"""``isobit rtl``: the design of a build as SystemVerilog."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from isobit.cli.terminal import out


def rtl_command(
    build: Annotated[Path, typer.Argument(help="build folder")],
    output: Annotated[Path, typer.Option("-o", "--output", help="folder for the sources")],
) -> None:
    """Write the design as SystemVerilog: the top module, the units that it uses, their constants."""
    from isobit.build.folder import load_build
    from isobit.check.cosim.sources import write_rtl

    design = write_rtl(load_build(build), output)
    out.print(f"top module isobit_top, one frame every {design.interval:,} clocks (latency {design.latency:,})")
    out.print(f"SystemVerilog in {escape(shlex.quote(str(output)))}", soft_wrap=True)
    out.print(f"check it with: isobit cosim {escape(shlex.quote(str(build)))}", soft_wrap=True)
