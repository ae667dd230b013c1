"""Random operators that only move elements: borders, cuts, enlargements, transposes, concatenations."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from tests.models.random_nets_maker import MOST_CHANNELS, MOST_ELEMENTS, Maker, Value


def pad(m: Maker) -> None:
    x = m.source()
    amounts = [m.between(0, 2) for _ in 2 * x.spatial]
    half = len(x.spatial)
    y = m.net.op("Pad", x.name, m.ints(0, 0, *amounts[:half], 0, 0, *amounts[half:]))
    m.keep(y, x, (x.channels, *(n + p + q for n, p, q in zip(x.spatial, amounts[:half], amounts[half:], strict=True))))


def cut(m: Maker) -> None:
    x = m.source(channels=True)
    axis = m.between(0, len(x.shape) - 1)
    size = x.shape[axis]
    start, step = m.between(0, size - 1), m.pick(1, 1, 2, -1)
    end = size if step > 0 else -size - 1
    y = m.net.op("Slice", x.name, *(m.ints(v) for v in (start, end, axis + 1, step)))
    m.keep(y, x, _resized(x, axis, len(range(size)[start::step])))


def shuffle(m: Maker) -> None:
    """Any positions of one axis in any order, some of them twice."""
    x = m.source(channels=True)
    axis = m.between(0, len(x.shape) - 1)
    taken = [m.between(0, x.shape[axis] - 1) for _ in range(m.between(1, x.shape[axis]))]
    m.keep(m.net.op("Gather", x.name, m.ints(*taken), axis=axis + 1), x, _resized(x, axis, len(taken)))


def split(m: Maker) -> None:
    x = m.source(channels=True)
    axis = m.between(0, len(x.shape) - 1)
    if x.shape[axis] < 2:
        return
    first = m.between(1, x.shape[axis] - 1)
    outputs = [f"part{len(m.net.nodes)}_{i}" for i in range(2)]
    widths = (first, x.shape[axis] - first)
    m.net.op("Split", x.name, m.ints(*widths), outputs=outputs, axis=axis + 1)
    for name, width in zip(outputs, widths, strict=True):
        m.keep(name, x, _resized(x, axis, width))


def enlarge(m: Maker) -> None:
    """Nearest neighbours: whole factors, or any size."""
    x = m.source(channels=True)
    whole = m.chance(0.5)
    out = [m.between(1, 3) * n if whole else m.between(1, 2 * n) for n in x.spatial]
    if x.channels * int(np.prod(out)) > MOST_ELEMENTS:
        return
    attrs = {
        "nearest_mode": "floor" if whole else m.pick("floor", "ceil", "round_prefer_floor", "round_prefer_ceil"),
        "coordinate_transformation_mode": "asymmetric"
        if whole
        else m.pick("asymmetric", "half_pixel", "align_corners"),
    }
    half = attrs["coordinate_transformation_mode"] == "half_pixel"
    if half and any(float32_may_differ(old, new) for old, new in zip(x.spatial, out, strict=True)):
        return
    y = m.net.op("Resize", x.name, "", "", m.ints(1, x.channels, *out), mode="nearest", **attrs)
    m.keep(y, x, (x.channels, *out))


def float32_may_differ(old: int, new: int) -> bool:
    """Does a half-pixel coordinate lie on the edge between two elements, beside a scale that is no float32?

    There the standard has one answer and a runtime, which computes in float32, perhaps its neighbour.
    """
    scale = Fraction(new, old)
    edges = ((i + Fraction(1, 2)) / scale for i in range(new))
    return Fraction(float(np.float32(float(scale)))) != scale and any((2 * x).denominator == 1 for x in edges)


def sub_pixel(m: Maker) -> None:
    x = m.source()
    if len(x.spatial) != 2:
        return
    c, h, w = x.shape
    if c % 4 == 0:
        y = m.net.op("DepthToSpace", x.name, blocksize=2, mode=m.pick("DCR", "CRD"))
        m.keep(y, x, (c // 4, 2 * h, 2 * w))
    elif h % 2 == 0 and w % 2 == 0 and 4 * c <= MOST_CHANNELS:
        m.keep(m.net.op("SpaceToDepth", x.name, blocksize=2), x, (4 * c, h // 2, w // 2))


def turn(m: Maker) -> None:
    """A quantiser between two transposes."""
    x = m.source()
    rank = len(x.shape) + 1
    there, back = [0, *range(2, rank), 1], [0, rank - 1, *range(1, rank - 1)]
    scale = m.scale(x.reach, 4, True)
    y = m.net.quant(m.net.op("Transpose", x.name, perm=there), scale, 0.0, 4)
    m.values.append(Value(m.net.op("Transpose", y, perm=back), x.shape, scale * 8))


def concat(m: Maker) -> None:
    """Two to four values along the channels: every part keeps its own scales."""
    x = m.source(channels=True)
    parts = [x, *(m.pick(*[v for v in m.values if v.spatial == x.spatial]) for _ in range(m.between(1, 3)))]
    channels = sum(v.channels for v in parts)
    if channels <= MOST_CHANNELS and channels * x.size // x.channels <= MOST_ELEMENTS:
        name = m.net.op("Concat", *(v.name for v in parts), axis=1)
        m.values.append(Value(name, (channels, *x.spatial), max(v.reach for v in parts), channel_scales=True))


def stack(m: Maker) -> None:
    """Two to four values one after the other along a spatial axis: all of them on one scale."""
    x = m.source(channels=True)
    axis = m.between(1, len(x.shape) - 1)
    fitting = [v for v in m.values if _resized(v, axis, 1) == _resized(x, axis, 1)]
    parts = [x, *(m.pick(*fitting) for _ in range(m.between(1, 3)))]
    shape = _resized(x, axis, sum(v.shape[axis] for v in parts))
    if int(np.prod(shape)) > MOST_ELEMENTS:
        return
    names = {v.name: v.name for v in parts}
    reach = max(v.reach for v in parts)
    if len(names) > 1:
        scale = m.scale(reach, 5, True)
        names = {name: m.net.quant(name, scale, 0.0, 5) for name in names}
    y = m.net.op("Concat", *(names[v.name] for v in parts), axis=axis + 1)
    m.values.append(Value(y, shape, reach, len(names) == 1 and x.channel_scales))


def _resized(x: Value, axis: int, size: int) -> tuple[int, ...]:
    return (*x.shape[:axis], size, *x.shape[axis + 1 :])
