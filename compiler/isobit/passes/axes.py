"""Windows and borders over more axes than a unit goes along, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np

from isobit.ir import Graph, Node, frozen_ints
from isobit.ir.ops import Const, Linear, MaxPool, Pad
from isobit.passes.rewrite import Rule, fresh_name
from isobit.passes.weights import const_weights


@dataclass(frozen=True)
class SplitWindows(Rule):
    """``M_ab x = M_a M_b x``: a maximum, or a sum, over a box is one along an axis of those over the axes behind.

    Of windows that go along an axis in front of the last two and along others, where units for two axes could not
    take them at once: three axes, or strides.
    """

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        ones = _ones(graph, node)
        if isinstance(node, MaxPool):
            kernel = node.kernel
        elif isinstance(node, Linear) and ones is not None:
            kernel = ones.value.shape[1:-1]
        else:
            return None
        along = [i for i, (k, s) in enumerate(zip(kernel, node.strides, strict=True)) if k > 1 or s > 1]
        if len(along) < 2 or along[0] >= len(kernel) - 2 or (len(along) == 2 and max(node.strides) == 1):
            return None
        inner = fresh_name(graph, node.name + "_inner")
        front = tuple(i == along[0] for i in range(len(kernel)))
        behind = tuple(not own for own in front)
        made = [
            replace(_only(node, kernel, behind), name=inner, inputs=node.inputs),
            replace(_only(node, kernel, front), inputs=(inner, *node.inputs[1:])),
        ]
        if ones is None:
            return tuple(made)
        weights = []
        for number, (own, part) in enumerate(zip((behind, front), made, strict=True)):
            shape = [k if mine else 1 for k, mine in zip(kernel, own, strict=True)]
            values = frozen_ints(np.ones((len(ones.value), *shape, 1), np.int64))
            weights.append(Const(name=fresh_name(graph, f"{node.name}_ones_{number}"), value=values))
            made[number] = replace(part, inputs=(part.inputs[0], weights[-1].name))
        return (*weights, *made)


@dataclass(frozen=True)
class SplitBorders(Rule):
    """``B_ab x = B_a B_b x``: a border along several axes is one along the first, around one along the others.

    Of borders along three axes, or along two behind a third.
    """

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        if not isinstance(node, Pad):
            return None
        along = [i for i, sides in enumerate(zip(node.before, node.after, strict=True)) if any(sides)]
        images = bool(along) and prod(graph.types[node.inputs[0]].shape[: along[0]]) > 1
        if len(along) + images < 3:
            return None
        front, inner = along[0], fresh_name(graph, node.name + "_inner")
        own = [i == front for i in range(len(node.before))]
        others = [not mine for mine in own]
        return (
            replace(node, name=inner, before=_of(node.before, others), after=_of(node.after, others)),
            replace(node, inputs=(inner,), before=_of(node.before, own), after=_of(node.after, own)),
        )


def _of(sides: tuple[int, ...], axes: list[bool]) -> tuple[int, ...]:
    """The sides along some axes, none along the others."""
    return tuple(side if own else 0 for side, own in zip(sides, axes, strict=True))


def _ones(graph: Graph, node: Node) -> Const | None:
    """The weights of a sum over windows, channel by channel."""
    weights = const_weights(graph, node)
    if not isinstance(node, Linear) or weights is None or node.groups != len(weights.value):
        return None
    return weights if weights.value.shape[-1] == 1 and (weights.value == 1).all() else None


def _only(node: Linear | MaxPool, kernel: tuple[int, ...], axes: tuple[bool, ...]) -> Linear | MaxPool:
    """The same windows along some axes alone."""

    def one(values: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(v if own else 1 for v, own in zip(values, axes, strict=True))

    strides, dilations = one(node.strides), one(node.dilations)
    if isinstance(node, MaxPool):
        return replace(node, kernel=one(kernel), strides=strides, dilations=dilations)
    return replace(node, strides=strides, dilations=dilations)
