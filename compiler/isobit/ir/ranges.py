"""Range inference: from the intervals of a node's inputs to the shape and per-channel intervals of its value.

Sound by construction and, for one node with independent inputs, tight. This is the type system of the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.ir.channels import Curves
from isobit.ir.memo import per_node
from isobit.ir.ops import (
    Add,
    Concat,
    Const,
    Input,
    Linear,
    MaxPool,
    Node,
    Output,
    Pad,
    Product,
    Reindex,
    Select,
    Step,
    Table,
)
from isobit.ir.types import IntArray, ValueType
from isobit.numerics import as_int_array, magnitude

_INT64_SAFE = 1 << 62


def infer_type(node: Node, inputs: tuple[ValueType, ...], by_name: Mapping[str, Node]) -> ValueType:
    """The type of ``node`` given its inputs' types.

    Raises:
        IsobitError: E401 when shapes do not fit together.
    """
    try:
        return _RULES[type(node)](node, inputs, by_name)
    except (ValueError, IndexError) as error:
        raise IsobitError("E401", f"{node.op}: {error}", where=printable(node.name)) from error


def _input(node: Input, inputs: tuple[ValueType, ...], by_name: Mapping[str, Node]) -> ValueType:
    return ValueType.of(node.shape, node.lo, node.hi)


def _const(node: Const, inputs: tuple[ValueType, ...], by_name: Mapping[str, Node]) -> ValueType:
    return _of_constant(node)


@per_node
def _of_constant(node: Const) -> ValueType:
    """The type of a constant."""
    value = node.value
    rows = value.reshape(-1, value.shape[-1])
    return ValueType.of(value.shape, rows.min(axis=0), rows.max(axis=0))


def _same(node: Node, inputs: tuple[ValueType, ...], by_name: Mapping[str, Node]) -> ValueType:
    return inputs[0]


def _linear(node: Linear, inputs: tuple[ValueType, ...], by_name: Mapping[str, Node]) -> ValueType:
    x, w = inputs
    shape, weights = linear_shape(node, x.shape, w.shape), by_name.get(node.inputs[1])
    if isinstance(weights, Const):
        return ValueType.of(shape, *_sums(node, x.lo, x.hi, weights))
    low, high = _products(node, x, w)
    return ValueType.of(shape, low.sum(axis=1), high.sum(axis=1))


def accumulator_interval(node: Linear, x: ValueType, weights: Const | ValueType) -> tuple[IntArray, IntArray]:
    """Per output channel an interval that holds every partial sum in every order (and zero).

    Hardware accumulates from zero; a partial sum can leave the interval of the whole sum, never this one.

    Args:
        weights: the constants, or the type of weights that are known at run time only.
    """
    if isinstance(weights, Const):
        # no product is below zero but one of a positive weight with a negative input, or of a negative one
        return _sums(node, np.minimum(x.lo, 0), np.maximum(x.hi, 0), weights)
    low, high = _products(node, x, weights)
    return np.minimum(low, 0).sum(axis=1), np.maximum(high, 0).sum(axis=1)


def linear_shape(node: Linear, x: tuple[int, ...], w: tuple[int, ...]) -> tuple[int, ...]:
    """Output shape of a dense layer or convolution; raises ValueError when the shapes do not fit."""
    spatial = len(w) - 2
    if w[-1] * node.groups != x[-1] or w[0] % node.groups:
        raise ValueError(f"weights {w} in {node.groups} groups do not fit input {x}")
    if spatial == 0 and not node.strides and not node.dilations:
        return (*x[:-1], w[0])
    if spatial < 1 or len(x) != spatial + 1 or len(node.strides) != spatial or len(node.dilations) != spatial:
        said = f"strides {list(node.strides)} and dilations {list(node.dilations)}"
        raise ValueError(f"a kernel of {spatial} axes with {said} on an input of shape {list(x)}")
    return (*window_counts(x[:-1], w[1:-1], node.strides, node.dilations), w[0])


def window_counts(size: Any, kernel: Any, strides: Any, dilations: Any) -> tuple[int, ...]:
    """How many windows fit along each spatial axis; raises ValueError when none does."""
    counts = tuple((n - (k - 1) * d - 1) // s + 1 for n, k, s, d in zip(size, kernel, strides, dilations, strict=True))
    if min(counts) < 1:
        raise ValueError(f"kernel {tuple(kernel)} does not fit into {tuple(size)}")
    return counts


def _products(node: Linear, x: ValueType, w: ValueType) -> tuple[IntArray, IntArray]:
    """Bounds of every product with weights that are known at run time only, shape ``(out, taps * in / groups)``."""
    taps = int(np.prod(w.shape[1:-1], dtype=np.int64))
    xlo, xhi = (
        np.broadcast_to(
            np.tile(b.reshape(node.groups, -1), taps).repeat(w.shape[0] // node.groups, 0),
            (w.shape[0], taps * w.shape[-1]),
        )
        for b in (x.lo, x.hi)
    )
    corners = [a.astype(object) * np.tile(b, taps).astype(object) for a in (xlo, xhi) for b in (w.lo, w.hi)]
    return as_int_array(np.minimum.reduce(corners)), as_int_array(np.maximum.reduce(corners))


def _sums(node: Linear, lo: IntArray, hi: IntArray, weights: Const) -> tuple[IntArray, IntArray]:
    """Per output channel the least and the greatest sum of products with inputs of ``lo`` to ``hi``."""
    positive, negative = _of_taps(weights)
    out, channels = positive.shape
    largest = max(magnitude(lo), magnitude(hi), 1) * max(1, magnitude(positive), magnitude(negative)) * channels
    if largest >= _INT64_SAFE >> 1:
        positive, negative, lo, hi = (a.astype(object) for a in (positive, negative, lo, hi))
    lo, hi = (b.reshape(node.groups, -1).repeat(out // node.groups, axis=0) for b in (lo, hi))
    return (positive * lo + negative * hi).sum(axis=1), (positive * hi + negative * lo).sum(axis=1)


@per_node
def _of_taps(weights: Const) -> tuple[IntArray, IntArray]:
    """The sums of all taps' positive weights and of their negative ones, ``(out, in)``."""
    value = weights.value
    if magnitude(value) * value.size >= _INT64_SAFE:
        value = value.astype(object)
    taps = value.reshape(len(value), -1, value.shape[-1])
    positive = np.maximum(taps, 0).sum(axis=1)
    return positive, taps.sum(axis=1) - positive


