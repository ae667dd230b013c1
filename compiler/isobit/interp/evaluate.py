"""The interpreter: every operation of the integer graph on whole batches, at the speed of numpy.

Arrays are ``(batch, *shape)`` integers, int64 wherever the inferred intervals fit and Python integers beyond. Between
two operations they are ``(*shape, batch)``, so that whatever an operation does to one element it does to a run of
memory, and held in the :mod:`isobit.interp.working` dtype. Each operation is one method of :class:`Evaluator`.
:mod:`isobit.interp.reference` says in loops what they mean; the tests hold the two to be the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.interp.depthwise import Depthwise, is_depthwise
from isobit.interp.filtered import filtered
from isobit.interp.matmul import ExactProduct
from isobit.interp.steps import StepFunction
from isobit.interp.windows import grouped, highest, patches
from isobit.interp.working import Spread, dtype_for, held, keep_freed_memory, working_dtype
from isobit.ir import Graph, ops
from isobit.ir.ranges import linear_shape
from isobit.ir.types import IntArray, ValueType
from isobit.numerics import as_int_array, fit_dtype, magnitude

_CHUNK_ELEMENTS, _CHUNK_STEP = 1 << 20, 16
"""Elements of the largest array of a chunk, few enough to stay in the processor's caches; samples fill registers."""


Function = Callable[..., IntArray]


@dataclass(frozen=True)
class Stage:
    """One value of a run: its name, its operands, what makes it of them, and the dtype that holds it."""

    name: str
    operands: tuple[str, ...]
    function: Function
    dtype: Any
    last: tuple[str, ...] = ()


