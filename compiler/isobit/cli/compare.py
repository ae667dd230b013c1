"""``isobit compare``: two builds side by side."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from isobit.cli.terminal import out


def compare_command(
    first: Annotated[Path, typer.Argument(help="build folder")],
    second: Annotated[Path, typer.Argument(help="another build folder")],
    as_json: Annotated[bool, typer.Option("--json", help="print all of it as JSON")] = False,
) -> None:
    """Set two builds side by side: resources, clocks, bits, verdicts, accuracies, and layers where names agree."""
    from isobit.build.folder import load_build
    from isobit.report.compare import compare, comparison_table

    found = compare(load_build(first), load_build(second))
    if as_json:
        sys.stdout.write(json.dumps(asdict(found), indent=1) + "\n")
        return
    out.print(comparison_table(found, (str(first), str(second))), crop=False)
