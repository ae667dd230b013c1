"""The float32 execution of the source by QONNX, in whole batches where the graph allows it.

This is a second opinion, not the reference: float32 sums depend on their order, so values may differ from the exact
ones in the last bits, and integers may differ where an exact value lies on a rounding edge. Tensors keep the names of
the user's file. Where a graph cannot take a batch, samples go through one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.file import load_onnx
from isobit.frontend.onnx.functions import inlined
from isobit.frontend.onnx.model import OWN_DOMAIN, OWN_OPERATORS, QUANTISERS, SourceModel
from isobit.frontend.onnx.proto import drop_width_notes

Floats = NDArray[Any]
_QONNX_DOMAIN = "qonnx.custom_op.general"
_QUANTISERS = (*sorted(QUANTISERS), *sorted(OWN_OPERATORS), "IntQuant", "QuantizeLinear")
_CHANNELS_LAST_DOMAIN = "qonnx.custom_op.channels_last"


@dataclass(frozen=True)
class FloatRun:
    """Graph outputs by label, and the outputs of all quantisers by tensor name.

    Arrays are [N, ...]; those of quantised constants have the constant's own shape.
    """

    outputs: Mapping[str, Floats]
    tensors: Mapping[str, Floats]


def run_float(
    source: Path | SourceModel, inputs: Floats | Mapping[str, Floats], batch: int = 256, also: Sequence[str] = (),
    told: Callable[[str], None] = lambda _: None,
) -> FloatRun:  # fmt: skip
    """Run the source model in float32 with QONNX.

    Args:
        source: the file, or the model loaded from it.
        inputs: [N, ...] for the only input, or one such array per input name.
        batch: samples that go through at once.
        also: tensors that are returned beside those of the quantisers.
        told: hears of how many samples are done.

    Raises:
        IsobitError: E607 (inputs do not fit), E303 (qonnx is not installed), E606 (qonnx cannot run the model), and
            those of :func:`~isobit.frontend.onnx.file.load_onnx`.
    """
    model = source if isinstance(source, SourceModel) else load_onnx(Path(source))
    arrays = _named(model, inputs)
    count = len(next(iter(arrays.values())))
    size = min(batch, count)
    runner = _Runner(model, size, also)
    if size > 1 and not runner.takes_batches():
        runner = _Runner(model, 1, also)
    chunks: list[dict[str, Floats]] = []
    for chunk in batches(arrays, runner.batch):
        told(f"{min(len(chunks) * runner.batch, count):,} of {count:,} samples")
        chunks.append(runner.run(chunk))
    together = {name: joined(name, chunks, runner.dependent, count, runner.batch) for name in chunks[0]}
    labels = [info.label for info in model.outputs]
    return FloatRun(
        MappingProxyType({name: together[name] for name in labels}),
        MappingProxyType({name: together[name] for name in runner.quantised}),
    )


def by_tensor(model: SourceModel, samples: Mapping[str, Floats], count: int) -> dict[str, Floats]:
    """The first ``count`` samples of every input as the file takes them, by tensor name.

    Args:
        samples: by the source's names. An input that no operator reads may be left out: it is zeros then.
    """
    return {
        i.name: samples[i.label][:count].reshape(count, *i.shape[1:])
        if i.label in samples
        else np.zeros((count, *i.shape[1:]), np.float32)
        for i in model.inputs
    }


def _named(model: SourceModel, inputs: Floats | Mapping[str, Floats]) -> dict[str, Floats]:
    names = [info.name for info in model.inputs]
    if isinstance(inputs, np.ndarray):
        inputs = {names[0]: inputs} if len(names) == 1 else {}
    lengths = {len(array) for array in inputs.values() if array.ndim}
    if set(inputs) != set(names) or len(lengths) != 1 or 0 in lengths:
        raise IsobitError("E607", f"one array [N, ...] with N above 0 is needed for each of {len(names)} inputs")
    for info in model.inputs:
        if inputs[info.name].shape[1:] != info.shape[1:]:
            shape = list(inputs[info.name].shape)
            raise IsobitError("E607", f"input '{printable(info.name)}' has shape {shape}, not [N, *{info.shape[1:]}]")
    return {info.name: inputs[info.name].astype(info.dtype) for info in model.inputs}


def batches(arrays: Mapping[str, Floats], batch: int) -> Iterator[dict[str, Floats]]:
    """Batches of equal size; the last one is filled up with its own last sample."""
    count = len(next(iter(arrays.values())))
    for start in range(0, count, batch):
        index = np.minimum(np.arange(start, start + batch), count - 1)
        yield {name: array[index] for name, array in arrays.items()}


def joined(
    name: str, chunks: list[dict[str, Floats]], dependent: frozenset[str], count: int, batch: int
) -> Floats:  # fmt: skip
    """One tensor of all batches, without what filled the last one up; a constant's own array.

    Rows of a sample that the file has on the batch axis get an axis of their own.
    """
    if name not in dependent:
        return chunks[0][name]
    whole = np.concatenate([np.atleast_1d(chunk[name]) for chunk in chunks])
    samples = len(chunks) * batch
    return (whole if len(whole) == samples or len(whole) % samples else whole.reshape(samples, -1, *whole.shape[1:]))[
        :count
    ]


class _Runner:
    """The file as a QONNX model of a fixed batch size."""

    def __init__(self, model: SourceModel, batch: int, also: Sequence[str]) -> None:
        self.batch = batch
        proto = inlined(onnx.load(model.path))
        drop_width_notes(proto.graph)
        self.dependent = dependent_tensors(proto.graph)
        quantised = [node.output[0] for node in proto.graph.node if node.op_type in _QUANTISERS]
        made = {name for node in proto.graph.node for name in node.output}
        self.quantised = [*quantised, *(name for name in also if name in made and name not in quantised)]
        self.labels = [info.label for info in model.outputs]
        self.expected = {info.label: (batch, *info.shape[1:]) for info in model.outputs}
        _normalise(proto)
        _set_batch(proto.graph, batch, {info.name for info in model.inputs})
        try:
            self.wrapper = _prepared(proto)
        except IsobitError:
            raise
        except Exception as error:  # qonnx and ONNX Runtime document no exception types
            self.wrapper, self.problem = None, error

    def takes_batches(self) -> bool:
        """Whether qonnx could prepare the graph and every output kept the batch as its first axis."""
        if self.wrapper is None:
            return False
        return all(tuple(self.wrapper.get_tensor_shape(k) or ()) == shape for k, shape in self.expected.items())

    def run(self, inputs: dict[str, Floats]) -> dict[str, Floats]:
        """Outputs and quantiser outputs for one batch."""
        if self.wrapper is None:
            raise _cannot_run(self.problem)
        import onnxruntime
        from qonnx.core.onnx_exec import execute_onnx  # type: ignore[import-untyped, unused-ignore]

        onnxruntime.set_default_logger_severity(3)  # errors; it warns at every node of an old or wrapped operator
        try:
            with np.errstate(all="ignore"):
                context = execute_onnx(self.wrapper, inputs, return_full_exec_context=True)
        except Exception as error:  # see above
            raise _cannot_run(error) from error
        return {name: np.array(context[name]) for name in [*self.labels, *self.quantised]}


def _cannot_run(error: Exception) -> IsobitError:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return IsobitError("E606", f"qonnx cannot run the model: {printable(lines[0], 200)}")


def qonnx_version() -> str:
    """qonnx's version, "" where it is not installed."""
    try:
        return metadata.version("qonnx")
    except metadata.PackageNotFoundError:
        return ""


