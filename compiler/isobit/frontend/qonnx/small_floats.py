"""Weights that are floats of 4 or 8 bits, and QONNX's FloatQuant of a constant: integers times a power of two.

Every number of such a format is ``mantissa * 2^exponent``; the constant's own numbers share the least exponent that one
of them has, so that the integers are as short as these numbers allow.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.onnx.tensors import SMALL_TYPES, is_small_float
from isobit.frontend.qonnx.builder import Builder
from isobit.frontend.qonnx.symbolic import QuantisedConstant, Tensor

SMALL_FLOATS: Mapping[str, np.dtype[Any]] = MappingProxyType(
    {dtype.name: dtype for dtype in SMALL_TYPES.values() if is_small_float(dtype)}
)
SMALL_FLOAT_MAX: Mapping[str, float] = MappingProxyType(
    {"float4_e2m1fn": 6.0, "float8_e4m3fn": 448.0, "float8_e5m2": 57344.0}
)
"""The greatest finite number of each (OCP 8-bit floating point and microscaling specifications, 1.0)."""


def small_float_constant(values: Any) -> QuantisedConstant:
    """Finite floats as integers times one power of two, both exact.

    ValueError when the integers would have more than 62 bits.
    """
    floats = np.asarray(values, np.float64)
    mantissa, exponent = np.frexp(floats)
    digits = np.ldexp(mantissa, 53).astype(np.int64)
    trailing = np.where(digits == 0, 0, np.log2((digits & -digits).astype(np.float64), where=digits != 0, out=np.zeros(
        floats.shape)))  # fmt: skip
    units = (exponent - 53 + trailing)[digits != 0]
    unit = int(units.min()) if units.size else 0
    integers = np.ldexp(floats, -unit)
    if (np.abs(integers) >= 2.0**62).any():
        raise ValueError("the numbers are too far apart")
    return QuantisedConstant(integers.astype(np.int64), np.full(1, 2.0**unit, np.float32), np.zeros(1, np.float32))


def import_float_quant(b: Builder, node: SourceNode) -> Tensor:
    """QONNX FloatQuant of a constant: ``x / scale`` rounded to a float format, times ``scale``.

    Inputs (x, scale, exponent bits, mantissa bits, exponent bias, maximum), as ``qonnx.custom_op.general.floatquant``
    defines it; numpy's float32 makes the same numbers.

    Raises:
        IsobitError: E202 for an activation, or numbers too far apart; E204 where one overflows without saturation.
    """
    x = b.tensor(node.inputs[0])
    if not isinstance(x, np.ndarray):
        raise b.unsupported(
            node, "FloatQuant of an activation: its steps differ in size", "quantise activations with Quant (integers)"
        )
    names = ("scale", "exponent bits", "mantissa bits", "exponent bias", "maximum")
    scale, exponent, mantissa, bias, most = (
        np.asarray(b.constant(node, i, what), np.float32) for i, what in enumerate(names, 1)
    )
    mode = str(node.attrs.get("rounding_mode", "ROUND"))
    roundings: Mapping[str, Any] = {"ROUND": np.round, "CEIL": np.ceil, "FLOOR": np.floor}
    rounding = roundings.get(mode.upper())
    if rounding is None:
        raise IsobitError("E207", printable(mode), where=b.where(node))
    if any(a.size != 1 for a in (exponent, mantissa, bias, most)) or not (scale > 0).all():
        raise IsobitError("E204", "a float format or scale that is not usable", where=b.where(node))
    quotient = np.asarray(x, np.float32) / scale
    least = np.float32(1) - bias - mantissa
    unit = np.exp2(np.maximum(np.floor(np.log2(np.abs(quotient) + np.finfo(np.float32).tiny)) - mantissa, least))
    made = unit * rounding(quotient / unit)
    largest = (2 - 2.0 ** -float(mantissa.flat[0])) * 2.0 ** (2.0 ** float(exponent.flat[0]) - 1 - float(bias.flat[0]))
    limit = np.float32(min(largest, float(most.flat[0])))
    if not node.attrs.get("saturation", 1) and (np.abs(made) > limit).any():
        raise IsobitError("E204", "a weight overflows its float format", where=b.where(node))
    try:
        whole = small_float_constant(np.clip(made, -limit, limit))
    except ValueError as error:
        raise b.unsupported(node, str(error)) from error
    both = (whole.scale * scale.reshape((1,) * (x.ndim - scale.ndim) + scale.shape)).astype(np.float32)
    return QuantisedConstant(whole.integers, both, whole.zero_point)
