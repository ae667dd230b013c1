"""Conv and ConvTranspose: integer convolutions with exact scales, and padding by the integer that means zero.

A transposed convolution of stride ``s`` is the plain convolution of every one of its ``s`` phases per axis, interleaved
(sub-pixel form): no zeros are inserted and multiplied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx.builder import Builder, attribute_ints
from isobit.frontend.qonnx.movement import channels_last, move, positions
from isobit.frontend.qonnx.padding import padded, without_offset
from isobit.frontend.qonnx.products import as_quantised, constant_channels, exact_dot, integer_zero, scaled_rows
from isobit.frontend.qonnx.symbolic import ONE, QuantisedConstant, Rationals, Real, Tensor, rationals
from isobit.ir.ops import Linear
from isobit.ir.types import IntArray
from isobit.numerics import as_int_array, rational_gcd


def import_conv(b: Builder, node: SourceNode) -> Tensor:
    """ONNX Conv along any number of axes: any kernel, stride, dilation, padding and groups."""
    w = as_quantised(b, node, b.tensor(node.inputs[1]))
    x = channels_last(b, node, b.affine(node))
    kernel = w.integers.shape[2:]
    strides, dilations = (attribute_ints(node, k, (1,) * len(kernel)) for k in ("strides", "dilations"))
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    begins, ends = pads_of(b, node, x, spans, strides)
    x = padded(b, node, x, [0, *begins], [0, *ends], Fraction(0))
    integers = w.integers - integer_zero(b, node, w.zero_point)
    weights = scaled_rows(b, node, integers, w.scale)
    y = convolve(b, node, x, weights, strides, dilations, int(str(node.attrs.get("group", 1))))
    return _biased(b, node, y)


def import_conv_transpose(b: Builder, node: SourceNode) -> Tensor:
    """ONNX ConvTranspose: one convolution that makes every phase, then the phases interleaved."""
    groups = int(str(node.attrs.get("group", 1)))
    w = as_quantised(b, node, b.tensor(node.inputs[1]))
    x = channels_last(b, node, b.affine(node))
    scale = w.scale if w.scale.size == 1 else _rows_first(np.broadcast_to(w.scale, w.integers.shape), groups)
    integers, scale = scaled_rows(b, node, _rows_first(w.integers - integer_zero(b, node, w.zero_point), groups), scale)
    rank = w.integers.ndim - 2
    strides, dilations = (attribute_ints(node, k, (1,) * rank) for k in ("strides", "dilations"))
    integers = _spread_taps(integers, dilations)
    kernel = integers.shape[2:]
    size = b.model.shapes[node.inputs[0]][2:]
    out = b.model.shapes[node.outputs[0]][2:]
    begin = _transpose_begins(node, size, out, kernel, strides)
    # Output o = s*i - begin + k reads input i through tap k: phase r = (o + begin) mod s uses taps k = r, r + s, ...
    taps = [-(-k // s) for k, s in zip(kernel, strides, strict=True)]
    counts = [(o + p - 1) // s + 1 for o, p, s in zip(out, begin, strides, strict=True)]
    before = [t - 1 for t in taps]
    after = [max(c - n, 0) for c, n in zip(counts, size, strict=True)]
    x = padded(b, node, x, [0, *before], [0, *after], Fraction(0))
    phases = list(product(*(range(s) for s in strides)))
    # A group's outputs lie together, within it phase by phase.
    stacked = np.stack([phase_taps(integers, phase, strides, taps) for phase in phases])
    stacked = stacked.reshape(len(phases), groups, -1, *stacked.shape[2:]).swapaxes(0, 1)
    stacked = stacked.reshape(-1, *stacked.shape[3:])
    if len(scale) > 1:
        scale = np.tile(scale.reshape(groups, 1, -1), (1, len(phases), 1)).reshape(-1)
    y = convolve(b, node, x, (stacked, scale), (1,) * rank, (1,) * rank, groups)
    y = y if len(set(y.offset)) == 1 else without_offset(b, node, y)
    return _biased(b, node, _interleave(b, node, y, groups, strides, begin, out))


def convolve(
    b: Builder, node: SourceNode, x: Real, weights: tuple[IntArray, Rationals], strides: Sequence[int],
    dilations: Sequence[int], groups: int,
) -> Real:  # fmt: skip
    """The linear node of a convolution; ``weights`` are ``(out, in / groups, *kernel)`` integers and their scales."""
    integers, scale = weights
    kind = b.types[x.value]
    if integers.shape[1] * groups != kind.channels or integers.ndim != len(kind.shape) + 1:
        raise IsobitError("E106", f"weights {integers.shape} do not fit the input {kind.shape}", where=b.where(node))
    per_group = len(integers) // groups
    group_of = np.arange(len(integers)) // per_group
    columns = group_of[:, None] * integers.shape[1] + np.arange(integers.shape[1])
    common = x.scale[0] if len(x.scale) == 1 else rational_gcd(*x.scale)
    if len(x.scale) > 1:
        factors = np.array([int(s / common) for s in x.scale], dtype=object)[columns]
        spread = factors.reshape(*factors.shape, *([1] * (integers.ndim - 2)))
        integers = as_int_array(integers.astype(object) * spread)
    offset = scale * _offset(integers, x, common, columns)
    stored = np.ascontiguousarray(np.moveaxis(integers, 1, -1))
    source = (printable(node.name or node.outputs[0]),)
    name = b.emit(
        Linear(
            name=b.fresh(b.hint(node)), inputs=(x.value, b.const(b.hint(node) + "_w", stored)), source=source,
            strides=tuple(strides), dilations=tuple(dilations), groups=groups,
        )
    )  # fmt: skip
    return Real.of_product(x, name, common * scale, offset)


def pads_of(
    b: Builder, node: SourceNode, x: Real, spans: Sequence[int], strides: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Padding before and after each spatial axis, from ``pads`` or ``auto_pad``."""
    size = [b.types[x.value].shape[x.layout.index(a)] for a in range(1, len(x.layout))]
    mode = str(node.attrs.get("auto_pad", "NOTSET"))
    if mode in ("NOTSET", "VALID"):
        pads = attribute_ints(node, "pads", (0,) * (2 * len(spans))) if mode == "NOTSET" else (0,) * (2 * len(spans))
        return list(pads[: len(spans)]), list(pads[len(spans) :])
    totals = [max((-(-n // s) - 1) * s + k - n, 0) for n, s, k in zip(size, strides, spans, strict=True)]
    small, large = [t // 2 for t in totals], [t - t // 2 for t in totals]
    return (small, large) if mode == "SAME_UPPER" else (large, small)


# --------------------------------------------------------------------------------------------------------------- parts


def _offset(integers: IntArray, x: Real, common: Fraction, columns: IntArray) -> Rationals:
    """``sum of w * o`` over every tap, in units of ``common`` scales, per output."""
    if all(o == 0 for o in x.offset):
        return x.offset[:1]
    summed = integers.reshape(*integers.shape[:2], -1).sum(axis=2)
    # With per-channel scales the integers carry s_c / common already; the offset is o_c / s_c of them.
    relative = x.offset / (ONE if len(x.scale) == 1 else x.scale / common)
    if len(relative) == 1:
        return exact_dot(summed, relative)
    return rationals([exact_dot(row[None], relative[c])[0] for row, c in zip(summed, columns, strict=True)])


def _biased(b: Builder, node: SourceNode, y: Real) -> Real:
    if len(node.inputs) < 3 or not node.inputs[2]:
        return y
    bias = b.tensor(node.inputs[2])
    if isinstance(bias, QuantisedConstant):
        columns = (1, -1, *([1] * (len(y.layout) - 1)))
        bias = replace(bias, integers=bias.integers.reshape(columns),
                       scale=_column(bias.scale, columns), zero_point=_column(bias.zero_point, columns))  # fmt: skip
    elif isinstance(bias, np.ndarray):
        bias = bias.reshape(1, -1, *([1] * (len(y.layout) - 1)))
    return y.affine(ONE, constant_channels(b, node, bias, y))


def _column(values: Any, shape: tuple[int, ...]) -> Any:
    return values if values.size == 1 else values.reshape(shape)


def _transpose_begins(
    node: SourceNode, size: Sequence[int], out: Sequence[int], kernel: Sequence[int], strides: Sequence[int]
) -> list[int]:
    """How many outputs are cut off before each axis (ONNX ConvTranspose: pads, auto_pad, output_shape)."""
    if "pads" in node.attrs and "output_shape" not in node.attrs:
        return list(attribute_ints(node, "pads", ())[: len(kernel)])
    extra = attribute_ints(node, "output_padding", (0,) * len(kernel))
    totals = [s * (n - 1) + e + k - o for s, n, e, k, o in zip(strides, size, extra, kernel, out, strict=True)]
    upper = str(node.attrs.get("auto_pad", "NOTSET")) == "SAME_UPPER"
    return [max(t, 0) // 2 if upper else max(t, 0) - max(t, 0) // 2 for t in totals]


def _rows_first(weights: IntArray, groups: int) -> IntArray:
    """Weights ``(in, out / groups, *kernel)`` as ``(out, in / groups, *kernel)``."""
    split = weights.reshape(groups, -1, *weights.shape[1:]).swapaxes(1, 2)
    return split.reshape(-1, *split.shape[2:])


def _spread_taps(integers: IntArray, dilations: Sequence[int]) -> IntArray:
    """Weights ``(out, in, *kernel)`` whose taps stand so far apart, zeros between them."""
    kernel = [(k - 1) * d + 1 for k, d in zip(integers.shape[2:], dilations, strict=True)]
    full = np.zeros((*integers.shape[:2], *kernel), dtype=integers.dtype)
    full[(slice(None), slice(None), *(slice(None, None, d) for d in dilations))] = integers
    return full


def phase_taps(integers: IntArray, phase: Sequence[int], strides: Sequence[int], taps: Sequence[int]) -> IntArray:
    """Of weights ``(out, in, *kernel)`` one phase's taps, mirrored into correlation order, zeros up to ``taps``."""
    cut = integers[(slice(None), slice(None), *(slice(r, None, s) for r, s in zip(phase, strides, strict=True)))]
    full = np.zeros((*integers.shape[:2], *taps), dtype=integers.dtype)
    full[(slice(None), slice(None), *(slice(0, n) for n in cut.shape[2:]))] = cut
    return full[(slice(None), slice(None), *(slice(None, None, -1) for _ in taps))]


def _interleave(
    b: Builder,
    node: SourceNode,
    y: Real,
    groups: int,
    strides: Sequence[int],
    begin: Sequence[int],
    out: Sequence[int],
) -> Real:
    """Pick output ``o`` of every axis from phase ``(o + begin) mod s`` at position ``(o + begin) div s``."""
    index, rank = positions(b, y), len(strides)
    index = np.moveaxis(index.reshape(groups, *strides, -1, *index.shape[1:]), 0, rank)
    index = index.reshape(*strides, -1, *index.shape[rank + 2 :])
    grids = np.meshgrid(*(np.arange(o) + p for o, p in zip(out, begin, strict=True)), indexing="ij")
    phase = [g % s for g, s in zip(grids, strides, strict=True)]
    place = [g // s for g, s in zip(grids, strides, strict=True)]
    picked = np.stack([index[(*phase, c, *place)] for c in range(index.shape[rank])])
    return move(b, node, y, picked, y.layout)
