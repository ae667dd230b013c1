"""Model-local functions: written out where they are called, so that nothing behind the loader knows of them."""

from __future__ import annotations

from collections.abc import Iterable

import onnx
from onnx import inliner

from isobit.errors import IsobitError, printable

MOST_NODES = 1 << 16
"""Nodes that a file may become: functions that call each other twice over grow without end."""
_Name = tuple[str, str]


def inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network without functions.

    Raises:
        IsobitError: E102 where functions call themselves or cannot be written out, E106 where they become too many
            nodes.
    """
    if not model.functions:
        return model
    calls = {(f.domain, f.name): [(n.domain, n.op_type) for n in f.node] for f in model.functions}
    nodes = _nodes_within(calls)
    if _together(nodes, ((n.domain, n.op_type) for n in model.graph.node)) > MOST_NODES:
        raise IsobitError("E106", f"the model-local functions become more than {MOST_NODES} nodes")
    try:
        return inliner.inline_local_functions(model)
    except Exception as error:  # onnx documents no exception types
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        message = "the model-local functions cannot be written out"
        raise IsobitError("E102", message, hint="ONNX says: " + printable(reason, 200)) from error


def _nodes_within(calls: dict[_Name, list[_Name]]) -> dict[_Name, int]:
    """How many nodes each function becomes.

    Raises:
        IsobitError: E102 where one calls itself.
    """
    nodes: dict[_Name, int] = {}
    while len(nodes) < len(calls):
        ready = [f for f in calls if f not in nodes and all(c in nodes for c in calls[f] if c in calls)]
        if not ready:
            name = printable(next(f for f in calls if f not in nodes)[1])
            raise IsobitError("E102", f"the model-local function '{name}' calls itself")
        nodes |= {f: _together(nodes, calls[f]) for f in ready}
    return nodes


def _together(nodes: dict[_Name, int], called: Iterable[_Name]) -> int:
    return sum(nodes.get(name, 1) for name in called)
