"""``isobit check-model``: every operator of a file, whether it is read exactly, and why not."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from isobit.cli.terminal import out
from isobit.errors import EXIT_EQUAL, EXIT_REFUSED


def check_model_command(
    model: Annotated[Path, typer.Argument(help="model.onnx (QONNX, QDQ or QOperator form) or model.tflite")],
    input_type: Annotated[
        str | None, typer.Option("--input-type", help="integer type of an input that has no quantiser")
    ] = None,
    input_scale: Annotated[str, typer.Option("--input-scale", help="real value of one step of --input-type")] = "1",
    as_json: Annotated[bool, typer.Option("--json", help="print the list as JSON")] = False,
) -> None:
    """List every operator of a file: read exactly, or why not, without stopping at the first."""
    from isobit.frontend.coverage import check_model
    from isobit.frontend.qonnx.input_type import InputType

    declared = InputType.declared(input_type, input_scale)
    found = check_model(model, declared)
    if as_json:
        content = {"reads": found.reads, "counts": found.counts, "operators": [asdict(o) for o in found.operators]}
        sys.stdout.write(json.dumps(content, indent=1) + "\n")
        raise typer.Exit(EXIT_EQUAL if found.reads else EXIT_REFUSED)
    for op, counts in found.counts.items():
        out.print(f"{escape(op)}: " + ", ".join(f"{n} {status}" for status, n in counts.items()), soft_wrap=True)
    for one in found.operators:
        if one.status == "refused":
            out.print(f"{one.code} {escape(one.op)} {escape(repr(one.name))}: {escape(one.why)}", soft_wrap=True)
            if one.hint:
                out.print(f"  help: {escape(one.hint)}", soft_wrap=True)
    out.print("every operator is read, exactly" if found.reads else "this model is not read", soft_wrap=True)
    raise typer.Exit(EXIT_EQUAL if found.reads else EXIT_REFUSED)
