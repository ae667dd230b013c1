"""One C99 header: the constants of a network and a reference ``infer()`` that needs nothing but ``<stdint.h>``.

A function for every operation, a buffer for every value, both in the narrowest type that holds the value; loop bounds
are numbers. No sum, product or shift overflows, and nothing below zero is shifted: what C99 leaves open is not used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod

import numpy as np

from isobit.errors import printable
from isobit.interchange.border import Port, narrowest, ports
from isobit.interchange.c99_operators import BODIES, Body, at, loops
from isobit.interchange.fits import refuse_wide
from isobit.ir import Graph, ops
from isobit.ir.types import IntArray
from isobit.version import __version__

_NUMBERS_A_LINE = 100


def c_header(graph: Graph, name: str = "isobit_net") -> str:
    """The header's text; ``name`` is an identifier that everything in it begins with.

    Raises:
        IsobitError: E615 when the graph needs more than 64 bits.
    """
    refuse_wide(graph)
    sides = ports(graph)
    parts = [_head(graph, name, sides)]
    calls = []
    for node in graph.nodes:
        if isinstance(node, ops.Input | ops.Output) or not graph.consumers[node.name]:
            continue
        if isinstance(node, ops.Const):
            parts.append(constant(_value(name, node.name), node.value))
            continue
        body = BODIES[type(node)](graph, node)
        parts.append(_function(graph, name, node, body))
        calls.append(f"    {name}_do_{node.name}({', '.join([*_operands(name, node), _value(name, node.name)])});")
    buffers = [
        f"    static {c_type(graph, n.name)} {_value(name, n.name)}[{graph.types[n.name].size}];"
        for n in graph.nodes
        if not isinstance(n, ops.Const | ops.Output) and graph.consumers[n.name]
    ]
    moves = [line for port in sides if port.is_input for line in _enter(graph, name, port, parts)]
    ends = [line for port in sides if not port.is_input for line in _leave(graph, name, port, parts)]
    head = f"static void {name}_infer({', '.join(_parameter(graph, p) for p in sides)})"
    body_lines = [*buffers, *moves, *calls, *ends]
    parts.append("\n".join([f"/* Every input, then every output. Not reentrant. */\n{head}\n{{", *body_lines, "}"]))
    return "\n\n".join([*parts, f"#endif /* {name.upper()}_H */"]) + "\n"


def c_type(graph: Graph, value: str) -> str:
    """The C type that holds a value."""
    return narrowest(*graph.types[value].bounds) + "_t"


def constant(name: str, values: IntArray) -> str:
    """An array of constants, flat, row by row, with its shape in a comment."""
    flat = [int(v) for v in np.asarray(values).reshape(-1)]
    kind = narrowest(min(flat), max(flat)) + "_t"
    words = [_number(v) for v in flat]
    lines, line = [], ""
    for word in words:
        if len(line) + len(word) > _NUMBERS_A_LINE:
            lines.append(line.rstrip())
            line = ""
        line += word + ", "
    lines.append(line.rstrip(" ,"))
    shape = " x ".join(map(str, np.shape(values)))
    rows = "\n".join("    " + row for row in lines)
    return f"/* {shape} */\nstatic const {kind} {name}[{len(flat)}] = {{\n{rows}\n}};"


def identifier(text: str) -> str:
    """A C identifier that resembles ``text``."""
    word = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")[:40] or "isobit_net"
    return word if not word[0].isdigit() else "net_" + word


def comment_text(text: str) -> str:
    """Text from outside, safe inside a C comment: ASCII on one line that neither ends the comment nor begins one."""
    plain = printable(text).replace("\N{HORIZONTAL ELLIPSIS}", "...").replace("\\", "/")
    return plain.replace("*/", "*_/").replace("/*", "/_*")


def argument(port: Port) -> str:
    """The name of a port's parameter: that of its node, for which the front ends make identifiers."""
    return ("in_" if port.is_input else "out_") + port.node


def output_dtype(graph: Graph, port: Port) -> str:
    """The numpy name of an output's elements."""
    return narrowest(*graph.types[port.node].bounds)


