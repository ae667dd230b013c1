"""Bytes to a parsed ONNX model whose versions and names are sound.

Guarantees of :func:`read_model`: a supported IR version and opset, model-local functions written out, no sparse
constants, every tensor defined exactly once and before it is needed once :func:`sorted_nodes` ordered the nodes.
Nothing but the file itself is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.functions import inlined
from isobit.frontend.onnx.model import MAX_FILE_BYTES, OWN_DOMAIN, OWN_OPERATORS, QONNX_OPERATORS
from isobit.frontend.onnx.refused import CAUSES

IR_VERSIONS = range(3, 15)
STANDARD_OPSETS = range(7, 29)
QONNX_OPSETS = range(1, 3)
OWN_OPSETS = range(1, 2)
QONNX_DOMAINS = frozenset({"qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general", "finn"})
_RENAMED_OPS = {"IntQuant": "Quant"}


def read_model(path: Path) -> tuple[onnx.ModelProto, bytes]:
    """The parsed file and its bytes.

    Raises:
        IsobitError: E101 (unreadable), E102 (not ONNX), E103 (IR version), E108 (sparse), and those of
            :func:`~isobit.frontend.onnx.functions.inlined`.
    """
    data = _read_bytes(path)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except (DecodeError, ValueError) as error:
        raise IsobitError("E102", "it is not an ONNX model, or it is truncated", where=_show(path)) from error
    if not model.HasField("graph") or not model.graph.output:
        raise IsobitError("E102", "the file holds no graph with an output", where=_show(path))
    _check_text(model)
    _check_structure(model)
    return inlined(model), data


def read_hashed(path: Path) -> tuple[onnx.ModelProto, str]:
    """:func:`read_model`, with the SHA-256 of the bytes in their place."""
    model, data = read_model(path)
    return model, hashlib.sha256(data).hexdigest()


_WIDTHS = frozenset({"weight_bits", "bias_bits", "mult_bits", "add_bits", "out_bits"})


def drop_width_notes(graph: onnx.GraphProto) -> None:
    """Take QuantLab's notes from standard operators: how many bits hold the numbers, which changes none of them."""
    for node in graph.node:
        if node.domain == "" and any(a.name in _WIDTHS for a in node.attribute):
            kept = [a for a in node.attribute if a.name not in _WIDTHS]
            del node.attribute[:]
            node.attribute.extend(kept)


def _show(path: Path) -> str:
    return printable(path, 400)


def _read_bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            problem = "it is not a regular file" if path.exists() else "there is no such file"
            raise IsobitError("E101", problem, where=_show(path))
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            message = f"it has {size} bytes, at most {MAX_FILE_BYTES} are read"
            raise IsobitError("E101", message, where=_show(path), hint="store the weights as external data")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "the path is not usable"
        raise IsobitError("E101", str(reason), where=_show(path)) from error


def _check_text(model: onnx.ModelProto) -> None:
    """Protobuf hands out text that is not UTF-8 as bytes or fails on access: refuse it here, once."""
    try:
        sound = all(isinstance(text, str) for text in _texts(model))
    except UnicodeDecodeError:
        sound = False
    if not sound:
        raise IsobitError("E102", "a name in the file is not UTF-8 text, the file may be damaged")


def _texts(model: onnx.ModelProto) -> Iterator[object]:
    graph = model.graph
    yield from (entry.domain for entry in model.opset_import)
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        for attribute in node.attribute:
            yield from (attribute.name, attribute.ref_attr_name)
            yield from _external_texts(attribute.t)
    for tensor in graph.initializer:
        yield tensor.name
        yield from _external_texts(tensor)
    yield from (info.name for info in (*graph.input, *graph.output))
    for function in model.functions:
        yield from (function.name, function.domain)
        yield from (text for node in function.node for text in (node.op_type, node.domain))
    for entry in graph.quantization_annotation:
        yield entry.tensor_name
        for pair in entry.quant_parameter_tensor_names:
            yield from (pair.key, pair.value)


def _external_texts(tensor: onnx.TensorProto) -> Iterator[object]:
    for pair in tensor.external_data:
        yield from (pair.key, pair.value)


def _check_structure(model: onnx.ModelProto) -> None:
    if model.ir_version not in IR_VERSIONS:
        message = f"IR version {model.ir_version} (supported: {IR_VERSIONS[0]} to {IR_VERSIONS[-1]})"
        raise IsobitError("E103", message, hint="convert the model with onnx.version_converter")
    if model.graph.sparse_initializer:
        raise IsobitError("E108", "the graph holds a sparse constant", hint="store it as a dense tensor")


def opsets(model: onnx.ModelProto) -> Mapping[str, int]:
    """Opset version by normalised domain (``""``, ``"qonnx"`` and our own; the latter default to 1).

    Raises:
        IsobitError: E103 when the standard opset is missing, unsupported or given twice with different versions.
    """
    found: dict[str, int] = {}
    for entry in model.opset_import:
        domain = _domain_group(entry.domain)
        if domain == "" and found.get(domain, entry.version) != entry.version:
            raise IsobitError("E103", f"opset {found[domain]} and opset {entry.version} are both imported")
        found[domain] = max(entry.version, found.get(domain, entry.version))
    found.setdefault("qonnx", 1)
    _check_opset("standard ONNX", found.get(""), STANDARD_OPSETS)
    _check_opset("QONNX", found["qonnx"], QONNX_OPSETS)
    found.setdefault(OWN_DOMAIN, 1)
    own = found[OWN_DOMAIN]
    if own not in OWN_OPSETS:
        message = f"version {own} of the domain {OWN_DOMAIN} (supported: {OWN_OPSETS[-1]})"
        raise IsobitError("E103", message, hint="export the model again, or use the isobit that made it")
    return found


