"""Small random graphs of all thirteen operations, with inputs that fit them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import product
from random import Random
from typing import Any

import numpy as np
from hypothesis import strategies as st

from isobit.ir import Graph, HostOp, Node, Quantiser, ValueType, frozen_ints, toposort, verify
from isobit.ir.ops import (
    Add,
    Concat,
    Const,
    Input,
    Linear,
    MaxPool,
    Output,
    Pad,
    Product,
    Reindex,
    Select,
    Step,
    Table,
)
from isobit.ir.ranges import infer_type
from isobit.numerics import Curve, Cuts, MultiplyShift, Rounded, Rounding

SHAPES = ((3,), (4,), (6, 4), (5, 2), (4, 5, 2), (5, 4, 4))


class Maker:
    """Grows a graph from random choices; a value's type is known as soon as it is made."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.nodes: dict[str, Node] = {}
        self.types: dict[str, ValueType] = {}

    def emit(self, node: Node) -> str:
        node = replace(node, name=f"{node.op}{len(self.nodes)}")
        self.types[node.name] = infer_type(node, tuple(self.types[i] for i in node.inputs), self.nodes)
        self.nodes[node.name] = node
        return node.name

    def ints(self, shape: Any, lo: int, hi: int) -> Any:
        size = int(np.prod(shape, dtype=np.int64))
        return frozen_ints(np.array([self.rng.randint(lo, hi) for _ in range(size)], dtype=object).reshape(shape))

    def const(self, shape: tuple[int, ...], lo: int = -4, hi: int = 4) -> str:
        return self.emit(Const(name="", value=self.ints(shape, lo, hi)))

    def input(self) -> str:
        shape = self.rng.choice(SHAPES)
        lo = self.ints(self.rng.choice([1, shape[-1]]), -9, 3)
        host = (HostOp("mul", (0.5,), (1,)), HostOp("clip", (-float("inf"), 3.25))) if self.rng.random() < 0.3 else ()
        quantiser = Quantiser((0.1,), (1.0,), "ROUND", -9, 15, self.rng.choice((0, -3))) if host else None
        return self.emit(
            Input(name="", shape=shape, lo=lo, hi=frozen_ints(lo + self.ints(1, 0, 12)), host=host, quantiser=quantiser)
        )

    def value(self) -> str:
        return self.rng.choice([name for name, node in self.nodes.items() if not isinstance(node, Output | Const)])

    def curve(self, lo: int, hi: int) -> Curve:
        span, form = hi - lo + 3, self.rng.randrange(3)
        bottom, levels = self.rng.randint(-5, 3), self.rng.randint(0, 7)
        if form == 0:
            return Cuts(bottom, sorted(self.rng.randint(lo - 1, hi + 1) for _ in range(levels)))
        if form == 1:
            mult, offset = Fraction(self.rng.randint(1, 20), 2 * span), Fraction(self.rng.randint(-30, 30), 7)
            return Rounded(mult, offset, self.rng.choice(list(Rounding)), bottom, bottom + levels)
        k = self.rng.randint(0, 9)
        m = 1 + (self.rng.randint(0, 8) << k) // span
        return MultiplyShift(m, self.rng.randint(-4 << k, 4 << k) - m * lo, k, bottom, bottom + levels)


