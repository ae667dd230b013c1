"""``isobit show`` and ``isobit explain``: the graph, and how a layer came to be built as it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from isobit.cli.options import Arithmetic, Exporter, Scale, Shape, Type, Wide
from isobit.cli.terminal import out


def show_command(
    what: Annotated[str, typer.Argument(help="a model or a build folder")],
    full: Annotated[bool, typer.Option("--full", help="whole arrays, in the form that can be read back")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="a model's graph as imported, before any pass")] = False,
    counted: Annotated[
        bool, typer.Option("--counts", help="multiply-accumulates, parameters and bits of every layer instead")
    ] = False,
    input_shape: Shape = None,
    input_type: Type = None,
    input_scale: Scale = "1",
    exporter: Exporter = "torchscript",
    arithmetic: Arithmetic = "auto",
) -> None:
    """Print the integer graph with every value's interval and width."""
    from isobit.ir import print_graph

    if Path(what).is_dir():
        from isobit.build.folder import load_build

        graph = load_build(Path(what)).graph
    else:
        from isobit.api.arguments import one_of, shape_of
        from isobit.flow import import_source
        from isobit.frontend.qonnx.float_arithmetic import arithmetic_of
        from isobit.passes import optimise

        one_of("exporter", exporter, ("torchscript", "dynamo"), "E302")
        graph = import_source(
            what, input_shape=shape_of(input_shape), input_type=input_type, input_scale=input_scale,
            exporter=cast(Any, exporter), arithmetic=arithmetic_of(arithmetic),
        )  # fmt: skip
        graph = graph if raw else optimise(graph)
    if counted:
        from isobit.report.text import counts_table

        out.print(counts_table(graph), crop=False)
        return
    sys.stdout.write(print_graph(graph, full=full))


def explain_command(
    build: Annotated[Path, typer.Argument(help="build folder")],
    layer: Annotated[str | None, typer.Argument(help="a layer's name; without it the layers are listed")] = None,
    wide: Wide = False,
) -> None:
    """Say where a layer came from, which rules fired, its interval, and how it is built and what that beat."""
    from isobit.build.folder import load_build
    from isobit.report.text import build_table, explain_layer

    loaded = load_build(build)
    if layer is None:
        out.print(build_table(loaded, wide=wide), crop=False)
        return
    out.print(explain_layer(loaded, layer), crop=False)
