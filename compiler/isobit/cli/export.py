"""``isobit export``: the integers of a build or a model as files."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from isobit.cli.terminal import Progress, out


def export_command(
    source: Annotated[str, typer.Argument(help="a build folder, or a model as `isobit compile` takes it")],
    onnx: Annotated[Path | None, typer.Option("--onnx", help="plain ONNX operators in int64, for ONNX Runtime")] = None,
    qonnx: Annotated[Path | None, typer.Option("--qonnx", help="QONNX, an operator for each of the graph's")] = None,
    npz: Annotated[Path | None, typer.Option("--npz", help="weights, multiplicands, shifts, thresholds")] = None,
    c: Annotated[Path | None, typer.Option("--c", help="a C99 header: constants and a reference infer()")] = None,
    after: Annotated[
        str | None, typer.Option("--after", help="of a model: the pass (name or number) after which, or import")
    ] = None,
    input_shape: Annotated[
        str | None, typer.Option("--input-shape", help="shape of one sample for Brevitas sources: 1,28,28")
    ] = None,
    input_type: Annotated[
        str | None, typer.Option("--input-type", help="integer type of an input that has no quantiser")
    ] = None,
    input_scale: Annotated[str, typer.Option("--input-scale", help="real value of one step of --input-type")] = "1",
    exporter: Annotated[str, typer.Option(help="Brevitas export path: torchscript or dynamo")] = "torchscript",
    arithmetic: Annotated[str, typer.Option(help="exact, float32 or auto, as for compile")] = "auto",
    arg: Annotated[list[str] | None, typer.Option(help="argument of the factory: bits=4; may be repeated")] = None,
    inputs: Annotated[Path | None, typer.Option(help=".npy of samples on which the files are run")] = None,
    samples: Annotated[
        str | None, typer.Option("--samples", help="integers in --inputs are: real, integers or graph")
    ] = None,
    vectors: Annotated[
        int | None, typer.Option("-n", "--vectors", min=1, help="edge-case and random vectors; 64, fewer if large")
    ] = None,
) -> None:
    """Write the integers as files for other programs, and run every file before it is kept."""
    from isobit.api.arguments import assignments
    from isobit.api.export import export

    with Progress() as progress:
        done = export(
            source, onnx=onnx, qonnx=qonnx, npz=npz, c=c, after=after, input_shape=input_shape, input_type=input_type,
            input_scale=input_scale, exporter=exporter, arithmetic=arithmetic, arguments=assignments(arg or []),
            inputs=inputs, samples=samples, vectors=vectors, progress=progress,
        )  # fmt: skip
    for one in done:
        out.print(f"{escape(shlex.quote(str(one.path)))}: {one.bytes:,} bytes", soft_wrap=True)
        for name in one.by:
            what = f"{one.outputs:,} outputs of {one.samples} samples equal by {name}"
            out.print(f"  {escape(what)}", soft_wrap=True)