def _check_opset(label: str, version: int | None, supported: range) -> None:
    if version not in supported:
        seen = "missing" if version is None else str(version)
        message = f"{label} opset {seen} (supported: {supported[0]} to {supported[-1]})"
        raise IsobitError("E103", message, hint="convert the model with onnx.version_converter")


def _domain_group(domain: str) -> str:
    if domain in ("", "ai.onnx"):
        return ""
    return "qonnx" if domain in QONNX_DOMAINS else domain


def normalised_op(node: onnx.NodeProto) -> tuple[str, str]:
    """(operator, domain), with QONNX's old domains and names brought to one form.

    The domain is ``""``, ``"qonnx"`` or our own.

    Raises:
        IsobitError: E201 for an operator of any other domain.
    """
    op = _RENAMED_OPS.get(node.op_type, node.op_type)
    domain = _domain_group(node.domain)
    if op in QONNX_OPERATORS and domain in ("", "qonnx"):
        return op, "qonnx"
    if domain == OWN_DOMAIN and op in OWN_OPERATORS:
        return op, domain
    if domain == "":
        return op, ""
    if cause := CAUSES.get(node.op_type):
        raise IsobitError(cause.code, f"{node.op_type}: {cause.why}", where=node_place(node), hint=cause.hint)
    shown = f"'{printable(node.op_type)}' of domain '{printable(node.domain)}'"
    known = OWN_OPERATORS if domain == OWN_DOMAIN else QONNX_OPERATORS
    hint = f"operators of {'it' if domain == OWN_DOMAIN else 'QONNX'} known: " + ", ".join(sorted(known))
    raise IsobitError("E201", f"operator {shown}", where=node_place(node), hint=hint)


def node_place(node: onnx.NodeProto) -> str:
    """Where a node is, for an error message."""
    if node.name:
        return f"node '{printable(node.name)}'"
    return "node that makes '" + printable(node.output[0] if node.output else "") + "'"


def sorted_nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """All nodes in topological order, the file's own order where that is one.

    Raises:
        IsobitError: E107 for a tensor defined twice or never, E104 for a cycle.
    """
    producer = _producers(graph)
    order: list[onnx.NodeProto] = []
    state = [0] * len(graph.node)
    for root in range(len(graph.node)):
        _visit(graph, producer, root, state, order)
    return order


def _visit(
    graph: onnx.GraphProto, producer: Mapping[str, int], root: int, state: list[int], order: list[onnx.NodeProto]
) -> None:
    # An explicit stack: a hostile file may be deeper than Python's recursion limit.
    stack = [] if state[root] else [root]
    while stack:
        index = stack[-1]
        if state[index] == 0:
            state[index] = 1
            pending = [producer[name] for name in graph.node[index].input if name in producer]
            if any(state[i] == 1 for i in pending):
                raise IsobitError("E104", "the node depends on its own output", where=node_place(graph.node[index]))
            stack += [i for i in pending if state[i] == 0]
        else:
            stack.pop()
            if state[index] == 1:
                state[index] = 2
                order.append(graph.node[index])


def _producers(graph: onnx.GraphProto) -> dict[str, int]:
    """Producing node of every node output, after checking that each name is defined exactly once."""
    sources = {t.name for t in graph.initializer} | {i.name for i in graph.input}
    _check_unique([t.name for t in graph.initializer], "constant")
    _check_unique([i.name for i in graph.input], "graph input")
    _check_unique(list(dict.fromkeys(o.name for o in graph.output)), "graph output")  # one twice is one output
    producer: dict[str, int] = {}
    for index, node in enumerate(graph.node):
        for name in filter(None, node.output):
            if name in producer or name in sources:
                raise IsobitError("E107", f"tensor '{printable(name)}' is defined twice", where=node_place(node))
            producer[name] = index
    _check_defined(graph, sources | set(producer))
    return producer


def _check_unique(names: Sequence[str], kind: str) -> None:
    seen: set[str] = set()
    for name in names:
        if not name or name in seen:
            problem = "is defined twice" if name else "has no name"
            raise IsobitError("E107", f"{kind} '{printable(name)}' {problem}")
        seen.add(name)


def _check_defined(graph: onnx.GraphProto, known: set[str]) -> None:
    uses = [(name, node_place(node)) for node in graph.node for name in node.input if name]
    uses += [(output.name, "graph output") for output in graph.output]
    for name, place in uses:
        if name not in known:
            raise IsobitError("E107", f"tensor '{printable(name)}' is used but never defined", where=place)


def reachable(nodes: Sequence[onnx.NodeProto], wanted: Iterable[str]) -> list[onnx.NodeProto]:
    """The nodes of a topological order on which the wanted tensors depend, in the same order."""
    needed = set(wanted)
    kept = []
    for node in reversed(nodes):
        if needed.intersection(filter(None, node.output)):
            kept.append(node)
            needed.update(node.input)
    return kept[::-1]
