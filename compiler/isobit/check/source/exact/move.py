"""Operators of exact tensors that move, repeat or fill elements, as the ONNX operator pages define them.

Written element by element from the definitions: where an output element comes from is computed one coordinate at a
time, in rationals.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from isobit.check.source.exact.tensor import ExactTensor, add, aligned, lowest, multiply, objects, scalar, surrounded
from isobit.errors import IsobitError

Attrs = Mapping[str, object]
Shape = tuple[int, ...]


def pad(data: ExactTensor, pads: Sequence[int], value: ExactTensor | None, mode: str) -> ExactTensor:
    """``Pad``: ``pads`` are all the beginnings, then all the ends; only constant mode."""
    if mode != "constant":
        return _mirrored(data, pads, mode)
    (num, fill), den = aligned([data, scalar(0) if value is None else value])
    before, after = pads[: num.ndim], pads[num.ndim :]
    wide = surrounded(num, [max(b, 0) for b in before], [max(a, 0) for a in after], int(np.asarray(fill).item()))
    cut = tuple(slice(max(-b, 0), n - max(-a, 0)) for b, a, n in zip(before, after, wide.shape, strict=True))
    return lowest(wide[cut], den)


def _mirrored(data: ExactTensor, pads: Sequence[int], mode: str) -> ExactTensor:
    """``Pad`` by the nearest element (edge), the mirror image without the edge (reflect), or the other end (wrap)."""
    if mode not in ("edge", "reflect", "wrap") or min(pads) < 0:
        raise IsobitError("E202", f"padding mode {mode!r}")
    num = data.num
    for axis in range(num.ndim):
        size, before, after = num.shape[axis], pads[axis], pads[num.ndim + axis]
        num = np.take(num, [_inside(i, size, mode) for i in range(-before, size + after)], axis=axis)
    return lowest(num, data.den)


def _inside(i: int, size: int, mode: str) -> int:
    if mode == "edge":
        return min(max(i, 0), size - 1)
    if mode == "wrap":
        return i % size
    period = max(2 * size - 2, 1)
    return min(i % period, period - i % period) if size > 1 else 0


def cut(
    data: ExactTensor, starts: Sequence[int], ends: Sequence[int], axes: Sequence[int], steps: Sequence[int]
) -> ExactTensor:
    """``Slice``: every limit counts from the end if negative and is clamped to the axis, as the operator says."""
    num = data.num
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        num = np.take(num, _steps(start, end, step, num.shape[axis]), axis=axis)
    return lowest(num, data.den)


def _steps(start: int, end: int, step: int, size: int) -> list[int]:
    low, high = (0, size) if step > 0 else (-1, size - 1)
    first = min(max(start + size if start < 0 else start, 0), high)
    last = min(max(end + size if end < 0 else end, low), high if step < 0 else size)
    return list(range(first, last, step))


def split(data: ExactTensor, axis: int, widths: Sequence[int]) -> tuple[ExactTensor, ...]:
    """``Split`` into consecutive parts of the given widths."""
    ends = np.cumsum(widths)[:-1]
    return tuple(lowest(part, data.den) for part in np.split(data.num, ends, axis=axis))


def gather(data: ExactTensor, indices: ExactTensor, axis: int) -> ExactTensor:
    """``Gather``: the axis is replaced by the indices' axes."""
    where = np.array([int(n) for n in indices.num.flat], dtype=np.int64).reshape(indices.shape)
    return lowest(objects(np.take(data.num, where, axis=axis)), data.den)


def repeated(data: ExactTensor, out: Shape) -> ExactTensor:
    """``Tile`` and ``Expand`` to a shape: along every axis the elements begin again when they are at their end."""
    num = data.num.reshape((1,) * (len(out) - data.num.ndim) + data.shape)
    for axis, size in enumerate(out):
        num = np.take(num, [i % num.shape[axis] for i in range(size)], axis=axis)
    return lowest(num, data.den)


