"""``isobit quantize``: a float torch network in, a quantised QONNX file out, with the accuracy of every stage."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from isobit.cli.terminal import Progress, out
from isobit.errors import IsobitError, printable


def quantize_command(
    model: Annotated[str, typer.Argument(help="file.py:factory or package.module:factory returning a float network")],
    data: Annotated[Path, typer.Option(help="x_train, y_train, x_test, y_test in an .npz file, or folders of images")],
    output: Annotated[Path, typer.Option("-o", "--output", help="the QONNX file")],
    weights: Annotated[str | None, typer.Option(help="integer and fraction bits of weights: 1.5")] = None,
    acts: Annotated[
        str | None, typer.Option(help="integer and fraction bits of activations: 6.6, or tapered:5")
    ] = None,
    formats: Annotated[
        str, typer.Option("--format", help="fixed, int8 (per channel, calibrated), tapered:4, float:e2m1 ...")
    ] = "fixed",
    scales: Annotated[str, typer.Option(help="of int, tapered and float formats: free, or power-of-two")] = "free",
    per_tensor: Annotated[
        bool, typer.Option("--per-tensor", help="one scale for a layer's weights, not one for each output channel")
    ] = False,
    entry: Annotated[str | None, typer.Option("--input", help="format of the network's input, where another")] = None,
    layer: Annotated[
        list[str] | None, typer.Option(help="format of a layer or activation: blocks.0.*=2.4; may be repeated")
    ] = None,
    method: Annotated[str, typer.Option(help="ptq, or qat: trained on in the formats")] = "ptq",
    batchnorm: Annotated[str, typer.Option(help="keep, or merge into the weights")] = "keep",
    fit_range: Annotated[
        bool, typer.Option(help="fill the weights' range by powers of two that a BatchNorm takes back")
    ] = True,
    equalise: Annotated[int, typer.Option(min=0, help="iterations of cross-layer equalisation")] = 0,
    gptq: Annotated[bool, typer.Option("--gptq", help="choose the weights' integers by GPTQ")] = False,
    learned_rounding: Annotated[
        int, typer.Option("--learned-rounding", min=0, help="iterations a layer to learn whether weights go up or down")
    ] = 0,
    bias_correction: Annotated[bool, typer.Option("--bias-correction", help="correct biases")] = False,
    rescale_bits: Annotated[
        int | None, typer.Option("--rescale-bits", help="the widest multiplicand of a requantizer, with --format int8")
    ] = None,
    epochs: Annotated[int, typer.Option(min=0, help="of qat")] = 5,
    rate: Annotated[float, typer.Option(min=0.0, help="of qat, of Adam")] = 1e-3,
    seed: Annotated[int, typer.Option(min=0, help="of qat")] = 0,
    checkpoint: Annotated[Path | None, typer.Option(help="of qat: an interrupted run goes on from it")] = None,
    features: Annotated[
        bool, typer.Option("--features", help="the network gives features, not scores: no accuracy, ptq only")
    ] = False,
    arg: Annotated[list[str] | None, typer.Option(help="argument of the factory: fm=8; may be repeated")] = None,
) -> None:
    """Quantise a float network by Brevitas and write it as QONNX; prints the accuracy before and after."""
    from isobit.api.arguments import assignments, one_of
    from isobit.build.files import refuse_unwritable
    from isobit.frontend.brevitas import export_module
    from isobit.frontend.factories import load_module
    from isobit.numerics.formats.choose import Scales
    from isobit.train import load_data
    from isobit.train.quantising import Request, quantise
    from isobit.train.schemes import parse_formats

    refuse_unwritable(output)
    one_of("--method", method, ("ptq", "qat"))
    one_of("--batchnorm", batchnorm, ("keep", "merge"))
    one_of("--scales", scales, ("free", "power-of-two"))
    kind: Scales = "free" if scales == "free" else "power-of-two"
    found = parse_formats(formats, weights, acts, entry).scaled(kind, not per_tensor)
    request = Request(
        found, "qat" if method == "qat" else "ptq", _rule(layer or []), batchnorm == "merge", fit_range, equalise, gptq,
        bias_correction, epochs, rate, seed, checkpoint, not features, learned_rounding,
        rescale_bits,
    )  # fmt: skip
    with Progress() as progress:
        progress("reading the data")
        samples = load_data(data)
        network = load_module(model, assignments(arg or []))
        made = quantise(network, samples, request, progress)
        progress("writing the file")
        shape = tuple(samples.train_inputs.shape[1:])
        export_module(made.model, shape, output)
        held = _held(output, made.model, samples, progress) if made.stages else None
    short = "" if rescale_bits is None else f", multiplicands of {rescale_bits} bits"
    out.print(f"{printable(model)}: {found}{short}", soft_wrap=True)
    if held is not None:
        out.print(_table((*made.stages, held[0])))
        last = made.stages[-1].name
        out.print(f"{last} and file: {held[1]:,} of {len(samples.test_labels):,} predictions differ")
    said = escape(shlex.quote(str(output)))
    out.print(f"{said} is ready: isobit compile {said} -o build", soft_wrap=True)


def _held(file: Path, network: Any, samples: Any, progress: Callable[[str], None]) -> tuple[Any, int]:
    """The stage ``file``: the written file's integer graph, and how many predictions are not the network's."""
    import numpy as np

    from isobit.flow import import_source
    from isobit.interp import dequantise, quantise, run
    from isobit.train.quantising import Stage
    from isobit.train.running import module_outputs

    progress("evaluating the file")
    graph = import_source(file)
    (entry,), (exit_,) = graph.inputs, graph.outputs
    found = []
    for part in samples.test_inputs.split(256):
        integers = run(graph, {entry.name: quantise(entry, part.numpy())})[exit_.name]
        found.append(dequantise(exit_, integers).argmax(1))
    classes, labels = np.concatenate(found), samples.test_labels.numpy()
    theirs = module_outputs(network, samples.test_inputs.numpy()).argmax(1)
    return Stage("file", float((classes == labels).mean())), int((classes != theirs).sum())


def _rule(words: list[str]) -> Any:
    from isobit.train.fixed_point import parse_fixed

    rule = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not (equals and name):
            raise IsobitError("E613", f"--layer {printable(word)!r}", hint="--layer blocks.0.*=2.4")
        rule[name] = parse_fixed(text)
    return rule or None


def _table(stages: tuple[Any, ...]) -> Table:
    table = Table("network", "top-1", box=None)
    for stage in stages:
        table.add_row(stage.name, f"{100 * stage.accuracy:.2f} %")
    return table
