"""Selections look only at the order of their operands: large common factors and fine constants can go."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from isobit.ir import Graph, Node, frozen_ints
from isobit.ir.ops import Add, Const, Select
from isobit.passes.rewrite import Rule, fresh_name, sole_reader


@dataclass(frozen=True)
class CoarsenBeforeSelect(Rule):
    """``select(k x + b) = select(r x + r floor(b / k) + rank(b mod k))``, with ``r`` remainders that differ, ``r < k``.

    Between channels whose ``x + floor(b / k)`` differ, neither remainders (below k) nor ranks (below r) change the
    order; between others they are the order, ties included.
    """

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        if not isinstance(node, Select) or not sole_reader(graph, node.inputs[0]):
            return None
        total = graph.by_name[node.inputs[0]]
        if not isinstance(total, Add) or len(total.inputs) != 2:
            return None
        bias = graph.by_name[total.inputs[1]]
        factors = {int(k) for k in total.coefficients[0]}
        if not isinstance(bias, Const) or bias.value.ndim != 1 or len(factors) != 1 or min(factors) < 1:
            return None
        k = factors.pop()
        addend = bias.value.astype(object) * total.coefficients[1].astype(object)
        remainders, rank = np.unique(addend % k, return_inverse=True)
        r = len(remainders)
        if r >= k:
            return None
        new = Const(name=fresh_name(graph, bias.name + "_rank"), value=frozen_ints(addend // k * r + rank))
        coarse = replace(
            total, name=fresh_name(graph, total.name + "_order"), inputs=(total.inputs[0], new.name),
            coefficients=(frozen_ints(r), frozen_ints(1)),
        )  # fmt: skip
        return new, coarse, replace(node, inputs=(coarse.name,))
