"""The options that several commands take."""

from __future__ import annotations

import math
from typing import Annotated

import typer

MOST_SECONDS = 1_000_000
"""The longest time limit: longer ones the operating system has no number for."""


MOST_VECTORS = 10**15
"""The most vectors or frames that a command can be asked for."""


def finite(value: float | None) -> float | None:
    """An option's value, which may be no NaN and no infinity."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter("not a finite number")
    return value


def seconds(value: float) -> float:
    """A time limit's value."""
    if not value <= MOST_SECONDS:
        raise typer.BadParameter(f"at most {MOST_SECONDS} seconds")
    return value


Model = Annotated[
    str, typer.Argument(help="model.onnx (QONNX, QDQ), model.tflite, or file.py:factory returning a Brevitas module")
]
Board = Annotated[
    str | None, typer.Option(help="board name or a .toml file; see `isobit boards`; the plan's, or pynq-z1, without it")
]
Shape = Annotated[
    str | None, typer.Option("--input-shape", help="shape of one sample for Brevitas sources: 1,28,28, or a=3,8 b=4")
]
Type = Annotated[
    str | None,
    typer.Option("--input-type", help="integer type of an input that has no quantiser: UINT8, INT4, BIPOLAR ..."),
]
Scale = Annotated[str, typer.Option("--input-scale", help="real value of one step of --input-type: 1/255")]
Samples = Annotated[str | None, typer.Option("--samples", help="integers in --inputs are: real, integers or graph")]
Exporter = Annotated[str, typer.Option(help="Brevitas export path: torchscript or dynamo")]
Arithmetic = Annotated[
    str, typer.Option(help="behind exact sums: exact, float32 as the source has it, or auto (by counting ties)")
]
Wide = Annotated[bool, typer.Option("--wide", help="whole names, however long the lines")]
Docker = Annotated[bool, typer.Option("--docker", help="run it in a container (Docker or Podman)")]
Memory = Annotated[str, typer.Option("--memory", help="memory limit of the container")]