class Evaluator:
    """A graph made ready to run: weights converted and staircases prepared once."""

    def __init__(self, graph: Graph) -> None:
        keep_freed_memory()
        self.graph = graph
        self._working = {name: working_dtype(t) for name, t in graph.types.items()}
        self._stages = {
            node.name: Stage(node.name, node.inputs, self._function(node), self._working[node.name])
            for node in graph.nodes
            if not isinstance(node, ops.Input)
        }
        self._fast = _with_last_uses([*filtered(graph, [*_pooled_first(graph, self._stages)])])
        steps = _CHUNK_ELEMENTS // max(self._footprint(node) for node in graph.nodes) // _CHUNK_STEP
        self._batch = max(1, steps) * _CHUNK_STEP

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
        kept = [n for n in self.graph.nodes if isinstance(n, ops.Output) or (taps and not isinstance(n, ops.Const))]
        types = {n.name: self.graph.types[n.name] for n in kept}
        results = {name: np.empty((total, *t.shape), fit_dtype(*t.bounds)) for name, t in types.items()}
        for start in range(0, total, self._batch):
            chunk = slice(start, start + self._batch)
            values = self._chunk({n: a[chunk] for n, a in arrays.items()}, taps)
            for name, result in results.items():
                result[chunk] = self._integers(name, values[name])
        return results

    def _chunk(self, arrays: Mapping[str, IntArray], taps: bool) -> dict[str, IntArray]:
        """Every value of the graph, or without ``taps`` those that the fast stages make, as working arrays."""
        values = {name: self._held(name, a) for name, a in arrays.items()}
        samples = next(iter(values.values())).shape[-1]
        for stage in self._stages.values() if taps else self._fast:
            made = stage.function(*(values[i] for i in stage.operands))
            if made.shape[-1] != samples:  # a constant is the same for every sample
                made = np.broadcast_to(made, (*made.shape[:-1], samples))
            values[stage.name] = held(made, stage.dtype)
            del made
            for name in () if taps else stage.last:
                del values[name]
        return values

    def _apply(self, stage: Stage, *operands: IntArray) -> IntArray:
        working = (self._held(name, x) for name, x in zip(stage.operands, operands, strict=True))
        return self._integers(stage.name, stage.function(*working))

    def _held(self, name: str, array: IntArray) -> IntArray:
        """Integers ``(batch, *shape)`` as a working array ``(*shape, batch)``."""
        # Converted in the order of memory: the transposition then reads fewer bytes, and from the cache.
        return np.ascontiguousarray(np.moveaxis(held(array, self._working[name]), 0, -1))

    def _integers(self, name: str, array: IntArray) -> IntArray:
        return np.moveaxis(held(array, fit_dtype(*self.graph.types[name].bounds)), -1, 0)

    def _footprint(self, node: ops.Node) -> int:
        """Elements per sample that computing ``node`` takes; constants do not grow with the batch."""
        if isinstance(node, ops.Const):
            return 1
        size = self.graph.types[node.name].size
        if isinstance(node, ops.Linear):
            x, w = (self.graph.types[name] for name in node.inputs)
            size = max(size, x.size * int(np.prod(w.shape[1:-2])))
        return size

    def _function(self, node: ops.Node) -> Function:
        function: Function = getattr(self, "_" + node.op)(node, tuple(self.graph.types[i] for i in node.inputs))
        return function

    # One method per operation: takes the node and its input types, returns the function on working arrays.

    def _const(self, node: ops.Const, types: tuple[ValueType, ...]) -> Function:
        value = node.value[..., np.newaxis].astype(self._working[node.name])
        return lambda: value

    def _output(self, node: ops.Output, types: tuple[ValueType, ...]) -> Function:
        return lambda x: x

    def _linear(self, node: ops.Linear, types: tuple[ValueType, ...]) -> Function:
        x, w = types
        largest, shape = max(abs(v) for v in x.bounds), linear_shape(node, x.shape, w.shape)
        weights = self.graph.by_name[node.inputs[1]]
        if not isinstance(weights, ops.Const):
            return lambda a, b: _run_time_linear(node, a, b, largest).reshape(*shape, a.shape[-1])
        if is_depthwise(node, x.channels, w.shape):
            kernel = zip(w.shape[1:-1], node.strides, node.dilations, strict=True)
            return _of_first(Depthwise(weights.value, [*kernel], largest))
        product = ExactProduct(grouped(weights.value, node.groups), largest)
        # Converted before its elements are repeated: fewer of them, and floats are half as wide.
        return lambda a, _: product(patches(held(a, product.dtype), node, w.shape)).reshape(*shape, a.shape[-1])

    def _add(self, node: ops.Add, types: tuple[ValueType, ...]) -> Function:
        lo, hi = self.graph.types[node.name].bounds
        terms = [
            max(abs(v) for v in t.bounds) * int(abs(c.astype(object)).max())
            for c, t in zip(node.coefficients, types, strict=True)
        ]
        largest = max(sum(terms), abs(lo), abs(hi), *map(magnitude, node.coefficients))
        dtype = dtype_for(max(largest, *(max(abs(v) for v in t.bounds) for t in types)))
        coefficients = [Spread(c.astype(dtype)[:, np.newaxis]) for c in node.coefficients]

        def total(*xs: IntArray) -> IntArray:
            first, *others = (c.over(x.shape[-1]) * held(x, dtype) for c, x in zip(coefficients, xs, strict=True))
            made: IntArray = sum(others, first)
            return made

        return total

    def _product(self, node: ops.Product, types: tuple[ValueType, ...]) -> Function:
        dtype = dtype_for(max(abs(v) for t in (*types, self.graph.types[node.name]) for v in t.bounds))
        return lambda x, y: held(x, dtype) * held(y, dtype)

    def _step(self, node: ops.Step, types: tuple[ValueType, ...]) -> Function:
        return StepFunction(node.curves, types[0], self._working[node.name])

    def _table(self, node: ops.Table, types: tuple[ValueType, ...]) -> Function:
        rows = np.arange(types[0].channels if len(node.values) > 1 else 1)[:, np.newaxis]
        return lambda x: node.values[rows, (_exact(x) - node.lo[:, np.newaxis]).astype(np.int64)]

    def _maxpool(self, node: ops.MaxPool, types: tuple[ValueType, ...]) -> Function:
        windows = tuple(zip(node.kernel, node.strides, node.dilations, strict=True))
        return lambda x: highest(x, windows)

    def _pad(self, node: ops.Pad, types: tuple[ValueType, ...]) -> Function:
        widths = [*zip(node.before, node.after, strict=True), (0, 0), (0, 0)]
        dtype = self._working[node.name]  # what is padded with may be wider than what it surrounds
        return lambda x: np.pad(held(x, dtype), widths, constant_values=node.value)

    def _concat(self, node: ops.Concat, types: tuple[ValueType, ...]) -> Function:
        dtype = self._working[node.name]  # one for all: int64 beside float32 would become float64
        return lambda *xs: np.concatenate([held(x, dtype) for x in xs], axis=node.axis)

    def _reindex(self, node: ops.Reindex, types: tuple[ValueType, ...]) -> Function:
        return lambda x: x.reshape(types[0].size, x.shape[-1])[node.index]

    def _select(self, node: ops.Select, types: tuple[ValueType, ...]) -> Function:
        # ~x = -x - 1 reverses the order and cannot overflow
        return lambda x: np.argsort(~_exact(x), axis=-2, kind="stable")[..., : node.k, :]


