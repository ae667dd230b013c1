"""``isobit.export``: a build's or a model's integers as files for other programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast, get_args

from isobit.api.arguments import Shaped, one_of, shape_of, vectors_of
from isobit.api.progress import quiet, telling
from isobit.build.files import MANIFEST, refuse_unwritable
from isobit.build.folder import Build, load_build
from isobit.check.csim.run import given_integers
from isobit.check.csim.samples import sample_form
from isobit.check.csim.stimuli import vectors_for
from isobit.errors import IsobitError, did_you_mean, printable
from isobit.flow import Exporter, import_source
from isobit.frontend.qonnx.float_arithmetic import arithmetic_of
from isobit.interchange.write import Exported, export_graph
from isobit.interp.work import multiply_accumulates
from isobit.ir import Graph
from isobit.ir.types import IntArray
from isobit.kinds import Vectors, coded
from isobit.passes import PIPELINE, optimise

VECTORS, MACS = 64, 200_000_000
IMPORTED = "import"
"""The graph before any pass, for ``after``."""


@coded
@telling
def export(
    source: Any, *, onnx: str | Path | None = None, qonnx: str | Path | None = None, npz: str | Path | None = None,
    c: str | Path | None = None, after: str | None = None, input_shape: Shaped = None,
    input_type: str | None = None, input_scale: str | int | Fraction = "1", exporter: str = "torchscript",
    arithmetic: str = "auto", arguments: Mapping[str, Any] = MappingProxyType({}), inputs: Any = None,
    samples: str | None = None, vectors: Vectors | None = None, progress: Callable[[str], None] = quiet,
) -> tuple[Exported, ...]:  # fmt: skip
    """Write a graph as files, each of which is run before it is kept.

    Args:
        source: a build or its folder, or a model as :func:`isobit.compile` takes it.
        onnx: plain ONNX operators in int64, for ONNX Runtime.
        qonnx: a QONNX file with one operator for each of the graph's, for qonnx and viewers.
        npz: weights, multiplicands, shifts, thresholds and tables as numpy arrays.
        c: one C99 header with the constants and a reference ``infer()``.
        after: of a model: the pass after which its graph is written, by name or by its number in docs/passes.md, or
            ``import`` for the graph before any; all passes without it.
        inputs, samples: the user's own samples as for :func:`isobit.csim`, on which the files are run.
        vectors: how many edge-case and random samples they are run on without; 64, fewer for large networks.

    Raises:
        IsobitError: E615, E601, E613, and every refusal of an import; CheckFailed: E616 when a program that runs a file
            computes another integer. Then nothing is written.
    """
    wanted = {"onnx": onnx, "qonnx": qonnx, "npz": npz, "c": c}
    files = {form: Path(path) for form, path in wanted.items() if path is not None}
    _refuse_paths(files, source)
    one_of("exporter", exporter, get_args(Exporter), "E302")
    progress("reading the model")
    built = _build(source)
    if built is None:
        imported = import_source(
            source, input_shape=shape_of(input_shape), input_type=input_type, input_scale=str(input_scale),
            exporter=cast(Exporter, exporter), arithmetic=arithmetic_of(arithmetic), arguments=arguments,
        )  # fmt: skip
        graph = _after(imported, after)
    elif after is None:
        graph = built.graph
    else:
        raise IsobitError("E613", "a build holds its last graph only", hint="give the model for --after")
    return export_graph(graph, files, _vectors(graph, inputs, samples, vectors), progress)


def _refuse_paths(files: Mapping[str, Path], source: Any) -> None:
    if not files:
        raise IsobitError("E613", "no file is asked for", hint="--onnx, --qonnx, --npz or --c with a file name")
    if len({path.absolute() for path in files.values()}) < len(files):
        raise IsobitError("E613", "two forms are to go to one file", hint="give each a name of its own")
    for path in files.values():
        refuse_unwritable(path)
        if isinstance(source, str | Path) and path.is_file() and path.resolve() == Path(source).resolve():
            raise IsobitError("E613", "the export would replace its model", where=printable(path), hint="another name")


def _build(source: Any) -> Build | None:
    """The build that is meant, None for a model."""
    if isinstance(source, Build):
        return source
    if isinstance(source, str | Path) and (Path(source) / MANIFEST).is_file():
        return load_build(source)
    return None


def _after(graph: Graph, after: str | None) -> Graph:
    """The graph after the pass of this name or number; the last of those that share a name."""
    if after is None:
        return optimise(graph)
    if after == IMPORTED:
        return graph
    names = [step.name for step in PIPELINE]
    if after.isdecimal() and 1 <= int(after) <= len(names):
        return optimise(graph, PIPELINE[: int(after)])
    if after not in names:
        raise IsobitError("E613", f"no pass {printable(after)!r}", hint=did_you_mean(after, {*names, IMPORTED}))
    return optimise(graph, PIPELINE[: len(names) - names[::-1].index(after)])


def _vectors(graph: Graph, inputs: Any, samples: str | None, count: int | None) -> Mapping[str, IntArray]:
    if inputs is not None:
        return given_integers(graph, vectors_of(inputs), sample_form(samples))
    affordable = max(MACS // max(multiply_accumulates(graph), 1), 2)
    return vectors_for(graph, count or min(VECTORS, affordable), seed=1)
