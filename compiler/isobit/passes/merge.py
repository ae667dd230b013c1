"""Merging values that compute the same thing (common subexpressions, by content digest)."""

from __future__ import annotations

from dataclasses import dataclass

from isobit.ir import Graph, substitute
from isobit.ir.ops import Input, Output
from isobit.passes.rewrite import Pass


@dataclass(frozen=True)
class MergeEqual(Pass):
    """``x = y`` when their digests agree: readers of the later read the earlier."""

    def __call__(self, graph: Graph) -> Graph:
        first: dict[str, str] = {}
        replacements: dict[str, str] = {}
        for node in graph.nodes:
            if isinstance(node, Input | Output):
                continue
            kept = first.setdefault(graph.digests[node.name], node.name)
            if kept != node.name:
                replacements[node.name] = kept
        return substitute(graph, replacements)