def _of_first(function: Function) -> Function:
    """Without the weights, which it has."""
    return lambda x, _: function(x)


def run(graph: Graph, inputs: Mapping[str, IntArray] | IntArray, *, taps: bool = False) -> dict[str, IntArray]:
    """Evaluate ``graph`` once; see :meth:`Evaluator.run`.

    Args:
        inputs: integers by the node's or the model's own name of an input, or the array alone where there is one input.
    """
    return Evaluator(graph).run(_by_node(graph, inputs), taps=taps)


def _by_node(graph: Graph, inputs: Mapping[str, IntArray] | IntArray) -> dict[str, IntArray]:
    """The arrays by the names of their nodes."""
    if not isinstance(inputs, Mapping):
        if len(graph.inputs) != 1:
            names = ", ".join(printable(node.outside) for node in graph.inputs)
            raise IsobitError("E607", f"one array for each input is needed: {names}", hint="give them by name")
        return {graph.inputs[0].name: np.asarray(inputs)}
    return {node.name: inputs[n] for node in graph.inputs for n in (node.outside, node.name) if n in inputs}


def _checked_input(node: ops.Input, inputs: Mapping[str, IntArray]) -> IntArray:
    if node.name not in inputs:
        raise IsobitError("E607", f"no vectors for the input {node.name}")
    given = np.asarray(inputs[node.name])
    if given.shape[1:] != node.shape:
        raise IsobitError("E607", f"{node.name} takes shape (batch, {node.shape}), not {given.shape}")
    try:
        array = given if given.dtype.kind == "i" else as_int_array(given)
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


def _with_last_uses(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """The stages told which operands no later one reads: memory given back at once is still cached when taken again."""
    last = {name: i for i, stage in enumerate(stages) for name in stage.operands}
    return tuple(
        replace(stage, last=tuple(name for name in dict.fromkeys(stage.operands) if last[name] == i))
        for i, stage in enumerate(stages)
    )


def _exact(x: IntArray) -> IntArray:
    """Integers again: sums of working floats may need more than these hold."""
    return held(x, object if x.dtype == object else np.int64)


def _run_time_linear(node: ops.Linear, x: IntArray, weights: IntArray, largest: int) -> IntArray:
    """Every sample of ``x`` times its own weights."""
    exact = _exact(weights)
    made = [
        ExactProduct(grouped(exact[..., i], node.groups), largest)(patches(x[..., i : i + 1], node, exact.shape[:-1]))
        for i in range(x.shape[-1])
    ]
    return np.concatenate(made, axis=-1) if made else np.zeros(0, np.int64)
