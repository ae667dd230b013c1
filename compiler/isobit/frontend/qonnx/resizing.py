"""Resize and Upsample to the nearest element; coordinates are rationals, as the ONNX standard defines them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from isobit.errors import printable
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx.builder import Builder, attribute_ints
from isobit.frontend.qonnx.convolutions import convolve
from isobit.frontend.qonnx.movement import channels_last, move, positions
from isobit.frontend.qonnx.symbolic import ONE, ZERO, Real, Tensor


def import_upsample(b: Builder, node: SourceNode) -> Tensor:
    """Nearest Resize and Upsample; the source coordinate is computed in rationals, as the ONNX standard defines it."""
    if str(node.attrs.get("mode", "nearest")) == "linear":
        return _linear(b, node)
    if str(node.attrs.get("mode", "nearest")) != "nearest":
        raise b.unsupported(node, "only nearest and linear interpolation are supported")
    real = b.real(node)
    index = positions(b, real)
    out = b.model.shapes[node.outputs[0]][1:]
    scales = _resize_scales(b, node, index.ndim + 1)[1:]
    for axis, (old, new) in enumerate(zip(index.shape, out, strict=True)):
        scale = scales[axis] or Fraction(new, old)
        index = np.take(index, [_nearest(b, node, i, old, new, scale) for i in range(new)], axis=axis)
    return move(b, node, real, index)


def _linear(b: Builder, node: SourceNode) -> Tensor:
    """Linear interpolation to a whole multiple of the size, or of the steps between: rational weights, exact.

    Output ``s i + p`` of an axis reads inputs ``i - 1``, ``i``, ``i + 1`` with weights that depend on the phase ``p``
    alone: a depthwise convolution makes every phase as a channel, behind a border that repeats the edge.
    """
    x = channels_last(b, node, b.affine(node))
    index = positions(b, x)
    old, new = index.shape[1:], b.model.shapes[node.outputs[0]][2:]
    written = _resize_scales(b, node, index.ndim + 1)[2:]
    mode = _coordinate_mode(node)
    if mode == "align_corners":  # i / f of the old grid, whose ends are the new one's
        factors = [(n - 1) // (o - 1) if o > 1 and n > 1 else 1 for o, n in zip(old, new, strict=True)]
        fits = all(f * (o - 1) == n - 1 for f, o, n in zip(factors, old, new, strict=True))
    else:
        factors = [n // o for n, o in zip(new, old, strict=True)]
        fits = all(f * o == n and w in (None, f) for f, o, n, w in zip(factors, old, new, written, strict=True))
    known = mode in ("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners")
    if not known or not fits or len(old) > 2:
        hint = (
            "resize by a whole factor with half_pixel or asymmetric coordinates, or to f (n - 1) + 1 with align_corners"
        )
        raise b.unsupported(node, "linear interpolation to this size or in this coordinate mode", hint)
    taps = [[_taps(p, f, mode) for p in range(f)] for f in factors]
    unit = Fraction(1, int(np.prod([2 * f for f in factors])))
    kernels = []
    for phase in np.ndindex(*factors):
        kernel = np.ones((1,) * len(factors), dtype=object)
        for axis, p in enumerate(phase):
            shape = [3 if a == axis else 1 for a in range(len(factors))]
            kernel = kernel * np.array(taps[axis][p], dtype=object).reshape(shape)
        kernels.append(kernel / unit)
    channels, count = index.shape[0], len(kernels)
    bordered = move(b, node, x, np.pad(index, [(0, 0), *((1, 1) for _ in factors)], mode="edge"), x.layout)
    weights = np.stack(kernels * channels)[:, None].astype(np.int64)
    ones = (1,) * len(factors)
    plain = Real.of(bordered.value, bordered.layout, ONE, ZERO)
    y = convolve(b, node, plain, (weights, ONE), ones, ones, channels)
    scale, offset = (v if len(v) == 1 else np.repeat(v, count) for v in (x.scale, x.offset))
    y = y.affine(scale * unit, offset)
    grids = np.meshgrid(*(np.arange(n) for n in new), indexing="ij")
    phases = np.ravel_multi_index([g % f for g, f in zip(grids, factors, strict=True)], factors)
    place = tuple(g // f for g, f in zip(grids, factors, strict=True))
    made = positions(b, y)
    picked = np.stack([made[(c * count + phases, *place)] for c in range(channels)])
    return move(b, node, y, picked, y.layout)


def _taps(phase: int, factor: int, mode: str) -> list[Fraction]:
    """The weights of inputs ``i - 1``, ``i`` and ``i + 1`` for output ``factor i + phase`` of one axis."""
    half = Fraction(0) if mode in ("asymmetric", "align_corners") else Fraction(1, 2)
    shift = (phase + half) / factor - half
    weights = [Fraction(0)] * 3
    first = shift.__floor__()
    weights[first + 1] += 1 - (shift - first)
    if shift != first:
        weights[first + 2] += shift - first
    return weights


def _is_old_resize(node: SourceNode) -> bool:
    """Upsample and the first Resize: no coordinate modes, asymmetric and rounded down."""
    return node.op == "Upsample" or node.opset < 11


def _coordinate_mode(node: SourceNode) -> str:
    usual = "asymmetric" if _is_old_resize(node) else "half_pixel"
    return str(node.attrs.get("coordinate_transformation_mode", usual))


def _resize_scales(b: Builder, node: SourceNode, rank: int) -> list[Fraction | None]:
    """The written scale of every axis (batch included); None where the ratio of the sizes is the scale."""
    if str(node.attrs.get("keep_aspect_ratio_policy", "stretch")) != "stretch":
        raise b.unsupported(node, "only stretching to a size is supported")
    written: Any = node.attrs.get("scales")
    if written is None:
        written = b.constant(node, 1 if _is_old_resize(node) else 2, "scales", np.zeros(0)).reshape(-1)
    found: list[Fraction | None] = [None] * rank
    for axis, scale in zip(attribute_ints(node, "axes", range(rank)), written, strict=False):
        found[axis % rank] = Fraction(float(scale))
    return found


def _nearest(b: Builder, node: SourceNode, i: int, old: int, new: int, scale: Fraction) -> int:
    mode = _coordinate_mode(node)
    coordinate: dict[str, Any] = {
        "asymmetric": lambda: i / scale,
        "half_pixel": lambda: (i + Fraction(1, 2)) / scale - Fraction(1, 2),
        "pytorch_half_pixel": lambda: (i + Fraction(1, 2)) / scale - Fraction(1, 2) if new > 1 else Fraction(0),
        "align_corners": lambda: Fraction(i * (old - 1), new - 1) if new > 1 else Fraction(0),
    }
    if mode not in coordinate:
        raise b.unsupported(node, f"coordinate mode {printable(mode)} is not supported")
    x = coordinate[mode]()
    rounding = str(node.attrs.get("nearest_mode", "floor" if _is_old_resize(node) else "round_prefer_floor"))
    half = Fraction(1, 2)
    whole: int = {
        "floor": x.__floor__(), "ceil": x.__ceil__(),
        "round_prefer_floor": (x - half).__ceil__(), "round_prefer_ceil": (x + half).__floor__(),
    }[rounding]  # fmt: skip
    return min(max(whole, 0), old - 1)
