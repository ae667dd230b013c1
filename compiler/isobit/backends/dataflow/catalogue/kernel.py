"""What the lowering needs to know of one template instance."""

from __future__ import annotations

from dataclasses import dataclass

from isobit.backends.dataflow.design import Array
from isobit.backends.dataflow.layer import LayerPlan
from isobit.backends.dataflow.rows import words_of
from isobit.backends.ports import IntType
from isobit.ir import Graph, Node
from isobit.ir.types import IntArray


@dataclass(frozen=True, eq=False)
class Kernel:
    """A template's parameters."""

    template: str
    constants: tuple[tuple[str, int | bool | str], ...]
    types: tuple[tuple[str, IntType], ...]
    arrays: tuple[Array, ...]
    out_type: IntType
    out_lanes: int


def in_rows(values: IntArray, lanes: int) -> IntArray:
    """Constants by channel, axis 0, as ``(rows, lanes, ...)``: what a word of ``lanes`` elements takes lies in a row.

    A word of whole samples, or of a tensor with one constant for all, takes the same row every time.
    """
    width = min(len(values), lanes)
    return values.reshape(len(values) // width, width, *values.shape[1:])


def per_element(graph: Graph, node: Node, layer: LayerPlan, curves: int) -> tuple[tuple[str, int], ...]:
    """The constants of what takes an element and gives one: rows of parameters, lanes, words of a frame."""
    return (("CHANNELS", curves), ("PE", layer.lanes[1]), ("FOLDS", words_out(graph, node, layer)))


def words_out(graph: Graph, node: Node, layer: LayerPlan) -> int:
    """Words of a frame of a node that works position by position."""
    kind = graph.types[node.name]
    return words_of(kind, layer.samples) if layer.samples > 1 else kind.size // layer.lanes[1]
