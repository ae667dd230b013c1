"""Standard ONNX operators in exact rational arithmetic, as the ONNX operator pages define them.

Softmax and LogSoftmax leave their input unchanged (the logits): they keep the order of the classes and have no
rational value. What no rational number is stands in :mod:`isobit.check.source.exact.irrational`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from isobit.check.source.exact import move as moves
from isobit.check.source.exact import tensor as exact
from isobit.check.source.exact import window as windows
from isobit.check.source.exact.call import Call
from isobit.check.source.exact.functions import FUNCTIONS
from isobit.check.source.exact.irrational import sigmoid, square_root, table, tanh
from isobit.check.source.exact.quant import round_ratio
from isobit.check.source.exact.shapes import resize_scales
from isobit.check.source.exact.tensor import ExactTensor
from isobit.errors import IsobitError


def _binary(function: Callable[[ExactTensor, ExactTensor], ExactTensor]) -> Callable[[Call], ExactTensor]:
    return lambda call: function(call.given(0), call.given(1))


def _divide(call: Call) -> ExactTensor:
    """Division of reals, or towards zero where the operands have an integer type."""
    divisor = call.given(1)
    if (divisor.num == 0).any():
        raise IsobitError("E204", "division by zero")
    quotient = exact.divide(call.given(0), divisor)
    return _round(quotient, "DOWN") if call.whole else quotient


def _reshape(call: Call) -> ExactTensor:
    return call.given(0).map(lambda num: num.reshape(call.shapes[0]))


def _transpose(call: Call) -> ExactTensor:
    return call.given(0).map(lambda num: num.transpose(call.integers("perm")))


def _gemm(call: Call) -> ExactTensor:
    left, right = (
        call.given(i).map(lambda num: num.T) if call.integer(key, 0) else call.given(i)
        for i, key in enumerate(("transA", "transB"))
    )
    product = exact.multiply(exact.matmul(left, right), call.number("alpha", 1.0))
    bias = call.optional(2)
    return product if bias is None else exact.add(product, exact.multiply(bias, call.number("beta", 1.0)))


def _leaky(data: ExactTensor, slope: ExactTensor) -> ExactTensor:
    negative = exact.minimum(data, exact.scalar(0))
    return exact.add(exact.maximum(data, exact.scalar(0)), exact.multiply(negative, slope))


def _finite(limit: object) -> bool:
    return isinstance(limit, int | float) and math.isfinite(limit)


def _clip(call: Call) -> ExactTensor:
    data = call.given(0)
    low = call.optional(1) or (call.number("min", 0.0) if _finite(call.node.attrs.get("min")) else None)
    high = call.optional(2) or (call.number("max", 0.0) if _finite(call.node.attrs.get("max")) else None)
    data = data if low is None else exact.maximum(data, low)
    return data if high is None else exact.minimum(data, high)


def _batch_norm(call: Call) -> ExactTensor:
    """(x - mean) * scale / sqrt(var + epsilon) + bias per channel."""
    if call.integer("training_mode", 0) or not call.integer("spatial", 1):
        raise IsobitError("E202", "BatchNormalization in training mode or without spatial mode")
    data, scale, bias, mean, variance = (call.given(i) for i in range(5))
    biased = exact.add(variance, call.number("epsilon", float(np.float32(1e-5))))
    if (biased.num <= 0).any():
        raise IsobitError("E204", "a BatchNormalization has variance + epsilon not above zero")
    # The root of the reciprocal has a power of two below its line, so that the channels share a small denominator.
    roots = [square_root(1 / biased[(i,)]) for i in range(biased.shape[0])]
    slope = exact.multiply(scale, exact.from_fractions(roots, biased.shape))
    shape = (-1,) + (1,) * (len(data.shape) - 2)
    offset = exact.subtract(bias, exact.multiply(mean, slope))
    return exact.affine(data, *(tensor.map(lambda num: num.reshape(shape)) for tensor in (slope, offset)))


def _concat(call: Call) -> ExactTensor:
    parts, den = exact.aligned([call.given(i) for i in range(len(call.inputs))])
    batch = call.shapes[0][0]
    full = [part if part.shape[0] == batch else np.repeat(part, batch, axis=0) for part in parts]
    return ExactTensor(np.concatenate(full if call.integer("axis", 0) else parts, axis=call.integer("axis", 0)), den)


def _reduce_mean(call: Call) -> ExactTensor:
    data = call.given(0)
    axes = call.integers("axes", 1) or tuple(range(len(data.shape)))
    total = np.sum(data.num, axis=tuple(a % len(data.shape) for a in axes), keepdims=bool(call.integer("keepdims", 1)))
    count = math.prod(data.shape[a] for a in axes)
    return exact.lowest(total, data.den * count)


def _reduced(function: Callable[..., Any]) -> Callable[[Call], ExactTensor]:
    """``ReduceMax``, ``ReduceMin`` and ``ReduceSum``: over the named axes, over all where none is named."""

    def run(call: Call) -> ExactTensor:
        data = call.given(0)
        axes = call.integers("axes", 1) or tuple(range(len(data.shape)))
        keep = bool(call.integer("keepdims", 1))
        return data.map(lambda num: function(num, axis=tuple(a % num.ndim for a in axes), keepdims=keep))

    return run


def _global_average(call: Call) -> ExactTensor:
    data = call.given(0)
    axes = tuple(range(2, len(data.shape)))
    return exact.lowest(data.num.sum(axis=axes, keepdims=True), data.den * math.prod(data.shape[2:]))


def _arg_max(call: Call) -> ExactTensor:
    """Index of the largest element; of equal ones the first, or the last where the attribute says so."""
    num, axis = call.given(0).num, call.integer("axis", 0)
    if call.integer("select_last_index", 0):
        index = num.shape[axis] - 1 - np.argmax(np.flip(num, axis), axis=axis)
    else:
        index = np.argmax(num, axis=axis)
    keep = call.integer("keepdims", 1)
    return exact.from_integers(np.expand_dims(index, axis) if keep else np.asarray(index))


def _top_k(call: Call) -> tuple[ExactTensor, ExactTensor]:
    """The k largest (or smallest) values and their indices; of equal values the lower index comes first."""
    data, axis = call.given(0), call.integer("axis", -1)
    count = call.integer("k", 0) or int(call.given(1).num.flat[0])
    keys = -data.num if call.integer("largest", 1) else data.num
    order = np.take(np.argsort(keys, axis=axis, kind="stable"), range(count), axis=axis)
    return ExactTensor(np.take_along_axis(data.num, order, axis=axis), data.den), exact.from_integers(order)


def _cast(call: Call) -> ExactTensor:
    """Casting to a float type keeps the number, to an integer type rounds towards zero; nothing may wrap around."""
    data, kind = call.given(0), call.integer("to", 1)
    if kind in _FLOAT_TYPES:
        return data
    whole, (low, high) = _round(data, "DOWN"), _INTEGER_TYPES[kind]
    if (whole.num < low).any() or (whole.num > high).any():
        raise IsobitError("E202", "a cast that wraps around")
    return whole


_FLOAT_TYPES = (1, 11)
_INTEGER_TYPES = {
    **{kind: (0, 2**bits - 1) for kind, bits in ((2, 8), (4, 16), (12, 32), (13, 64))},
    **{kind: (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for kind, bits in ((3, 8), (5, 16), (6, 32), (7, 64))},
}
"""Intervals by ONNX's element type numbers."""