def _dense(m: Maker) -> str:
    x = m.value()
    groups = m.rng.choice([g for g in (1, 2) if m.types[x].channels % g == 0])
    shape = (groups * m.rng.randint(1, 3), m.types[x].channels // groups)
    return m.emit(Linear(name="", inputs=(x, m.const(shape)), groups=groups))


def _run_time_dense(m: Maker) -> str:
    x = m.value()
    shape = (m.rng.randint(1, 3), m.types[x].channels)
    w = m.emit(Input(name="", shape=shape, lo=m.ints(shape[-1], -5, 0), hi=m.ints(shape[-1], 0, 5)))
    return m.emit(Linear(name="", inputs=(x, w)))


def _window(m: Maker, x: str) -> tuple[tuple[int, ...], ...]:
    """Kernel, strides and dilations that fit the spatial axes of x."""
    kernel, strides, dilations = [], [], []
    for n in m.types[x].shape[:-1]:
        kernel.append(m.rng.randint(1, min(n, 3)))
        dilations.append(m.rng.randint(1, max(1, (n - 1) // max(kernel[-1] - 1, 1))))
        strides.append(m.rng.randint(1, 3))
    return tuple(kernel), tuple(strides), tuple(dilations)


def _spatial(m: Maker) -> str:
    names = [n for n, t in m.types.items() if len(t.shape) > 1 and not isinstance(m.nodes[n], Output | Const)]
    return (
        m.rng.choice(names) if names else m.emit(Input(name="", shape=(5, 4, 2), lo=frozen_ints(-3), hi=frozen_ints(4)))
    )


def _conv(m: Maker) -> str:
    x = _spatial(m)
    kernel, strides, dilations = _window(m, x)
    groups = m.rng.choice([g for g in (1, 2, m.types[x].channels) if m.types[x].channels % g == 0])
    w = m.const((groups * m.rng.randint(1, 2), *kernel, m.types[x].channels // groups))
    return m.emit(Linear(name="", inputs=(x, w), strides=strides, dilations=dilations, groups=groups))


def _maxpool(m: Maker) -> str:
    x = _spatial(m)
    kernel, strides, dilations = _window(m, x)
    return m.emit(MaxPool(name="", inputs=(x,), kernel=kernel, strides=strides, dilations=dilations))


def _pad(m: Maker) -> str:
    x = _spatial(m)
    before, after = ([m.rng.randint(0, 2) for _ in m.types[x].shape[:-1]] for _ in range(2))
    return m.emit(Pad(name="", inputs=(x,), before=tuple(before), after=tuple(after), value=m.rng.randint(-3, 3)))


def _add(m: Maker) -> str:
    x = m.value()
    channels = m.types[x].channels
    same = [n for n, t in m.types.items() if t.shape == m.types[x].shape and not isinstance(m.nodes[n], Output)]
    inputs = [x, *m.rng.sample(same, min(len(same), m.rng.randint(0, 2)))]
    if m.rng.random() < 0.6:
        inputs.append(m.const((m.rng.choice([1, channels]),), -9, 9))
    coefficients = tuple(m.ints(m.rng.choice([1, channels]), -3, 3) for _ in inputs)
    return m.emit(Add(name="", inputs=tuple(inputs), coefficients=coefficients))


def _product(m: Maker) -> str:
    x = m.value()
    shape = m.types[x].shape
    per_channel = (*(1 for _ in shape[:-1]), shape[-1])
    fits = [
        n for n, t in m.types.items() if t.shape in (shape, per_channel) and not isinstance(m.nodes[n], Output | Const)
    ]
    if m.rng.random() < 0.5:
        wanted = m.rng.choice((shape, per_channel))
        fits = [m.emit(Input(name="", shape=wanted, lo=m.ints(shape[-1], -9, 1), hi=m.ints(shape[-1], 1, 12)))]
    return m.emit(Product(name="", inputs=(x, m.rng.choice(fits))))


def _step(m: Maker) -> str:
    x = m.value()
    count = m.rng.choice([1, m.types[x].channels])
    return m.emit(Step(name="", inputs=(x,), curves=tuple(m.curve(*m.types[x].bounds) for _ in range(count))))


def _table(m: Maker) -> str:
    x = m.value()
    kind = m.types[x]
    if kind.bounds[1] - kind.bounds[0] > 40:
        x = m.emit(Step(name="", inputs=(x,), curves=(Rounded(Fraction(1, 2), Fraction(0), Rounding.ROUND, -6, 6),)))
        kind = m.types[x]
    lo, hi = kind.bounds
    first = frozen_ints(lo - 1) if m.rng.random() < 0.5 else frozen_ints(kind.lo)
    rows = m.ints((m.rng.choice([1, kind.channels]), hi - lo + 2), -20, 20)
    return m.emit(Table(name="", inputs=(x,), lo=first, values=rows))


def _concat(m: Maker) -> str:
    x = m.value()
    shape = m.types[x].shape
    axis = m.rng.randrange(len(shape))
    fits = [
        n
        for n, t in m.types.items()
        if not isinstance(m.nodes[n], Output)
        and len(t.shape) == len(shape)
        and all(i == axis or a == b for i, (a, b) in enumerate(zip(t.shape, shape, strict=True)))
    ]
    return m.emit(Concat(name="", inputs=(x, m.rng.choice(fits)), axis=axis))


def _reindex(m: Maker) -> str:
    x = m.value()
    shape = m.rng.choice(((4,), (2, 3), (3, 2, 2)))
    return m.emit(Reindex(name="", inputs=(x,), index=m.ints(shape, 0, m.types[x].size - 1)))


def _select(m: Maker) -> str:
    x = m.value()
    return m.emit(Select(name="", inputs=(x,), k=m.rng.randint(1, m.types[x].channels)))


MAKERS: tuple[Callable[[Maker], str], ...] = (
    _dense, _run_time_dense, _conv, _maxpool, _pad, _add, _product, _step, _table, _concat, _reindex, _select,
)  # fmt: skip


def random_graph(rng: Random, operations: int = 5) -> Graph:
    """A graph with up to ``operations`` operations between its inputs and one to two outputs."""
    m = Maker(rng)
    m.input()
    for _ in range(rng.randint(1, operations)):
        rng.choice(MAKERS)(m)
    for value in {list(m.nodes)[-1], m.value()}:
        scale = tuple(Fraction(rng.randint(1, 9), 7) for _ in range(rng.choice([1, m.types[value].channels])))
        m.emit(
            Output(name="", inputs=(value,), scale=scale, offset=(Fraction(-1, 3),), outside="y\n'", outside_shape=(1,))
        )
    return verify(Graph(toposort(m.nodes.values())))


def random_inputs(graph: Graph, rng: Random, count: int) -> dict[str, Any]:
    """``count`` samples for every input, ends of the intervals included."""
    arrays = {}
    for node in graph.inputs:
        kind = graph.types[node.name]
        array = np.empty((count, *kind.shape), dtype=np.int64)
        for index in product(*(range(n) for n in array.shape)):
            lo, hi = int(kind.lo[index[-1]]), int(kind.hi[index[-1]])
            array[index] = rng.choice((lo, hi, rng.randint(lo, hi)))
        arrays[node.name] = array
    return arrays


graphs = st.randoms(use_true_random=False).map(random_graph)