def _add(node: Add, inputs: tuple[ValueType, ...], by_name: Mapping[str, Node]) -> ValueType:
    shape = np.broadcast_shapes(*(t.shape for t in inputs))
    for coefficient in node.coefficients:
        if len(coefficient) not in (1, shape[-1]):
            raise ValueError(f"{len(coefficient)} coefficients for {shape[-1]} channels")
    lo = np.zeros(shape[-1], object)
    hi = np.zeros(shape[-1], object)
    terms: dict[str, IntArray] = {}  # one value added twice is one value
    for name, coefficient in zip(node.inputs, node.coefficients, strict=True):
        terms[name] = terms.get(name, 0) + coefficient.astype(object)
    operands = dict(zip(node.inputs, inputs, strict=True))
    for name, a in terms.items():
        operand = operands[name]
        low, high = a * operand.lo, a * operand.hi
        lo, hi = lo + np.minimum(low, high), hi + np.maximum(low, high)
    return ValueType.of(shape, lo, hi)


def _product(node: Product, inputs: tuple[ValueType, ...], by_name: Mapping[str, Node]) -> ValueType:
    x, y = inputs
    if any(isinstance(by_name.get(name), Const) for name in node.inputs):
        raise ValueError("a constant factor is the coefficient of an add")
    if y.shape not in (x.shape, (*(1 for _ in x.shape[:-1]), x.channels)):
        raise ValueError(f"a factor of shape {y.shape} for {x.shape}")
    corners = [a.astype(object) * b.astype(object) for a in (x.lo, x.hi) for b in (y.lo, y.hi)]
    lo, hi = np.minimum.reduce(corners), np.maximum.reduce(corners)
    if node.inputs[0] == node.inputs[1]:  # a square: never below zero, nor below that of the end nearer to it
        nearest = np.maximum(0, np.maximum(x.lo.astype(object), -x.hi.astype(object)))
        lo = nearest * nearest
    return ValueType.of(x.shape, as_int_array(lo), as_int_array(hi))


def _step(node: Step, inputs: tuple[ValueType, ...], by_name: Mapping[str, Node]) -> ValueType:
    (x,) = inputs
    if len(node.curves) not in (1, x.channels):
        raise ValueError(f"{len(node.curves)} curves for {x.channels} channels")
    return ValueType.of(x.shape, *_ends(_Same(node.curves), tuple(x.lo.tolist()), tuple(x.hi.tolist())))


class _Same:
    """An object as a key: equal to itself alone, whatever it holds."""

    def __init__(self, held: Curves) -> None:
        self.held = held

    def __hash__(self) -> int:
        return id(self.held)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.held is other.held


