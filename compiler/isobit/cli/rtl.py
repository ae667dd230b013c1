"""``isobit rtl``: the design of a build as SystemVerilog."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from isobit.cli.terminal import out

if TYPE_CHECKING:
    from isobit.build.folder import Build


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


def say_if_written(build: Build) -> None:
    """Of a build that an older isobit made, or one with ``--target hls``: whose SystemVerilog it was."""
    if build.rtl is None:
        out.print("the build holds no SystemVerilog: it was written now, from its design", soft_wrap=True)


def say_where(build: Build) -> None:
    """The projects of a build, and the command that checks each."""
    what, where = ("Vitis HLS project", build.hls) if build.hls.is_dir() else ("project", build.path)
    projects = {} if build.manifest.target == "rtl" else {"csim": (what, where)}
    projects |= {"cosim": ("SystemVerilog", build.rtl)} if build.rtl else {}
    for command, (kind, folder) in projects.items():
        out.print(f"{kind} in {escape(shlex.quote(str(folder)))}", soft_wrap=True)
        out.print(f"check it with: isobit {command} {escape(shlex.quote(str(build.path)))}", soft_wrap=True)
