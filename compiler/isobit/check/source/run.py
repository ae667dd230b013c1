"""The source's own run of a user's samples, in chunks that fit memory: what its outputs are, and who computed them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.build.folder import Build
from isobit.check.csim.samples import as_integers
from isobit.check.csim.stimuli import float_samples
from isobit.check.source.backbone import backbone
from isobit.check.source.exported import exported_outputs
from isobit.check.source.float.ort import PACKAGE, ort_version, run_ort, why_not_ort
from isobit.check.source.float.run import by_tensor, qonnx_version, run_float
from isobit.check.source.level import OrtLevel
from isobit.errors import IsobitError
from isobit.frontend.onnx.file import load_onnx
from isobit.frontend.tflite.model import is_tflite
from isobit.interchange.onnx_file import is_exported
from isobit.ir.ops import Input

Arrays = Mapping[str, NDArray[Any]]
_VALUES = 60_000_000
"""Values of the graph that one chunk of samples may have."""


def source_outputs(
    build: Build, samples: Arrays, ort_level: OrtLevel = "disabled", progress: Callable[[str], None] = lambda _: None
) -> tuple[str, dict[str, NDArray[Any]]]:
    """Real outputs ``(batch, *outside_shape)`` by the source's names, and who computed them, by name and version.

    Of a build with a few-shot head these are the features: the head is no part of the source.

    Args:
        samples: by the source's names, as :func:`isobit.check.csim.samples.read_samples` makes them.
        ort_level: the graph optimisation of ONNX Runtime, where it runs the file.

    Raises:
        IsobitError: E303 when the program is not installed, E606 when it does not run the file.
    """
    build = backbone(build)
    values = sum(build.graph.types[n.name].size for n in build.graph.nodes if n.inputs)
    count, size = len(next(iter(samples.values()))), max(_VALUES // max(values, 1), 1)
    judge, run = _runner(build, ort_level)
    given = {node.outside: samples[node.outside] for node in build.graph.inputs}
    chunks = []
    for first in range(0, count, size):
        progress(f"running the source by {judge}: {first:,} of {count:,} samples")
        chunks.append(run({name: x[first : first + size] for name, x in given.items()}))
    return judge, {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def _runner(build: Build, level: OrtLevel) -> tuple[str, Callable[[Arrays], dict[str, NDArray[Any]]]]:
    if is_tflite(build.source):
        return _tflite(build)
    if is_exported(build.source):
        return f"{PACKAGE} {ort_version()}", lambda x: exported_outputs(build, x)
    return _onnx(build, level)


def _onnx(build: Build, level: OrtLevel) -> tuple[str, Callable[[Arrays], dict[str, NDArray[Any]]]]:
    model, by_ort = load_onnx(build.source), not why_not_ort(build.source)
    version = ort_version() if by_ort else qonnx_version()
    if by_ort and not version:
        raise IsobitError("E303", f"{PACKAGE}: not installed", hint=f"pip install {PACKAGE}")

    def run(x: Arrays) -> dict[str, NDArray[Any]]:
        reals = {node.outside: _real(node, x[node.outside]) for node in build.graph.inputs}
        inputs = by_tensor(model, reals, len(next(iter(reals.values()))))
        done = run_ort(build.source, inputs, level) if by_ort else run_float(model, inputs)
        return {o.outside: _shaped(done.outputs[o.outside], o.outside_shape) for o in build.graph.outputs}

    return f"{PACKAGE if by_ort else 'qonnx'} {version}", run


def _tflite(build: Build) -> tuple[str, Callable[[Arrays], dict[str, NDArray[Any]]]]:
    from isobit.check.source.tflite.file import read_tflite
    from isobit.check.source.tflite.layers import centred
    from isobit.check.source.tflite.litert import NAMES, litert_version, run_litert
    from isobit.check.source.tflite.verdict import in_source_layout

    version = litert_version()
    if not version:
        raise IsobitError("E303", "ai-edge-litert: not installed", hint="pip install ai-edge-litert")
    file = read_tflite(build.source)
    inputs, outputs = ({file.tensors[i].name: i for i in side} for side in (file.inputs, file.outputs))

    def taken(node: Input, x: NDArray[Any]) -> NDArray[Any]:
        if file.tensors[inputs[node.outside]].dtype == "float32":
            return _real(node, x)
        return in_source_layout(node, as_integers(node, x))

    def run(x: Arrays) -> dict[str, NDArray[Any]]:
        given = {inputs[node.outside]: taken(node, x[node.outside]) for node in build.graph.inputs}
        found = run_litert(build.source, given, "BUILTIN", {outputs[o.outside] for o in build.graph.outputs}).tensors
        made = {}
        for node in build.graph.outputs:
            tensor, values = file.tensors[outputs[node.outside]], found[outputs[node.outside]]
            if values.dtype.kind != "f":
                values = centred(tensor, values.astype(np.int64)) * (tensor.scale[0] if tensor.scale else 1.0)
            made[node.outside] = _shaped(values, node.outside_shape)
        return made

    return f"{NAMES['BUILTIN']} {version}", run


def _real(node: Input, x: NDArray[Any]) -> NDArray[Any]:
    """Real values as they are, and real values that stand for the graph's integers."""
    return float_samples(node, x, np.random.default_rng(0)) if np.issubdtype(x.dtype, np.integer) else x


def _shaped(x: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    return x.reshape(len(x), *shape)
