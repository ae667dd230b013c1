"""Pooling: maxima of integers, and sums as depthwise convolutions with ones whose scale carries the division."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.onnx.qoperators import is_part
from isobit.frontend.qonnx.builder import Builder, attribute_ints
from isobit.frontend.qonnx.convolutions import convolve, pads_of
from isobit.frontend.qonnx.movement import channels_last, move, positions
from isobit.frontend.qonnx.padding import emit_pad, padded
from isobit.frontend.qonnx.quantisers import uniform_step
from isobit.frontend.qonnx.staircases import Uniform
from isobit.frontend.qonnx.symbolic import ONE, ZERO, Rationals, Real, Tensor, rationals
from isobit.ir.ops import Concat, MaxPool, Reindex, frozen_ints
from isobit.ir.types import IntArray
from isobit.numerics import Rounding


def import_maxpool(b: Builder, node: SourceNode) -> Tensor:
    """MaxPool and GlobalMaxPool: a maximum commutes with any rising function, so it is taken on the integers."""
    x: Real = _rising(b, node, channels_last(b, node, b.real(node)))
    kernel, strides, dilations = _window(b, node, x)
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    begins, ends = _ceiled(b, node, x, spans, strides)
    value = x.value
    if any((*begins, *ends)):
        value = emit_pad(b, node, value, list(zip(begins, ends, strict=True)), b.types[value].bounds[0])
    return _greatest(b, node, x, value, kernel, strides, dilations)


def _greatest(
    b: Builder, node: SourceNode, x: Real, value: str, kernel: Sequence[int], strides: Sequence[int],
    dilations: Sequence[int],
) -> Real:  # fmt: skip
    """Maxima of ``value``, whose meaning is that of ``x``."""
    name = b.emit(
        MaxPool(
            name=b.fresh(b.hint(node)), inputs=(value,), kernel=tuple(kernel), strides=tuple(strides),
            dilations=tuple(dilations), source=(printable(node.name or node.outputs[0]),),
        )
    )  # fmt: skip
    return replace(x, value=name)


def _rising(b: Builder, node: SourceNode, x: Real, least: bool = False) -> Real:
    """``x`` on integers with which it rises, or falls where the ``least`` is sought: their greatest is what is sought.

    ``scale * v + offset = -scale * -v + offset``: a channel that goes the other way has its integers negated.
    """
    if not x.is_affine:
        if least or any((s.scale <= 0).any() for s in x.segments):
            raise b.unsupported(node, "an extreme of values that fall somewhere", "quantise before the pooling")
        return x
    signs = np.array([-1 if (s < 0) != least else 1 for s in x.scale], dtype=object)
    hint, source = b.hint(node) + "_turned", (printable(node.name or node.outputs[0]),)
    value = b.scaled(hint, x.value, frozen_ints(signs), source)
    return Real.of(value, x.layout, x.scale * signs, x.offset)


def import_average(b: Builder, node: SourceNode) -> Tensor:
    """AveragePool and GlobalAveragePool: pads count where ``count_include_pad`` says so, those of ceil_mode never."""
    x = channels_last(b, node, b.affine(node))
    kernel, strides, dilations = _window(b, node, x)
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    (begins, ends), pads = _ceiled(b, node, x, spans, strides), pads_of(b, node, x, spans, strides)
    inside = [(0, 0)] * len(kernel)
    if is_part(node.outputs[0]):  # ONNX Runtime's QLinearAveragePool counts what ceil_mode adds as padding
        pads = begins, ends
    if node.attrs.get("count_include_pad", 0) and any((*pads[0], *pads[1])):
        inside = list(zip(*pads, strict=True))
        x = padded(b, node, x, [0, *pads[0]], [0, *pads[1]], Fraction(0))
    more = [(p - i, e - j) for p, e, (i, j) in zip(begins, ends, inside, strict=True)]
    counted = np.ones(b.types[x.value].shape[:-1], np.int64)
    if any(sum(pair) for pair in more):  # what does not count is the integer 0, whatever that means
        x = replace(x, value=emit_pad(b, node, x.value, more, 0))
    counts = _counts(np.pad(counted, more), kernel, strides, dilations)
    return _divided(b, node, _sums(b, node, x, kernel, strides, dilations), x.offset, counts)


def _counts(counted: IntArray, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]) -> IntArray:
    """How many of the elements marked by 1 every window has."""
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    steps = [slice(None, None, step) for step in (*strides, *dilations)]
    taps = sliding_window_view(counted, spans)[tuple(steps)]
    return np.asarray(taps.sum(axis=tuple(range(counted.ndim, taps.ndim))))


def _divided(b: Builder, node: SourceNode, sums: Real, offset: Rationals, counts: IntArray) -> Real:
    """Window sums over their counts: integers ``S * common / count`` at every place, one scale for all of them.

    ``offset`` is that of a single element, and so of every mean.
    """
    common = int(np.lcm.reduce(counts.reshape(-1)))
    if common == counts.min():
        y = Real.of(sums.value, sums.layout, sums.scale, ZERO)
    else:
        shape = b.types[sums.value].shape
        flat = np.arange(int(np.prod(shape))).reshape(-1, shape[-1])
        places = [np.flatnonzero(counts.reshape(-1) == n) for n in np.unique(counts)]
        source, parts = (printable(node.name or node.outputs[0]),), []
        for n, where in zip(np.unique(counts), places, strict=True):
            picked = Reindex(
                name=b.fresh(f"{b.hint(node)}_of_{n}"), inputs=(sums.value,), index=frozen_ints(flat[where]),
                source=source,
            )  # fmt: skip
            parts.append(b.scaled(f"{b.hint(node)}_by_{n}", b.emit(picked), frozen_ints(common // n), source))
        joined = b.emit(Concat(name=b.fresh(b.hint(node) + "_all"), inputs=tuple(parts), axis=0, source=source))
        back = flat[np.argsort(np.concatenate(places))].reshape(shape)
        made = b.emit(Reindex(name=b.fresh(b.hint(node)), inputs=(joined,), index=frozen_ints(back), source=source))
        y = Real.of(made, sums.layout, sums.scale, ZERO)
    return y.affine(rationals([Fraction(1, common)]), offset)


def import_reduce(b: Builder, node: SourceNode) -> Tensor:
    """ReduceMax, ReduceMin, ReduceSum and ReduceMean over any axes but the batch: pooling over what is left out.

    The axes that stay become the channels, the reduced ones one spatial axis.
    """
    rank = len(b.model.shapes[node.inputs[0]])
    given = node.attrs.get("axes")
    axes = attribute_ints(node, "axes", ()) if given is not None else _axes(b, node, rank)
    reduced = sorted(a % rank for a in axes)
    if 0 in reduced:
        raise b.unsupported(node, "the batch axis is reduced", "keep axis 0")
    kept = [a - 1 for a in range(1, rank) if a not in reduced]
    x = b.real(node) if node.op == "ReduceMax" else b.affine(node)
    index = positions(b, x)
    order = [*(a - 1 for a in reduced), *kept]
    flat = index.transpose(order).reshape(-1, int(np.prod([index.shape[a] for a in kept])))
    x = move(b, node, x, flat, (0, 1))
    if node.op in ("ReduceSum", "ReduceMean"):
        y = _sums(b, node, x, (len(flat),), (1,), (1,))
        y = y.affine(rationals([Fraction(1, len(flat))]), ZERO) if node.op == "ReduceMean" else y
    else:
        x = _rising(b, node, x, least=node.op == "ReduceMin")
        y = _greatest(b, node, x, x.value, (len(flat),), (1,), (1,))
    return move(b, node, y, np.atleast_1d(positions(b, y).reshape(b.model.shapes[node.outputs[0]][1:])))


def import_reduce_mean(b: Builder, node: SourceNode) -> Tensor:
    """ReduceMean over all spatial axes, or any others."""
    rank = len(b.model.shapes[node.inputs[0]])
    given = node.attrs.get("axes")
    axes = attribute_ints(node, "axes", ()) if given is not None else _axes(b, node, rank)
    reduced = sorted(a % rank for a in axes)
    kept = [a for a in range(1, rank) if a not in reduced]
    if len(kept) != 1 or 0 in reduced:
        return import_reduce(b, node)
    x = channels_last(b, node, b.affine(node), kept[0] - 1)
    kernel = b.types[x.value].shape[:-1]
    ones = (1,) * len(kernel)
    y = _sums(b, node, x, kernel, ones, ones).affine(rationals([Fraction(1, int(np.prod(kernel)))]), ZERO)
    return move(b, node, y, positions(b, y).reshape(b.model.shapes[node.outputs[0]][1:]))


def import_quant_average(b: Builder, node: SourceNode) -> Tensor:
    """QONNX QuantAvgPool2d: the sum of a window of integers, its low bits dropped."""
    channel_axis = 2 if str(node.attrs.get("data_layout", "NCHW")) == "NHWC" else 0
    x = channels_last(b, node, b.affine(node), channel_axis)
    if any(v.denominator != 1 for v in (*x.scale, *x.offset)):
        raise b.unsupported(node, "QuantAvgPool2d works on integers", "scale its output, not its input")
    k, s, ibits, obits = (int(str(node.attrs[a])) for a in ("kernel", "stride", "ibits", "obits"))
    shift = max(((2**ibits - 1) * k * k).bit_length() - obits, 0)
    y = _sums(b, node, x, (k, k), (s, s), (1, 1))
    lo, hi = (int(v) for v in b.types[y.value].bounds)
    reach = [int(v * q + o) >> shift for v in (lo, hi) for q in y.scale for o in y.offset]
    step = Uniform(Fraction(1 << shift), Fraction(0), Rounding.FLOOR, min(reach) - 1, max(reach) + 1)
    return uniform_step(b, node, y, lambda _: step, (ONE, ZERO))


def _sums(b: Builder, node: SourceNode, x: Real, kernel: object, strides: object, dilations: object) -> Real:
    """Window sums as a depthwise convolution with ones."""
    channels = b.types[x.value].channels
    ones = np.ones((channels, 1, *np.atleast_1d(np.asarray(kernel))), dtype=np.int64)
    if len(x.scale) == 1 and len(x.offset) == 1:
        return convolve(b, node, x, (ones, ONE), tuple(strides), tuple(dilations), channels)  # type: ignore[arg-type]
    # Every channel is summed alone: its own scale stays its own.
    plain = Real.of(x.value, x.layout, ONE, ZERO)
    y = convolve(b, node, plain, (ones, ONE), tuple(strides), tuple(dilations), channels)  # type: ignore[arg-type]
    count = int(np.prod(ones.shape[2:]))
    return y.affine(x.scale, x.offset * count)


def _window(b: Builder, node: SourceNode, x: Real) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    spatial = b.types[x.value].shape[:-1]
    ones = (1,) * len(spatial)
    if node.op.startswith("Global"):
        return spatial, ones, ones
    kernel = attribute_ints(node, "kernel_shape", ())
    if len(kernel) != len(spatial):
        raise IsobitError("E202", f"a kernel of {len(kernel)} axes on {len(spatial)}", where=b.where(node))
    return kernel, attribute_ints(node, "strides", ones), attribute_ints(node, "dilations", ones)


def _ceiled(
    b: Builder, node: SourceNode, x: Real, spans: list[int], strides: tuple[int, ...]
) -> tuple[list[int], list[int]]:
    """Padding, with what ``ceil_mode`` needs after each axis so that every declared output has a window."""
    begins, ends = pads_of(b, node, x, spans, strides)
    size = b.types[x.value].shape[:-1]
    out = b.model.shapes[node.outputs[0]][2:]
    needed = [(o - 1) * s + k - n - p for o, s, k, n, p in zip(out, strides, spans, size, begins, strict=True)]
    return begins, [max(e, n) for e, n in zip(ends, needed, strict=True)]


def _axes(b: Builder, node: SourceNode, rank: int) -> tuple[int, ...]:
    if len(node.inputs) > 1 and node.inputs[1]:
        return tuple(int(v) for v in b.constant(node, 1, "axes").reshape(-1))
    return tuple(range(rank))
