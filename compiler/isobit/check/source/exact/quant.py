"""QONNX's and ONNX's quantisers: exactly, and (on raw float inputs and constants) in the source's own float32.

The formulas are those of the QONNX operator definitions (Quant, BipolarQuant, Trunc versions 1 and 2,
MultiThreshold) and of the ONNX pages (QuantizeLinear, DequantizeLinear); the float path follows the order of their
float32 operations, so that it makes the same integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from isobit.check.source.exact import formats
from isobit.check.source.exact.tensor import (
    ExactTensor,
    Objects,
    add,
    aligned,
    divide,
    from_floats,
    lowest,
    multiply,
    objects,
    scalar,
    subtract,
)
from isobit.errors import IsobitError

Attrs = Mapping[str, object]
Floats = NDArray[Any]
QUANTISERS = ("Quant", "BipolarQuant", "FloatQuant", "TaperedDecode", "TaperedQuant", "Trunc", "MultiThreshold")
LINEAR_QUANTISERS = ("QuantizeLinear", "DequantizeLinear")
_SAME_MODE = {"HALF_EVEN": "ROUND", "ROUND_TO_ZERO": "DOWN"}
_FAR, _FLOAT_ENOUGH = 2.0**-9, 2.0**40
"""Up to the second in magnitude twice a float64 is off by an eighth of the first at most."""


def _mode(attrs: Attrs, default: str) -> str:
    name = str(attrs.get("rounding_mode", default)).upper()
    mode = _SAME_MODE.get(name, name)
    if mode not in ("ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN"):
        raise IsobitError("E207", f"rounding mode {name!r}")
    return mode


def round_ratio(num: Objects, den: Objects | int, mode: str) -> Objects:
    """``num / den`` (den positive) rounded to integers; ``HALF_UP`` means away from zero, ``HALF_DOWN`` towards it.

    Python's quotient of integers is the nearest float64. Every mode jumps at integers or halfway between them: where
    that quotient is far from both, it rounds to the same integer.
    """
    try:
        quotient = objects(num / den).astype(np.float64)
    except OverflowError:
        return _rounded(num, den, mode)
    num, den = (np.broadcast_to(part, quotient.shape) for part in (num, den))
    doubled = 2 * quotient
    near = np.asarray((abs(doubled - np.rint(doubled)) < _FAR) | (abs(quotient) > _FLOAT_ENOUGH))
    near[near] = num[near] != 0
    found = objects(_round_float(np.where(near, 0.0, quotient), mode).astype(np.int64).astype(object))
    found[near] = _rounded(num[near], den[near], mode)
    return found


def _rounded(num: Objects, den: Objects | int, mode: str) -> Objects:
    if mode == "FLOOR":
        return objects(num // den)
    if mode == "CEIL":
        return objects(-(-num // den))
    magnitude, sign = abs(num), np.where(num < 0, -1, 1).astype(object)
    if mode == "DOWN":
        return objects(sign * (magnitude // den))
    if mode == "UP":
        return objects(sign * -(-magnitude // den))
    if mode == "HALF_UP":
        return objects(sign * ((2 * magnitude + den) // (2 * den)))
    down = -((den - 2 * magnitude) // (2 * den))
    if mode == "HALF_DOWN":
        return objects(sign * down)
    tie = (2 * magnitude) % (2 * den) == den
    return objects(sign * (down + np.where(tie, down % 2, 0)))


def _ratio(data: ExactTensor, divisor: ExactTensor, offset: ExactTensor) -> tuple[Objects, Objects]:
    """data / divisor + offset, each element with its own positive denominator: a common one would be huge."""
    num = data.num * (divisor.den * offset.den)
    if offset.num.any():
        num = num + offset.num * divisor.num * data.den
    return objects(num), objects(divisor.num * (data.den * offset.den))


def _round_float(values: Floats, mode: str) -> Floats:
    sign, magnitude = np.sign(values), np.abs(values)
    half = values.dtype.type(0.5)
    rounded: Mapping[str, Any] = {
        "ROUND": np.round(values),
        "CEIL": np.ceil(values),
        "FLOOR": np.floor(values),
        "UP": sign * np.ceil(magnitude),
        "DOWN": np.trunc(values),
        "HALF_UP": sign * np.floor(magnitude + half),
        "HALF_DOWN": sign * np.ceil(magnitude - half),
    }
    return np.asarray(rounded[mode])


def _bits(value: Floats) -> int:
    """A bit width parameter, which must be one positive integer (E205)."""
    if value.size != 1 or not 1 <= float(value.flat[0]) <= 64 or float(value.flat[0]) % 1:
        raise IsobitError("E205", f"bit width {value.tolist()}")
    return int(value.flat[0])


def _limits(attrs: Attrs, bits: int) -> tuple[int, int]:
    narrow = 1 if attrs.get("narrow", 0) else 0
    if attrs.get("signed", 1):
        return -(2 ** (bits - 1)) + narrow, 2 ** (bits - 1) - 1
    return 0, 2**bits - 1 - narrow


def _positive(scale: Floats) -> ExactTensor:
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise IsobitError("E204", "a scale is not a positive finite number")
    return from_floats(scale)


def quant(data: ExactTensor | Floats, params: list[Floats], attrs: Attrs) -> ExactTensor:
    """``Quant``: (clamp(round(x / scale + zero_point)) - zero_point) * scale; params: scale, zero point, bits."""
    scale, zero, bits = _positive(params[0]), from_floats(params[1]), _bits(params[2])
    if isinstance(data, ExactTensor):
        integers = _levels_exact(*_ratio(data, scale, zero), attrs, bits)
    else:
        integers = _levels_float(np.asarray(data / params[0] + params[1]), attrs, bits)
    return multiply(subtract(ExactTensor(integers, 1), zero), scale)


def _levels_exact(num: Objects, den: Objects, attrs: Attrs, bits: int) -> Objects:
    if bits == 1 and attrs.get("signed", 1):
        return objects(np.where(num >= 0, 1, -1).astype(object))
    return _clamped(round_ratio(num, den, _mode(attrs, "ROUND")), attrs, bits)


def _clamped(integers: Objects, attrs: Attrs, bits: int) -> Objects:
    low, high = _limits(attrs, bits)
    return objects(np.minimum(np.maximum(integers, low), high))


def _levels_float(level: Floats, attrs: Attrs, bits: int) -> Objects:
    if bits == 1 and attrs.get("signed", 1):
        return objects(np.where(level >= 0, 1, -1).astype(object))
    low, high = (level.dtype.type(limit) for limit in _limits(attrs, bits))
    # Written with comparisons because the operator is: NaN would pass through both.
    level = np.where(level > high, high, level)
    level = np.where(level < low, low, level)
    return objects(_round_float(level, _mode(attrs, "ROUND")).astype(np.int64).astype(object))


def bipolar_quant(data: ExactTensor | Floats, params: list[Floats]) -> ExactTensor:
    """``BipolarQuant``: scale where x >= 0, else -scale."""
    values = data.num if isinstance(data, ExactTensor) else data
    sign = ExactTensor(objects(np.where(values >= 0, 1, -1).astype(object)), 1)
    return multiply(sign, _positive(params[0]))


def trunc(data: ExactTensor, params: list[Floats], attrs: Attrs) -> ExactTensor:
    """``Trunc``: version 1 (scale, zero point, input bits, output bits) or 2 (... input bits, output scale, bits)."""
    scale, zero = _positive(params[0]), from_floats(params[1])
    whole = ExactTensor(round_ratio(*_ratio(data, scale, zero), "ROUND"), 1)
    mode = _mode(attrs, "FLOOR")
    if len(params) == 4:
        step = scalar(Fraction(2) ** (_bits(params[2]) - _bits(params[3])))
        kept = ExactTensor(round_ratio(*_ratio(whole, step, scalar(0)), mode), 1)
        return multiply(subtract(kept, zero), scale)
    step = from_floats(2.0 ** np.round(np.log2(params[3].astype(np.float64) / params[0].astype(np.float64))))
    kept = ExactTensor(_clamped(round_ratio(*_ratio(whole, step, scalar(0)), mode), attrs, _bits(params[4])), 1)
    return multiply(subtract(kept, divide(zero, step)), _positive(params[3]))


def multi_threshold(data: ExactTensor, thresholds: Floats, attrs: Attrs) -> ExactTensor:
    """``MultiThreshold``: out_scale * (number of the channel's thresholds that x reaches) + out_bias."""
    axis = _channel_axis(attrs, len(data.shape))
    (values, cuts), _ = aligned([data, from_floats(thresholds)])
    shape = [1] * len(data.shape)
    shape[axis] = cuts.shape[0]
    count = np.zeros(data.shape, dtype=np.int64)
    for column in cuts.T:
        count += (values >= column.reshape(shape)).astype(np.int64)
    scale, bias = (scalar(_exact(attrs.get(key, plain))) for key, plain in (("out_scale", 1.0), ("out_bias", 0.0)))
    return add(multiply(lowest(count.astype(object), 1), scale), bias)


def _exact(value: object) -> Fraction:
    return Fraction(float(value)) if isinstance(value, int | float) else Fraction(0)


def _channel_axis(attrs: Attrs, rank: int) -> int:
    """Where the operator looks for channels: its data_layout attribute, else a guess from the rank."""
    layout = str(attrs.get("data_layout", "")) or {2: "NC", 3: "NWC", 4: "NCHW"}.get(rank, "")
    return layout.index("C") if "C" in layout else 1


def quantize_linear(data: ExactTensor | Floats, params: list[Floats], attrs: Attrs) -> ExactTensor:
    """``QuantizeLinear``: saturate(round(x / scale) + zero_point) in the zero point's type; params: scale, zero point.

    Without a zero point the type is uint8, or the one that ``output_dtype`` states (by ONNX's number).
    """
    stated = _LINEAR_TYPES.get(attrs.get("output_dtype", 0), _LINEAR_TYPES[2])
    scale, zero = (along_axis(value, data, attrs) for value in (*params, np.zeros((), stated))[:2])
    if zero.dtype.name.startswith("float"):
        if isinstance(data, ExactTensor):
            raise IsobitError("E202", "an activation in a small float type")
        return formats.nearest(np.asarray(data / scale, np.float32), zero.dtype.name)
    if isinstance(data, ExactTensor):
        rounded = round_ratio(*_ratio(data, _positive(scale), scalar(0)), "ROUND")
    else:
        nearest = np.round(np.asarray(data / scale))
        rounded = np.clip(nearest, -(2.0**31), 2.0**31).astype(np.int64).astype(object)
    limits = integer_limits(zero.dtype)
    shifted = rounded + zero.astype(np.int64).astype(object)
    return ExactTensor(objects(np.minimum(np.maximum(shifted, limits[0]), limits[1])), 1)


def integer_limits(dtype: np.dtype[Any]) -> tuple[int, int]:
    """Least and greatest value of an integer type, those of fewer than 8 bits included.

    Raises:
        IsobitError: E205 for any other type.
    """
    name = dtype.name.removeprefix("u")
    if not name.startswith("int"):
        raise IsobitError("E205", f"a zero point of type {dtype.name}")
    bits, signed = int(name[3:]), name == dtype.name
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


_LINEAR_TYPES: Mapping[object, Any] = {
    number: helper.tensor_dtype_to_np_dtype(number)
    for number in (2, 3, 4, 5, 17, 19, 21, 22, 23, 25, 26)
    if number in TensorProto.DataType.values()  # an older ONNX knows fewer of them
}
"""Types of quantised tensors by ONNX's numbers."""


def dequantize_linear(data: ExactTensor, params: list[Floats], attrs: Attrs) -> ExactTensor:
    """``DequantizeLinear``: (x - zero_point) * scale; params: scale and, where there is one, zero point."""
    scale, zero = (along_axis(value, data, attrs) for value in (*params, np.zeros((), np.int64))[:2])
    return multiply(subtract(data, from_floats(zero)), _positive(scale))


def along_axis(values: Floats, data: ExactTensor | Floats, attrs: Attrs) -> Floats:
    """One value per index of ``axis`` (default 1), or per block of them, as an array that broadcasts to the data."""
    axis, block = int(str(attrs.get("axis", 1))), int(str(attrs.get("block_size", 0)))
    if block and values.ndim:
        return np.repeat(values, block, axis=axis)[(slice(None),) * (axis % values.ndim) + (slice(data.shape[axis]),)]
    if values.size == 1:
        return values.reshape(())
    shape = [1] * len(data.shape)
    shape[axis] = values.size
    return values.reshape(shape)
