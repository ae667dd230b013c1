"""The accelerator's edges: the ports of a graph's inputs and outputs, and what of its nodes is no process."""

from __future__ import annotations

from isobit.backends.dataflow.geometry import keeps_order
from isobit.backends.dataflow.planner import Plan
from isobit.backends.dataflow.planner.blocks import block, port_format
from isobit.backends.dataflow.planner.layers import IN_WINDOW
from isobit.backends.dataflow.rows import slack_row
from isobit.backends.ports import CONTAINERS, IntType, Port
from isobit.errors import IsobitError
from isobit.ir import Graph, Node
from isobit.ir.ops import Concat, Input, Linear, MaxPool, Output, Pad, Reindex
from isobit.ir.types import ValueType


def passes_through(graph: Graph, plan: Plan, node: Node) -> bool:
    """Does a value's stream serve as the node's: a reshape, or a border that a window makes?"""
    if isinstance(node, Pad):
        return plan.layers[node.name].implementation == IN_WINDOW
    if isinstance(node, Concat):
        return len(node.inputs) == 1
    return isinstance(node, Reindex) and keeps_order(graph, node)


def reads_rows(graph: Graph, plan: Plan, value: str) -> bool:
    """Does a reader of ``value`` take several samples of a row that they do not divide?"""
    for reader in graph.consumers[value]:
        if passes_through(graph, plan, reader):
            if reads_rows(graph, plan, reader.name):
                return True
            continue
        layer = plan.layers.get(reader.name)
        if layer is None or layer.samples == 1:
            continue
        found = block(graph, reader, layer.samples) if isinstance(reader, Linear | MaxPool) else None
        if found.width % found.step if found else slack_row(graph.types[value], layer.samples):
            return True
    return False


def port_of(
    node: Input | Output, kind: ValueType, elem: IntType, words: int | None, *, by_row: bool, given: int = 0
) -> Port:  # fmt: skip
    """The AXI port of an input or output of ``kind``, with elements of ``elem``.

    Args:
        words: the most that a frame may take (None: as many as words of 64 bits make).
        by_row, given: as for :func:`isobit.backends.dataflow.planner.blocks.port_format`.

    Raises:
        IsobitError: E504 for elements of more than 64 bits.
    """
    elem_bits = next((b for b in CONTAINERS if elem.bits <= b), 0)
    if not elem_bits:
        raise IsobitError("E504", f"a port of {elem.bits}-bit elements; at most 64 are supported", where=node.name)
    is_input = isinstance(node, Input)
    lanes, row = port_format(kind, elem_bits, 1 << 60 if words is None else words, by_row=by_row, given=given)
    name = ("in_" if is_input else "out_") + node.name
    return Port(name, node.name, node.outside, is_input, kind.size, lanes, elem, elem_bits, row)


def port_constants(port: Port) -> tuple[tuple[str, int], ...]:
    """The constants of the process behind a port; what comes in is read with its slack, what leaves gets it by rows."""
    frame = port.words * port.lanes if port.is_input else port.frame
    sizes = (("FRAME", frame), ("LANES", port.lanes), ("ELEM", port.elem_bits), ("WORD", port.word_bits))
    return sizes if port.is_input else (*sizes, ("ROW", port.row or port.frame))
