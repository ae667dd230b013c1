"""What every operation means, to be read: loops over Python integers, one sample at a time.

This is the definition that ``docs/graph.md`` puts into words. :mod:`isobit.interp.evaluate` computes the same, fast;
the tests compare the two on random graphs of all operations, value by value. Arrays have no batch axis and hold Python
integers; a graph must be well formed (:func:`isobit.ir.verify`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np

from isobit.ir import Graph, Node, ops

Array = Any
"""An object array of Python integers, without the batch axis."""


def evaluate(graph: Graph, sample: Mapping[str, Any]) -> dict[str, Array]:
    """Every value of the graph by name, for one sample: ``sample`` holds the arrays of the inputs by name."""
    values: dict[str, Array] = {}
    for node in graph.nodes:
        if isinstance(node, ops.Input):
            values[node.name] = np.asarray(sample[node.name]).astype(object)
        else:
            values[node.name] = MEANING[type(node)](node, *(values[i] for i in node.inputs))
    return values


def filled(shape: tuple[int, ...], element: Callable[[tuple[int, ...]], Any]) -> Array:
    """An array whose element at each index is ``element(index)``."""
    out = np.empty(shape, dtype=object)
    for index in product(*(range(n) for n in shape)):
        out[index] = int(element(index))
    return out


def positions(
    node: Any, kernel: tuple[int, ...], out: tuple[int, ...]
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """For one output position every (tap, input position) under the window."""
    return [
        (tap, tuple(o * s + t * d for o, s, t, d in zip(out, node.strides, tap, node.dilations, strict=True)))
        for tap in product(*(range(k) for k in kernel))
    ]


def counts(node: Any, kernel: tuple[int, ...], size: tuple[int, ...]) -> tuple[int, ...]:
    """How often the window fits, by trying."""
    return tuple(
        sum(1 for start in range(0, n, s) if start + (k - 1) * d < n)
        for n, k, s, d in zip(size, kernel, node.strides, node.dilations, strict=True)
    )


def linear(node: ops.Linear, x: Array, w: Array) -> Array:
    """Sums of products over the taps of a window and the inputs of a group."""
    per_group_out, per_group_in, kernel = w.shape[0] // node.groups, w.shape[-1], w.shape[1:-1]

    def element(index: tuple[int, ...]) -> int:
        *where, out = index
        base = out // per_group_out * per_group_in
        taps = positions(node, kernel, tuple(where)) if kernel else [((), tuple(where))]
        return sum(int(w[(out, *t, i)]) * int(x[(*p, base + i)]) for t, p in taps for i in range(per_group_in))

    spatial = counts(node, kernel, x.shape[:-1]) if kernel else x.shape[:-1]
    return filled((*spatial, w.shape[0]), element)


def add(node: ops.Add, *xs: Array) -> Array:
    """The sum of the operands times their coefficients, broadcast as in numpy."""
    shape = np.broadcast_shapes(*(x.shape for x in xs))
    wide = [np.broadcast_to(x, shape) for x in xs]

    def element(index: tuple[int, ...]) -> int:
        return sum(int(c[index[-1] % len(c)]) * int(x[index]) for c, x in zip(node.coefficients, wide, strict=True))

    return filled(shape, element)


def times(node: ops.Product, x: Array, y: Array) -> Array:
    """Element by element; a factor per channel is the same at every position."""
    return filled(x.shape, lambda i: int(x[i]) * int(y[i] if y.shape == x.shape else y.flat[i[-1]]))


def step(node: ops.Step, x: Array) -> Array:
    """The staircase of the channel."""
    return filled(x.shape, lambda i: node.curves.of(i[-1]).at(int(x[i])))


def table(node: ops.Table, x: Array) -> Array:
    """The channel's row, indexed from its first entry on."""
    rows, lo = node.values, node.lo
    return filled(x.shape, lambda i: rows[i[-1] % len(rows), int(x[i]) - int(lo[i[-1] % len(lo)])])


def maxpool(node: ops.MaxPool, x: Array) -> Array:
    """The greatest element under the window, channel by channel."""

    def element(index: tuple[int, ...]) -> int:
        *where, channel = index
        return max(int(x[(*p, channel)]) for _, p in positions(node, node.kernel, tuple(where)))

    return filled((*counts(node, node.kernel, x.shape[:-1]), x.shape[-1]), element)


def pad(node: ops.Pad, x: Array) -> Array:
    """The operand inside, the constant around it."""

    def element(index: tuple[int, ...]) -> int:
        inner = (*(i - b for i, b in zip(index[:-1], node.before, strict=True)), index[-1])
        inside = all(0 <= i < n for i, n in zip(inner, x.shape, strict=True))
        return int(x[inner]) if inside else node.value

    spatial = (n + b + a for n, b, a in zip(x.shape[:-1], node.before, node.after, strict=True))
    return filled((*spatial, x.shape[-1]), element)


def concat(node: ops.Concat, *xs: Array) -> Array:
    """The operands one behind the other along the axis."""

    def element(index: tuple[int, ...]) -> int:
        along = index[node.axis]
        for x in xs:
            if along < x.shape[node.axis]:
                return int(x[(*index[: node.axis], along, *index[node.axis + 1 :])])
            along -= x.shape[node.axis]
        raise IndexError(index)

    shape = list(xs[0].shape)
    shape[node.axis] = sum(x.shape[node.axis] for x in xs)
    return filled(tuple(shape), element)


def reindex(node: ops.Reindex, x: Array) -> Array:
    """The elements of the flattened operand, in a new order."""
    flat = [x[i] for i in product(*(range(n) for n in x.shape))]
    return filled(node.index.shape, lambda i: flat[int(node.index[i])])


def select(node: ops.Select, x: Array) -> Array:
    """The positions of the greatest elements, of equal ones the first."""

    def element(index: tuple[int, ...]) -> int:
        row = [int(v) for v in x[index[:-1]]]
        return sorted(range(len(row)), key=lambda i: (-row[i], i))[index[-1]]

    return filled((*x.shape[:-1], node.k), element)


MEANING: Mapping[type[Node], Callable[..., Array]] = {
    ops.Const: lambda node: filled(node.value.shape, lambda i: node.value[i]),
    ops.Output: lambda node, x: x,
    ops.Linear: linear,
    ops.Add: add,
    ops.Product: times,
    ops.Step: step,
    ops.Table: table,
    ops.MaxPool: maxpool,
    ops.Pad: pad,
    ops.Concat: concat,
    ops.Reindex: reindex,
    ops.Select: select,
}
"""What makes a node's value of the node and its operands, for every operation but ``input``."""
