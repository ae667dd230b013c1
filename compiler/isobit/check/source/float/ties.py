"""Ties: where the float32 execution of the source rounds to another integer than exact arithmetic.

The bound is the standard forward error of a float32 evaluation in any summation order, ``(n + c) * u`` times the sum
of the magnitudes of all terms, with ``u = 2^-24``, ``n`` the number of summed terms and ``c`` a constant for the
handful of elementwise operations of a layer (N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed.,
section 3.1). Below the normal numbers each of them is off by up to ``2^-150``, whatever its size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from isobit.check.source.verdict import Tie
from isobit.frontend.qonnx.builder import FunctionOrigin
from isobit.frontend.qonnx.function import whole
from isobit.frontend.qonnx.importer import Imported
from isobit.frontend.qonnx.staircases import Bound, pull_back
from isobit.frontend.qonnx.symbolic import Real
from isobit.ir import Graph, Node
from isobit.ir.ops import Add, Concat, Const, Linear, Output, Product, Reindex
from isobit.ir.types import IntArray

_UNIT = 2.0**-24
_LEAST = 2.0**-150
_ELEMENTWISE = 16
_HALVINGS = 30
_REACHED = Fraction(1, 1 << 23)


def classify(
    imported: Imported, graph: Graph, values: Mapping[str, IntArray], node: Node, mine: IntArray, theirs: IntArray
) -> list[Tie]:
    """Every element of ``node`` where graph and float execution differ, with distance and bound."""
    wrong = np.argwhere(mine != theirs)
    origin = imported.origins.get(node.name)
    ties = []
    for index in (tuple(int(i) for i in w) for w in wrong):
        got, want = int(mine[index]), int(theirs[index])
        if origin is None:
            ties.append(_raw_difference(graph, values, node, index, got, want))
            continue
        if isinstance(origin, FunctionOrigin):
            ties.append(_of_function(graph, values, node, index, (got, want), origin))
            continue
        real, channel = origin.quantised, index[-1]
        edges = [origin.boundary(channel, level) for level in range(min(got, want) + 1, max(got, want) + 1)]
        accumulator = int(values[real.value][index])
        distances = [_distance(real, channel, edge, accumulator) for edge in edges]
        distance = max((d for d in distances if d is not None), default=None)
        size, terms = magnitude(graph, values, real.value, index[0])
        first = real.segments[0]
        step = abs(_at(first.scale, channel))
        constant = float(_at(first.weight, channel) / step)
        summed = float(np.broadcast_to(size, graph.types[real.value].shape)[index[1:]])
        bound = (terms + _ELEMENTWISE) * (_UNIT * (summed + constant) + _least(step))
        ties.append(
            Tie(node.name, index[0], index[1:], got, want, float("inf") if distance is None else float(distance), bound)
        )
    return ties


def _of_function(
    graph: Graph, values: Mapping[str, IntArray], node: Node, index: tuple[int, ...], levels: tuple[int, int],
    origin: FunctionOrigin,
) -> Tie:  # fmt: skip
    """The least change of the function's exact value that gives the other level; distance and bound in real values."""
    (got, want), f, channel = levels, origin.function, index[-1]
    size, terms = magnitude(graph, values, f.value, index[0])
    here = float(np.broadcast_to(size, graph.types[f.value].shape)[index[1:]])
    summed = _UNIT * (terms + _ELEMENTWISE) * here if terms else 0.0
    found = f.at(channel, whole([int(values[f.value][index])], summed))
    exact_value = Fraction(found.low[0])
    bound = 2 * float(found.error[0]) + _UNIT * _ELEMENTWISE * float(found.size[0])
    toward = 1 if want > got else -1

    def reaches(distance: Fraction) -> bool:
        return (origin.level(channel, exact_value + toward * distance) - want) * toward >= 0

    near, far = Fraction(0), Fraction(bound)
    if not reaches(far):
        return Tie(node.name, index[0], index[1:], got, want, float("inf"), bound)
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        near, far = (near, middle) if reaches(middle) else (middle, far)
    return Tie(node.name, index[0], index[1:], got, want, float(far), bound)


