"""``isobit check-hls4ml``, ``check-finn``: where a plain project of another compiler leaves the exact integers."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from isobit.cli.options import Scale, Type
from isobit.cli.terminal import Progress, out
from isobit.errors import EXIT_EQUAL, EXIT_MISMATCH

if TYPE_CHECKING:
    from isobit.check.rivals.departure import Layer

Inputs = Annotated[Path | None, typer.Option("--inputs", help=".npy of real samples in the model's own layout")]


def check_hls4ml_command(
    project: Annotated[Path, typer.Argument(help="the folder that hls4ml wrote (output_dir)")],
    model: Annotated[Path, typer.Argument(help="the QONNX model that it was made of")],
    inputs: Inputs = None,
    input_type: Type = None,
    input_scale: Scale = "1",
) -> None:
    """Name the first layer where a plain hls4ml project leaves the exact integers, and by how much."""
    from isobit.check.csim.vectors import load_vectors
    from isobit.check.rivals.hls4ml import check_hls4ml
    from isobit.frontend.qonnx.input_type import InputType

    declared = InputType.declared(input_type, input_scale)
    with Progress() as progress:
        progress("compiling and running the project's C++, layer by layer")
        found = check_hls4ml(project, model, load_vectors(inputs) if inputs else None, declared)
    for layer in found.layers:
        out.print(escape(_line(layer)), soft_wrap=True)
    out.print(escape(f"no integers of their own: {', '.join(found.skipped) or 'no layer'}"), soft_wrap=True)
    if found.apart:
        out.print(escape(f"agree in no unit of the source: {', '.join(found.apart)}"), soft_wrap=True)
    _verdict(found.first, unknown=bool(found.apart))


def check_finn_command(
    folder: Annotated[Path, typer.Argument(help="FINN's output_dir, built with save_intermediate_models")],
    model: Annotated[
        Path | None, typer.Argument(help="the QONNX model that it was made of; else the only .onnx in the folder")
    ] = None,
    inputs: Inputs = None,
    input_type: Type = None,
    input_scale: Scale = "1",
) -> None:
    """Name the first step and layer where a plain FINN build leaves the exact integers, and by how much."""
    from isobit.check.csim.vectors import load_vectors
    from isobit.check.rivals.finn import check_finn
    from isobit.frontend.qonnx.input_type import InputType

    declared = InputType.declared(input_type, input_scale)
    with Progress() as progress:
        progress("FINN executes the model of every step")
        steps = check_finn(folder, model, load_vectors(inputs) if inputs else None, declared)
    for step in steps:
        out.print(escape(f"{step.name}:" + (f" not executed: {step.why}" if step.why else "")), soft_wrap=True)
        for layer in step.layers:
            out.print(escape("  " + _line(layer)), soft_wrap=True)
    first = next((step.first for step in steps if step.first), None)
    place = next((f"in {step.name}, " for step in steps if step.first), "")
    _verdict(first, place, unknown=not all(step.output for step in steps))


def _line(layer: Layer) -> str:
    same = f"{layer.compared - layer.different:,} of {layer.compared:,} integers exact"
    return f"{layer.name} ({layer.node}): {same}{_by(layer)}"


def _by(layer: Layer) -> str:
    if not layer.different:
        return ""
    return f", off by up to {layer.worst:g}" if isfinite(layer.worst) else ", beyond any distance"


def _verdict(first: Layer | None, place: str = "", unknown: bool = False) -> None:
    """``unknown``: a layer has integers that could not be judged, so that the whole is not called exact."""
    if first is None:
        out.print("every integer that was compared is exact" + ("; not all layers could be" if unknown else ""))
        raise typer.Exit(EXIT_MISMATCH if unknown else EXIT_EQUAL)
    share = f"{first.different:,} of {first.compared:,} integers differ{_by(first)}"
    out.print(
        escape(f"the exact integers are left {place}at layer {first.name} ({first.node}): {share}"), soft_wrap=True
    )
    out.print(escape(f"  {first.first}"), soft_wrap=True)
    raise typer.Exit(EXIT_MISMATCH)
