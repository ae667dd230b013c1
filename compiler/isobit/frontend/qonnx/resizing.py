"""Resize and Upsample to the nearest element; coordinates are rationals, as the ONNX standard defines them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from isobit.errors import printable
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx.builder import Builder, attribute_ints
from isobit.frontend.qonnx.movement import move, positions
from isobit.frontend.qonnx.symbolic import Tensor


def import_upsample(b: Builder, node: SourceNode) -> Tensor:
    """Nearest Resize and Upsample; the source coordinate is computed in rationals, as the ONNX standard defines it."""
    if str(node.attrs.get("mode", "nearest")) != "nearest":
        raise b.unsupported(node, "only nearest interpolation has an exact integer meaning")
    real = b.real(node)
    index = positions(b, real)
    out = b.model.shapes[node.outputs[0]][1:]
    scales = _resize_scales(b, node, index.ndim + 1)[1:]
    for axis, (old, new) in enumerate(zip(index.shape, out, strict=True)):
        scale = scales[axis] or Fraction(new, old)
        index = np.take(index, [_nearest(b, node, i, old, new, scale) for i in range(new)], axis=axis)
    return move(b, node, real, index)


def _is_old_resize(node: SourceNode) -> bool:
    """Upsample and the first Resize: no coordinate modes, asymmetric and rounded down."""
    return node.op == "Upsample" or node.opset < 11


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
    usual = "asymmetric" if _is_old_resize(node) else "half_pixel"
    mode = str(node.attrs.get("coordinate_transformation_mode", usual))
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
