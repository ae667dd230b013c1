"""``isobit predict`` and ``isobit accuracy``: a user's samples through the compiled C++."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from isobit.cli.options import seconds
from isobit.cli.terminal import Progress, out
from isobit.errors import EXIT_EQUAL, EXIT_MISMATCH

BuildFolder = Annotated[Path, typer.Argument(help="build folder")]
Inputs = Annotated[Path, typer.Option(help=".npy of samples in the model's own layout; .npz where there are several")]
Samples = Annotated[str | None, typer.Option("--samples", help="integers in --inputs are: real, integers or graph")]
Compiler = Annotated[str | None, typer.Option(help="C++ compiler: g++ or clang++")]
Timeout = Annotated[float, typer.Option(min=0.1, callback=seconds, help="seconds for one part of the samples")]


def predict_command(
    build: BuildFolder,
    inputs: Inputs,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help=".npz (or .npy for one output) to write; printed without")
    ] = None,
    integers: Annotated[bool, typer.Option("--integers", help="integers, with their scale and offset")] = False,
    graph: Annotated[bool, typer.Option("--graph", help="ask the interpreter, not the C++")] = False,
    samples: Samples = None,
    compiler: Compiler = None,
    timeout: Timeout = 600.0,
) -> None:
    """Run samples through the compiled C++: the model's own outputs, by its names and in its layout."""
    from isobit.build.files import refuse_unwritable
    from isobit.build.folder import load_build
    from isobit.check.csim.predict import predict
    from isobit.check.csim.samples import sample_form
    from isobit.check.csim.vectors import load_vectors
    from isobit.report.predict import as_arrays, prediction_lines, refuse_name, save_predictions

    if output is not None:
        refuse_name(output, integers)
        refuse_unwritable(output)
    with Progress() as progress:
        loaded = load_build(build)
        made = predict(
            loaded, load_vectors(inputs), integers=integers, graph=graph, samples=sample_form(samples),
            compiler=compiler, timeout=timeout, progress=progress,
        )  # fmt: skip
    arrays = as_arrays(loaded, made)
    if output is None:
        for line in prediction_lines(arrays):
            out.print(escape(line), soft_wrap=True)
        return
    save_predictions(output, arrays)
    out.print(f"{', '.join(map(escape, arrays))} in {escape(shlex.quote(str(output)))}", soft_wrap=True)


def _labelled(inputs: Path | None, labels: Path | None, data: Path | None) -> tuple[Any, Any]:
    """The samples and their labels."""
    from isobit.check.csim.vectors import load_vectors

    if data is None:
        if inputs is None or labels is None:
            raise typer.BadParameter("--inputs and --labels, or --data")
        return load_vectors(inputs), load_vectors(labels)
    if inputs is not None:
        raise typer.BadParameter("--data has the samples: leave --inputs out", param_hint="--data")
    from isobit.train import load_data

    found = load_data(data)
    return found.test_inputs.numpy(), found.test_labels.numpy() if labels is None else load_vectors(labels)


def accuracy_command(
    build: BuildFolder,
    inputs: Annotated[
        Path | None, typer.Option(help=".npy of samples in the model's own layout; .npz where there are several")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help=".npy of one class a sample, counted from 0; or labels.npz:y")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="in place of both: the test samples of what `isobit quantize --data` takes")
    ] = None,
    topk: Annotated[int, typer.Option("--topk", min=1, help="the k of top-k")] = 5,
    output: Annotated[str | None, typer.Option(help="the output with the classes, where there are several")] = None,
    source: Annotated[bool, typer.Option(help="also run the source model")] = True,
    samples: Samples = None,
    ort_level: Annotated[
        str, typer.Option("--ort-level", help="optimisation of ONNX Runtime: disabled, basic, extended or all")
    ] = "disabled",
    compiler: Compiler = None,
    timeout: Timeout = 600.0,
    torch: Annotated[
        list[str] | None, typer.Option("--torch", help="also a torch module, file.py:factory; may be repeated")
    ] = None,
    rtl: Annotated[int, typer.Option(min=0, help="how many samples also go through the RTL, in Verilator")] = 0,
    exact: Annotated[
        int, typer.Option(min=0, help="on how many samples the source is also evaluated in exact arithmetic")
    ] = 0,
    board: Annotated[
        Path | None, typer.Option(help="outputs of a board for these samples, .npy or .npz, from the driver's run")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print it as JSON, the confusion matrix too")] = False,
) -> None:
    """Top-1 and top-k of the C++, the graph and the source, side by side. Status 1 if an integer is not the graph's."""
    from isobit.build.folder import load_build
    from isobit.check.csim.accuracy import accuracy
    from isobit.check.csim.samples import sample_form
    from isobit.check.csim.vectors import load_vectors
    from isobit.check.source.level import ort_level_of
    from isobit.report.predict import accuracy_table

    given, classes = _labelled(inputs, labels, data)
    with Progress() as progress:
        found = accuracy(
            load_build(build), given, classes, topk=topk, output=output, source=source,
            samples=sample_form(samples), ort_level=ort_level_of(ort_level), compiler=compiler, timeout=timeout,
            torch=tuple(torch or ()), rtl=rtl, board=None if board is None else load_vectors(board), exact=exact,
            progress=progress,
        )  # fmt: skip
    if as_json:
        sys.stdout.write(json.dumps(asdict(found) | {"equal": found.equal}, indent=1) + "\n")
    else:
        out.print(accuracy_table(found))
    raise typer.Exit(EXIT_EQUAL if found.equal else EXIT_MISMATCH)
