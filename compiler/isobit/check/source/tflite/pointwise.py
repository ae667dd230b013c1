"""Elementwise operators, reductions and concatenation of TFLite's reference kernels.

The order of float operations on the scales is the kernels' own: ``f32`` marks what they compute in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from isobit.check.source.tflite.arithmetic import fixed_multiplier, half_away
from isobit.check.source.tflite.call import Call, Ints
from isobit.check.source.tflite.file import LIMITS
from isobit.check.source.tflite.sigmoid import curve as sixteen_bits

f32 = np.float32
_HEADROOM = {"int8": 20, "uint8": 20, "int16": 15}
"""Bits by which ADD and SUB shift their inputs left."""
_RELUISH = f32(3) / f32(1 << 15)  # the scale on which 16 bits hold -3 to 3


def add(call: Call, sign: int = 1) -> Ints:
    """ADD and SUB: both sides on twice the greater scale, 20 bits finer, 15 where they have 16 bits."""
    first, second = (call.scale(call.tensor(place)) for place in (0, 1))
    twice, finer = 2 * max(first, second), _HEADROOM[call.output.dtype]
    if call.option("pot_scale_int16") and finer < 20 and all(math.frexp(s)[0] == 0.5 for s in _all_scales(call)):
        raise call.operator.refusal("powers of two as scales, and not pot_scale_int16=false: another kernel")
    a, b = (x << finer for x in _aligned(call.centred(0), call.centred(1)))
    together = call.rescaled(a, first / twice) + sign * call.rescaled(b, second / twice)
    return call.stored(call.rescaled(together, twice / ((1 << finer) * call.scale(call.output))))


def _all_scales(call: Call) -> tuple[float, float, float]:
    return call.scale(call.tensor(0)), call.scale(call.tensor(1)), call.scale(call.output)


def matrix_product(call: Call) -> Ints:
    """BATCH_MATMUL: either side turned around where the file says so."""
    a, b = (x.swapaxes(-1, -2) if call.option(f"adj_{s}") else x for s, x in zip("xy", _both(call), strict=True))
    if a.shape[-1] != b.shape[-2]:
        raise call.operator.refusal(f"{list(a.shape[1:])} times {list(b.shape[1:])}", code="E106")
    sums = (a.astype(np.float64) @ b.astype(np.float64)).astype(np.int64)  # 16-bit products: far below 2**53
    first, second = (call.scale(call.tensor(place)) for place in (0, 1))
    return call.stored(call.rescaled(call.accumulated(sums), first * second / call.scale(call.output)))


def _both(call: Call) -> tuple[Ints, Ints]:
    return _aligned(call.centred(0), call.centred(1))


def squared_difference(call: Call) -> Ints:
    """SQUARED_DIFFERENCE: both sides on twice the greater scale, 7 bits finer."""
    first, second = (call.scale(call.tensor(place)) for place in (0, 1))
    twice = 2 * max(first, second)
    a, b = (x << 7 for x in _aligned(call.centred(0), call.centred(1)))
    apart = call.rescaled(a, first / twice) - call.rescaled(b, second / twice)
    return call.stored(call.rescaled(apart * apart, twice * twice / ((1 << 14) * call.scale(call.output))))


def multiply(call: Call) -> Ints:
    """MUL."""
    a, b = _aligned(call.centred(0), call.centred(1))
    first, second = (call.scale(call.tensor(place)) for place in (0, 1))
    return call.stored(call.rescaled(a * b, float(f32(first) * f32(second) / f32(call.scale(call.output)))))


def _aligned(a: Ints, b: Ints) -> tuple[Ints, Ints]:
    """Both with the same number of axes: ones are put behind the samples."""
    rank = max(a.ndim, b.ndim)
    first, second = (x.reshape(len(x), *(1,) * (rank - x.ndim), *x.shape[1:]) for x in (a, b))
    return first, second


def concatenation(call: Call) -> Ints:
    """CONCATENATION: int8 on one scale; uint8 parts are scaled in float32 where theirs is another."""
    if call.option("fused_activation_function"):
        raise call.operator.refusal("a fused activation")
    parts = [_on_output_scale(call, place) for place in range(len(call.operator.inputs))]
    rank = parts[0].ndim - 1
    return np.concatenate(parts, axis=call.option("axis") % rank + 1)


def _on_output_scale(call: Call, place: int) -> Ints:
    given, wanted, x = call.tensor(place), call.output, call.value(place)
    if (given.scale, given.zero_point) == (wanted.scale, wanted.zero_point):
        return x
    if wanted.dtype == "int8":
        raise call.operator.refusal("int8 inputs on other scales than the output's")
    scale = f32(call.scale(given)) * (f32(1) / f32(call.scale(wanted)))
    bias = f32(-call.zero_point(given)) * scale
    return np.clip(half_away(x.astype(f32) * scale + bias) + call.zero_point(wanted), *LIMITS[wanted.dtype])


def quantize(call: Call) -> Ints:
    """QUANTIZE: float32 to integers in float32, or integers to another scale or type."""
    if call.tensor(0).dtype != "float32":
        return call.stored(call.rescaled(call.centred(0), call.scale(call.tensor(0)) / call.scale(call.output)))
    if call.operator.inputs[0] not in call.values:
        raise call.operator.refusal("a float constant")
    x = call.values[call.operator.inputs[0]].astype(f32)
    return call.stored(half_away(x / f32(call.scale(call.output))))


def relu(call: Call, activation: int) -> Ints:
    """RELU, RELU6, RELU_N1_TO_1: rescaled, then clamped."""
    real = float(f32(call.scale(call.tensor(0))) / f32(call.scale(call.output)))
    x = call.rescaled(call.centred(0), real) + call.zero_point(call.output)
    return np.clip(x, *call.limits(activation))


def leaky_relu(call: Call) -> Ints:
    """LEAKY_RELU: two multipliers; a negative one is taken without its sign, and the rounded result negated."""
    x, entering, leaving = call.centred(0), f32(call.scale(call.tensor(0))), f32(call.scale(call.output))
    slope = f32(call.operator.options["alpha"])
    real = float(entering * slope / leaving)
    below = int(np.sign(real)) * call.rescaled(np.minimum(x, 0), abs(real))
    return call.stored(np.where(x >= 0, call.rescaled(np.maximum(x, 0), float(entering / leaving)), below))


def prelu(call: Call) -> Ints:
    """PRELU: the negative side times its own slope."""
    entering, leaving = f32(call.scale(call.tensor(0))), f32(call.scale(call.output))
    x, slope = _aligned(call.centred(0), call.centred(1))
    below = call.rescaled(np.minimum(x, 0) * slope, float(entering * f32(call.scale(call.tensor(1))) / leaving))
    return call.stored(np.where(x >= 0, call.rescaled(np.maximum(x, 0), float(entering / leaving)), below))


def looked_up(call: Call, function: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Ints:
    """LOGISTIC, TANH: a float32 function of every integer. It is taken in double here and rounded to float32."""
    entering, leaving = call.tensor(0), call.output
    if leaving.dtype == "int16":
        return sixteen_bits(call)
    real = (f32(call.scale(entering)) * call.centred(0).astype(f32)).astype(np.float64)
    inverse = f32(1) / f32(call.scale(leaving))
    rescaled = half_away(function(real).astype(f32) * inverse)
    return np.clip(rescaled + call.zero_point(leaving), *LIMITS[leaving.dtype])


def sigmoid(real: NDArray[np.float64]) -> NDArray[np.float64]:
    """``1 / (1 + exp(-x))`` with the exponential, the sum and the quotient each rounded to float32."""
    with np.errstate(over="ignore"):
        exponential = np.exp(-real).astype(f32)
    return (f32(1) / (f32(1) + exponential)).astype(np.float64)


def hard_swish(call: Call) -> Ints:
    """HARD_SWISH in 16-bit fixed point: the input times its clamp to [-3, 3], moved to [0, 1]."""
    entering, leaving = f32(call.scale(call.tensor(0))), f32(call.scale(call.output))
    finer = call.centred(0) << 7
    by, shift = _sixteen_bits(float(f32(1 / 128) * entering / leaving))
    if shift > 0:
        raise call.operator.refusal("an output scale below 1/128 of the input's")
    scaled = _high_half(finer, by)
    by, reluish_shift = _sixteen_bits(float(f32(1 / 128) * entering / _RELUISH))
    reluish = _high_half(_saturated(finer << max(reluish_shift - 1, 0)), by)
    reluish = _saturated(reluish << (reluish_shift > 0)) if reluish_shift >= 0 else _shifted(reluish, -reluish_shift)
    product = ((reluish + (1 << 15)) >> 1) * scaled
    truncated = np.sign(product) * (np.abs(product) >> 15)
    return call.stored(_shifted(truncated, -shift))


def _sixteen_bits(real: float) -> tuple[int, int]:
    """A multiplier of 15 bits and its exponent, from the one of 31 bits."""
    q, shift = fixed_multiplier(real)
    return min((q + (1 << 15)) >> 16, (1 << 15) - 1), shift


def _high_half(x: Ints, q: int) -> Ints:
    """``x * q / 2**15`` to the nearest integer, halves up."""
    return (x * q + (1 << 14)) >> 15


def _saturated(x: Ints) -> Ints:
    return np.clip(x, -(1 << 15), (1 << 15) - 1)


def _shifted(x: Ints, by: int) -> Ints:
    """``x / 2**by``, halves away from zero."""
    return np.asarray(np.sign(x) * ((np.abs(x) + ((1 << by) >> 1)) >> by))


def extremum(call: Call, greater: bool) -> Ints:
    """MAXIMUM and MINIMUM: of the stored integers."""
    first, second = _aligned(call.value(0), call.value(1))
    return np.maximum(first, second) if greater else np.minimum(first, second)


def reduced_extremum(call: Call, greater: bool) -> Ints:
    """REDUCE_MAX and REDUCE_MIN: of the stored integers."""
    x, axes = call.value(0), _axes(call)
    found = x.max(axis=axes) if greater else x.min(axis=axes)
    return np.asarray(found.reshape(call.samples, *call.output.shape))


def mean(call: Call) -> Ints:
    """MEAN: the sum's multiplier divided by the number of elements, with as many more bits as that number has."""
    x, axes = call.centred(0), _axes(call)
    count = int(np.prod([x.shape[a] for a in axes]))
    return _reduced(call, x.sum(axis=axes), count)


def total(call: Call) -> Ints:
    """SUM, as TensorFlow Lite Micro has it: LiteRT's reference kernel reads int8 tensors as if they were uint8."""
    return _reduced(call, call.centred(0).sum(axis=_axes(call)), 1)


def _axes(call: Call) -> tuple[int, ...]:
    rank = len(call.tensor(0).shape)
    return tuple(sorted({int(a) % rank + 1 for a in call.constant(1).reshape(-1)}))


def _reduced(call: Call, sums: Ints, count: int) -> Ints:
    """Sums of centred integers on the output's scale, over ``count``."""
    q, shift = fixed_multiplier(call.scale(call.tensor(0)) / call.scale(call.output))
    more = min(count.bit_length() - 1, 32, 31 + shift)
    scaled = call.multiplied(sums, np.array([(q << more) // count]), np.array([shift - more]))
    return call.stored(scaled).reshape(call.samples, *call.output.shape)
