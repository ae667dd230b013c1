"""Plain ONNX: a file that ONNX Runtime executes with the graph's own integers, and the graph read back from it.

The file carries the graph's text among its metadata. That text alone proves nothing: :func:`read_exported` writes the
graph once more and compares, so that a file is read as a graph only where its operators are, one by one, those of it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]
from onnx import TensorProto, helper

from isobit.errors import IsobitError, printable
from isobit.interchange.border import Port, ports
from isobit.interchange.fits import refuse_wide
from isobit.interchange.operators import Writer
from isobit.ir import Graph, parse_graph, print_graph
from isobit.version import __version__

OPSET, IR_VERSION = 17, 8
"""ONNX 1.12, which ONNX Runtime reads since 1.12."""
GRAPH_KEY = "isobit.graph"


def onnx_model(graph: Graph) -> onnx.ModelProto:
    """The graph as an ONNX model; inputs and outputs as :mod:`isobit.interchange.border` says, the batch free.

    Raises:
        IsobitError: E615 when it needs more than 64 bits.
    """
    refuse_wide(graph)
    sides = ports(graph)
    writer = Writer(graph, prefix_of(sides))
    for port in sides:
        if port.is_input:
            _enter(writer, port)
    for node in graph.nodes:
        if node.op not in ("input", "output"):
            writer.node(node)
    for port in sides:
        if not port.is_input:
            _leave(writer, port)
    made = helper.make_graph(
        writer.nodes, "isobit", [_info(p) for p in sides if p.is_input], [_info(p) for p in sides if not p.is_input],
        list(writer.initializers.values()),
    )  # fmt: skip
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    model.producer_name, model.producer_version = "isobit", __version__
    helper.set_model_props(model, {GRAPH_KEY: print_graph(graph)})
    return model


def is_exported(path: Path) -> bool:
    """Does the file carry a graph of isobit's?"""
    try:
        return GRAPH_KEY.encode() in path.read_bytes() and _text(_model(path)) is not None
    except (OSError, ValueError, IsobitError):  # whoever reads it next says what is wrong
        return False


def read_exported(path: Path) -> Graph:
    """The graph that an exported file computes.

    Raises:
        IsobitError: E109 when its operators are not those of the graph it carries; E4xx when that is no graph.
    """
    model = _model(path)
    graph = parse_graph(_text(model) or "")
    wanted, found = onnx_model(graph), model
    other = wanted.graph != found.graph or list(wanted.opset_import) != list(found.opset_import)
    if other or found.functions:  # a function could give an operator's name another meaning
        raise IsobitError(
            "E109", _difference(wanted.graph, found.graph), where=printable(path, 400),
            hint=f"export it again, or take the entry {GRAPH_KEY} from its metadata to have it read as any other file",
        )  # fmt: skip
    return graph


def _difference(wanted: onnx.GraphProto, found: onnx.GraphProto) -> str:
    """The first operator or constant that is another one."""
    for mine, theirs in zip(wanted.node, found.node, strict=False):
        if mine != theirs:
            return f"the operator {printable(theirs.name)!r} is not what isobit wrote"
    stored = {tensor.name: tensor for tensor in found.initializer}
    for tensor in wanted.initializer:
        if stored.get(tensor.name) != tensor:
            return f"the constant {printable(tensor.name)!r} is not what isobit wrote"
    return "its operators or ports are not what isobit wrote"


def _model(path: Path) -> onnx.ModelProto:
    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise IsobitError("E102", "it is not an ONNX model, or it is truncated", where=printable(path, 400)) from error
    return model


def _text(model: onnx.ModelProto) -> str | None:
    return next((entry.value for entry in model.metadata_props if entry.key == GRAPH_KEY), None)


def prefix_of(sides: tuple[Port, ...]) -> str:
    """What inner names begin with, and no outer one."""
    prefix = "isobit/"
    while any(port.name.startswith(prefix) for port in sides):
        prefix = prefix[:-1] + "_/"
    return prefix


def _info(port: Port) -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(port.dtype))
    return helper.make_tensor_value_info(port.name, kind, ["batch", *port.shape])


def _enter(w: Writer, port: Port) -> None:
    """The file's integers as the graph's: widened, moved."""
    out = w.prefix + port.node
    if not w.batch:
        shape = w.op("Shape", [port.name], w.prefix + "/shape")
        w.batch = w.op("Gather", [shape, w.const(w.prefix + "/first", [0])], w.prefix + "/batch")
    x = w.op("Cast", [port.name], out if not port.moves else out + "/wide", to=TensorProto.INT64)
    for i, move in enumerate(port.moves):
        last = out if i == len(port.moves) - 1 else f"{out}/move{i}"
        if move.kind == "transpose":
            x = w.op("Transpose", [x], last, perm=[0, *(a + 1 for a in move.shape)])
        else:
            x = w.reshape(x, move.shape, last)


def _leave(w: Writer, port: Port) -> None:
    """The graph's integers as the file gives them."""
    node, out = w.graph.by_name[port.node], w.prefix + port.node
    x = w.full(node.inputs[0], w.prefix + node.inputs[0], out + "/batch")
    for i, move in enumerate(port.moves):
        if move.kind == "transpose":
            x = w.op("Transpose", [x], f"{out}/move{i}", perm=[0, *(a + 1 for a in move.shape)])
        else:
            x = w.reshape(x, move.shape, f"{out}/move{i}")
    w.reshape(x, port.shape, port.name)