def dependent_tensors(graph: onnx.GraphProto) -> frozenset[str]:
    """The tensors that depend on a graph input."""
    found = {info.name for info in graph.input} - {tensor.name for tensor in graph.initializer}
    size = 0
    while size != len(found):  # the file's nodes need not be sorted
        size = len(found)
        for node in graph.node:
            if found.intersection(node.input):
                found.update(node.output)
    return frozenset(found - {""})


def _normalise(proto: onnx.ModelProto) -> None:
    """Old QONNX domains to the current one; the standard opset first, because qonnx takes the first for all nodes."""
    others = ("", "ai.onnx", "ai.onnx.ml", OWN_DOMAIN)
    versions = [entry.version for entry in proto.opset_import if entry.domain not in others]
    standard = next(entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx"))
    for node in proto.graph.node:
        if node.op_type in (*QUANTISERS, "IntQuant"):
            node.domain = _QONNX_DOMAIN
    del proto.opset_import[:]
    proto.opset_import.append(helper.make_opsetid("", standard))
    proto.opset_import.append(helper.make_opsetid(_QONNX_DOMAIN, max(versions, default=1)))
    if any(node.domain == OWN_DOMAIN for node in proto.graph.node):
        proto.opset_import.append(helper.make_opsetid(OWN_DOMAIN, 1))
    if _channels_last(proto.graph):
        # qonnx runs the wrapped standard operator at the version that this domain declares.
        proto.opset_import.append(helper.make_opsetid(_CHANNELS_LAST_DOMAIN, standard))


def _channels_last(graph: onnx.GraphProto) -> bool:
    return any(node.domain == _CHANNELS_LAST_DOMAIN for node in graph.node)


def _set_batch(graph: onnx.GraphProto, batch: int, inputs: set[str]) -> None:
    """Give the inputs their batch and forget all derived shapes; a Reshape to [1, ...] is freed in its first axis.

    qonnx infers no shape behind a channels-last operator: such a graph keeps its own, and takes one sample at a time.
    """
    if batch == 1 and _channels_last(graph):
        return
    for info in graph.input:
        if info.name in inputs:
            info.type.tensor_type.shape.dim[0].dim_value = batch
    del graph.value_info[:]
    for info in graph.output:
        info.type.tensor_type.ClearField("shape")
    constants = _small_constants(graph)
    for index, node in enumerate(graph.node):
        target = constants.get(node.input[1]) if node.op_type == "Reshape" and len(node.input) > 1 else None
        if target is not None and target.size and target.flat[0] == 1 and batch > 1:
            name = f"isobit batch of Reshape {index}"
            free = 0 if -1 in target else -1
            graph.initializer.append(numpy_helper.from_array(np.array([free, *target[1:]], dtype=np.int64), name))
            node.input[1] = name


def _small_constants(graph: onnx.GraphProto) -> dict[str, Floats]:
    """Integer vectors that may be the target of a Reshape, from initializers and Constant nodes."""
    tensors = [(tensor.name, tensor) for tensor in graph.initializer]
    for node in graph.node:
        if node.op_type == "Constant":
            tensors += [(node.output[0], a.t) for a in node.attribute if a.name == "value"]
    return {
        name: numpy_helper.to_array(tensor)
        for name, tensor in tensors
        if tensor.data_type == onnx.TensorProto.INT64 and len(tensor.dims) == 1
    }


def _prepared(proto: onnx.ModelProto) -> Any:
    """Shapes inferred and constant expressions folded by qonnx itself; names are left alone."""
    try:
        from qonnx.core.modelwrapper import ModelWrapper  # type: ignore[import-untyped, unused-ignore]
        from qonnx.transformation.fold_constants import FoldConstants  # type: ignore[import-untyped, unused-ignore]
        from qonnx.transformation.general import (  # type: ignore[import-untyped, unused-ignore]
            RemoveStaticGraphInputs,
            SortGraph,
        )
        from qonnx.transformation.infer_shapes import InferShapes  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise IsobitError("E303", "the float reference needs the package 'qonnx'", hint="pip install qonnx") from error
    wrapper = ModelWrapper(proto)
    steps = [SortGraph(), InferShapes(), FoldConstants(list(_QUANTISERS)), RemoveStaticGraphInputs()]
    for step in steps:
        wrapper = wrapper.transform(step)
    return wrapper
