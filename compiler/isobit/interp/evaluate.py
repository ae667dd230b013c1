"""The reference interpreter: what every operation of the integer graph means.

Arrays are ``(batch, *shape)`` integers, int64 wherever the inferred intervals fit and Python integers beyond. Each
operation is one method of :class:`Evaluator`; nothing else in isobit defines their meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from isobit.errors import IsobitError
from isobit.interp.matmul import ExactProduct
from isobit.interp.steps import StepFunction
from isobit.ir import Graph, ops
from isobit.ir.ranges import linear_shape
from isobit.ir.types import IntArray, ValueType
from isobit.numerics import as_int_array, fit_dtype, magnitude

_CHUNK_ELEMENTS = 1 << 19
"""Elements of the largest intermediate array of a chunk: few enough to stay in the processor's caches."""


class Evaluator:
    """A graph made ready to run: weights converted and staircases prepared once.

    ``functions`` pairs every node but the inputs with its function on ``(batch, *shape)`` arrays, in graph order.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.functions: list[tuple[ops.Node, Callable[..., IntArray]]] = [
            (node, getattr(self, "_" + node.op)(node, tuple(graph.types[i] for i in node.inputs)))
            for node in graph.nodes
            if not isinstance(node, ops.Input)
        ]
        self._batch = max(1, _CHUNK_ELEMENTS // max(self._footprint(node) for node in graph.nodes))

    def run(self, inputs: Mapping[str, IntArray], *, taps: bool = False) -> dict[str, IntArray]:
        """Evaluate on ``inputs`` (name to integers ``(batch, *shape)``).

        Returns:
            every output by name or, with ``taps``, every value of the graph except constants.

        Raises:
            IsobitError: E607 when an input is missing, has the wrong shape or leaves its interval.
        """
        arrays = {node.name: _checked_input(node, inputs) for node in self.graph.inputs}
        sizes = {len(a) for a in arrays.values()}
        if len(sizes) != 1:
            raise IsobitError("E607", f"inputs hold different numbers of samples: {sorted(sizes)}")
        total = sizes.pop()
        parts = [self._chunk(arrays, s, taps) for s in range(0, max(total, 1), self._batch)]
        return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}

    def _chunk(self, arrays: Mapping[str, IntArray], start: int, taps: bool) -> dict[str, IntArray]:
        values = {name: a[start : start + self._batch] for name, a in arrays.items()}
        samples = len(next(iter(values.values())))
        for node, function in self.functions:
            made = function(*(values[i] for i in node.inputs))
            if isinstance(node, ops.Const):
                made = np.broadcast_to(made, (samples, *node.value.shape))
            values[node.name] = made.astype(fit_dtype(*self.graph.types[node.name].bounds), copy=False)
        keep = (n for n in self.graph.nodes if isinstance(n, ops.Output) or (taps and not isinstance(n, ops.Const)))
        return {n.name: values[n.name] for n in keep}

    def _footprint(self, node: ops.Node) -> int:
        """Elements per sample that computing ``node`` takes; constants do not grow with the batch."""
        if isinstance(node, ops.Const):
            return 1
        size = self.graph.types[node.name].size
        if isinstance(node, ops.Linear):
            weights = self.graph.types[node.inputs[1]].shape
            size = max(size, size // weights[0] * int(np.prod(weights[1:])) * node.groups)
        return size

    # One method per operation: takes the node and its input types, returns the function on arrays.

    def _const(self, node: ops.Const, types: tuple[ValueType, ...]) -> Callable[..., IntArray]:
        return lambda: node.value[np.newaxis]

    def _output(self, node: ops.Output, types: tuple[ValueType, ...]) -> Callable[..., IntArray]:
        return lambda x: x

    def _linear(self, node: ops.Linear, types: tuple[ValueType, ...]) -> Callable[..., IntArray]:
        x, w = types
        largest = max(abs(v) for v in x.bounds)
        weights = self.graph.by_name[node.inputs[1]]
        if isinstance(weights, ops.Const):
            product = ExactProduct(_grouped(weights.value, node.groups), largest)
            return lambda a, _: product(_patches(a, node, w.shape)).reshape(
                len(a), *linear_shape(node, x.shape, w.shape)
            )
        shape = linear_shape(node, x.shape, w.shape)
        return lambda a, b: _run_time_linear(node, a, b, largest).reshape(len(a), *shape)

    def _add(self, node: ops.Add, types: tuple[ValueType, ...]) -> Callable[..., IntArray]:
        lo, hi = self.graph.types[node.name].bounds
        terms = [
            max(abs(v) for v in t.bounds) * int(abs(c.astype(object)).max())
            for c, t in zip(node.coefficients, types, strict=True)
        ]
        wide = max(sum(terms), abs(lo), abs(hi), *map(magnitude, node.coefficients)) >= 1 << 63
        coefficients = [c.astype(object if wide else np.int64) for c in node.coefficients]
        ones = [(1,) * (len(self.graph.types[node.name].shape) - len(t.shape)) for t in types]

        def total(*xs: IntArray) -> IntArray:
            # each sample broadcasts by itself: missing axes go behind the batch axis
            full = [x.reshape(len(x), *one, *x.shape[1:]) for x, one in zip(xs, ones, strict=True)]
            products = [c * x for c, x in zip(coefficients, full, strict=True)]
            return sum(products[1:], products[0])

        return total

    def _step(self, node: ops.Step, types: tuple[ValueType, ...]) -> Callable[..., IntArray]:
        return StepFunction(node.curves, types[0])

    def _table(self, node: ops.Table, types: tuple[ValueType, ...]) -> Callable[..., IntArray]:
        rows = np.arange(types[0].channels) if len(node.values) > 1 else np.zeros(1, np.int64)
        return lambda x: node.values[rows, x - node.lo]

    def _maxpool(self, node: ops.MaxPool, types: tuple[ValueType, ...]) -> Callable[..., IntArray]:
        axes = tuple(range(-len(node.kernel), 0))
        return lambda x: _windows(x, node.kernel, node.strides, node.dilations).max(axis=axes)

    def _pad(self, node: ops.Pad, types: tuple[ValueType, ...]) -> Callable[..., IntArray]:
        widths = [(0, 0), *zip(node.before, node.after, strict=True), (0, 0)]
        return lambda x: np.pad(x, widths, constant_values=node.value)

    def _concat(self, node: ops.Concat, types: tuple[ValueType, ...]) -> Callable[..., IntArray]:
        return lambda *xs: np.concatenate(xs, axis=node.axis + 1)

    def _reindex(self, node: ops.Reindex, types: tuple[ValueType, ...]) -> Callable[..., IntArray]:
        return lambda x: x.reshape(len(x), -1)[:, node.index]

    def _select(self, node: ops.Select, types: tuple[ValueType, ...]) -> Callable[..., IntArray]:
        # ~x = -x - 1 reverses the order and cannot overflow
        return lambda x: np.argsort(~x, axis=-1, kind="stable")[..., : node.k]


def run(graph: Graph, inputs: Mapping[str, IntArray], *, taps: bool = False) -> dict[str, IntArray]:
    """Evaluate ``graph`` once; see :meth:`Evaluator.run`."""
    return Evaluator(graph).run(inputs, taps=taps)


def _checked_input(node: ops.Input, inputs: Mapping[str, IntArray]) -> IntArray:
    if node.name not in inputs:
        raise IsobitError("E607", f"no vectors for the input {node.name}")
    given = np.asarray(inputs[node.name])
    if given.shape[1:] != node.shape:
        raise IsobitError("E607", f"{node.name} takes shape (batch, {node.shape}), not {given.shape}")
    try:
        array = as_int_array(given)
    except TypeError as error:
        raise IsobitError("E607", f"{node.name} takes integers: {error}", hint="quantise the floats first") from error
    if array.size and array.min() >= node.lo.max() and array.max() <= node.hi.min():
        return array
    outside = (array < node.lo) | (array > node.hi)
    if outside.any():
        where = tuple(int(i) for i in np.argwhere(outside)[0])
        raise IsobitError("E607", f"{node.name}{list(where)} = {array[where]} is outside the input's interval")
    return array


def _grouped(weights: IntArray, groups: int) -> IntArray:
    return weights.reshape(groups, weights.shape[0] // groups, -1)


def _windows(x: IntArray, kernel: Any, strides: Any, dilations: Any) -> IntArray:
    """Sliding windows over the spatial axes: ``(batch, *counts, channels, *kernel)``."""
    spatial = tuple(range(1, 1 + len(kernel)))
    spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    view = np.lib.stride_tricks.sliding_window_view(x, spans, axis=spatial)
    stepped = [slice(None), *(slice(None, None, s) for s in strides), slice(None)]
    return view[(*stepped, *(slice(None, None, d) for d in dilations))]


def _patches(x: IntArray, node: ops.Linear, w_shape: tuple[int, ...]) -> IntArray:
    """The operands of every output position: ``(rows, groups, taps * in / groups)``."""
    kernel = w_shape[1:-1]
    if not kernel:
        return x.reshape(-1, node.groups, w_shape[-1])
    rank = len(kernel)
    view = _windows(x, kernel, node.strides, node.dilations)
    split = view.reshape(*view.shape[: 1 + rank], node.groups, w_shape[-1], *kernel)
    order = (*range(1 + rank), 1 + rank, *range(3 + rank, 3 + 2 * rank), 2 + rank)
    return split.transpose(order).reshape(-1, node.groups, int(np.prod(w_shape[1:])))


def _run_time_linear(node: ops.Linear, x: IntArray, weights: IntArray, largest: int) -> IntArray:
    """Every sample of ``x`` times its own weights."""
    made = [
        ExactProduct(_grouped(w, node.groups), largest)(_patches(x[i : i + 1], node, w.shape))
        for i, w in enumerate(weights)
    ]
    return np.concatenate(made) if made else np.zeros(0, np.int64)
