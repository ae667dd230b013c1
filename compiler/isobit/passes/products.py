"""Products of two functions of one value, which are functions of it themselves: tables instead of multipliers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from isobit.hardware.prices import MOST_ENTRIES
from isobit.ir import Graph, Node, frozen_ints
from isobit.ir.ops import Product, Step, Table
from isobit.ir.types import IntArray
from isobit.numerics import as_int_array
from isobit.passes.rewrite import Rule, sole_reader

Rows = Callable[[IntArray], IntArray]
"""Of arguments ``(n,)`` the values ``(rows, n)``, one row for all channels or one for each, as Python integers."""


@dataclass(frozen=True)
class ProductToTable(Rule):
    """``f(x) g(x) = t[x]``: the product of a value with itself, or with a step or table of it (SiLU), is a table."""

    most_entries: int = 1 << 10  # a look-up in more is dearer than a multiplier

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        if not isinstance(node, Product):
            return None
        left, right = (_functions(graph, name) for name in node.inputs)
        for x in left:
            if x not in right:
                continue
            lo, hi = graph.types[x].bounds
            if graph.types[x].shape != graph.types[node.name].shape or hi - lo + 1 > self.most_entries:
                continue
            domain = np.arange(lo, hi + 1)
            values = left[x](domain) * right[x](domain)
            if values.size <= self.most_entries:
                return (
                    Table(name=node.name, inputs=(x,), lo=frozen_ints(lo), values=frozen_ints(as_int_array(values))),
                )
        return None


@dataclass(frozen=True)
class StepIntoTable(Rule):
    """``f(t[x]) = (f t)[x]``: a step that alone reads a table is made while the table is."""

    most_entries: int = MOST_ENTRIES

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        if not isinstance(node, Step) or not sole_reader(graph, node.inputs[0]):
            return None
        inner = graph.by_name[node.inputs[0]]
        if not isinstance(inner, Table):
            return None
        rows = max(len(node.curves), len(inner.values))
        if len(inner.values) < rows and rows * inner.values.shape[1] > self.most_entries:
            return None
        wide = np.broadcast_to(inner.values, (rows, inner.values.shape[1]))
        values = np.stack([node.curves.of(c)(row) for c, row in enumerate(wide)])
        source = inner.source + node.source
        return (Table(name=node.name, inputs=inner.inputs, lo=inner.lo, values=frozen_ints(values), source=source),)


def _functions(graph: Graph, name: str) -> dict[str, Rows]:
    """The values that ``name`` is a function of, itself first, and that function."""
    made: dict[str, Rows] = {name: lambda x: x.astype(object)[np.newaxis]}
    node = graph.by_name[name]
    if isinstance(node, Step):
        curves = node.curves
        made[node.inputs[0]] = lambda x: np.stack([curve(x).astype(object) for curve in curves])
    if isinstance(node, Table):
        made[node.inputs[0]] = lambda x: _looked_up(node, x)
    return made


def _looked_up(node: Table, x: IntArray) -> IntArray:
    """A channel may reach less than the hull of all: beyond its row the entry at the row's end stands for nothing."""
    rows = max(len(node.values), len(node.lo))
    places = x - np.broadcast_to(node.lo.reshape(-1, 1), (rows, 1))
    inside = np.clip(places, 0, node.values.shape[1] - 1).astype(np.int64)
    values = np.broadcast_to(node.values, (rows, node.values.shape[1]))
    return np.take_along_axis(values, inside, axis=1).astype(object)