def depth_to_space(data: ExactTensor, block: int, mode: str) -> ExactTensor:
    """``DepthToSpace``: output (n, c, y, x) is one channel at (y // block, x // block)."""
    count, depth, height, width = data.shape
    channels = depth // block**2
    made = np.empty((count, channels, height * block, width * block), dtype=object)
    for c, y, x in np.ndindex(*made.shape[1:]):
        phase = (y % block) * block + x % block
        channel = phase * channels + c if mode == "DCR" else c * block**2 + phase
        made[:, c, y, x] = data.num[:, channel, y // block, x // block]
    return ExactTensor(made, data.den)


def space_to_depth(data: ExactTensor, block: int) -> ExactTensor:
    """``SpaceToDepth``: blocks become channels, the position inside the block varying slowest."""
    count, channels, height, width = data.shape
    made = np.empty((count, channels * block**2, height // block, width // block), dtype=object)
    for d, y, x in np.ndindex(*made.shape[1:]):
        phase, c = divmod(d, channels)
        made[:, d, y, x] = data.num[:, c, y * block + phase // block, x * block + phase % block]
    return ExactTensor(made, data.den)


def resize(data: ExactTensor, out: Shape, scales: Sequence[Fraction] | None, attrs: Attrs, legacy: bool) -> ExactTensor:
    """Nearest ``Resize`` (and ``Upsample``, ``legacy``): every output coordinate is mapped back and rounded."""
    if str(attrs.get("mode", "nearest")) == "linear":
        return _interpolated(data, out, scales, attrs, legacy)
    if str(attrs.get("mode", "nearest")) != "nearest":
        raise IsobitError("E202", f"interpolation {attrs.get('mode')!r}")
    num = data.num
    for axis in range(1, num.ndim):
        old, new = num.shape[axis], out[axis]
        scale = Fraction(new, old) if scales is None else scales[axis]
        num = np.take(num, [_source(i, old, new, scale, attrs, legacy) for i in range(new)], axis=axis)
    return lowest(num, data.den)


def cut_off(data: ExactTensor) -> ExactTensor:
    """Without what is behind the point, as a cast of floats to integers."""
    return ExactTensor(np.sign(data.num) * (abs(data.num) // data.den), 1)


def _interpolated(
    data: ExactTensor, out: Shape, scales: Sequence[Fraction] | None, attrs: Attrs, legacy: bool
) -> ExactTensor:
    """Linear ``Resize``, axis by axis: the two neighbours of every coordinate, weighted by how near they are."""
    mode = _mode(attrs, legacy)
    result = data
    for axis in range(1, data.num.ndim):
        old, new = data.shape[axis], out[axis]
        scale = Fraction(new, old) if scales is None else scales[axis]
        planes = []
        for i in range(new):
            x = _coordinate(i, old, new, scale, mode)
            first = math.floor(x)
            left, right = (_plane(result, k, axis, old) for k in (first, first + 1))
            planes.append(add(multiply(left, scalar(1 - x + first)), multiply(right, scalar(x - first))))
        parts, den = aligned(planes)
        result = lowest(np.concatenate(parts, axis=axis), den)
    return result


def _mode(attrs: Attrs, legacy: bool) -> str:
    return str(attrs.get("coordinate_transformation_mode", "asymmetric" if legacy else "half_pixel"))


def _plane(data: ExactTensor, index: int, axis: int, size: int) -> ExactTensor:
    """One index of an axis, the nearest inside it."""
    return data.map(lambda num: num.take([min(max(index, 0), size - 1)], axis))


def _coordinate(i: int, old: int, new: int, scale: Fraction, mode: str) -> Fraction:
    if mode == "asymmetric":
        return i / scale
    if mode == "align_corners":
        return Fraction(i * (old - 1), new - 1) if new > 1 else Fraction(0)
    if mode not in ("half_pixel", "pytorch_half_pixel"):
        raise IsobitError("E202", f"coordinate mode {mode!r}")
    return Fraction(0) if mode == "pytorch_half_pixel" and new == 1 else (i + Fraction(1, 2)) / scale - Fraction(1, 2)


def _source(i: int, old: int, new: int, scale: Fraction, attrs: Attrs, legacy: bool) -> int:
    transform = _mode(attrs, legacy)
    rounding = str(attrs.get("nearest_mode", "floor" if legacy else "round_prefer_floor"))
    half = Fraction(1, 2)
    if transform == "asymmetric":
        x = i / scale
    elif transform == "align_corners":
        x = Fraction(i * (old - 1), new - 1) if new > 1 else Fraction(0)
    elif transform == "pytorch_half_pixel" and new == 1:
        x = Fraction(0)
    elif transform in ("half_pixel", "pytorch_half_pixel"):
        x = (i + half) / scale - half
    else:
        raise IsobitError("E202", f"coordinate mode {transform!r}")
    whole = {
        "floor": math.floor(x),
        "ceil": math.ceil(x),
        "round_prefer_floor": math.ceil(x - half),
        "round_prefer_ceil": math.floor(x + half),
    }[rounding]
    return min(max(whole, 0), old - 1)
