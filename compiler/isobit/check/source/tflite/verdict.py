"""Verdict 2 for a TFLite source: the graph's integers are those of the reference kernels, in every layer.

There are no ties: the kernels work on integers, and so does what evaluates the file without any of the compiler's
code. Where LiteRT is installed, the kernels themselves run too (:mod:`isobit.check.source.tflite.oracles`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from isobit.build.folder import Build
from isobit.check.csim.stimuli import float_samples
from isobit.check.source.tflite.evaluate import evaluate_tflite
from isobit.check.source.tflite.file import File, read_tflite
from isobit.check.source.tflite.layers import Beside, centred, output_integers
from isobit.check.source.tflite.oracles import litert_oracles, shown_by_default
from isobit.check.source.verdict import SourceVerdict, Tie
from isobit.errors import IsobitError
from isobit.frontend.tflite.file import load_tflite
from isobit.frontend.tflite.importer import ImportedTflite, import_traced
from isobit.interp import Evaluator, quantise
from isobit.ir.ops import Input
from isobit.ir.types import IntArray

SAMPLES, ELEMENTS = 256, 16_000_000
_MOST_LISTED = 1000


def check_tflite(build: Build, integers: Mapping[str, IntArray], samples: Mapping[str, Any]) -> SourceVerdict:
    """Compare the build's graph with its TFLite source; see :func:`isobit.check.source.compare.check_source`."""
    model, file = load_tflite(build.source), read_tflite(build.source)
    imported = import_traced(model)
    values = sum(imported.graph.types[n.name].size for n in imported.graph.nodes if n.inputs)
    count = min(max(ELEMENTS // values, 1), SAMPLES)
    entering, built = _entering(build, file, integers, samples, count)
    beside = Beside(file, imported, entering, _traced(imported, file, entering))
    mine = Evaluator(build.reference).run(built)
    oracles = litert_oracles(build.source, model, beside, build.reference, mine)
    try:
        reference = evaluate_tflite(file, entering)
    except IsobitError as error:
        return SourceVerdict(0, -1, 0, 0, (), (), error.message, "tflite", oracles)
    compared = wrong = 0
    for node in build.reference.outputs:
        index = imported.outputs[node.outside]
        expected = output_integers(build.reference, node, file.tensors[index], reference[index])
        compared += expected.size
        wrong += int(np.count_nonzero(mine[node.name] != expected))
    every, different = _layers(beside, reference)
    count = len(next(iter(entering.values())))
    return SourceVerdict(
        compared,
        wrong,
        count,
        every,
        (),
        tuple(different),
        form="tflite",
        oracles=oracles,
        ends=shown_by_default(oracles),
    )


def _entering(
    build: Build, file: File, integers: Mapping[str, IntArray], samples: Mapping[str, Any], count: int
) -> tuple[dict[int, Any], dict[str, IntArray]]:
    """What the source takes, by tensor, and the build's graph, by input: the same samples."""
    index_of = {file.tensors[i].name: i for i in file.inputs}
    entering: dict[int, Any] = {}
    built: dict[str, IntArray] = {}
    rng = np.random.default_rng(0)
    for node in build.reference.inputs:
        index, given = index_of[node.outside], integers[node.name][:count]
        if file.tensors[index].dtype != "float32":
            entering[index], built[node.name] = in_source_layout(node, given), given
            continue
        floats = samples.get(node.outside)
        if floats is None or np.issubdtype(floats.dtype, np.integer):
            floats = float_samples(node, given, rng)
        entering[index] = floats[:count]
        built[node.name] = quantise(node, entering[index])
    return entering, built


def in_source_layout(node: Input, integers: IntArray) -> IntArray:
    """The graph's input integers in the source's layout."""
    for op in reversed(node.host):
        if op.kind == "transpose":
            integers = integers.transpose(0, *(int(a) + 1 for a in np.argsort(op.shape)))
    return integers.reshape(len(integers), *node.outside_shape)


def _traced(imported: ImportedTflite, file: File, entering: Mapping[int, Any]) -> dict[str, IntArray]:
    """The integers that enter the imported graph, by its inputs."""
    index_of = {file.tensors[i].name: i for i in file.inputs}
    return {
        node.name: entering[index_of[node.outside]].astype(np.int64)
        if file.tensors[index_of[node.outside]].dtype != "float32"
        else quantise(node, entering[index_of[node.outside]])
        for node in imported.graph.inputs
    }


def _layers(beside: Beside, reference: Mapping[int, IntArray]) -> tuple[int, list[Tie]]:
    """Integers of every tensor compared, and the first that differ."""
    taps = Evaluator(beside.imported.graph).run(beside.integers, taps=True)
    compared, different = 0, []
    for index in sorted(reference.keys() & beside.imported.values.keys()):
        value = beside.imported.values[index]
        if value.name not in taps:
            continue
        mine = taps[value.name] - value.zero
        theirs = centred(beside.file.tensors[index], reference[index]).reshape(mine.shape)
        compared += mine.size
        different += list(_differences(value.name, mine, theirs))
    return compared, different[:_MOST_LISTED]


def _differences(layer: str, mine: IntArray, theirs: IntArray) -> Iterator[Tie]:
    for where in np.argwhere(mine != theirs)[:_MOST_LISTED]:
        sample, *element = (int(i) for i in where)
        place = (sample, *element)
        steps = float(abs(int(mine[place]) - int(theirs[place])))
        yield Tie(layer, sample, tuple(element), int(mine[place]), int(theirs[place]), steps, 0.0)
