"""Convolutions, pools and means: windows of integers, their products and sums, and the requantizer behind them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

import numpy as np

from isobit.frontend.qonnx.convolutions import phase_taps
from isobit.frontend.tflite.builder import TfliteBuilder, Value, sample_shape
from isobit.frontend.tflite.model import TfliteOperator
from isobit.frontend.tflite.requantise import (
    activation_limits,
    in_double,
    multiplier,
    refuse_overflow,
    requantizer,
)
from isobit.frontend.tflite.sixteen import twice, wide_requantizer
from isobit.ir.ops import Linear, Pad
from isobit.ir.types import IntArray
from isobit.numerics import Curve

SAME = 0
_WEIGHT_TYPES = {"int8", "uint8"}
_BIAS_OF_INT32 = 2  # the schema's number of that type


def import_conv(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """CONV_2D and DEPTHWISE_CONV_2D."""
    x, weights = b.value(op), _weights(b, op)
    depthwise = op.op == "DEPTHWISE_CONV_2D"
    channels = b.type(x).channels
    if depthwise:
        weights = np.moveaxis(weights, -1, 0).reshape(weights.shape[-1], *weights.shape[1:3], 1)
    if weights.ndim != 4 or b.tensor(op).shape[:1] != (1,) or len(b.type(x).shape) != 3 or channels % weights.shape[-1]:
        raise op.refusal(f"weights of shape {list(b.tensor(op, 1).shape)} do not fit {b.type(x)}", code="E106")
    groups = channels // weights.shape[-1]
    if len(weights) % groups:
        raise op.refusal(f"{len(weights)} outputs in {groups} groups", code="E106")
    strides = positive(op, "stride_h", "stride_w")
    dilations = tuple(max(d, 1) for d in (op.option("dilation_h_factor"), op.option("dilation_w_factor")))
    x = padded(b, op, x, weights.shape[1:3], strides, dilations, x.zero)
    name = linear(b, op, x.name, weights, strides, dilations, groups)
    return _requantised(b, op, name, _bias(b, op, x, weights), 3 if depthwise else 0)


def import_fully_connected(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """FULLY_CONNECTED: on the whole sample, or on as many rows as its elements make, kept as axes or not."""
    x, weights = b.value(op), _weights(b, op)
    if weights.ndim != 2 or op.option("weights_format"):
        raise op.refusal("weights that are no plain matrix")
    size, features = b.type(x).size, weights.shape[1]
    if not features or size % features:
        raise op.refusal(f"weights of shape {list(weights.shape)} do not fit {b.type(x)}", code="E106")
    if size == features:
        x = b.moved(op, x, b.flat(x), "_flat")
        name = linear(b, op, x.name, weights, (), (), 1)
    else:
        x = b.moved(op, x, b.flat(x).reshape(-1, features), "_rows")
        name = linear(b, op, x.name, weights[:, np.newaxis], (1,), (1,), 1)
    y = _requantised(b, op, name, _bias(b, op, x, weights), 0)
    return b.shaped(op, y, b.flat(y))


def import_transpose_conv(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """TRANSPOSE_CONV as the convolution of every phase (sub-pixel form), the phases interleaved."""
    x, weights = b.centred(op, b.value(op, 2)), _weights(b, op)
    image = len(b.type(x).shape) == 3 and b.tensor(op, 2).shape[:1] == (1,)
    if weights.ndim != 4 or not image or weights.shape[-1] != b.type(x).channels:
        raise op.refusal(f"weights of shape {list(weights.shape)} do not fit {b.type(x)}", code="E106")
    strides, kernel = positive(op, "stride_h", "stride_w"), weights.shape[1:3]
    size, out = b.type(x).shape[:2], sample_shape(b.output(op), op.where)[:2]
    begin = [_transposed_begin(op, *axis) for axis in zip(out, kernel, strides, strict=True)]
    # output o reads input i through tap o + begin - s i: phase (o + begin) mod s has every s-th tap
    taps = [-(-k // s) for k, s in zip(kernel, strides, strict=True)]
    counts = [(o + p - 1) // s + 1 for o, p, s in zip(out, begin, strides, strict=True)]
    before = tuple(t - 1 for t in taps)
    after = tuple(max(c - n, 0) for c, n in zip(counts, size, strict=True))
    x = pad(b, op, x, before, after, 0)
    phases = list(product(*(range(s) for s in strides)))
    kernels = np.moveaxis(weights, -1, 1)
    stacked = np.moveaxis(np.concatenate([phase_taps(kernels, phase, strides, taps) for phase in phases]), 1, -1)
    name = linear(b, op, x.name, stacked, (1, 1), (1, 1), 1)
    outputs = len(weights)
    spread = b.types[name].shape[:2]
    flat = np.arange(prod(spread) * len(phases) * outputs).reshape(*spread, *strides, outputs)
    rows, columns = (np.arange(o) + p for o, p in zip(out, begin, strict=True))
    picked = flat[np.ix_(rows // strides[0], columns // strides[1])]
    index = picked[
        np.arange(out[0])[:, None], np.arange(out[1])[None], (rows % strides[0])[:, None], (columns % strides[1])[None]
    ]
    y = b.moved(op, Value(name), index, "_phases")
    return _requantised(b, op, y.name, _bias(b, op, x, weights, 3), 0)


def linear(
    b: TfliteBuilder, op: TfliteOperator, x: str, weights: IntArray, strides: Sequence[int], dilations: Sequence[int],
    groups: int,
) -> str:  # fmt: skip
    """The products and their sums."""
    stored = b.const(b.named(op, "_w"), np.ascontiguousarray(weights))
    return b.emit(
        Linear(
            name=b.named(op, "_sum"), inputs=(x, stored), strides=tuple(strides), dilations=tuple(dilations),
            groups=groups, source=b.source(op),
        )
    )  # fmt: skip


# --------------------------------------------------------------------------------------------------------------- parts


def _weights(b: TfliteBuilder, op: TfliteOperator) -> IntArray:
    """Integer weights with their zero points taken away."""
    tensor = b.tensor(op, 1)
    data = b.constant(op, 1, "weights")
    if tensor.dtype not in _WEIGHT_TYPES or not tensor.scale:
        raise op.refusal(f"weights of type {tensor.dtype}", "convert with full integer quantisation", "E203")
    symmetric = tensor.dtype == "int8" and op.op != "FULLY_CONNECTED"  # these kernels look at no zero point
    if len(set(tensor.zero_point)) > 1 or (symmetric and tensor.zero_point[0]):
        raise op.refusal(f"weights with the zero points {sorted(set(tensor.zero_point))}", code="E204")
    return np.asarray(data.astype(np.int64) - tensor.zero_point[0])


def _bias(b: TfliteBuilder, op: TfliteOperator, x: Value, weights: IntArray, position: int = 2) -> IntArray:
    """What is added to the sums of the graph's integers: the bias, less what the input's zero adds."""
    zero = x.zero * weights.reshape(len(weights), -1).sum(axis=1)
    if position >= len(op.inputs) or op.inputs[position] < 0:
        return np.asarray(-zero)
    data, read = b.constant(op, position, "bias"), "int64" if _sums_are_wide(b, op) else "int32"
    if data.dtype != read or data.size != len(weights):
        hint = "the kernel reads it in the type that the option quantized_bias_type names"
        raise op.refusal(f"a bias of {data.size} {data.dtype}, {len(weights)} {read} needed", hint, code="E203")
    return np.asarray(data.astype(np.int64).reshape(-1) - zero)


def _sums_are_wide(b: TfliteBuilder, op: TfliteOperator) -> bool:
    """16-bit activations are summed in 64 bits, but where the options say that the bias is int32."""
    return b.output(op).dtype == "int16" and op.option("quantized_bias_type") != _BIAS_OF_INT32


def _requantised(b: TfliteBuilder, op: TfliteOperator, name: str, bias: IntArray, axis: int) -> Value:
    """The step behind a convolution or product, or the two of 16 bits that are rounded twice."""
    lo, hi = activation_limits(b, op)
    kind, reals, wide = b.types[name], _real_multipliers(b, op, axis), _sums_are_wide(b, op)
    dense = op.op == "FULLY_CONNECTED"
    if b.output(op).dtype == "int16" and not wide and not dense:
        return twice(b, op, name, [multiplier(real) for real in reals], bias.tolist(), (lo, hi))
    curves: list[Curve] = []
    for c in range(kind.channels):
        real, add = reals[c % len(reals)], int(bias[c % len(bias)])
        reached = int(kind.lo[c]) + add, int(kind.hi[c]) + add
        if dense:
            if not wide:
                refuse_overflow(op, reached)
            curve = in_double(real, lo, hi)
        elif wide:
            curve = wide_requantizer(op, real, reached, lo, hi)
        else:
            q, shift = multiplier(real)
            refuse_overflow(op, reached, shift)
            curve = requantizer(q, shift, lo, hi)
        curves.append(curve.shift(add))
    return b.step(op, name, curves)


def _real_multipliers(b: TfliteBuilder, op: TfliteOperator, axis: int) -> list[float]:
    """``input scale * weight scale / output scale`` in the doubles that each kernel takes."""
    source = b.tensor(op, 2 if op.op == "TRANSPOSE_CONV" else 0)
    scale_in, _, _ = b.grid(op, source)
    scale_out, _, _ = b.grid(op, b.output(op))
    weights = b.tensor(op, 1)
    count = len(weights.scale)
    if count > 1 and (weights.axis != axis or count != weights.shape[axis]):
        raise op.refusal(f"{count} weight scales along axis {weights.axis} of {list(weights.shape)}", code="E204")
    if source.dtype == "uint8" and op.op != "FULLY_CONNECTED":  # the older kernels begin with a float32 product
        return [float(np.float32(scale_in) * np.float32(weights.scale[0])) / scale_out]
    return [scale_in * s / scale_out for s in weights.scale]


def padded(
    b: TfliteBuilder, op: TfliteOperator, x: Value, kernel: Sequence[int], strides: Sequence[int],
    dilations: Sequence[int], integer: int,
) -> Value:  # fmt: skip
    """``x`` padded as the operator's padding scheme wants it, the odd element behind."""
    if len(b.type(x).shape) != 3 or len(b.tensor(op).shape) != 4:
        raise op.refusal(f"an input {b.type(x)}, an image is needed", code="E106")
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    sizes = b.type(x).shape[:2]
    if op.option("padding") != SAME:
        if any(n < k for n, k in zip(sizes, spans, strict=True)):
            raise op.refusal(f"a window of {spans} on an image of {list(sizes)}", code="E106")
        return x
    totals = [max((-(-n // s) - 1) * s + k - n, 0) for n, s, k in zip(sizes, strides, spans, strict=True)]
    before = tuple(t // 2 for t in totals)
    return pad(b, op, x, before, tuple(t - p for t, p in zip(totals, before, strict=True)), integer)


def pad(
    b: TfliteBuilder, op: TfliteOperator, x: Value, before: tuple[int, ...], after: tuple[int, ...], integer: int
) -> Value:
    """``x`` with so many elements of ``integer`` before and after each spatial axis; ``x`` itself for none."""
    if not any((*before, *after)):
        return x
    node = Pad(
        name=b.named(op, "_pad"), inputs=(x.name,), before=before, after=after, value=integer, source=b.source(op)
    )
    return Value(b.emit(node), x.zero)


def positive(op: TfliteOperator, *names: str) -> tuple[int, ...]:
    """Two options of the operator, along height and width.

    Raises:
        IsobitError: E202 when one is below 1.
    """
    values = tuple(op.option(name) for name in names)
    if min(values) < 1:
        raise op.refusal(f"{names[0]} {values[0]}, {names[1]} {values[1]}")
    return values


def _transposed_begin(op: TfliteOperator, out: int, kernel: int, stride: int) -> int:
    """How many outputs are cut off before an axis."""
    if op.option("padding") != SAME:
        return 0
    return max((-(-out // stride) - 1) * stride + kernel - out, 0) // 2
