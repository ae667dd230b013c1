"""Small integer networks of every kind that streams several samples per clock, written in the graph's own language."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from isobit.backends.dataflow import lower, size_fifos
from isobit.backends.dataflow.planner import Plan, PlanRequest, plan_for
from isobit.build.folder import Build, Origin, write_build
from isobit.hardware import load_board
from isobit.interp import run
from isobit.ir import Graph, Node, ops
from isobit.ir.ops import Add, Concat, Const, Linear, MaxPool, Pad, Product, Reindex, Step, Table, frozen_ints
from isobit.ir.types import IntArray
from isobit.numerics import MultiplyShift

BOARD = load_board("zcu104")


class Net:
    """Grows a graph from its input on; a value is its name."""

    def __init__(self, *shape: int, bits: int = 4, seed: int = 1) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Node] = []
        span = {"lo": frozen_ints(0), "hi": frozen_ints((1 << bits) - 1)}
        self.head = self._add(ops.Input, (), shape=shape, outside="x", **span)

    def _add(self, op: type[Node], inputs: Sequence[str], **attributes: object) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(op(name=name, inputs=tuple(inputs), **attributes))  # type: ignore[arg-type]
        return name

    def _of(self, value: str) -> tuple[int, ...]:
        return Graph(tuple(self.nodes)).types[value].shape

    def const(self, values: IntArray) -> str:
        return self._add(Const, (), value=frozen_ints(values))

    def conv(
        self, x: str, outputs: int, kernel: Sequence[int], *, stride: int = 1, dilation: int = 1, pad: int = -1,
        groups: int = 1,
    ) -> str:  # fmt: skip
        """A convolution with small weights; ``pad`` -1 keeps the size, otherwise pixels on every side of the width."""
        axes = len(kernel)
        border = tuple((k - 1) * dilation // 2 if pad < 0 else pad for k in kernel)
        if any(border):
            x = self._add(Pad, (x,), before=border, after=border)
        inputs = self._of(x)[-1] // groups
        weights = self.const(self.rng.integers(-3, 4, (outputs, *kernel, inputs)))
        return self._add(Linear, (x, weights), strides=(stride,) * axes, dilations=(dilation,) * axes, groups=groups)

    def depthwise(self, x: str, kernel: Sequence[int], **options: int) -> str:
        channels = self._of(x)[-1]
        return self.conv(x, channels, kernel, groups=channels, **options)

    def dense(self, x: str, outputs: int) -> str:
        flat = int(np.prod(self._of(x)))
        row = self._add(Reindex, (x,), index=np.arange(flat))
        return self._add(Linear, (row, self.const(self.rng.integers(-3, 4, (outputs, flat)))))

    def relu(self, x: str, bits: int = 4) -> str:
        """A requantiser with a ReLU and a curve per channel."""
        kind = Graph(tuple(self.nodes)).types[x]
        top, shift = (1 << bits) - 1, 8
        most = max(kind.bounds[1], 1)
        least = max((top << shift) // most, 1)
        factors = self.rng.integers(least, 2 * least + 2, kind.channels)
        return self._add(Step, (x,), curves=tuple(MultiplyShift(int(m), 128, shift, 0, top) for m in factors))

    def table(self, x: str) -> str:
        lo, hi = Graph(tuple(self.nodes)).types[x].bounds
        values = self.rng.integers(-8, 8, (1, hi - lo + 1))
        return self._add(Table, (x,), lo=frozen_ints(lo), values=frozen_ints(values))

    def pool(self, x: str, kernel: Sequence[int], stride: int = 0) -> str:
        strides = tuple(stride or k for k in kernel)
        return self._add(MaxPool, (x,), kernel=tuple(kernel), strides=strides, dilations=(1,) * len(kernel))

    def total(self, x: str) -> str:
        """The sum over all positions."""
        *spatial, channels = self._of(x)
        ones = self.const(np.ones((channels, *spatial, 1), dtype=np.int64))
        fill = (1,) * len(spatial)
        return self._add(Linear, (x, ones), strides=fill, dilations=fill, groups=channels)

    def join(self, a: str, b: str) -> str:
        return self._add(Add, (a, b), coefficients=(frozen_ints([2]), frozen_ints([-3])))

    def times(self, a: str, b: str) -> str:
        return self._add(Product, (a, b))

    def pad(self, x: str, before: int, after: int) -> str:
        """A border along the width that nobody takes in."""
        zeros = (0,) * (len(self._of(x)) - 2)
        return self._add(Pad, (x,), before=(*zeros, before), after=(*zeros, after), value=1)

    def concat(self, a: str, b: str) -> str:
        return self._add(Concat, (a, b), axis=len(self._of(a)) - 1)

    def upsample(self, x: str, factor: int) -> str:
        shape = self._of(x)
        index = np.arange(int(np.prod(shape))).reshape(shape)
        for axis in range(len(shape) - 1):
            index = np.repeat(index, factor, axis=axis)
        return self._add(Reindex, (x,), index=index)

    def reversed(self, x: str) -> str:
        """The rows from last to first: a movement of the whole frame."""
        shape = self._of(x)
        return self._add(Reindex, (x,), index=np.arange(int(np.prod(shape))).reshape(shape)[::-1].copy())

    def select(self, x: str, k: int) -> str:
        return self._add(ops.Select, (x,), k=k)

    def graph(self, *results: str) -> Graph:
        for number, value in enumerate(results):
            self._add(ops.Output, (value,), outside=f"y{number}")
        return Graph(tuple(self.nodes))


def peak_detector(length: int = 64, channels: int = 4) -> Graph:
    """A 1-D network of 5-tap convolutions on a raw profile, with one channel out."""
    net = Net(length, 1, bits=8)
    x = net.head
    for _ in range(3):
        x = net.relu(net.conv(x, channels, (5,)), bits=2)
    return net.graph(net.conv(x, 1, (5,)))


def radioml(length: int = 64) -> Graph:
    """A 1-D VGG on I and Q: convolutions of 3 taps, pools of 2, two dense layers."""
    net = Net(length, 2)
    x = net.head
    for channels in (4, 8, 8):
        x = net.pool(net.relu(net.conv(x, channels, (3,))), (2,))
    x = net.relu(net.dense(x, 12))
    return net.graph(net.select(net.dense(x, 6), 1))


def unbordered(width: int = 37) -> Graph:
    """Windows without a border over maps whose values are never zero, a stride, and a reshape of what comes out."""
    net = Net(width, 2)
    x = net.table(net.relu(net.conv(net.head, 4, (4,), pad=0)))
    x = net.pool(net.conv(x, 3, (3,), pad=0, stride=2), (3,), stride=1)
    return net.graph(net.dense(net.relu(x), 4), net.relu(net.conv(x, 2, (2,), pad=0)))


def cnv(size: int = 16) -> Graph:
    """A 2-D network of 3 x 3 convolutions, pools and dense layers."""
    net = Net(size, size, 3)
    x = net.relu(net.conv(net.head, 4, (3, 3)))
    x = net.pool(net.relu(net.conv(x, 4, (3, 3))), (2, 2))
    x = net.relu(net.conv(x, 6, (3, 3), stride=2))
    return net.graph(net.dense(net.pool(x, (2, 2)), 5))


def residual(size: int = 8) -> Graph:
    """Residual blocks, a strided shortcut, a depthwise and a pointwise layer, and a global sum."""
    net = Net(size, 2 * size, 2)
    x = net.relu(net.conv(net.head, 4, (3, 3)))
    x = net.relu(net.join(net.conv(net.relu(net.conv(x, 4, (3, 3))), 4, (3, 3)), x))
    long = net.relu(net.conv(x, 6, (3, 3), stride=2))
    x = net.relu(net.join(net.relu(net.depthwise(long, (3, 3))), net.conv(x, 6, (1, 1), stride=2)))
    return net.graph(net.total(x))


def every_unit(width: int = 32) -> Graph:
    """What the others leave out: a table, concat, upsampling, a free border, dilation, selections by position."""
    net = Net(2, width, 2)
    left = net.table(net.head)
    right = net.relu(net.conv(net.head, 3, (2, 3), pad=0, dilation=1))
    wide = net.upsample(net.concat(left, net.relu(net.conv(net.head, 3, (1, 5), dilation=2))), 2)
    best = net.select(net.relu(net.depthwise(wide, (1, 3))), 2)
    bordered = net.pad(wide, 9, 7)
    return net.graph(best, net.select(bordered, 1), net.relu(net.pool(right, (1, 3), stride=1)))


def squeeze_and_excite(size: int = 8, channels: int = 6) -> Graph:
    """A map times a factor per channel that is made of the same map, all of it; and the map again behind."""
    net = Net(size, 2 * size, 2)
    x = net.relu(net.conv(net.head, channels, (3, 3)))
    squeezed = net.relu(net.conv(net.relu(net.total(x)), 3, (1, 1)))
    factor = net.table(net.relu(net.conv(squeezed, channels, (1, 1))))
    x = net.relu(net.times(x, factor))
    return net.graph(net.relu(net.conv(x, 4, (1, 1))))


def gated(size: int = 8) -> Graph:
    """A gated layer: two branches of one map, element by element, one with values below zero; and a factor from outside
    the map in front of it."""
    net = Net(size, 2 * size, 2)
    left, right = net.conv(net.head, 4, (3, 3)), net.conv(net.head, 4, (1, 1))
    x = net.times(net.relu(left), net.table(net.relu(right)))
    return net.graph(net.relu(net.conv(x, 3, (1, 1))))


def built(graph: Graph, folder: Path, request: PlanRequest, frames: int = 3) -> tuple[Build, Plan]:
    """A build of ``graph`` under ``request``, without a source model."""
    plan = plan_for(graph, BOARD, request)
    design = size_fifos(lower(graph, plan))
    rng = np.random.default_rng(0)
    vectors = {n.name: rng.integers(int(n.lo.min()), int(n.hi.max()) + 1, (frames, *n.shape)) for n in graph.inputs}
    expected = run(graph, vectors)
    made = write_build(folder, graph, BOARD, plan, design, b"", Origin("samples"), vectors | expected)
    return made, plan