def _round(data: ExactTensor, mode: str) -> ExactTensor:
    return ExactTensor(round_ratio(data.num, data.den, mode), 1)


def _rounded(mode: str) -> Callable[[Call], ExactTensor]:
    return lambda call: _round(call.given(0), mode)


def _convolution(function: Callable[..., ExactTensor]) -> Callable[[Call], ExactTensor]:
    return lambda call: function(call.given(0), call.given(1), call.optional(2), call.node.attrs, call.shapes[0])


def _pad(call: Call) -> ExactTensor:
    pads = call.integers("pads", 1) or ()
    axes = call.integers("axes", 3)
    rank = len(call.given(0).shape)
    if axes is not None:
        pads = _spread(pads[: len(axes)], axes, rank) + _spread(pads[len(axes) :], axes, rank)
    value = call.optional(2) or call.number("value", 0.0)
    return moves.pad(call.given(0), pads, value, call.text("mode", "constant"))


def _spread(values: tuple[int, ...], axes: tuple[int, ...], rank: int) -> tuple[int, ...]:
    by_axis = {axis % rank: value for axis, value in zip(axes, values, strict=True)}
    return tuple(by_axis.get(axis, 0) for axis in range(rank))


def _slice(call: Call) -> ExactTensor:
    starts, ends = call.integers("starts", 1) or (), call.integers("ends", 2) or ()
    axes = call.integers("axes", 3) or tuple(range(len(starts)))
    steps = call.integers("steps", 4) or (1,) * len(starts)
    return moves.cut(call.given(0), starts, ends, axes, steps)


