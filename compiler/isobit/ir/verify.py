"""The verifier: what every graph must satisfy, before and after every pass."""

from __future__ import annotations

import re

from isobit.errors import IsobitError, printable
from isobit.ir.graph import Graph
from isobit.ir.legality import broken_rule, too_large
from isobit.ir.ops import Add, Concat, Const, Input, Linear, Node, Output, Product

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ARITY: dict[type[Node], int] = {Input: 0, Const: 0, Linear: 2, Product: 2}
_VARIADIC = (Add, Concat)


def verify(graph: Graph) -> Graph:
    """Return the graph when it is well formed: unique identifier names, inputs defined earlier, right arity, attributes
    that mean something (:mod:`isobit.ir.legality`), at least one input and output, outputs unread, and a type for every
    value.

    Raises:
        IsobitError: E401, located at the first node that breaks a rule.
    """
    seen: set[str] = set()
    for node in graph.nodes:
        problem = _problem(node, seen)
        if problem:
            raise IsobitError("E401", problem, where=printable(node.name))
        seen.add(node.name)
    for output in graph.outputs:
        if graph.consumers[output.name]:
            raise IsobitError("E401", "an output is read by another node", where=output.name)
    if not graph.outputs or not graph.inputs:
        raise IsobitError("E401", "a graph needs at least one input and one output")
    for node in graph.nodes:
        problem = too_large(graph.types[node.name].shape) or _scales(graph, node)
        if problem:
            raise IsobitError("E401", f"{node.op}: {problem}", where=node.name)
    return graph


def _scales(graph: Graph, node: Node) -> str:
    channels = graph.types[node.name].channels
    if isinstance(node, Output) and not {len(node.scale), len(node.offset)} <= {1, channels}:
        return f"{len(node.scale)} scales and {len(node.offset)} offsets for {channels} channels"
    return ""


def _problem(node: Node, seen: set[str]) -> str:
    if not _NAME.fullmatch(node.name):
        return "the name is not an identifier"
    if node.name in seen:
        return "the name is used twice"
    missing = [i for i in node.inputs if i not in seen]
    if missing:
        return f"reads {printable(missing[0])}, which is not defined before it"
    if isinstance(node, _VARIADIC) and not node.inputs:
        return "needs at least one input"
    arity = len(node.inputs) if isinstance(node, _VARIADIC) else _ARITY.get(type(node), 1)
    if len(node.inputs) != arity:
        return f"needs {arity} inputs and has {len(node.inputs)}"
    broken = broken_rule(node)
    return f"{node.op}: {broken}" if broken else ""
