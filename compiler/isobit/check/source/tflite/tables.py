"""Functions of one tensor that the kernels look up or compute in fixed point: GELU, EXP, LOG, ELU, ABS, NEG, RSQRT."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from isobit.check.source.tflite.arithmetic import GREATEST, LEAST, Ints, fixed_multiplier, half_away, multiplied
from isobit.check.source.tflite.call import Call
from isobit.check.source.tflite.file import LIMITS

f32 = np.float32
_ROOT_OF_HALF = 1518500250  # sqrt(1/2) with 31 bits behind the point


def looked_up(call: Call) -> Ints:
    """A float32 function of every stored integer (``LUTPopulate``)."""
    entering, leaving = call.tensor(0), call.output
    low, high = LIMITS[leaving.dtype]
    zero, inverse = call.zero_point(leaving), f32(1) / f32(call.scale(leaving))
    least, greatest = LIMITS[entering.dtype]
    name = "approximate GELU" if call.option("approximate") else call.operator.op
    made = []
    for integer in range(least, greatest + 1):
        value = _FUNCTIONS[name](f32(call.scale(entering)) * f32(integer - call.zero_point(entering)))
        made.append(low if value is None else int(np.clip(half_away(f32(value * inverse)) + zero, low, high)))
    return np.array(made, np.int64)[call.value(0) - least]


def _gelu(x: np.float32) -> np.float32:
    tail = f32(math.erfc(float(x * f32(-math.sqrt(1 / 2)))))
    return f32(f32(0.5) * x * tail)


def _approximate_gelu(x: np.float32) -> np.float32:
    cubic = f32(1) + f32(0.044715) * x * x
    bent = f32(math.tanh(float(f32(2 / math.sqrt(2 * math.pi)) * x * cubic)))
    return f32(f32(0.5) * x * (f32(1) + bent))


def _log(x: np.float32) -> np.float32 | None:
    """None, the least output, where there is no logarithm."""
    return f32(math.log(float(x))) if x > 0 else None


def _exp(x: np.float32) -> np.float32:
    return f32(math.exp(float(x))) if x < 88 else f32(3e38)


def _elu(x: np.float32) -> np.float32:
    return f32(math.expm1(float(x))) if x < 0 else x


_FUNCTIONS: Mapping[str, Callable[[np.float32], np.float32 | None]] = {
    "ELU": _elu,
    "EXP": _exp,
    "GELU": _gelu,
    "LOG": _log,
    "approximate GELU": _approximate_gelu,
}


def absolute(call: Call) -> Ints:
    """ABS: the multiplier is taken only where the scales differ."""
    x, entering, leaving = np.abs(call.centred(0)), call.scale(call.tensor(0)), call.scale(call.output)
    return call.stored(x if entering == leaving else call.rescaled(x, float(f32(entering) / f32(leaving))))


def negative(call: Call) -> Ints:
    """NEG: of the stored integers themselves, in their 8 bits."""
    return np.asarray((-call.value(0)).astype(call.output.dtype), np.int64)


def root(call: Call) -> Ints:
    """SQRT in float32; what is behind the point is cut off."""
    x = call.centred(0)
    if x.min(initial=0) < 0:
        raise call.operator.refusal("a root of a negative number")
    real = f32(call.scale(call.tensor(0))) * x.astype(f32)
    return call.stored((np.sqrt(real) / f32(call.scale(call.output))).astype(np.int64))


def inverse_root(call: Call) -> Ints:
    """RSQRT: Newton's method on the integer, 20 bits of it rescaled; zero gives the greatest output."""
    x = call.centred(0)
    if x.min(initial=0) < 0:
        raise call.operator.refusal("a root of a negative number")
    scale = float(1.0 / float(f32(math.sqrt(f32(call.scale(call.tensor(0))))) * f32(call.scale(call.output))))
    q, shift = fixed_multiplier(scale)
    made = np.full(x.shape, LIMITS[call.output.dtype][1])
    for value in np.unique(x[x > 0]):
        root, right = _newton(int(value))
        fine = multiplied(np.array([1]), root, 20 - right)
        made[x == value] = call.stored(multiplied(fine, q, shift - 20))
    return made


def _newton(value: int) -> tuple[int, int]:
    """``GetInvSqrtQuantizedMultiplierExp``: the root's 31 bits, and how far to shift them right."""
    if value <= 1:
        return GREATEST, 0
    exponent = 11
    while value >= 1 << 29:
        value, exponent = value // 4, exponent + 1
    while value < 1 << 27:
        value, exponent = value * 4, exponent - 1
    half = _to_nearest(value // 2, 1)
    x, three_halves = 1 << 28, (1 << 28) + (1 << 27)
    for _ in range(5):
        cubed = _saturated(_product(_product(x, x), x) * 64)
        x = _saturated((_product(three_halves, x) - _product(half, cubed)) * 8)
    x = _product(x, _ROOT_OF_HALF)
    return (x << -exponent, 0) if exponent < 0 else (x, exponent)


def _product(a: int, b: int) -> int:
    """``a * b / 2**31`` to the nearest, halves up."""
    return (a * b + (1 << 30)) // (1 << 31)


def _to_nearest(x: int, bits: int) -> int:
    return (x + (1 << bits >> 1)) >> bits


def _saturated(x: int) -> int:
    return min(max(x, LEAST), GREATEST)
