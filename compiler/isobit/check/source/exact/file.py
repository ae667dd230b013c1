"""An ONNX or QONNX file as the exact evaluator sees it: the protobuf itself, decoded by the ``onnx`` package alone.

Nothing of the compiler's loader stands between the file and this view: no operator is expanded but Sum and Mean, no
constant folded, no layout turned. That package writes functions out, nodes are sorted and what no output needs is
dropped; that is all.
Whether a hostile file may be read at all is the loader's business: it refuses such a file before anybody asks for a
verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, helper, inliner, numpy_helper

from isobit.errors import IsobitError, printable

Raw = NDArray[Any]
Shape = tuple[int, ...]

CHANNELS_LAST = "qonnx.custom_op.channels_last"
MICROSOFT = "com.microsoft"
_PLAIN_DOMAINS = (
    "qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general", "finn", "isobit.custom_op",
)  # fmt: skip
_QONNX_NAMES = {"IntQuant": "Quant"}
_SHAPED = {"Expand": 1, "Reshape": 1, "Resize": 3}
"""Operators that are told the shape to make, and by which input."""
_DATATYPE_KEY = "finn_datatype"


@dataclass(frozen=True)
class FileNode:
    """One node of the file. ``domain`` is ``""`` for the standard, QONNX and isobit (whose names collide with none),
    ``com.microsoft`` or the channels-last domain; ``opset`` is the standard operator set's version."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: Mapping[str, object]
    opset: int
    domain: str = ""

    @property
    def place(self) -> str:
        """The node, for a message."""
        return f"node '{printable(self.name or self.outputs[0])}'"


@dataclass(frozen=True)
class FileInput:
    """A graph input: its shape with batch size 1, and its numpy type."""

    name: str
    shape: Shape
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class OnnxFile:
    """The graph: nodes in an order of execution, inputs, output names, constants, QONNX datatypes by tensor."""

    nodes: tuple[FileNode, ...]
    inputs: tuple[FileInput, ...]
    outputs: tuple[str, ...]
    constants: Mapping[str, Raw]
    annotations: Mapping[str, str]


def read_file(path: Path) -> OnnxFile:
    """The graph of a file.

    Raises:
        IsobitError: E102 when it cannot be decoded or has no order of execution, E106 for a dynamic shape.
    """
    path = Path(path)
    try:
        proto = inliner.inline_local_functions(onnx.load(str(path)))
        graph, opset = proto.graph, _opset(proto)
        constants = {tensor.name: _array(tensor, path.parent) for tensor in graph.initializer}
        inputs = tuple(_input(info) for info in graph.input if info.name not in constants)
        outputs = tuple(info.name for info in graph.output)
        read = (_node(node, opset, path.parent) for node in graph.node)
        nodes = [binary for node in read for binary in _additions(node, constants)]
    except IsobitError:
        raise
    except Exception as error:  # protobuf and onnx document no exception types
        raise IsobitError(
            "E102", printable(str(error).splitlines()[0] if str(error) else type(error).__name__)
        ) from error
    known = {*constants, *(info.name for info in inputs)}
    batch = {info.type.tensor_type.shape.dim[0].dim_value for info in graph.input if info.name not in constants}
    order = _needed(_of_one_sample(_sorted(nodes, known), constants, inputs, batch), outputs)
    return OnnxFile(order, inputs, outputs, MappingProxyType(constants), MappingProxyType(_annotations(graph)))


