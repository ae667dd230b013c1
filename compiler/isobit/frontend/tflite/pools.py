"""Pools and means: maxima and sums of windows, and what stands for the division."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod

import numpy as np

from isobit.frontend.tflite.builder import TfliteBuilder, Value
from isobit.frontend.tflite.model import TfliteOperator
from isobit.frontend.tflite.requantise import activation_limits, multiplier, refuse_overflow, requantizer
from isobit.frontend.tflite.sixteen import twice
from isobit.frontend.tflite.windows import SAME, linear, padded, positive
from isobit.ir.ops import Concat, MaxPool
from isobit.ir.types import IntArray
from isobit.numerics import Curve, Cuts, Rounded, Rounding


def import_max_pool(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """MAX_POOL_2D: what lies outside the image is not looked at."""
    x = b.value(op)
    _same_grid(b, op)
    kernel, strides = positive(op, "filter_height", "filter_width"), positive(op, "stride_h", "stride_w")
    wide = padded(b, op, x, kernel, strides, (1, 1), b.type(x).bounds[0])
    node = MaxPool(
        name=b.named(op), inputs=(wide.name,), kernel=kernel, strides=strides, dilations=(1, 1), source=b.source(op)
    )
    return _clamped(b, op, Value(b.emit(node), x.zero))


def import_average_pool(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """AVERAGE_POOL_2D: the sum of the integers ``q`` in the image divided by their number, halves away from zero."""
    x = b.value(op)
    _same_grid(b, op)
    kernel, strides = positive(op, "filter_height", "filter_width"), positive(op, "stride_h", "stride_w")
    wide = padded(b, op, x, kernel, strides, (1, 1), x.zero)
    sums = Value(_sums(b, op, wide, kernel, strides))
    counts = _counts(op, b.type(x).shape, kernel, strides, b.type(sums).shape)
    zeros = prod(kernel) * x.zero  # what the zeros of a whole window add, in the image or not
    if (counts == counts[0, 0]).all():
        return b.step(op, sums.name, [mean_of(b, op, int(counts[0, 0]), zeros)])
    return _by_count(b, op, sums, counts, zeros)


def _counts(
    op: TfliteOperator, size: Sequence[int], kernel: Sequence[int], strides: Sequence[int], out: Sequence[int]
) -> IntArray:
    """How many elements of the image every window has."""
    sides = []
    for n, k, s, o in zip(size[:2], kernel, strides, out[:2], strict=True):
        first = np.arange(o) * s - (max((o - 1) * s + k - n, 0) // 2 if op.option("padding") == SAME else 0)
        sides.append(np.minimum(first + k, n) - np.maximum(first, 0))
    return np.asarray(np.multiply.outer(*sides))


def mean_of(b: TfliteBuilder, op: TfliteOperator, count: int, zeros: int) -> Curve:
    """The staircase from a window's sum of the graph's integers, ``zeros`` too large, to the output around zero."""
    zero, (lo, hi) = b.grid(op, b.output(op))[1], activation_limits(b, op)
    mean = Rounded(Fraction(1, count), Fraction(0), Rounding.HALF_UP, lo + zero, hi + zero)
    if not zero:  # then the levels are the mean's own
        return mean.shift(-zeros)
    return Cuts(lo, mean.shift(count * zero - zeros).cuts())


def _by_count(b: TfliteBuilder, op: TfliteOperator, sums: Value, counts: IntArray, zeros: int) -> Value:
    """Windows that reach over the edge have fewer elements: one step for every number of them."""
    shape = b.type(sums).shape
    index = b.flat(sums).reshape(-1, shape[-1])
    places = [np.flatnonzero(counts.reshape(-1) == n) for n in np.unique(counts)]
    parts = []
    for n, where in zip(np.unique(counts), places, strict=True):
        picked = b.moved(op, sums, index[where], f"_of_{n}")
        parts.append(b.step(op, picked.name, [mean_of(b, op, int(n), zeros)]).name)
    node = Concat(name=b.named(op, "_all"), inputs=tuple(parts), axis=0, source=b.source(op))
    back = np.argsort(np.concatenate(places))
    joined = Value(b.emit(node))
    return b.moved(op, joined, b.flat(joined).reshape(-1, shape[-1])[back].reshape(shape))


def import_mean(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """MEAN and SUM over any axes but the batch's.

    Raises:
        IsobitError: E202 for a SUM that keeps its input's scale: its kernel adds in the tensor's own 8 bits and wraps.
    """
    x = b.value(op)
    if op.op == "SUM" and b.grid(op, b.tensor(op)) == b.grid(op, b.output(op)):
        raise op.refusal("a sum with its input's scale, which wraps in 8 bits", "use a mean, or another output scale")
    x = gathered(b, op, x)
    kernel = b.type(x).shape[:-1]
    name, count = _sums(b, op, x, kernel, (1,) * len(kernel)), prod(kernel)
    scale_in, _, _ = b.grid(op, b.tensor(op))
    scale_out, zero, (lo, hi) = b.grid(op, b.output(op))
    q, shift = multiplier(scale_in / scale_out)
    if op.op == "MEAN":
        # the division by the count is part of the multiplier, truncated
        more = min(count.bit_length() - 1, 32, 31 + shift)
        q, shift = (q << more) // count, shift - more
    lows, highs = b.types[name].bounds
    refuse_overflow(op, (lows - count * x.zero, highs - count * x.zero), shift)
    if b.output(op).dtype == "int16":
        y = twice(b, op, name, [(q, shift)], [0], (lo, hi))
    else:
        y = b.step(op, name, [requantizer(q, shift, lo - zero, hi - zero).shift(-count * x.zero)])
    return b.shaped(op, y, b.flat(y))


def gathered(b: TfliteBuilder, op: TfliteOperator, x: Value) -> Value:
    """The operator's input with the axes that it reduces in front and what stays as channels.

    Raises:
        IsobitError: E202 for a reduction over no axis.
    """
    shape = b.tensor(op).shape
    rank = len(shape)
    axes = {a % rank for a in b.integers(op, 1, "axes")} if rank else set()
    if not axes:
        raise op.refusal("a reduction over no axis")
    if shape[0] == 1 and axes | {0} == set(range(rank - 1)):  # as it stands
        return x
    kept = [a for a in range(rank) if a not in axes]
    count = prod(shape[a] for a in axes)
    return b.moved(op, x, b.positions(op).transpose(*sorted(axes), *kept).reshape(count, -1), "_turned")


def _sums(b: TfliteBuilder, op: TfliteOperator, x: Value, kernel: Sequence[int], strides: Sequence[int]) -> str:
    """Sums of every window, channel by channel."""
    channels = b.type(x).channels
    return linear(b, op, x.name, np.ones((channels, *kernel, 1), np.int64), strides, (1,) * len(kernel), channels)


def _clamped(b: TfliteBuilder, op: TfliteOperator, y: Value) -> Value:
    """``y`` within its fused activation's limits."""
    lo, hi = (v + y.zero for v in activation_limits(b, op))
    least, greatest = b.type(y).bounds
    if lo <= least and greatest <= hi:
        return y
    made = b.step(op, y.name, [Rounded(Fraction(1), Fraction(0), Rounding.FLOOR, lo, hi)])
    return Value(made.name, y.zero)


def _same_grid(b: TfliteBuilder, op: TfliteOperator) -> None:
    x, y = b.tensor(op), b.output(op)
    if b.grid(op, x) != b.grid(op, y):
        raise op.refusal("its output has another scale or zero point than its input", "convert the model again")