def _number(value: int) -> str:
    return str(value) if abs(value) < 1 << 31 else f"INT64_C({value})"


def _head(graph: Graph, name: str, sides: Sequence[Port]) -> str:
    lines = [f"isobit {__version__}, graph {graph.digest[:16]}. C99, no dependencies.", ""]
    for port in sides:
        node = graph.by_name[port.node]
        assert isinstance(node, ops.Input | ops.Output)
        shape = " x ".join(map(str, port.shape)) or "1"
        scales = "one scale per channel" if len(node.scale) > 1 else f"scale {node.scale[0]}"
        offsets = "one offset per channel" if len(node.offset) > 1 else f"offset {node.offset[0]}"
        shown = comment_text(port.name)
        lines.append(f"{argument(port)}: {shown}, {shape}; real = scale * integer + offset, {scales}, {offsets}")
    comment = "\n".join(f" * {line}".rstrip() for line in lines)
    guard = f"{name.upper()}_H"
    return f"/*\n{comment}\n */\n#ifndef {guard}\n#define {guard}\n\n#include <stdint.h>"


def _value(name: str, node: str) -> str:
    """The array of a node's value; ``val``, ``do``, ``of`` and ``order_of`` keep apart what nodes are called alike."""
    return f"{name}_val_{node}"


def _operands(name: str, node: ops.Node) -> list[str]:
    """What a node's function takes: buffers; constants are read where they are."""
    return [_value(name, i) for i in dict.fromkeys(node.inputs)]


def _function(graph: Graph, name: str, node: ops.Node, body: Body) -> str:
    operands = list(dict.fromkeys(node.inputs))
    parameters = [f"const {_stored(graph, i)} *{letter(n)}" for n, i in enumerate(operands)]
    parameters.append(f"{c_type(graph, node.name)} *y")
    constants = [constant(f"{name}_of_{node.name}_{part}", values) for part, values in body.constants.items()]
    code = body.code.replace("@type", c_type(graph, node.name)).replace("@", f"{name}_of_{node.name}_")
    lines = [
        f"/* {graph.types[node.name]} = {node.op} */",
        f"static void {name}_do_{node.name}({', '.join(parameters)})",
    ]
    return "\n\n".join([*constants, "\n".join([*lines, "{", code, "}"])])


def letter(position: int) -> str:
    """The name of a function's parameter."""
    return f"x{position}"


def _stored(graph: Graph, value: str) -> str:
    node = graph.by_name[value]
    if isinstance(node, ops.Const):
        return narrowest(int(node.value.min()), int(node.value.max())) + "_t"
    return c_type(graph, value)


def _parameter(graph: Graph, port: Port) -> str:
    if port.is_input:
        return f"const {port.dtype}_t {argument(port)}[{prod(port.shape)}]"
    return f"{_stored(graph, port.node)} {argument(port)}[{prod(port.shape)}]"


def _moved(name: str, port: Port, parts: list[str]) -> str:
    """The index on the near side of element ``i`` of the far side; an order of its own is a constant."""
    order = port.permutation
    if np.array_equal(order, np.arange(order.size)):
        return "i"
    parts.append(constant(f"{name}_order_of_{port.node}", order))
    return f"{name}_order_of_{port.node}[i]"


def _enter(graph: Graph, name: str, port: Port, parts: list[str]) -> list[str]:
    if not graph.consumers[port.node]:
        return [f"    (void){argument(port)};"]
    index = _moved(name, port, parts)
    inner, kind = _value(name, port.node), c_type(graph, port.node)
    return [loops([("i", prod(port.shape))], f"{inner}[i] = ({kind}){argument(port)}[{index}];", 1)]


def _leave(graph: Graph, name: str, port: Port, parts: list[str]) -> list[str]:
    index = _moved(name, port, parts)
    source = graph.by_name[port.node].inputs[0]
    kind = _stored(graph, port.node)
    return [loops([("i", prod(port.shape))], f"{argument(port)}[i] = ({kind}){at(_value(name, source), index)};", 1)]
