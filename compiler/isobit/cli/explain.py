"""``isobit explain``: everything the manifest knows of one layer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isobit.cli.terminal import out


def explain_command(
    build: Annotated[Path, typer.Argument(help="build folder")],
    layer: Annotated[str | None, typer.Argument(help="a layer's name; without it the layers are listed")] = None,
    wide: Annotated[bool, typer.Option("--wide", help="whole names, however long the lines")] = False,
) -> None:
    """Say where a layer came from, which rules fired, its interval, and how it is built and what that beat."""
    from isobit.build.folder import load_build
    from isobit.report.text import build_table, explain_layer

    loaded = load_build(build)
    if layer is None:
        out.print(build_table(loaded, wide=wide), crop=False)
        return
    out.print(explain_layer(loaded, layer), crop=False)
