"""The source file run by ONNX Runtime itself: the program that most users of standard ONNX files deploy.

By default the file runs as it is written: no graph optimisation, and every quantised tensor is looked at. One thing is
changed in memory, because ONNX Runtime's kernel would not compute what the file says: on processors without VNNI, the
product of uint8 activations and int8 weights adds pairs in 16 bits and saturates. The same weights as uint8, 128
higher, with a zero point 128 higher, are summed exactly everywhere (``session.x64quantprecision`` does this too, from
the extended level on). At any other level the file goes in untouched, with ONNX Runtime's own settings, and the outputs
are all that is looked at: these are the numbers that a deployment would show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from isobit.check.source.float.run import FloatRun, batches, dependent_tensors, joined
from isobit.check.source.level import OrtLevel
from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.functions import inlined

Floats = NDArray[Any]
PACKAGE = "onnxruntime"
_BATCH = 256
_DOMAINS = ("", "ai.onnx", "com.microsoft")
_QONNX_NAMES = ("Quant", "IntQuant", "BipolarQuant", "Trunc", "MultiThreshold", "QuantAvgPool2d")
_WEIGHTS = {
    **dict.fromkeys(("QLinearConv", "QLinearMatMul", "QGemm"), (3, 5, 2)),
    **dict.fromkeys(("MatMulInteger", "ConvInteger"), (1, 3, 2)),
}
"""Where an operator takes its weights, their zero point, and the zero point of its activations."""

_NARROW = {
    getattr(TensorProto, name): TensorProto.UINT8 if name.startswith("U") else TensorProto.INT8
    for name in ("INT2", "INT4", "UINT2", "UINT4")
    if hasattr(TensorProto, name)  # an older ONNX knows fewer of them
}


def ort_version() -> str:
    """ONNX Runtime's version, "" where it is not installed."""
    if find_spec(PACKAGE) is None:
        return ""
    try:
        return metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:  # a build under another distribution's name
        import onnxruntime

        return str(onnxruntime.__version__)


def why_not_ort(path: Path) -> str:
    """Why ONNX Runtime cannot run the file: an operator of QONNX; "" where nothing speaks against it."""
    for node in inlined(onnx.load(str(path), load_external_data=False)).graph.node:
        if node.op_type in _QONNX_NAMES or node.domain not in _DOMAINS:
            return f"{printable(node.op_type)} is an operator of QONNX"
    return ""


def run_ort(
    path: Path, inputs: Mapping[str, Floats], level: OrtLevel = "disabled", also: Sequence[str] = ()
) -> FloatRun:
    """Run the file on a batch.

    Args:
        inputs: per graph input an array [N, ...]; floats are converted to the input's element type.
        level: ONNX Runtime's graph optimisation; quantised tensors are returned at ``disabled`` only.
        also: tensors of the file that are returned beside those, at ``disabled``.

    Raises:
        IsobitError: E606 when ONNX Runtime cannot run the file.
    """
    proto = onnx.load(str(path))
    proto = inlined(proto) if level == "disabled" else proto
    labels = [info.name for info in proto.graph.output]
    dependent = dependent_tensors(proto.graph)
    taps: list[str] = []
    if level == "disabled":
        made = {name for node in proto.graph.node for name in node.output}
        wanted = [n.output[0] for n in proto.graph.node if n.op_type == "QuantizeLinear" or n.op_type[:1] == "Q"]
        taps = [name for name in dict.fromkeys((*wanted, *also)) if name in dependent and name in made]
        _widen_weights(proto.graph)
    _expose(proto.graph, [*labels, *taps])
    _widen_outputs(proto, [*labels, *taps])
    arrays = _typed(proto.graph, inputs)
    chunks, size = _run(proto, arrays, level, [*labels, *taps])
    count = len(next(iter(arrays.values())))
    together = {name: joined(name, chunks, dependent, count, size) for name in chunks[0]}
    return FloatRun(
        MappingProxyType({name: together[name] for name in labels}),
        MappingProxyType({name: together[name] for name in taps}),
    )


