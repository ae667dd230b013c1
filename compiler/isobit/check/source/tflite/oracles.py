"""LiteRT as an oracle of verdict 2: its reference kernels judge every layer, its default kernels are told beside.

Reference and default kernels disagree for some operators (``docs/kernels.md``). What the graph follows is the reference
kernel, but for int8 SUM, whose reference kernel is the wrong one: there it follows TensorFlow Lite Micro, and the
verdict says how often LiteRT's default kernel, which works in float32, gives another integer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.check.source.oracles import EndToEnd, OracleRun
from isobit.check.source.tflite.file import Operator, Tensor
from isobit.check.source.tflite.layers import Beside, output_integers, pairs
from isobit.check.source.tflite.litert import NAMES, Kernels, LitertRun, litert_version, run_litert
from isobit.errors import IsobitError, printable
from isobit.frontend.tflite.model import TfliteModel
from isobit.ir import Graph
from isobit.ir.ops import Linear
from isobit.ir.types import IntArray

MOST_PRODUCTS, MOST_SAMPLES = 1_000_000_000, 64
"""What is run at most: the reference kernels are slow, about 100 million products a second."""
REFERENCE: Kernels = "BUILTIN_REF"
DEFAULT: Kernels = "BUILTIN"
PLAIN: Kernels = "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
_WRONG_REFERENCE = "int8 SUM follows TensorFlow Lite Micro: this reference kernel reads int8 as if it were uint8"


def litert_oracles(
    path: Path, model: TfliteModel, beside: Beside, built: Graph, outputs: Mapping[str, IntArray]
) -> tuple[OracleRun, ...]:
    """What LiteRT says of the file: the reference kernels of every layer, the default kernels of the outputs.

    Args:
        model: the importer's reading, whose operators LiteRT's own list must confirm.
        built: the graph that is built, with ``outputs`` its integers for the samples in ``beside``.
    """
    version = litert_version()
    if not version:
        return (OracleRun(NAMES[REFERENCE], note="not installed (pip install ai-edge-litert)"),)
    beside = _part(beside)
    judges = [_reference(path, model, beside, built, outputs, version)]
    if any(_wrong_reference(beside, o) for o in beside.file.operators):
        judges.append(_sums(path, beside, version))
    return (*judges, _default(path, beside, built, outputs, version))


def _reference(
    path: Path, model: TfliteModel, beside: Beside, built: Graph, outputs: Mapping[str, IntArray], version: str
) -> OracleRun:
    """The reference kernels, of every layer and of the outputs."""
    wanted = set(beside.comparable()) | set(beside.imported.outputs.values()) - set(beside.file.inputs)
    try:
        run = run_litert(path, beside.entering, REFERENCE, wanted)
    except IsobitError as error:
        return OracleRun(NAMES[REFERENCE], version, note=error.message)
    left_out = _values_of_sums(beside)
    first = _misread(model, run)
    integers, wrong, where = _compared(
        beside, run, {i for i, name in beside.comparable().items() if name not in left_out}
    )
    count, differing = _ends(beside, built, outputs, run.tensors)
    explained = bool(left_out) and not wrong and not first
    unexplained = wrong + bool(first) + (0 if explained or wrong else differing)
    return OracleRun(
        NAMES[REFERENCE], version, _samples(beside), count, differing, integers, unexplained, first or where,
        _WRONG_REFERENCE if left_out else "",
    )  # fmt: skip


def _sums(path: Path, beside: Beside, version: str) -> OracleRun:
    """LiteRT's default kernel of int8 SUM, on its own integers: told, not followed, as it works in float32."""
    try:
        run = run_litert(path, beside.entering, PLAIN, set(beside.comparable()))
    except IsobitError as error:
        return OracleRun(NAMES[PLAIN], version, note=error.message)
    sums = _values_of_sums(beside)
    judged = {i for i, name in beside.comparable().items() if name in sums}
    integers, wrong, _ = _compared(beside, run, judged)
    note = f"int8 SUM follows TensorFlow Lite Micro; of {integers:,} integers {wrong:,} differ in this float32 kernel"
    return OracleRun(NAMES[PLAIN], version, _samples(beside), integers=integers, note=note)


def _default(path: Path, beside: Beside, built: Graph, outputs: Mapping[str, IntArray], version: str) -> OracleRun:
    """The outputs of the default kernels: what a user of LiteRT sees, not what is followed."""
    ends = _endings(beside)
    if not ends:
        return OracleRun(NAMES[DEFAULT], version, note="no output is an integer tensor, dequantised or not")
    try:
        run = run_litert(path, beside.entering, DEFAULT, set(ends.values()))
    except IsobitError as error:
        return OracleRun(NAMES[DEFAULT], version, note=error.message)
    tensors = {i: _stored(beside.file.tensors[i], run.tensors[end]) for i, end in ends.items()}
    count, differing = _ends(beside, built, outputs, tensors)
    note = "these kernels round otherwise and are not followed" if differing else ""
    return OracleRun(NAMES[DEFAULT], version, _samples(beside), count, differing, note=note)


