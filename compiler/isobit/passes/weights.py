"""Constant weights: what several rules ask of a linear operation."""

from __future__ import annotations

from isobit.ir import Graph, Node
from isobit.ir.ops import Const, Linear


def const_weights(graph: Graph, linear: Node) -> Const | None:
    """The weights of a linear operation that are a constant; None for others."""
    if not isinstance(linear, Linear):
        return None
    weights = graph.by_name[linear.inputs[1]]
    return weights if isinstance(weights, Const) else None


def is_dense(linear: Node, weights: Const) -> bool:
    """Is it a plain matrix product?"""
    return isinstance(linear, Linear) and weights.value.ndim == 2 and linear.groups == 1
