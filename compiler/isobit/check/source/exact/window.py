"""Convolution and pooling of exact tensors, channels first, any number of spatial axes, as ONNX defines them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from isobit.check.source.exact.quant import round_ratio
from isobit.check.source.exact.tensor import ExactTensor, Objects, add, dot, lowest, objects, small, surrounded
from isobit.errors import IsobitError

Attrs = Mapping[str, object]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Window:
    """Kernel geometry per spatial axis; ``before`` and ``after`` pad so that exactly ``out`` windows fit."""

    kernel: Shape
    strides: Shape
    dilations: Shape
    before: Shape
    after: Shape
    out: Shape

    def slide(self, array: Any, fill: int) -> Any:
        """All windows of an [N, C, *spatial] array: [N, C, *out, *kernel]."""
        padded = surrounded(array, (0, 0, *self.before), (0, 0, *(max(a, 0) for a in self.after)), fill)
        spans = tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True))
        axes = tuple(range(2, array.ndim))
        views = sliding_window_view(padded, spans, axis=axes)
        starts = [slice(0, (n - 1) * s + 1, s) for n, s in zip(self.out, self.strides, strict=True)]
        taps = [slice(None, None, d) for d in self.dilations]
        return views[(slice(None), slice(None), *starts, *taps)]


def window(attrs: Attrs, kernel: Sequence[int], data: Shape, out: Shape) -> Window:
    """The geometry of a Conv or pool from its attributes, the input's shape and the output's."""
    rank = len(kernel)
    strides, dilations = _per_axis(attrs, "strides", rank), _per_axis(attrs, "dilations", rank)
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    totals = [(o - 1) * s + span - i for o, s, span, i in zip(out[2:], strides, spans, data[2:], strict=True)]
    mode = attrs.get("auto_pad", "NOTSET")
    if mode == "SAME_UPPER":
        before = tuple(max(total, 0) // 2 for total in totals)
    elif mode == "SAME_LOWER":
        before = tuple(-(-max(total, 0) // 2) for total in totals)
    else:
        pads = attrs.get("pads", (0,) * (2 * rank))
        before = pads[:rank] if isinstance(pads, tuple) else (0,) * rank
    after = tuple(total - b for total, b in zip(totals, before, strict=True))
    return Window(tuple(kernel), strides, dilations, before, after, out[2:])


def _per_axis(attrs: Attrs, name: str, rank: int) -> Shape:
    value = attrs.get(name, (1,) * rank)
    if not isinstance(value, tuple) or len(value) != rank:
        raise IsobitError("E202", f"attribute '{name}' does not have {rank} values")
    return value


def convolution(
    data: ExactTensor, weight: ExactTensor, bias: ExactTensor | None, attrs: Attrs, out: Shape
) -> ExactTensor:
    """``Conv``: [N, C, *spatial] and [M, C / group, *kernel] to [N, M, *out]."""
    num, factor = small(data.num)
    view = window(attrs, weight.shape[2:], data.shape, out).slide(num, 0)
    group = attrs.get("group", 1)
    groups = group if isinstance(group, int) else 1
    channels, filters, rank = data.shape[1] // groups, weight.shape[0] // groups, len(out) - 2
    parts = []
    for g in range(groups):
        part = np.moveaxis(view[:, g * channels : (g + 1) * channels], 1, 1 + rank)
        rows = part.reshape(math.prod((out[0], *out[2:])), -1)
        columns = weight.num[g * filters : (g + 1) * filters].reshape(filters, -1).T
        parts.append(lowest(dot(rows, factor, columns), data.den * weight.den))
    return _assembled(parts, bias, out)


def _assembled(parts: Sequence[ExactTensor], bias: ExactTensor | None, out: Shape) -> ExactTensor:
    """Groups of [N * positions, filters] joined to [N, M, *out], with the bias added."""
    den = math.lcm(*(part.den for part in parts))
    joined = np.concatenate([part.num * (den // part.den) for part in parts], axis=1)
    result = lowest(np.moveaxis(joined.reshape(out[0], *out[2:], out[1]), -1, 1), den)
    if bias is None:
        return result
    return add(result, bias.map(lambda num: num.reshape(-1, *(1,) * (len(out) - 2))))


def _kernel(attrs: Attrs) -> Shape:
    kernel = attrs.get("kernel_shape")
    if not isinstance(kernel, tuple):
        raise IsobitError("E202", "attribute 'kernel_shape' is missing")
    return kernel


def max_pool(data: ExactTensor, attrs: Attrs, out: Shape) -> ExactTensor:
    """``MaxPool``: padding never wins."""
    geometry = window(attrs, _kernel(attrs), data.shape, out)
    lowest_of_all = int(data.num.min()) - 1
    view = geometry.slide(data.num, lowest_of_all)
    return ExactTensor(objects(view.max(axis=tuple(range(len(out), view.ndim)))), data.den)


def average_pool(data: ExactTensor, attrs: Attrs, out: Shape) -> ExactTensor:
    """``AveragePool``: the padding counts only where ``count_include_pad`` says so, rounding up of shapes never.

    ``counts_beyond``, no attribute of the standard's: what rounding up adds counts like the padding.
    """
    geometry = window(attrs, _kernel(attrs), data.shape, out)
    view = geometry.slide(data.num, 0)
    axes = tuple(range(len(out), view.ndim))
    counts = _counts(attrs, geometry, data.shape).astype(object)
    common = math.lcm(*(int(c) for c in counts.flat))
    return lowest(view.sum(axis=axes) * (common // counts), data.den * common)


def _counts(attrs: Attrs, geometry: Window, shape: Shape) -> Objects:
    """How many elements each window averages, [1, 1, *out]."""
    spatial = len(geometry.kernel)
    ones = np.ones((1, 1, *shape[2:]), dtype=np.int64)
    if attrs.get("count_include_pad", 0) and attrs.get("counts_beyond", 0):
        return objects(np.full((1, 1, *geometry.out), math.prod(geometry.kernel)))
    if attrs.get("count_include_pad", 0):
        declared = attrs.get("pads", (0,) * (2 * spatial))
        after = declared[spatial:] if isinstance(declared, tuple) else ()
        ones = np.pad(ones, [(0, 0), (0, 0), *zip(geometry.before, after, strict=True)], constant_values=1)
        rest = tuple(a - b for a, b in zip(geometry.after, after, strict=True))
        geometry = Window(geometry.kernel, geometry.strides, geometry.dilations, (0,) * spatial, rest, geometry.out)
    view = geometry.slide(ones, 0)
    return objects(view.sum(axis=tuple(range(2 + spatial, view.ndim))))


def transposed_convolution(
    data: ExactTensor, weight: ExactTensor, bias: ExactTensor | None, attrs: Attrs, out: Shape
) -> ExactTensor:
    """``ConvTranspose``: every input element adds its multiple of the kernel at ``stride * position - pad``."""
    kernel, rank = weight.shape[2:], len(out) - 2
    strides, dilations = _per_axis(attrs, "strides", rank), _per_axis(attrs, "dilations", rank)
    group = attrs.get("group", 1)
    groups = group if isinstance(group, int) else 1
    inputs, filters = data.shape[1] // groups, weight.shape[1]
    axes = zip(strides, data.shape[2:], kernel, dilations, strict=True)
    size = [s * (n - 1) + (k - 1) * d + 1 for s, n, k, d in axes]
    begins = _transposed_begins(attrs, size, out, rank)
    reach = [max(n, b + o) for n, b, o in zip(size, begins, out[2:], strict=True)]
    total = np.zeros((*out[:2], *reach), dtype=object)
    for group_index, tap in ((g, t) for g in range(groups) for t in np.ndindex(*kernel)):
        rows = slice(group_index * inputs, (group_index + 1) * inputs)
        columns = slice(group_index * filters, (group_index + 1) * filters)
        product = np.tensordot(data.num[:, rows], weight.num[(rows, slice(None), *tap)], axes=(1, 0))
        where = tuple(
            slice(t * d, t * d + s * (n - 1) + 1, s)
            for t, d, s, n in zip(tap, dilations, strides, data.shape[2:], strict=True)
        )
        total[(slice(None), columns, *where)] += np.moveaxis(product, -1, 1)
    kept = total[(slice(None), slice(None), *(slice(b, b + o) for b, o in zip(begins, out[2:], strict=True)))]
    result = lowest(kept, data.den * weight.den)
    return result if bias is None else add(result, bias.map(lambda num: num.reshape(-1, *(1,) * rank)))


def _transposed_begins(attrs: Attrs, size: Sequence[int], out: Shape, rank: int) -> Shape:
    """How many elements are cut off before each axis: ``pads``, or half of what the declared shape leaves out."""
    pads, mode = attrs.get("pads"), attrs.get("auto_pad", "NOTSET")
    if "output_shape" not in attrs and mode in ("NOTSET", "VALID"):
        return pads[:rank] if isinstance(pads, tuple) else (0,) * rank
    extra = attrs.get("output_padding", (0,) * rank)
    spare = extra if isinstance(extra, tuple) else (0,) * rank
    totals = [n + e - o for n, e, o in zip(size, spare, out[2:], strict=True)]
    return tuple(t // 2 if mode == "SAME_UPPER" else t - t // 2 for t in totals)


def global_max(data: ExactTensor) -> ExactTensor:
    """``GlobalMaxPool``."""
    return data.map(lambda num: num.max(axis=tuple(range(2, num.ndim)), keepdims=True))


def quant_average(data: ExactTensor, attrs: Attrs, out: Shape) -> ExactTensor:
    """QONNX ``QuantAvgPool2d``: window sums shifted right so that a full window of ``ibits`` fits ``obits``."""
    kernel, stride, wide, narrow = (int(str(attrs[key])) for key in ("kernel", "stride", "ibits", "obits"))
    last = str(attrs.get("data_layout", "NCHW")) == "NHWC"
    num = np.moveaxis(data.num, -1, 1) if last else data.num
    shape = (out[0], out[3], *out[1:3]) if last else out
    geometry = Window((kernel,) * 2, (stride,) * 2, (1, 1), (0, 0), (0, 0), shape[2:])
    sums = geometry.slide(num, 0).sum(axis=(-1, -2))
    largest, shift = (2**wide - 1) * kernel * kernel, 0
    while largest >> shift >= 2**narrow:
        shift += 1
    kept = round_ratio(sums, data.den, "ROUND") >> shift
    return ExactTensor(np.moveaxis(kept, 1, -1) if last else kept, 1)
