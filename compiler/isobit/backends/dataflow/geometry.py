"""The loop nest behind a linear or max-pool node: positions, taps, channels, and how a window feeds it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from isobit.backends.dataflow.latencies import window_ahead
from isobit.backends.dataflow.rows import rows_of, width_of
from isobit.errors import IsobitError
from isobit.ir import Graph, accumulator_interval
from isobit.ir.memo import per_graph
from isobit.ir.ops import Const, Linear, MaxPool, Pad, Reindex


@dataclass(frozen=True)
class Box:
    """A part of a frame of ``height`` x ``width`` pixels: its ``first`` row, column and channel, and its ``size``."""

    height: int
    width: int
    first: tuple[int, int, int]
    size: tuple[int, int, int]


@dataclass(frozen=True)
class Geometry:
    """Sizes of a sliding computation; one-dimensional data has height 1, dense layers have one tap.

    ``fan_in`` is the inputs of one output (taps x channels where channels mix), ``positions`` the output pixels of all
    ``images``, which follow one another: an axis in front along which every pixel stands alone.
    """

    height: int
    width: int
    channels: int
    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    positions: int
    outputs: int
    depthwise: bool
    images: int = 1

    @property
    def taps(self) -> int:
        return self.kernel[0] * self.kernel[1]

    @property
    def fan_in(self) -> int:
        return self.taps * self.channels

    @property
    def windowed(self) -> bool:
        """Does it need a sliding window, or do the input words arrive in the order they are used?"""
        whole_frame = self.kernel == (self.height, self.width) and self.dilations == (1, 1)
        return not whole_frame and (self.taps > 1 or self.strides != (1, 1))

    @property
    def span(self) -> int:
        """Pixels between the first and the last of one window: what a line buffer must hold at least."""
        (kh, kw), (dh, dw) = self.kernel, self.dilations
        return (kh - 1) * dh * self.width + (kw - 1) * dw + 1

    @property
    def kept(self) -> int:
        """Pixels that the line buffer holds: a window, and what comes in while it leaves."""
        sizes = ("H", self.height), ("W", self.width), ("KH", self.kernel[0]), ("KW", self.kernel[1])
        steps = ("SH", self.strides[0]), ("SW", self.strides[1]), ("DH", self.dilations[0]), ("DW", self.dilations[1])
        return self.span + window_ahead(dict((*sizes, *steps)))

    def window_lanes(self, simd: int) -> int:
        """Elements per word of the window stream that serves ``simd`` inputs per clock."""
        return simd if self.channels % simd == 0 else self.channels

    def window_cycles(self, lanes: int) -> int:
        """Clocks per frame of the sliding window: reading and writing overlap."""
        if not self.windowed:
            return self.images * self.height * self.width * self.channels // lanes
        pixels = max(self.images * self.height * self.width, self.positions * self.taps)
        return pixels * self.channels // lanes


@per_graph
def geometry(graph: Graph, node: Linear | MaxPool) -> Geometry:
    """The geometry of ``node``."""
    x, y = graph.types[node.inputs[0]], graph.types[node.name]
    positions = y.size // y.channels
    if isinstance(node, MaxPool):
        kernel, strides, dilations, depthwise = node.kernel, node.strides, node.dilations, True
    else:
        weights = graph.types[node.inputs[1]].shape
        kernel, strides, dilations = weights[1:-1], node.strides, node.dilations
        depthwise = node.groups > 1 and weights[-1] == 1 and weights[0] == node.groups
    if not kernel:
        sizes = rows_of(x), width_of(x.shape)
        return Geometry(*sizes, x.channels, (1, 1), (1, 1), (1, 1), positions, y.channels, False)
    loops = list(zip(x.shape[:-1], kernel, strides, dilations, strict=True))
    images, ((height, *rows), (width, *columns)) = _two_loops(node.name, loops)
    k, s, d = zip(rows, columns, strict=True)
    return Geometry(height, width, x.channels, k, s, d, positions, y.channels, depthwise, images)


def _two_loops(name: str, loops: list[tuple[int, int, int, int]]) -> tuple[int, list[tuple[int, int, int, int]]]:
    """A sliding computation over any number of axes (size, kernel, stride, dilation) as one over two, image by image.

    An axis of one pixel is none, and one along which every pixel stands alone is one with the axis in front of it where
    that has no stride: its taps are further apart. In front of two others it counts images.

    Raises:
        IsobitError: E504 where more axes are left.
    """
    loops = [(1, 1, 1, 1)] * (2 - len(loops)) + loops
    while len(loops) > 2:
        alone = [kernel == 1 and stride == 1 for _, kernel, stride, _ in loops]
        pairs = list(enumerate(pairwise(loops)))
        joined = [(i, b) for i, (a, b) in pairs if alone[i] and (alone[i + 1] or a[0] == 1)]
        joined += [(i, (a[0], a[1], a[2], a[3] * b[0])) for i, (a, b) in pairs if alone[i + 1] and a[2] == 1]
        if not joined and len(loops) == 3 and alone[0]:
            return loops[0][0], loops[1:]
        if not joined:
            raise _three_axes(name)
        i, (_, kernel, stride, dilation) = joined[0]
        loops[i : i + 2] = [(loops[i][0] * loops[i + 1][0], kernel, stride, dilation)]
    return 1, loops


@dataclass(frozen=True)
class Border:
    """A frame of ``height`` x ``width`` pixels and the pixels above, below, left and right of it."""

    height: int
    width: int
    top: int
    bottom: int
    left: int
    right: int


def border(graph: Graph, node: Pad) -> Border:
    """The border that ``node`` makes, over two axes: one that is not padded is part of the axis before it.

    Raises:
        IsobitError: E504 where more than two axes are left.
    """
    sizes = graph.types[node.inputs[0]].shape[:-1]
    axes = [(1, 0, 0)] * (2 - len(sizes)) + list(zip(sizes, node.before, node.after, strict=True))
    while len(axes) > 2:
        i = next((i for i in range(len(axes) - 1) if axes[i + 1][1:] == (0, 0) or axes[i] == (1, 0, 0)), None)
        if i is None:
            raise _three_axes(node.name)
        (outer, *sides), (inner, *own) = axes[i : i + 2]
        before, after = (side * inner + mine for side, mine in zip(sides, own, strict=True))
        axes[i : i + 2] = [(outer * inner, before, after)]
    (height, top, bottom), (width, left, right) = axes
    return Border(height, width, top, bottom, left, right)


def _three_axes(name: str) -> IsobitError:
    hint = "a kernel over two axes that follow one another, or one axis after the other"
    return IsobitError("E504", "no template goes along three spatial axes at a time", where=name, hint=hint)


def _two(values: tuple[int, ...]) -> tuple[int, int]:
    return values[-2], values[-1]


def _three(values: Iterable[int], fill: int) -> tuple[int, int, int]:
    """Up to three sizes with ``fill`` for the axes that are not there."""
    a, b, c = ([fill, fill, *map(int, values)])[-3:]
    return a, b, c


def keeps_order(graph: Graph, node: Reindex) -> bool:
    """Does the stream of elements stay as it is (a reshape)?"""
    size = graph.types[node.inputs[0]].size
    return node.index.size == size and bool(np.array_equal(node.index.reshape(-1), np.arange(size)))


def upsampling(graph: Graph, node: Reindex) -> tuple[int, int] | None:
    """The factors ``(height, width)`` when the node is a nearest upsampling of an image, else None."""
    x, out = graph.types[node.inputs[0]].shape, node.index.shape
    if (
        len(x) != len(out)
        or not 2 <= len(x) <= 3
        or x[-1] != out[-1]
        or any(o % n for n, o in zip(x, out, strict=True))
    ):
        return None
    factors = _two((1, *(o // n for n, o in zip(x[:-1], out[:-1], strict=True))))
    order = np.arange(int(np.prod(x))).reshape(x)
    for axis, factor in enumerate(o // n for n, o in zip(x[:-1], out[:-1], strict=True)):
        order = np.repeat(order, factor, axis=axis)
    return factors if np.array_equal(order, node.index) else None


@per_graph
def box(graph: Graph, node: Reindex) -> Box | None:
    """The part of its input that the node hands on in the order in which it comes, if that is what it does."""
    shape, flat = graph.types[node.inputs[0]].shape, node.index.reshape(-1)
    if not 1 <= len(shape) <= 3:
        return None
    first, last = (np.array(np.unravel_index(int(flat[i]), shape)) for i in (0, -1))
    if (last < first).any() or int(np.prod(last - first + 1)) != flat.size:
        return None
    cut = tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))
    if not np.array_equal(np.arange(graph.types[node.inputs[0]].size).reshape(shape)[cut].reshape(-1), flat):
        return None
    height, width, _ = _three(shape, 1)
    return Box(height, width, _three(first, 0), _three(last - first + 1, 1))


def block_lanes(graph: Graph, node: Reindex) -> int:
    """The widest word (a divisor of both channel counts) that the movement keeps whole."""
    lanes = int(np.gcd(graph.types[node.inputs[0]].channels, node.index.shape[-1]))
    while lanes > 1:
        blocks = node.index.reshape(-1, lanes)
        if (blocks[:, 0] % lanes == 0).all() and (blocks == blocks[:, :1] + np.arange(lanes)).all():
            return lanes
        lanes = next(d for d in range(lanes - 1, 0, -1) if lanes % d == 0)
    return 1


@per_graph
def accumulator_of(graph: Graph, node: Linear) -> tuple[int, int]:
    """The least and the greatest partial sum of any channel."""
    weights = graph.by_name[node.inputs[1]]
    known = weights if isinstance(weights, Const) else graph.types[weights.name]
    lo, hi = accumulator_interval(node, graph.types[node.inputs[0]], known)
    return int(lo.min()), int(hi.max())
