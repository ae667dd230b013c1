"""How much of everything a graph has: multiply-accumulates, parameters and bits, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from isobit.interp.work import macs_of
from isobit.ir import Graph
from isobit.ir.ops import Const, Linear, Output


@dataclass(frozen=True)
class Counts:
    """Of one layer and one sample.

    ``macs`` are multiply-accumulates, ``parameters`` the elements of the constants that it reads, with all their
    ``parameter_bits``, ``values`` what it makes, with all their ``value_bits``.
    """

    layer: str
    op: str
    macs: int
    parameters: int
    parameter_bits: int
    values: int
    value_bits: int


def counts(graph: Graph) -> tuple[Counts, ...]:
    """One row for every value that is computed or read. A constant that two layers read counts for the first."""
    seen: set[str] = set()
    rows = []
    for node in graph.nodes:
        if isinstance(node, Const | Output):
            continue
        read = [n for n in node.inputs if isinstance(graph.by_name[n], Const) and n not in seen]
        seen.update(read)
        kinds, made = [graph.types[n] for n in read], graph.types[node.name]
        macs = macs_of(graph, node) if isinstance(node, Linear) else 0
        stored = sum(k.size for k in kinds), sum(k.size * k.bits for k in kinds)
        rows.append(Counts(node.name, node.op, macs, *stored, made.size, made.size * made.bits))
    return tuple(rows)


def total(rows: Iterable[Counts]) -> Counts:
    """The sums of all rows."""
    rows = list(rows)
    sums = (sum(getattr(row, name) for row in rows) for name in list(Counts.__dataclass_fields__)[2:])
    return Counts("all", "", *sums)
