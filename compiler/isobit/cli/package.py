"""``isobit package`` and ``isobit lint``: what leaves for a board, and what Vitis HLS would say of it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from isobit import errors
from isobit.cli.terminal import out


def package_command(
    build: Annotated[Path, typer.Argument(help="build folder")],
    output: Annotated[Path, typer.Option("-o", "--output", help="package folder")],
    board: Annotated[
        str | None, typer.Option(help="board name or a .toml file; the one the build was compiled for without it")
    ] = None,
    rtl: Annotated[
        bool, typer.Option("--rtl", help="the accelerator as SystemVerilog: needs Vivado, no Vitis HLS")
    ] = False,
    inputs: Annotated[Path | None, typer.Option(help=".npy of samples that the notebook classifies there")] = None,
    labels: Annotated[Path | None, typer.Option(help=".npy of their classes, counted from 0")] = None,
) -> None:
    """Package a build for a PYNQ board: sources, Vivado Tcl, driver, notebook, self-test, vectors."""
    from isobit.build.folder import load_build
    from isobit.check.csim.vectors import load_vectors
    from isobit.hardware import load_board
    from isobit.pynq.pack import package

    x, y = (None if path is None else load_vectors(path) for path in (inputs, labels))
    package(load_build(build), output, load_board(board) if board else None, rtl=rtl, inputs=x, labels=y)
    out.print(f"PYNQ package in {escape(shlex.quote(str(output)))}; its README.md says what to run", soft_wrap=True)


def lint_command(build: Annotated[Path, typer.Argument(help="build folder")]) -> None:
    """Check the generated C++ for what Vitis HLS rejects or warns about. Status 1 if anything is found."""
    from isobit.build.folder import load_build
    from isobit.check.lint.rules import lint_build

    findings = lint_build(load_build(build))
    for finding in findings:
        out.print(escape(str(finding)), soft_wrap=True)
    out.print(f"{len(findings)} findings")
    raise typer.Exit(errors.EXIT_MISMATCH if findings else errors.EXIT_EQUAL)
