"""The 4-bit and 8-bit floats, and QONNX's FloatQuant, from their definitions: every number of a format is listed."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.check.source.exact.tensor import ExactTensor, from_floats, from_fractions, multiply
from isobit.errors import IsobitError

Attrs = Mapping[str, object]
Floats = NDArray[Any]
_FORMATS = {"float4_e2m1fn": (2, 1, 1, 0), "float8_e4m3fn": (4, 3, 7, 1), "float8_e5m2": (5, 2, 15, 4)}
"""Exponent bits, mantissa bits, bias, and how many of the greatest codes are no numbers."""


def numbers(name: str) -> list[Fraction]:
    """The finite numbers of a format that are not negative, by code: subnormal ones, then rising exponents."""
    exponent_bits, mantissa_bits, bias, special = _FORMATS[name]
    found = []
    for code in range((1 << (exponent_bits + mantissa_bits)) - special):
        exponent, mantissa = divmod(code, 1 << mantissa_bits)
        leading = 1 << mantissa_bits if exponent else 0
        found.append((leading + mantissa) * Fraction(2) ** (max(exponent, 1) - bias - mantissa_bits))
    return found


def nearest(values: Floats, name: str) -> ExactTensor:
    """Each float as the nearest number of the format, of two the one with the even code, the greatest at most."""
    codes = numbers(name)
    return from_fractions([_nearest(Fraction(float(v)), codes) for v in values.flat], values.shape)


def _nearest(value: Fraction, codes: list[Fraction]) -> Fraction:
    code = min(range(len(codes)), key=lambda k: (abs(codes[k] - abs(value)), k % 2))
    return -codes[code] if value < 0 else codes[code]


def float_quant(data: Floats, params: list[Floats], attrs: Attrs) -> ExactTensor:
    """``FloatQuant`` of a constant: params scale, exponent bits, mantissa bits, exponent bias, greatest magnitude."""
    scale, (exponent, mantissa, bias, most) = params[0], (Fraction(float(p.item())) for p in params[1:])
    largest = (2 - Fraction(2) ** -int(mantissa)) * Fraction(2) ** int(2 ** int(exponent) - 1 - bias)
    limit = min(largest, most)
    mode = str(attrs.get("rounding_mode", "ROUND")).upper()
    if mode not in _ROUND:
        raise IsobitError("E207", f"rounding mode {mode!r}")
    quotient = np.asarray(data / scale, np.float32)
    made = []
    for value in (Fraction(float(v)) for v in quotient.flat):
        unit = Fraction(2) ** max(_exponent(value) - int(mantissa), int(1 - bias - mantissa))
        made.append(max(min(unit * _ROUND[mode](value / unit), limit), -limit))
    return multiply(from_fractions(made, quotient.shape), from_floats(scale))


def _exponent(value: Fraction) -> int:
    """``floor(log2(|value|))``; far below every format for zero."""
    return int(np.frexp(float(abs(value)))[1]) - 1 if value else -1000


_ROUND: Mapping[str, Any] = {
    "ROUND": round, "CEIL": lambda v: -(-v.numerator // v.denominator), "FLOOR": lambda v: v.numerator // v.denominator
}  # fmt: skip