def _opset(proto: onnx.ModelProto) -> int:
    return max((entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")), default=1)


def _array(tensor: onnx.TensorProto, folder: Path) -> Raw:
    return np.asarray(numpy_helper.to_array(tensor, base_dir=str(folder)))


def _input(info: onnx.ValueInfoProto) -> FileInput:
    kind = info.type.tensor_type
    dims = tuple(dim.dim_value for dim in kind.shape.dim)
    if not dims or min(dims[1:], default=1) < 1:
        raise IsobitError("E106", f"input '{printable(info.name)}' has a dynamic shape")
    return FileInput(info.name, (1, *dims[1:]), np.dtype(helper.tensor_dtype_to_np_dtype(kind.elem_type)))


def _node(node: onnx.NodeProto, opset: int, folder: Path) -> FileNode:
    attrs = {attribute.name: _value(attribute, folder) for attribute in node.attribute}
    domain = "" if node.domain in ("", "ai.onnx", *_PLAIN_DOMAINS) else node.domain
    op = _QONNX_NAMES.get(node.op_type, node.op_type)
    return FileNode(op, node.name, tuple(node.input), tuple(node.output), MappingProxyType(attrs), opset, domain)


def _additions(node: FileNode, constants: dict[str, Raw]) -> list[FileNode]:
    """Sum and Mean as additions of two, float32 adding from left to right, and a division by the number of tensors."""
    if node.op not in ("Mean", "Sum") or node.domain:
        return [node]
    total, made = node.inputs[0], []
    for index, name in enumerate(node.inputs[1:]):
        result = f"{node.outputs[0]} with input {index + 1}"
        made.append(replace(node, op="Add", inputs=(total, name), outputs=(result,)))
        total = result
    if node.op == "Sum":
        return [*made, replace(node, op="Identity", inputs=(total,))]
    number = f"{node.outputs[0]} number"
    constants[number] = np.array(len(node.inputs), np.float32)
    return [*made, replace(node, op="Div", inputs=(total, number))]


def _value(attribute: AttributeProto, folder: Path) -> object:
    if attribute.type == AttributeProto.TENSOR:
        return _array(attribute.t, folder)
    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _sorted(nodes: Sequence[FileNode], known: Iterable[str]) -> list[FileNode]:
    """Every node behind the nodes that make its inputs."""
    ready, waiting, order = {*known, ""}, list(nodes), []
    while waiting:
        now = []
        for node in waiting:
            if ready.issuperset(node.inputs):
                now.append(node)
                ready.update(node.outputs)
        if not now:
            raise IsobitError("E102", "a tensor is used and never made", where=waiting[0].place)
        order += now
        done = set(map(id, now))
        waiting = [node for node in waiting if id(node) not in done]
    return order


def _of_one_sample(
    nodes: Sequence[FileNode], constants: dict[str, Raw], inputs: Iterable[FileInput], batches: set[int]
) -> list[FileNode]:
    """Constant shapes of what depends on the inputs as they are at batch size 1, where the file has a larger one.

    Samples lie behind one another, so that the leading number becomes less; the new shapes join the constants.
    """
    batch = max(batches) if len(batches) == 1 else 1
    made = {node.outputs[0]: node.attrs.get("value", node.attrs.get("value_ints")) for node in nodes if not node.inputs}
    dependent, order = {info.name for info in inputs}, []
    for node in nodes:
        place = _SHAPED.get(node.op, len(node.inputs))
        name = node.inputs[place] if place < len(node.inputs) else ""
        shape = np.asarray(constants.get(name, made.get(name, ())))
        whole = shape.ndim == 1 and shape.size and shape.dtype.kind == "i" and shape[0] > 0
        if batch > 1 and whole and not shape[0] % batch and node.inputs[0] in dependent:
            fresh = f"{node.outputs[0]} of one sample"
            constants[fresh] = np.array([shape[0] // batch, *shape[1:]], np.int64)
            node = replace(node, inputs=(*node.inputs[:place], fresh, *node.inputs[place + 1 :]))  # noqa: PLW2901
        if dependent.intersection(node.inputs):
            dependent.update(node.outputs)
        order.append(node)
    return order


def _needed(nodes: Sequence[FileNode], outputs: Sequence[str]) -> tuple[FileNode, ...]:
    used, kept = set(outputs), []
    for node in reversed(nodes):
        if used.intersection(filter(None, node.outputs)):
            kept.append(node)
            used.update(node.inputs)
    return tuple(reversed(kept))


def _annotations(graph: onnx.GraphProto) -> dict[str, str]:
    return {
        entry.tensor_name: pair.value
        for entry in graph.quantization_annotation
        for pair in entry.quant_parameter_tensor_names
        if pair.key == _DATATYPE_KEY
    }
