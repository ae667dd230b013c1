"""The reference interpreter: what every operation of the integer graph means.

Arrays are ``(batch, *shape)`` integers, int64 wherever the inferred intervals fit and Python integers beyond; between
two operations they are held in the :mod:`isobit.interp.working` dtype. Each operation is one method of
:class:`Evaluator`; nothing else in isobit defines their meaning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from isobit.errors import IsobitError
from isobit.interp.matmul import ExactProduct
from isobit.interp.steps import StepFunction
from isobit.interp.working import dtype_for, held, working_dtype
from isobit.ir import Graph, ops
from isobit.ir.ranges import linear_shape
from isobit.ir.types import IntArray, ValueType
from isobit.numerics import as_int_array, fit_dtype, magnitude

_CHUNK_ELEMENTS = 1 << 20
"""Elements of the largest intermediate array of a chunk: few enough to stay in the processor's caches."""
_SHORT_RUN = 16
"""Below so many adjacent elements, copying them window by window costs more than transposing."""


Function = Callable[..., IntArray]


@dataclass(frozen=True)
class Stage:
    """One value of a run: its name, its operands, what makes it of them, and the dtype that holds it."""

    name: str
    operands: tuple[str, ...]
    function: Function
    dtype: Any


class Evaluator:
    """A graph made ready to run: weights converted and staircases prepared once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._working = {name: working_dtype(t) for name, t in graph.types.items()}
        self._stages = {
            node.name: Stage(node.name, node.inputs, self._function(node), self._working[node.name])
            for node in graph.nodes
            if not isinstance(node, ops.Input)
        }
        self._fast = tuple(_pooled_first(graph, self._stages))
        self._batch = max(1, _CHUNK_ELEMENTS // max(self._footprint(node) for node in graph.nodes))

    @property
    def functions(self) -> list[tuple[ops.Node, Function]]:
        """Every node but the inputs and its function on integer arrays ``(batch, *shape)``, in graph order."""
        nodes = (node for node in self.graph.nodes if not isinstance(node, ops.Input))
        return [(node, partial(self._apply, self._stages[node.name])) for node in nodes]

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
        values = {n: held(a[start : start + self._batch], self._working[n]) for n, a in arrays.items()}
        samples = len(next(iter(values.values())))
        for stage in self._stages.values() if taps else self._fast:
            made = stage.function(*(values[i] for i in stage.operands))
            if len(made) != samples:  # a constant is the same for every sample
                made = np.broadcast_to(made, (samples, *made.shape[1:]))
            values[stage.name] = held(made, stage.dtype)
        keep = (n for n in self.graph.nodes if isinstance(n, ops.Output) or (taps and not isinstance(n, ops.Const)))
        return {n.name: self._integers(n.name, values[n.name]) for n in keep}

    def _apply(self, stage: Stage, *operands: IntArray) -> IntArray:
        working = (held(x, self._working[name]) for name, x in zip(stage.operands, operands, strict=True))
        return self._integers(stage.name, stage.function(*working))

    def _integers(self, name: str, array: Any) -> IntArray:
        return held(array, fit_dtype(*self.graph.types[name].bounds))

    def _footprint(self, node: ops.Node) -> int:
        """Elements per sample that computing ``node`` takes; constants do not grow with the batch."""
        if isinstance(node, ops.Const):
            return 1
        size = self.graph.types[node.name].size
        if isinstance(node, ops.Linear):
            weights = self.graph.types[node.inputs[1]].shape
            size = max(size, size // weights[0] * int(np.prod(weights[1:])) * node.groups)
        return size

    def _function(self, node: ops.Node) -> Function:
        function: Function = getattr(self, "_" + node.op)(node, tuple(self.graph.types[i] for i in node.inputs))
        return function

    # One method per operation: takes the node and its input types, returns the function on working arrays.

    def _const(self, node: ops.Const, types: tuple[ValueType, ...]) -> Function:
        value = node.value[np.newaxis].astype(self._working[node.name])
        return lambda: value

    def _output(self, node: ops.Output, types: tuple[ValueType, ...]) -> Function:
        return lambda x: x

    def _linear(self, node: ops.Linear, types: tuple[ValueType, ...]) -> Function:
        x, w = types
        largest = max(abs(v) for v in x.bounds)
        weights = self.graph.by_name[node.inputs[1]]
        if isinstance(weights, ops.Const):
            product = ExactProduct(_grouped(weights.value, node.groups), largest)
            # Converted before its elements are repeated: fewer of them, and floats are half as wide.
            return lambda a, _: product(_patches(held(a, product.dtype), node, w.shape)).reshape(
                len(a), *linear_shape(node, x.shape, w.shape)
            )
        shape = linear_shape(node, x.shape, w.shape)
        return lambda a, b: _run_time_linear(node, a, b, largest).reshape(len(a), *shape)

    def _add(self, node: ops.Add, types: tuple[ValueType, ...]) -> Function:
        lo, hi = self.graph.types[node.name].bounds
        terms = [
            max(abs(v) for v in t.bounds) * int(abs(c.astype(object)).max())
            for c, t in zip(node.coefficients, types, strict=True)
        ]
        largest = max(sum(terms), abs(lo), abs(hi), *map(magnitude, node.coefficients))
        dtype = dtype_for(max(largest, *(max(abs(v) for v in t.bounds) for t in types)))
        coefficients = [c.astype(dtype) for c in node.coefficients]
        ones = [(1,) * (len(self.graph.types[node.name].shape) - len(t.shape)) for t in types]

        def total(*xs: IntArray) -> IntArray:
            # each sample broadcasts by itself: missing axes go behind the batch axis
            full = [x.reshape(len(x), *one, *x.shape[1:]) for x, one in zip(xs, ones, strict=True)]
            products = [c * held(x, dtype) for c, x in zip(coefficients, full, strict=True)]
            return sum(products[1:], products[0])

        return total

    def _step(self, node: ops.Step, types: tuple[ValueType, ...]) -> Function:
        return StepFunction(node.curves, types[0], self._working[node.name])

    def _table(self, node: ops.Table, types: tuple[ValueType, ...]) -> Function:
        rows = np.arange(types[0].channels) if len(node.values) > 1 else np.zeros(1, np.int64)
        return lambda x: node.values[rows, (_exact(x) - node.lo).astype(np.int64)]

    def _maxpool(self, node: ops.MaxPool, types: tuple[ValueType, ...]) -> Function:
        axes = tuple(enumerate(zip(node.kernel, node.strides, node.dilations, strict=True), 1))

        def highest(x: IntArray) -> IntArray:
            for axis, window in axes:  # the maximum over a box is that over its rows' maxima
                x = _highest_along(x, axis, *window)
            return x

        return highest

    def _pad(self, node: ops.Pad, types: tuple[ValueType, ...]) -> Function:
        widths = [(0, 0), *zip(node.before, node.after, strict=True), (0, 0)]
        return lambda x: np.pad(x, widths, constant_values=node.value)

    def _concat(self, node: ops.Concat, types: tuple[ValueType, ...]) -> Function:
        dtype = self._working[node.name]  # one for all: int64 beside float32 would become float64
        return lambda *xs: np.concatenate([held(x, dtype) for x in xs], axis=node.axis + 1)

    def _reindex(self, node: ops.Reindex, types: tuple[ValueType, ...]) -> Function:
        return lambda x: x.reshape(len(x), -1)[:, node.index]

    def _select(self, node: ops.Select, types: tuple[ValueType, ...]) -> Function:
        # ~x = -x - 1 reverses the order and cannot overflow
        return lambda x: np.argsort(~_exact(x), axis=-1, kind="stable")[..., : node.k]


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


def _pooled_first(graph: Graph, stages: Mapping[str, Stage]) -> Iterator[Stage]:
    """The stages with ``maxpool(step(x))`` taken as ``step(maxpool(x))``, on fewer elements.

    The same, since a step rises with its argument and is the same at every position of a channel.
    """
    users = Counter(i for node in graph.nodes for i in node.inputs)
    pools = {n.inputs[0]: n for n in graph.nodes if isinstance(n, ops.MaxPool) and users[n.inputs[0]] == 1}
    swapped = {s: pool for s, pool in pools.items() if isinstance(graph.by_name[s], ops.Step)}
    made_here = {pool.name: s for s, pool in swapped.items()}
    for name, stage in stages.items():
        if name in swapped:
            pool = stages[swapped[name].name]
            yield Stage(name, stage.operands, pool.function, working_dtype(graph.types[stage.operands[0]]))
        elif name in made_here:
            yield replace(stage, function=stages[made_here[name]].function)
        else:
            yield stage


def _exact(x: IntArray) -> IntArray:
    """Integers again: sums of working floats may need more than these hold."""
    return held(x, object if x.dtype == object else np.int64)


def _highest_along(x: IntArray, axis: int, kernel: int, stride: int, dilation: int) -> IntArray:
    """The maximum of every window along one axis; whole rows at a time, so that the inner loops are long."""
    last = x.shape[axis] - (kernel - 1) * dilation
    taps = [x[(*[slice(None)] * axis, slice(t * dilation, t * dilation + last, stride))] for t in range(kernel)]
    y = taps[0].copy() if kernel == 1 else np.maximum(*taps[:2])
    for tap in taps[2:]:
        np.maximum(y, tap, out=y)
    return y


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
    """The operands of every output position: ``(rows, groups, taps * in / groups)``.

    Copied window by window or, where a window's rows are short, tap by tap over all windows and transposed.
    """
    kernel = w_shape[1:-1]
    if not kernel:
        return x.reshape(-1, node.groups, w_shape[-1])
    rank = len(kernel)
    view = _windows(x, kernel, node.strides, node.dilations)
    split = view.reshape(*view.shape[: 1 + rank], node.groups, w_shape[-1], *kernel)
    run = w_shape[-1] * (kernel[-1] if node.dilations[-1] == 1 else 1)
    if node.groups == 1 and run < _SHORT_RUN:
        order = (*range(3 + rank, 3 + 2 * rank), 2 + rank, 1 + rank, *range(1 + rank))
        return split.transpose(order).reshape(int(np.prod(w_shape[1:])), -1).T[:, np.newaxis]
    order = (*range(1 + rank), 1 + rank, *range(3 + rank, 3 + 2 * rank), 2 + rank)
    return split.transpose(order).reshape(-1, node.groups, int(np.prod(w_shape[1:])))


def _run_time_linear(node: ops.Linear, x: IntArray, weights: IntArray, largest: int) -> IntArray:
    """Every sample of ``x`` times its own weights."""
    exact = _exact(weights)
    made = [
        ExactProduct(_grouped(w, node.groups), largest)(_patches(x[i : i + 1], node, w.shape))
        for i, w in enumerate(exact)
    ]
    return np.concatenate(made) if made else np.zeros(0, np.int64)
