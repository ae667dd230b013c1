"""Rules that do without a movement: a permutation that weights or the host can take, and one that moves nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from isobit.ir import Graph, Node, frozen_ints
from isobit.ir.ops import Const, HostOp, Input, Linear, Reindex
from isobit.passes.rewrite import Rule, fresh_name, sole_reader
from isobit.passes.weights import const_weights, is_dense


@dataclass(frozen=True)
class AbsorbPermutation(Rule):
    """``W (P x) = (W P) x``: a flatten that reorders elements becomes one that does not, with permuted weights."""

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        if not isinstance(node, Linear) or graph.types[node.name].shape[:-1]:
            return None
        weights, flatten = const_weights(graph, node), graph.by_name[node.inputs[0]]
        if (
            weights is None
            or not is_dense(node, weights)
            or not isinstance(flatten, Reindex)
            or flatten.index.ndim != 1
        ):
            return None
        order = flatten.index
        if len(order) != graph.types[flatten.inputs[0]].size or (np.sort(order) != np.arange(len(order))).any():
            return None
        if (order == np.arange(len(order))).all():
            return None
        permuted = np.empty_like(weights.value)
        permuted[:, order] = weights.value
        new = Const(name=fresh_name(graph, weights.name + "_p"), value=frozen_ints(permuted))
        plain = Reindex(
            name=fresh_name(graph, flatten.name + "_flat"),
            inputs=flatten.inputs,
            index=frozen_ints(np.arange(len(order))),
        )
        return new, plain, replace(node, inputs=(plain.name, new.name))


@dataclass(frozen=True)
class AbsorbInputPermutation(Rule):
    """``P x = x'``: the host hands the input over in the order that the network wants.

    Only transposes of a raw input that nothing else reads.
    """

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        if not isinstance(node, Reindex) or not sole_reader(graph, node.inputs[0]):
            return None
        raw = graph.by_name[node.inputs[0]]
        if not isinstance(raw, Input) or len(raw.shape) != node.index.ndim or _is_still(graph, node):
            return None
        per_channel = max(len(raw.scale), len(raw.offset), len(raw.lo), len(raw.hi)) > 1
        if per_channel or node.index.size != graph.types[raw.name].size:
            return None
        order = np.arange(node.index.size).reshape(raw.shape)
        for axes in permutations(range(len(raw.shape))):
            if np.array_equal(order.transpose(axes), node.index):
                shape = tuple(raw.shape[a] for a in axes)
                turned = replace(raw, shape=shape, host=(*raw.host, HostOp("transpose", shape=axes)))
                plain = frozen_ints(np.arange(node.index.size).reshape(shape))
                return turned, replace(node, index=plain)
        return None


@dataclass(frozen=True)
class DropIdentityMovements(Rule):
    """``P x = x``: the readers of a movement that neither reorders nor reshapes read its input."""

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        still = [i for i in node.inputs if _is_still(graph, graph.by_name[i])]
        if not still:
            return None
        return (replace(node, inputs=tuple(graph.by_name[i].inputs[0] if i in still else i for i in node.inputs)),)


def _is_still(graph: Graph, node: Node) -> bool:
    if not isinstance(node, Reindex) or graph.types[node.inputs[0]].shape != node.index.shape:
        return False
    return np.array_equal(node.index.reshape(-1), np.arange(node.index.size))