def _typed(graph: onnx.GraphProto, inputs: Mapping[str, Floats]) -> dict[str, Floats]:
    types = {info.name: helper.tensor_dtype_to_np_dtype(info.type.tensor_type.elem_type) for info in graph.input}
    return {name: array.astype(types[name]) for name, array in inputs.items()}


def _expose(graph: onnx.GraphProto, names: Sequence[str]) -> None:
    """Make these tensors the graph's outputs; ONNX Runtime finds their types by itself."""
    del graph.output[:]
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in dict.fromkeys(names))


def _widen_outputs(proto: onnx.ModelProto, names: Sequence[str]) -> None:
    """Tensors of 2 and 4 bits, which ONNX Runtime does not hand out, as the same integers in 8 bits."""
    made = {t.data_type for t in proto.graph.initializer} | {
        a.i for n in proto.graph.node for a in n.attribute if a.name == "output_dtype"
    }
    if not made.intersection(_NARROW):
        return
    inferred = onnx.shape_inference.infer_shapes(proto).graph
    types = {info.name: info.type.tensor_type.elem_type for info in (*inferred.value_info, *inferred.output)}
    for name in dict.fromkeys(names):
        if types.get(name) not in _NARROW:
            continue
        inside = f"{name} as it is"
        for node in proto.graph.node:
            node.input[:] = [inside if tensor == name else tensor for tensor in node.input]
            node.output[:] = [inside if tensor == name else tensor for tensor in node.output]
        proto.graph.node.append(helper.make_node("Cast", [inside], [name], to=_NARROW[types[name]]))


def _widen_weights(graph: onnx.GraphProto) -> None:
    """int8 weights that meet uint8 activations as uint8, weight and zero point 128 higher: the same numbers."""
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for index, node in enumerate(graph.node):
        data, zero, other = _WEIGHTS.get(node.op_type, (0, 0, 0))
        names = list(node.input)
        if not data or names[data] not in tensors or names[zero] not in tensors or names[other] not in tensors:
            continue
        signs = (tensors[names[data]].data_type, tensors[names[other]].data_type)
        if signs != (TensorProto.INT8, TensorProto.UINT8):
            continue
        for position in (data, zero):
            name = f"isobit weights of {index} input {position}"
            wide = numpy_helper.to_array(tensors[names[position]]).astype(np.int16) + 128
            graph.initializer.append(numpy_helper.from_array(wide.astype(np.uint8), name))
            node.input[position] = name


def _run(
    proto: onnx.ModelProto, arrays: Mapping[str, Floats], level: OrtLevel, names: Sequence[str]
) -> tuple[list[dict[str, Floats]], int]:
    """Batches and their size: the file's own, or many samples where that is open and all outputs keep the axis."""
    given = {info.name: info.type.tensor_type.shape.dim for info in proto.graph.input if info.name in arrays}
    fixed = max((dims[0].dim_value for dims in given.values() if len(dims)), default=1)
    sizes = [fixed] if fixed else [min(_BATCH, len(next(iter(arrays.values())))), 1]
    data = proto.SerializeToString()
    for size in sizes:
        try:
            session = _session(data, level)
            chunks = [dict(zip(names, session.run(list(names), chunk), strict=True)) for chunk in batches(arrays, size)]
        except Exception as error:  # ONNX Runtime documents no exception types
            if size == sizes[-1]:
                lines = str(error).strip().splitlines() or [type(error).__name__]
                raise IsobitError("E606", f"onnxruntime cannot run the model: {printable(lines[0], 200)}") from error
            continue
        if size == sizes[-1] or all(value.shape[:1] == (size,) for value in chunks[0].values()):
            break
    return chunks, size


def _session(data: bytes, level: OrtLevel) -> Any:
    import onnxruntime

    levels = onnxruntime.GraphOptimizationLevel
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # fatal: what it warns of is raised, or is none of the user's business
    options.intra_op_num_threads = 1
    options.graph_optimization_level = {
        "disabled": levels.ORT_DISABLE_ALL, "basic": levels.ORT_ENABLE_BASIC,
        "extended": levels.ORT_ENABLE_EXTENDED, "all": levels.ORT_ENABLE_ALL,
    }[level]  # fmt: skip
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
