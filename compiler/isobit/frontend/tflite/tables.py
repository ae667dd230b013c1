"""More functions of one tensor: tables of float32 functions, ABS, NEG, and the kernel's own integers of RSQRT."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from isobit.frontend.tflite.builder import TfliteBuilder, Value
from isobit.frontend.tflite.functions import every_integer, output_limits, scales_of
from isobit.frontend.tflite.model import TfliteOperator
from isobit.frontend.tflite.requantise import multiplier, rescaled, rounded
from isobit.ir.types import IntArray
from isobit.numerics.tflite import rounded_twice

_f32 = np.float32
_SHIFT = 20  # bits that RSQRT keeps of the inverse root
_INT32 = (-(1 << 31), (1 << 31) - 1)


def import_looked_up(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """GELU, EXP, LOG and ELU: the float32 function of every integer's real value, quantised (``LUTPopulate``)."""
    x = b.value(op)
    (scale_in, scale_out), (low, high) = scales_of(b, op), output_limits(b, op)
    name = "GELU_TANH" if op.option("approximate") else op.op
    function, inverse = _FUNCTIONS[name], _f32(1) / _f32(scale_out)
    made = []
    for r in every_integer(b, x):
        real = _f32(scale_in) * _f32(r)
        if name == "LOG" and real <= 0:
            made.append(low)
        else:
            made.append(min(max(rounded(function(real) * inverse), low), high))
    return b.function(op, x, np.array(made)[np.newaxis])


def _gelu(x: np.float32) -> np.float32:
    """``x / 2 * erfc(-x / sqrt(2))``, each operation in float32."""
    return _f32(_f32(0.5) * x * _f32(math.erfc(x * _f32(-math.sqrt(0.5)))))


def _gelu_tanh(x: np.float32) -> np.float32:
    """``x / 2 * (1 + tanh(sqrt(2 / pi) * x * (1 + 0.044715 x x)))``, each operation in float32."""
    inner = _f32(math.sqrt(2 / math.pi)) * x * (_f32(1) + _f32(0.044715) * x * x)
    return _f32(_f32(0.5) * x * (_f32(1) + _f32(math.tanh(inner))))


def _exp(x: np.float32) -> np.float32:
    return _f32(min(math.exp(min(float(x), 700.0)), 3e38))  # beyond it every output is saturated


_FUNCTIONS: Mapping[str, Callable[[np.float32], np.float32]] = {
    "ELU": lambda x: _f32(math.expm1(x)) if x < 0 else x,
    "EXP": _exp,
    "GELU": _gelu,
    "GELU_TANH": _gelu_tanh,
    "LOG": lambda x: _f32(math.log(x)),
}


def import_abs(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """ABS: rescaled only where the scales differ."""
    x = b.value(op)
    scale_in, scale_out = scales_of(b, op)
    made = np.abs(every_integer(b, x))
    if scale_in != scale_out:
        made = rescaled(op, made, float(_f32(scale_in) / _f32(scale_out)))
    return b.function(op, x, np.clip(made, *output_limits(b, op))[np.newaxis])


def import_neg(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """NEG: the kernel turns the stored integers around, whatever scale and zero point say, and the least stays.

    Raises:
        IsobitError: E204 where that is not the negative number.
    """
    x, grids = b.value(op), [b.grid(op, t) for t in (b.tensor(op), b.output(op))]
    if grids[0] != grids[1] or grids[0][1]:
        raise op.refusal(
            "this kernel negates stored integers: with a zero point or another scale that is not the negative number",
            "multiply by -1 instead", "E204",
        )  # fmt: skip
    least, greatest = output_limits(b, op)
    made = -every_integer(b, x)
    return b.function(op, x, np.where(made > greatest, least, made)[np.newaxis])


def import_rsqrt(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """RSQRT: the inverse root of the stored integer by Newton's method in fixed point; of zero the greatest output.

    Raises:
        IsobitError: E204 where a negative number can come: the kernel stops there.
    """
    x = b.value(op)
    scale_in, scale_out = scales_of(b, op)
    integers = _not_negative(b, op, x)
    q, shift = multiplier(float(1.0 / float(_f32(np.sqrt(_f32(scale_in))) * _f32(scale_out))))
    low, high = output_limits(b, op)
    made = [high]
    for r in integers[integers > 0]:
        inverse, right = inverse_root(int(r))
        data = rounded_twice(np.array([1]), inverse, _SHIFT - right)
        made.append(int(np.clip(rounded_twice(data, q, shift - _SHIFT), low, high)[0]))
    return b.function(op, x, np.array(made[int(integers[0] > 0) :])[np.newaxis])


def import_sqrt(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """SQRT: the float32 root of the real value over the output's scale, cut off, not rounded.

    Raises:
        IsobitError: E204 where a negative number can come: the kernel stops there.
    """
    x = b.value(op)
    scale_in, scale_out = (_f32(s) for s in scales_of(b, op))
    integers = _not_negative(b, op, x)
    roots = np.sqrt(scale_in * integers.astype(np.float32)) / scale_out
    return b.function(op, x, np.clip(np.floor(roots).astype(np.int64), *output_limits(b, op))[np.newaxis])


def _not_negative(b: TfliteBuilder, op: TfliteOperator, x: Value) -> IntArray:
    integers = every_integer(b, x)
    if integers[0] < 0:
        zero = b.grid(op, b.tensor(op))[1]
        raise op.refusal(f"a root of negative numbers: the zero point is {zero}", "clamp its input at 0", "E204")
    return integers


def inverse_root(x: int) -> tuple[int, int]:
    """``(q, right)`` with ``1 / sqrt(x) ~ q * 2**(-31 - right)`` for ``x > 0``: five steps of Newton's method.

    Source: TensorFlow Lite ``GetInvSqrtQuantizedMultiplierExp``, in gemmlowp's fixed point of 3 integer bits.
    """
    if x <= 1:
        return _INT32[1], 0
    right = 11
    while x >= 1 << 29:
        x, right = x // 4, right + 1
    pairs = (32 - x.bit_length() - 1) // 2 - 1
    right, x = right - pairs, x << 2 * pairs
    whole = x >> 1
    half, y = _halved(whole), 1 << 28
    for _ in range(5):
        cube = _widened(_high(_high(y, y), y), 6)
        y = _widened(_high(3 << 27, y) - _high(half, cube), 3)
    y = _high(y, 1518500250)  # sqrt(1/2)
    return (y << -right, 0) if right < 0 else (y, right)


def _high(a: int, b: int) -> int:
    """The high half of the doubled product, halves up (gemmlowp ``SaturatingRoundingDoublingHighMul``)."""
    return (a * b + (1 << 30)) >> 31


def _halved(x: int) -> int:
    """Half of a positive number, halves away from zero."""
    return (x + 1) >> 1


def _widened(x: int, bits: int) -> int:
    """``x * 2**bits``, saturated to 32 bits."""
    return min(max(x << bits, _INT32[0]), _INT32[1])