def _split(call: Call) -> tuple[ExactTensor, ...]:
    axis = call.integer("axis", 0)
    return moves.split(call.given(0), axis, [shape[axis] for shape in call.shapes])


def _resize(call: Call) -> ExactTensor:
    """``Resize`` and ``Upsample`` with their scales where they have them, else with the ratio of the sizes."""
    if "axes" in call.node.attrs:
        raise IsobitError("E202", "a Resize of named axes")
    legacy = call.node.op == "Upsample" or call.node.opset < 11
    return moves.resize(call.given(0), call.shapes[0], resize_scales(call), call.node.attrs, legacy)


def _dropout(call: Call) -> ExactTensor:
    training = call.optional(2)
    if training is not None and (training.num != 0).any():
        raise IsobitError("E202", "a Dropout in training mode")
    return call.given(0)


def _unchanged(call: Call) -> ExactTensor:
    return call.given(0)


OPERATORS: Mapping[str, Callable[[Call], Any]] = MappingProxyType(
    {
        "Add": _binary(exact.add),
        "ArgMax": _arg_max,
        "AveragePool": lambda call: windows.average_pool(call.given(0), call.node.attrs, call.shapes[0]),
        "BatchNormalization": _batch_norm,
        "Cast": _cast,
        "Clip": _clip,
        "Ceil": _rounded("CEIL"),
        "Concat": _concat,
        "Conv": _convolution(windows.convolution),
        "ConvTranspose": _convolution(windows.transposed_convolution),
        "DepthToSpace": lambda call: moves.depth_to_space(
            call.given(0), call.integer("blocksize", 0), call.text("mode", "DCR")
        ),
        "Div": _divide,
        "Dropout": _dropout,
        "Expand": lambda call: moves.repeated(call.given(0), call.shapes[0]),
        "Flatten": _reshape,
        "Floor": _rounded("FLOOR"),
        "Gather": lambda call: moves.gather(call.given(0), call.given(1), call.integer("axis", 0)),
        "Gemm": _gemm,
        "GlobalAveragePool": _global_average,
        "GlobalMaxPool": lambda call: windows.global_max(call.given(0)),
        "Identity": _unchanged,
        "LeakyRelu": lambda call: _leaky(call.given(0), call.number("alpha", float(np.float32(0.01)))),
        "LogSoftmax": _unchanged,
        "MatMul": _binary(exact.matmul),
        "MaxPool": lambda call: windows.max_pool(call.given(0), call.node.attrs, call.shapes[0]),
        "Mul": _binary(exact.multiply),
        "Neg": lambda call: exact.subtract(exact.scalar(0), call.given(0)),
        "PRelu": lambda call: _leaky(call.given(0), call.given(1)),
        "Pad": _pad,
        "QuantAvgPool2d": lambda call: windows.quant_average(call.given(0), call.node.attrs, call.shapes[0]),
        "ReduceMax": _reduced(np.max),
        "ReduceMean": _reduce_mean,
        "ReduceMin": _reduced(np.min),
        "ReduceSum": _reduced(np.sum),
        "Relu": lambda call: exact.maximum(call.given(0), exact.scalar(0)),
        "Reshape": _reshape,
        "Resize": _resize,
        "Round": _rounded("ROUND"),
        "Sigmoid": table(sigmoid),
        "Sign": lambda call: exact.from_integers(np.sign(call.given(0).num)),
        "Slice": _slice,
        "Softmax": _unchanged,
        "SpaceToDepth": lambda call: moves.space_to_depth(call.given(0), call.integer("blocksize", 0)),
        "Split": _split,
        "Squeeze": _reshape,
        "Sub": _binary(exact.subtract),
        "Tanh": table(tanh),
        "Tile": lambda call: moves.repeated(call.given(0), call.shapes[0]),
        "TopK": _top_k,
        "Transpose": _transpose,
        "Unsqueeze": _reshape,
        "Upsample": _resize,
        **FUNCTIONS,
    }
)