def _distance(real: Real, channel: int, edge: Bound, accumulator: int) -> Fraction | None:
    """From the accumulator to where the exact value passes the edge; None where it never does.

    A limit that a function only approaches, as tanh does 1, is reached in float32 as soon as the value lies within two
    units of it: there the distance counts from, and is zero beyond.
    """
    at = pull_back(real.segments, channel, edge).value
    if at is not None or edge.value is None:
        return None if at is None else abs(accumulator - at)
    near, inner = (replace(edge, value=edge.value * (1 - n * _REACHED)) for n in (1, 2))
    before, inside = (pull_back(real.segments, channel, e).value for e in (near, inner))
    if before is None or inside is None:
        return None
    return Fraction(0) if (accumulator - before) * (before - inside) >= 0 else abs(accumulator - before)


def _raw_difference(
    graph: Graph, values: Mapping[str, IntArray], node: Node, index: tuple[int, ...], got: int, want: int
) -> Tie:
    """A float output nearest to another integer: the edge is half a step from the exact one, on its way there."""
    if not isinstance(node, Output):
        return Tie(node.name, index[0], index[1:], got, want, float("inf"), 0.0)
    size, terms = magnitude(graph, values, node.inputs[0], index[0])
    offset = float(abs(_at(node.offset, index[-1])) / abs(_at(node.scale, index[-1])))
    here = float(np.broadcast_to(size, graph.types[node.name].shape)[index[1:]])
    bound = (terms + _ELEMENTWISE) * (_UNIT * (here + offset) + _least(abs(_at(node.scale, index[-1]))))
    return Tie(node.name, index[0], index[1:], got, want, abs(want - got) - 0.5, bound)


def _least(step: Fraction) -> float:
    """The error below the normal numbers, in steps."""
    return float(Fraction(_LEAST) / step)


def _at(values: Any, channel: int) -> Fraction:
    value: Fraction = values[channel if len(values) > 1 else 0]
    return value


def magnitude(graph: Graph, values: Mapping[str, IntArray], name: str, sample: int) -> tuple[Any, int]:
    """For one sample, the sum of the magnitudes of the terms behind every element of a value (up to the last rounding),
    and how many terms are summed."""
    node = graph.by_name[name]
    if isinstance(node, Const):
        return np.abs(node.value.astype(np.float64)), 0
    if isinstance(node, Linear):
        return _linear_magnitude(graph, values, node, sample)
    if isinstance(node, Add):
        parts = [magnitude(graph, values, i, sample) for i in node.inputs]
        weighted = [np.abs(c.astype(np.float64)) * p[0] for c, p in zip(node.coefficients, parts, strict=True)]
        return sum(weighted), len(parts) + max(p[1] for p in parts)
    if isinstance(node, Product):
        (left, n), (right, k) = (magnitude(graph, values, i, sample) for i in node.inputs)
        return left * right, n + k + 1
    if isinstance(node, Reindex):
        size, terms = magnitude(graph, values, node.inputs[0], sample)
        return np.broadcast_to(size, graph.types[node.inputs[0]].shape).reshape(-1)[node.index], terms
    if isinstance(node, Concat):
        parts = [magnitude(graph, values, i, sample) for i in node.inputs]
        return np.concatenate([p[0] for p in parts], axis=node.axis), max(p[1] for p in parts)
    return np.abs(values[name][sample].astype(np.float64)), 0


def _linear_magnitude(graph: Graph, values: Mapping[str, IntArray], node: Linear, sample: int) -> tuple[Any, int]:
    size, terms = magnitude(graph, values, node.inputs[0], sample)
    weights = graph.by_name[node.inputs[1]]
    assert isinstance(weights, Const)
    absolute = np.abs(weights.value.astype(np.float64))
    fan_in = int(np.prod(absolute.shape[1:]))
    if absolute.ndim == 2 and node.groups == 1:
        return size @ absolute.T, terms + fan_in
    rows = absolute.reshape(len(absolute), -1).sum(axis=1) * float(np.max(size))
    return np.broadcast_to(rows, graph.types[node.name].shape), terms + fan_in
