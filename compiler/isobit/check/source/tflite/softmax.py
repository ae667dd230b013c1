"""SOFTMAX of the last axis in the reference kernel's fixed point.

Sources: TensorFlow Lite ``reference/softmax.h`` (``Softmax`` of 8-bit integers), ``common.h`` (``GetReciprocal``),
``quantization_util.cc`` (``PreprocessSoftmaxScaling``, ``CalculateInputRadius``), gemmlowp ``fixedpoint.h``
(``exp_on_negative_values``, ``one_over_one_plus_x_for_x_in_0_1``). The default kernels take float32 tables instead and
give other integers.
"""

from __future__ import annotations

import numpy as np

from isobit.check.source.tflite.arithmetic import GREATEST, LEAST, Ints, fixed_multiplier
from isobit.check.source.tflite.call import Call

_DIFF_BITS, _SUM_BITS = 5, 12
"""Integer bits of a scaled difference, and of the sum of exponentials."""
_FACTORS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
"""``exp(-2**k)`` for k = -2 .. 4, in 31 bits."""


def softmax(call: Call) -> Ints:
    """The kernel's integers of every row."""
    scale, zero = call.scale(call.output), call.zero_point(call.output)
    low, high = call.limits(0)
    if abs(scale - 1 / 256) > 1e-5 / 256 or zero != low:
        raise call.operator.refusal("this kernel's output has the scale 1/256 and the least zero point", code="E204")
    x = call.value(0)
    beta = float(np.float32(call.operator.options.get("beta", 0)))
    # QuantizeMultiplierGreaterThanOne of a number that one step of the input makes of 2**26
    q, left = fixed_multiplier(min(beta * call.scale(call.tensor(0)) * (1 << (31 - _DIFF_BITS)), (1 << 31) - 1.0))
    if left < 0:
        raise call.operator.refusal("an input scale below 2**-26", code="E204")
    least = -(((1 << _DIFF_BITS) - 1) * (1 << (31 - _DIFF_BITS)) // (1 << left))
    apart = x - x.max(axis=-1, keepdims=True)
    counted = apart >= least
    powers = np.where(counted, _exponential(_high(np.where(counted, apart, 0) << left, q)), 0)
    sums = _shifted(powers, _SUM_BITS).sum(axis=-1, keepdims=True)
    inverse, over = _reciprocal(call.accumulated(sums))
    made = _shifted_by(_high(powers, inverse), over + 31 - 8)
    return np.where(counted, np.clip(made + low, low, high), low)


def _high(a: Ints, b: Ints | int) -> Ints:
    """``SaturatingRoundingDoublingHighMul``: its nudge takes halves up on either side of zero."""
    return np.asarray(np.minimum((a * np.asarray(b, np.int64) + (1 << 30)) >> 31, GREATEST), np.int64)


def _shifted(x: Ints, bits: int) -> Ints:
    """``RoundingDivideByPOT``: halves away from zero."""
    return _shifted_by(x, np.full(1, bits))


def _shifted_by(x: Ints, bits: Ints) -> Ints:
    half = np.left_shift(np.int64(1), bits) >> 1
    return np.asarray(np.sign(x) * ((np.abs(x) + half) >> bits), np.int64)


def _exponential(a: Ints) -> Ints:
    """``exp(a)`` of ``a <= 0`` with 26 fractional bits: a Taylor series on a quarter, and a product for every bit."""
    quarter = 1 << 24
    rest = (a & (quarter - 1)) - quarter
    result, remainder = _near_zero(rest << _DIFF_BITS), rest - a
    for bit, factor in enumerate(_FACTORS, start=24):
        result = np.where(remainder & (1 << bit), _high(result, factor), result)
    return np.where(a == 0, GREATEST, result)


def _near_zero(a: Ints) -> Ints:
    """``exp(a)`` for ``-1/4 <= a < 0`` around -1/8."""
    x = a + (1 << 28)
    square = _high(x, x)
    cube, fourth = _high(square, x), _high(square, square)
    tail = _shifted(_high(_shifted(fourth, 2) + cube, 715827883) + square, 1)
    return 1895147668 + _high(x + tail, 1895147668)


def _reciprocal(sums: Ints) -> tuple[Ints, Ints]:
    """``GetReciprocal``: 31 bits of ``1 / sums``, and how many bits the sum's integer part has."""
    leading = 32 - np.array([int(s).bit_length() for s in sums.flat], np.int64).reshape(sums.shape)
    half = (sums << leading) >> 1  # of 1 + x, for the x in [0, 1) behind the leading bit
    x = 1515870810 + _high(half, -1010580540)
    for _ in range(3):
        x = x + np.clip(_high(x, (1 << 29) - _high(half, x)) << 2, LEAST, GREATEST)
    return np.minimum(x << 1, GREATEST), _SUM_BITS - leading
