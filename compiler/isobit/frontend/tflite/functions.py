"""Functions of one tensor, element by element: all of them tables of at most 256 integers, as the kernels give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.frontend.tflite.builder import TfliteBuilder, Value
from isobit.frontend.tflite.model import TfliteOperator
from isobit.frontend.tflite.requantise import (
    RELU,
    RELU6,
    RELU_0_TO_1,
    RELU_N1_TO_1,
    activation_limits,
    multiplier,
    rescaled,
    rounded,
)
from isobit.ir.types import IntArray

Floats = NDArray[Any]
FUSED = {"RELU_0_TO_1": RELU_0_TO_1, "RELU": RELU, "RELU6": RELU6, "RELU_N1_TO_1": RELU_N1_TO_1}


def import_relu(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """RELU, RELU6 and RELU_N1_TO_1 as operators of their own: rescaled, then clamped."""
    x = b.value(op)
    scales = [b.grid(op, t)[0] for t in (b.tensor(op), b.output(op))]
    scaled = rescaled(op, every_integer(b, x), ratio(*scales))
    return b.function(op, x, np.clip(scaled, *activation_limits(b, op, FUSED[op.op]))[np.newaxis])


def import_requantise(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """QUANTIZE of a quantised tensor: another scale, zero point or type."""
    x = b.value(op)
    scales = [b.grid(op, t)[0] for t in (b.tensor(op), b.output(op))]
    scaled = rescaled(op, every_integer(b, x), scales[0] / scales[1])
    return b.function(op, x, np.clip(scaled, *output_limits(b, op))[np.newaxis])


def import_leaky(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """LEAKY_RELU: one multiplier for each side."""
    x = b.value(op)
    scales = [b.grid(op, t)[0] for t in (b.tensor(op), b.output(op))]
    slope = float(np.float32(scales[0]) * np.float32(op.options["alpha"]) / np.float32(scales[1]))
    r = every_integer(b, x)
    made = rescaled(op, np.maximum(r, 0), ratio(*scales)) + rescaled(op, np.minimum(r, 0), slope)
    return b.function(op, x, np.clip(made, *output_limits(b, op))[np.newaxis])


def import_prelu(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """PRELU: a slope per channel."""
    x, slopes = b.value(op), b.constant(op, 1, "slope")
    kind = b.type(x)
    if slopes.size not in (1, kind.channels) or (slopes.size > 1 and slopes.shape[-1] != kind.channels):
        raise op.refusal(f"slopes of shape {list(slopes.shape)} vary along more than the channels", code="E208")
    (scale_in, _, _), (scale_slope, zero, _), (scale, _, _) = (
        b.grid(op, t) for t in (b.tensor(op), b.tensor(op, 1), b.output(op))
    )
    slope = float(np.float32(scale_in) * np.float32(scale_slope) / np.float32(scale))
    r = every_integer(b, x)
    above = rescaled(op, np.maximum(r, 0), ratio(scale_in, scale))
    below = rescaled(op, np.minimum(r, 0) * (slopes.astype(np.int64).reshape(-1, 1) - zero), slope)
    return b.function(op, x, np.clip(above + below, *output_limits(b, op)))


def import_curve(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """LOGISTIC and TANH: the function in float32 of every integer, quantised."""
    x = b.value(op)
    (scale_in, _, _), (scale_out, _, _) = (b.grid(op, t) for t in (b.tensor(op), b.output(op)))
    real = np.float32(scale_in) * every_integer(b, x).astype(np.float32)
    made = _CURVES[op.op](real) * (np.float32(1) / np.float32(scale_out))
    whole = np.array([rounded(np.float32(v)) for v in made])
    return b.function(op, x, np.clip(whole, *output_limits(b, op))[np.newaxis])


def import_hard_swish(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """HARD_SWISH ``x * clamp(x + 3, 0, 6) / 6`` in the kernel's 16 bits.

    Raises:
        IsobitError: E204 for an output scale below 1/128 of the input's, which the kernel refuses.
    """
    x = b.value(op)
    scale_in, scale_out = (np.float32(b.grid(op, t)[0]) for t in (b.tensor(op), b.output(op)))
    fine = np.float32(1 / 128) * scale_in
    q, shift = _short(float(fine / scale_out))
    if shift > 0:
        raise op.refusal("an output scale below 1/128 of the input's", code="E204")
    hires = every_integer(b, x) << 7
    ramp = _ramp(hires, *_short(float(fine / (np.float32(3) / np.float32(32768)))))
    whole = ramp * _shift_up(hires * q, 15)
    truncated = np.sign(whole) * (np.abs(whole) >> 15)
    return b.function(op, x, np.clip(_shift_away(truncated, -shift), *output_limits(b, op))[np.newaxis])


def _ramp(hires: IntArray, q: int, shift: int) -> IntArray:
    """``clamp(x + 3, 0, 6) / 6`` in 15 bits."""
    scaled = _shift_up(_in_16_bits(hires << max(shift - 1, 0)) * q, 15)
    if shift > 0:
        scaled = _in_16_bits(scaled << 1)
    return (_shift_away(scaled, max(-shift, 0)) + (1 << 15)) >> 1


def _short(real: float) -> tuple[int, int]:
    """A multiplier cut to 15 bits, and its exponent."""
    q, shift = multiplier(real)
    return min((q + (1 << 15)) >> 16, (1 << 15) - 1), shift


def _shift_up(x: IntArray, bits: int) -> IntArray:
    """``x / 2**bits`` to the nearest integer, halves up."""
    return (x + (1 << (bits - 1))) >> bits


def _shift_away(x: IntArray, bits: int) -> IntArray:
    """``x / 2**bits`` to the nearest integer, halves away from zero."""
    half = (1 << bits) >> 1
    return np.where(x >= 0, (x + half) >> bits, -((half - x) >> bits))


def _in_16_bits(x: IntArray) -> IntArray:
    return np.clip(x, -(1 << 15), (1 << 15) - 1)


def _sigmoid(x: Floats) -> Floats:
    with np.errstate(over="ignore"):  # 1 / inf is the limit
        return np.float32(1) / (np.float32(1) + np.exp(-x.astype(np.float64)).astype(np.float32))


def _tanh(x: Floats) -> Floats:
    return np.tanh(x.astype(np.float64)).astype(np.float32)


_CURVES: Mapping[str, Callable[[Floats], Floats]] = {"LOGISTIC": _sigmoid, "TANH": _tanh}


def output_limits(b: TfliteBuilder, op: TfliteOperator) -> tuple[int, int]:
    _, zero, (lo, hi) = b.grid(op, b.output(op))
    return lo - zero, hi - zero


def every_integer(b: TfliteBuilder, x: Value) -> IntArray:
    """Every ``r`` of the value's hull."""
    lo, hi = b.type(x).bounds
    return np.arange(lo, hi + 1) - x.zero


def scales_of(b: TfliteBuilder, op: TfliteOperator) -> tuple[float, float]:
    """The scales of the operator's input and output."""
    return b.grid(op, b.tensor(op))[0], b.grid(op, b.output(op))[0]


def ratio(scale_in: float, scale_out: float) -> float:
    """The quotient of two scales as a float32."""
    return float(np.float32(scale_in) / np.float32(scale_out))
