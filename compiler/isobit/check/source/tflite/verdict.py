"""Verdict 2 for a TFLite source: the graph's integers are those of the reference kernels, in every layer.

There are no ties: the kernels work on integers, and so does what evaluates the file
without any of the compiler's code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from isobit.check.csim.stimuli import float_samples
from isobit.check.source.float.ties import Tie
from isobit.check.source.tflite.evaluate import evaluate_tflite
from isobit.check.source.verdict import SourceVerdict, in_graph_layout, nearest_integers
from isobit.emit.build import Build
from isobit.errors import IsobitError
from isobit.frontend.tflite.file import load_tflite
from isobit.frontend.tflite.importer import ImportedTflite, import_traced
from isobit.frontend.tflite.model import TfliteModel, TfliteTensor
from isobit.interp import Evaluator, quantise
from isobit.ir.ops import Input
from isobit.ir.types import IntArray
from isobit.numerics import exact

SAMPLES, ELEMENTS = 256, 16_000_000
_MOST_LISTED = 1000


def check_tflite(build: Build, integers: Mapping[str, IntArray], samples: Mapping[str, Any]) -> SourceVerdict:
    """Compare the build's graph with its TFLite source; see :func:`isobit.check.source.compare.check_source`."""
    model = load_tflite(build.source)
    imported = import_traced(model)
    values = sum(imported.graph.types[n.name].size for n in imported.graph.nodes if n.inputs)
    count = min(max(ELEMENTS // values, 1), SAMPLES)
    entering, built = _entering(build, model, integers, samples, count)
    try:
        reference = evaluate_tflite(model, entering)
    except IsobitError as error:
        return SourceVerdict(0, -1, 0, 0, (), (), error.message, "tflite")
    compared, wrong = _outputs(build, imported, model, built, reference)
    every, different = _layers(imported, model, entering, reference)
    count = len(next(iter(entering.values())))
    return SourceVerdict(compared, wrong, count, every, (), tuple(different), form="tflite")


def _entering(
    build: Build, model: TfliteModel, integers: Mapping[str, IntArray], samples: Mapping[str, Any], count: int
) -> tuple[dict[int, Any], dict[str, IntArray]]:
    """What the source takes, by tensor, and the build's graph, by input: the same samples."""
    index_of = {model.tensors[i].name: i for i in model.inputs}
    entering: dict[int, Any] = {}
    built: dict[str, IntArray] = {}
    rng = np.random.default_rng(0)
    for node in build.reference.inputs:
        index, given = index_of[node.outside], integers[node.name][:count]
        if model.tensors[index].dtype != "float32":
            entering[index], built[node.name] = _outside(node, given), given
            continue
        floats = samples.get(node.outside)
        if floats is None or np.issubdtype(floats.dtype, np.integer):
            floats = float_samples(node, given, rng)
        entering[index] = floats[:count]
        built[node.name] = quantise(node, entering[index])
    return entering, built


def _outside(node: Input, integers: IntArray) -> IntArray:
    """The graph's input integers in the source's layout."""
    for op in reversed(node.host):
        if op.kind == "transpose":
            integers = integers.transpose(0, *(int(a) + 1 for a in np.argsort(op.shape)))
    return integers.reshape(len(integers), *node.outside_shape)


def _outputs(
    build: Build, imported: ImportedTflite, model: TfliteModel, built: Mapping[str, IntArray],
    reference: Mapping[int, IntArray],
) -> tuple[int, int]:  # fmt: skip
    """How many outputs of the build's graph were compared, and how many differ."""
    mine = Evaluator(build.reference).run(built)
    compared = wrong = 0
    for node in build.reference.outputs:
        index = imported.outputs[node.outside]
        theirs, scale = _centred(model.tensors[index], reference[index]), _scale(model.tensors[index])
        theirs = in_graph_layout(node, build.reference.types[node.name].shape, theirs.reshape(mine[node.name].shape))
        expected = nearest_integers(node, theirs * scale.numerator, scale.denominator)
        compared += expected.size
        wrong += int(np.count_nonzero(mine[node.name] != expected))
    return compared, wrong


def _layers(
    imported: ImportedTflite, model: TfliteModel, entering: Mapping[int, Any], reference: Mapping[int, IntArray]
) -> tuple[int, list[Tie]]:
    """Integers of every tensor compared, and the first that differ."""
    graph = imported.graph
    inputs = {node.name: i for node in graph.inputs for i in model.inputs if model.tensors[i].name == node.outside}
    integers = {
        node.name: entering[inputs[node.name]].astype(np.int64)
        if model.tensors[inputs[node.name]].dtype != "float32"
        else quantise(node, entering[inputs[node.name]])
        for node in graph.inputs
    }
    taps = Evaluator(graph).run(integers, taps=True)
    compared, different = 0, []
    for index in sorted(reference.keys() & imported.values.keys()):
        value = imported.values[index]
        if value.name not in taps:
            continue
        mine = taps[value.name] - value.zero
        theirs = _centred(model.tensors[index], reference[index]).reshape(mine.shape)
        compared += mine.size
        different += list(_differences(value.name, mine, theirs))
    return compared, different[:_MOST_LISTED]


def _differences(layer: str, mine: IntArray, theirs: IntArray) -> Iterator[Tie]:
    for where in np.argwhere(mine != theirs)[:_MOST_LISTED]:
        sample, *element = (int(i) for i in where)
        place = (sample, *element)
        steps = float(abs(int(mine[place]) - int(theirs[place])))
        yield Tie(layer, sample, tuple(element), int(mine[place]), int(theirs[place]), steps, 0.0)


def _centred(tensor: TfliteTensor, integers: IntArray) -> IntArray:
    return integers - (tensor.zero_point[0] if tensor.zero_point else 0)


def _scale(tensor: TfliteTensor) -> Any:
    return exact(np.float32(tensor.scale[0])) if tensor.scale else exact(np.float32(1))