def shown_by_default(oracles: Sequence[OracleRun]) -> EndToEnd | None:
    """The default kernels' run as what a user sees who runs the file in LiteRT; None where they did not run."""
    for run in oracles:
        if run.name == NAMES[DEFAULT] and run.ran:
            equal = run.outputs - run.mismatches
            return EndToEnd(str(run), run.samples, run.outputs, equal, 0, 0, "they round otherwise: docs/kernels.md")
    return None


def _endings(beside: Beside) -> dict[int, int]:
    """The file's output for every last tensor of integers that it shows: itself, or what DEQUANTIZE makes of it."""
    sources = {o.outputs[0]: o.inputs[0] for o in beside.file.operators if o.op == "DEQUANTIZE"}
    shown = {sources.get(i, i): i for i in beside.file.outputs}
    return {i: shown[i] for i in beside.imported.outputs.values() if i in shown}


def _stored(tensor: Tensor, found: NDArray[Any]) -> IntArray:
    """The stored integers of a tensor, from itself or from its real values."""
    if found.dtype.kind != "f":
        return found.astype(np.int64)
    return np.asarray(np.round(found.astype(np.float64) / tensor.scale[0]).astype(np.int64) + tensor.zero_point[0])


# --------------------------------------------------------------------------------------------------------- comparisons


def _compared(beside: Beside, run: LitertRun, judged: set[int]) -> tuple[int, int, str]:
    """Integers compared, how many differ, and the first that does."""
    compared = wrong = 0
    first = ""
    for pair in pairs(beside, run.tensors):
        if pair.tensor not in judged:
            continue
        mine, theirs = pair.mine, pair.theirs
        different = np.argwhere(mine != theirs)
        compared, wrong = compared + mine.size, wrong + len(different)
        if len(different) and not first:
            sample, *element = (int(i) for i in different[0])
            place = (sample, *element)
            first = (
                f"layer {pair.layer}, sample {sample}, element {element}: graph {mine[place]}, LiteRT {theirs[place]}"
            )
    return compared, wrong, first


def _ends(
    beside: Beside, built: Graph, outputs: Mapping[str, IntArray], tensors: Mapping[int, NDArray[Any]]
) -> tuple[int, int]:
    """Outputs compared from end to end, and how many differ."""
    count = wrong = 0
    for node in built.outputs:
        index = beside.imported.outputs[node.outside]
        if index not in tensors:
            continue
        theirs = output_integers(built, node, beside.file.tensors[index], tensors[index])
        count += theirs.size
        wrong += int(np.count_nonzero(outputs[node.name][: len(theirs)] != theirs))
    return count, wrong


def _misread(model: TfliteModel, run: LitertRun) -> str:
    """The first operator that the importer takes for another than LiteRT does, "" for none."""
    for operator in model.operators:
        theirs = run.operators.get(operator.index, operator.op)
        if theirs != operator.op:
            return f"operator {operator.index} was read as {operator.op}, LiteRT says {printable(theirs)}"
    return ""


def _wrong_reference(beside: Beside, operator: Operator) -> bool:
    return operator.op == "SUM" and beside.file.tensors[operator.outputs[0]].dtype == "int8"


def _values_of_sums(beside: Beside) -> set[str]:
    """The graph's values of int8 sums, which other tensors may only reshape."""
    sums = {i for o in beside.file.operators if _wrong_reference(beside, o) for i in o.outputs}
    return {name for i, name in beside.comparable().items() if i in sums}


def _samples(beside: Beside) -> int:
    return len(next(iter(beside.entering.values())))


def _part(beside: Beside) -> Beside:
    """As many samples as the slow kernels can be asked for, at least one."""
    graph = beside.imported.graph
    weights = {n.name: graph.types[n.inputs[1]] for n in graph.nodes if isinstance(n, Linear)}
    products = sum(graph.types[n].size * prod(kind.shape[1:]) for n, kind in weights.items())
    count = min(max(MOST_PRODUCTS // max(products, 1), 1), MOST_SAMPLES)
    entering = {i: x[:count] for i, x in beside.entering.items()}
    return Beside(beside.file, beside.imported, entering, {n: x[:count] for n, x in beside.integers.items()})
