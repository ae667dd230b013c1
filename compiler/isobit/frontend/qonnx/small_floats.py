"""Weights that are floats of 4 or 8 bits, and QONNX's FloatQuant of a constant: integers times a power of two.

Every number of such a format is ``mantissa * 2^exponent``; the constant's own numbers share the least exponent that one
of them has, so that the integers are as short as these numbers allow.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx.builder import Builder
from isobit.frontend.qonnx.symbolic import QuantisedConstant, Tensor
from isobit.numerics import Rounding
from isobit.numerics.formats import E2M1, E4M3FN, E5M2, FloatFormat

SMALL_FLOATS: Mapping[str, FloatFormat] = MappingProxyType(
    {"float4_e2m1fn": E2M1, "float8_e4m3fn": E4M3FN, "float8_e5m2": E5M2}
)
"""By the name of ONNX's element type."""
_MOST_EXPONENT, _MOST_MANTISSA, _MOST_BIAS = 8, 23, 1024
"""Those of float32, in which QONNX computes; and a bias that leaves float64 room."""


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
    scale = np.asarray(b.constant(node, 1, "scale"), np.float32)
    made = _format(b, node)
    mode = str(node.attrs.get("rounding_mode", "ROUND"))
    if mode.upper() not in ("ROUND", "CEIL", "FLOOR"):
        raise IsobitError("E207", printable(mode), where=b.where(node))
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise IsobitError("E204", "a float format or scale that is not usable", where=b.where(node))
    quotient = np.asarray(x, np.float32) / scale
    numbers = made.quantised(quotient, Rounding.parse(mode))
    if not node.attrs.get("saturation", 1) and (made.unlimited(quotient, Rounding.parse(mode)) != numbers).any():
        raise IsobitError("E204", "a weight overflows its float format", where=b.where(node))
    try:
        whole = small_float_constant(numbers)
    except ValueError as error:
        raise b.unsupported(node, str(error)) from error
    both = (whole.scale * scale.reshape((1,) * (x.ndim - scale.ndim) + scale.shape)).astype(np.float32)
    return QuantisedConstant(whole.integers, both, whole.zero_point)


def _format(b: Builder, node: SourceNode) -> FloatFormat:
    """The format that the last four inputs describe.

    Raises:
        IsobitError: E204 for numbers that describe none, E205 for more bits than float32 has.
    """
    names = ("exponent bits", "mantissa bits", "exponent bias", "maximum")
    arrays = [np.asarray(b.constant(node, i, what), np.float64) for i, what in enumerate(names, 2)]
    if any(a.size != 1 or not np.isfinite(a).all() for a in arrays):
        raise IsobitError("E204", "a float format or scale that is not usable", where=b.where(node))
    exponent, mantissa, bias, most = (float(a.flat[0]) for a in arrays)
    if any(v % 1 for v in (exponent, mantissa, bias)) or abs(bias) > _MOST_BIAS or most <= 0:
        raise IsobitError("E204", "a float format or scale that is not usable", where=b.where(node))
    if not (1 <= exponent <= _MOST_EXPONENT and 0 <= mantissa <= _MOST_MANTISSA):
        message = f"a float of {int(exponent)} exponent and {int(mantissa)} mantissa bits"
        hint = f"at most {_MOST_EXPONENT} and {_MOST_MANTISSA}, those of float32"
        raise IsobitError("E205", message, where=b.where(node), hint=hint)
    return FloatFormat(int(exponent), int(mantissa), int(bias), Fraction(most))