@lru_cache(256)
def _ends(curves: _Same, los: tuple[int, ...], his: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """The least and the greatest value of every channel: every graph of a pipeline asks the same of most steps."""
    each = zip(curves.held.each(len(los)), los, his, strict=True)
    low, high = zip(*(curve.interval_on(lo, hi) for curve, lo, hi in each), strict=True)
    return list(low), list(high)


def _table(node: Table, inputs: tuple[ValueType, ...], by_name: Mapping[str, Node]) -> ValueType:
    (x,) = inputs
    if node.values.shape[0] not in (1, x.channels):
        raise ValueError(f"{node.values.shape[0]} rows for {x.channels} channels")
    if node.lo.shape[0] not in (1, x.channels):
        raise ValueError(f"{node.lo.shape[0]} first entries for {x.channels} channels")
    reach = [_reachable_row(node, c, int(x.lo[c]), int(x.hi[c])) for c in range(x.channels)]
    return ValueType.of(x.shape, [int(r.min()) for r in reach], [int(r.max()) for r in reach])


def _reachable_row(node: Table, channel: int, lo: int, hi: int) -> IntArray:
    row = node.values[channel if node.values.shape[0] > 1 else 0]
    first = int(node.lo[channel if node.lo.shape[0] > 1 else 0])
    if lo < first or hi >= first + len(row):
        raise ValueError(f"the table holds {first}..{first + len(row) - 1}, the input reaches {lo}..{hi}")
    return np.asarray(row[lo - first : hi - first + 1])


def _maxpool(node: MaxPool, inputs: tuple[ValueType, ...], by_name: Mapping[str, Node]) -> ValueType:
    (x,) = inputs
    counts = window_counts(x.shape[:-1], node.kernel, node.strides, node.dilations)
    return ValueType((*counts, x.channels), x.lo, x.hi)


def _pad(node: Pad, inputs: tuple[ValueType, ...], by_name: Mapping[str, Node]) -> ValueType:
    (x,) = inputs
    spatial = tuple(n + b + a for n, b, a in zip(x.shape[:-1], node.before, node.after, strict=True))
    if spatial == x.shape[:-1]:
        return x
    value = as_int_array(np.array([node.value], dtype=object))  # of any size
    return ValueType.of((*spatial, x.channels), np.minimum(x.lo, value), np.maximum(x.hi, value))


def _concat(node: Concat, inputs: tuple[ValueType, ...], by_name: Mapping[str, Node]) -> ValueType:
    axis, rank = node.axis, len(inputs[0].shape)
    if not 0 <= axis < rank or len({(*t.shape[:axis], *t.shape[axis + 1 :]) for t in inputs}) != 1:
        raise ValueError(f"axis {axis} of {[t.shape for t in inputs]}")
    shape = list(inputs[0].shape)
    shape[axis] = sum(t.shape[axis] for t in inputs)
    if axis == rank - 1:
        return ValueType.of(
            tuple(shape), np.concatenate([t.lo for t in inputs]), np.concatenate([t.hi for t in inputs])
        )
    lo, hi = np.min([t.lo for t in inputs], axis=0), np.max([t.hi for t in inputs], axis=0)
    return ValueType.of(tuple(shape), lo, hi)


def _reindex(node: Reindex, inputs: tuple[ValueType, ...], by_name: Mapping[str, Node]) -> ValueType:
    (x,) = inputs
    if node.index.min(initial=0) < 0 or node.index.max(initial=0) >= x.size:
        raise ValueError(f"positions outside the {x.size} elements of the input")
    channel = node.index.reshape(-1, node.index.shape[-1]) % x.channels
    return ValueType.of(node.index.shape, x.lo[channel].min(axis=0), x.hi[channel].max(axis=0))


def _select(node: Select, inputs: tuple[ValueType, ...], by_name: Mapping[str, Node]) -> ValueType:
    (x,) = inputs
    if not 1 <= node.k <= x.channels:
        raise ValueError(f"{node.k} of {x.channels} elements")
    return ValueType.of((*x.shape[:-1], node.k), 0, x.channels - 1)


_RULES: dict[type[Node], Callable[[Any, tuple[ValueType, ...], Mapping[str, Node]], ValueType]] = {
    Input: _input,
    Const: _const,
    Output: _same,
    Linear: _linear,
    Add: _add,
    Product: _product,
    Step: _step,
    Table: _table,
    MaxPool: _maxpool,
    Pad: _pad,
    Concat: _concat,
    Reindex: _reindex,
    Select: _select,
}
