"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR: images made larger, by positions or by weights that are exact.

The bilinear kernel (TensorFlow Lite ``ResizeBilinearInteger``) has places in 1/1024 of an element, the sum of four
elements times two weights each, and one rounding by ``2**20``. For an enlargement by a whole number that divides 1024
the weights depend on the place modulo that number alone: a depthwise convolution with one output per place.
"""

from __future__ import annotations

from itertools import product
from math import gcd

import numpy as np

from isobit.frontend.tflite.builder import TfliteBuilder, Value
from isobit.frontend.tflite.model import TfliteOperator
from isobit.frontend.tflite.pools import mean_of
from isobit.frontend.tflite.windows import linear
from isobit.ir.types import IntArray

_ONE = 1 << 10  # of a place, and of a weight


def import_nearest(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """RESIZE_NEAREST_NEIGHBOR, with the coordinates in float32 as the kernel has them."""
    index = b.positions(op)
    if index.ndim != 4:
        raise op.refusal(f"an image is needed, not {list(index.shape)}", code="E106")
    wanted = b.integers(op, 1, "size", 2)
    b.declared(op, [index.shape[0], *wanted, index.shape[3]])
    rows, columns = (_nearest(op, size, out) for size, out in zip(index.shape[1:3], wanted, strict=True))
    return b.shaped(op, b.value(op), index[:, rows][:, :, columns])


def import_bilinear(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """RESIZE_BILINEAR by a whole factor that divides 1024 (2, 4, 8 ...), one factor for each axis.

    Raises:
        IsobitError: E202 for other factors and for aligned corners, whose weights differ from place to place.
    """
    x, index = b.value(op), b.positions(op)
    out = b.integers(op, 1, "size", 2)
    if index.ndim != 4 or b.tensor(op).shape[0] != 1 or min(out) < 1:
        raise op.refusal(f"an image is needed, not {list(index.shape)}", code="E106")
    height, width, channels = b.type(x).shape
    b.declared(op, [1, *out, channels])
    factors = [o // n for o, n in zip(out, (height, width), strict=True)]
    exact = all(f * n == o and f and _ONE % f == 0 for f, n, o in zip(factors, (height, width), out, strict=True))
    if not exact or (op.option("align_corners") and max(out) > 1):
        raise op.refusal(f"{height}x{width} to {out[0]}x{out[1]}", "resize by 2, 4 or 8 without align_corners")
    if b.grid(op, b.tensor(op)) != b.grid(op, b.output(op)):
        raise op.refusal("its output has another scale or zero point than its input", "convert the model again")
    rows, columns = (_weights(f, bool(op.option("half_pixel_centers"))) for f in factors)
    phases = [np.multiply.outer(rows[i], columns[j]) for i, j in product(*map(range, factors))]
    common = gcd(*(int(w) for phase in phases for w in phase.reshape(-1)))
    kernels = np.tile(np.stack(phases) // common, (channels, 1, 1))[..., np.newaxis]
    around = np.pad(index, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="edge")[0]
    wide = b.moved(op, x, around, "_edges")
    sums = linear(b, op, wide.name, kernels, (1, 1), (1, 1), channels)
    count = _ONE * _ONE // common
    y = b.step(op, sums, [mean_of(b, op, count, count * x.zero)])
    shape = height, width, channels, *factors
    return b.shaped(op, y, np.arange(b.type(y).size).reshape(shape).transpose(0, 3, 1, 4, 2).reshape(1, *out, channels))


def _weights(factor: int, half: bool) -> IntArray:
    """Weights ``(factor, 3)`` of the elements before, at and behind, for every place between two elements."""
    step = _ONE // factor
    made = np.zeros((factor, 3), np.int64)
    for place in range(factor):
        at = place * step + ((step // 2 - _ONE // 2) if half else 0)
        first, part = divmod(at, _ONE)  # the element before it, and how far behind that
        made[place, first + 1] += _ONE - part
        made[place, min(first + 2, 2)] += part
    return made


def _nearest(op: TfliteOperator, size: int, out: int) -> IntArray:
    """The source position of every output along one axis."""
    if out < 1:
        raise op.refusal(f"a size of {out}", code="E106")
    align = op.option("align_corners") and out > 1
    scale = np.float32(size - 1) / np.float32(out - 1) if align else np.float32(size) / np.float32(out)
    offset = np.float32(0.5 if op.option("half_pixel_centers") else 0.0)
    place = (np.arange(out, dtype=np.float32) + offset) * scale
    whole = np.floor(place + np.float32(0.5)) if op.option("align_corners") else np.floor(place)
    found = np.minimum(whole.astype(np.int64), size - 1)
    return np.asarray(np.maximum(found, 0))
