"""Tapered fixed point, written from its definition on strings of bits: nothing here is the compiler's.

A code is a sign, a run of bits that differ from it (at most ``run`` of them), one bit equal to it that ends a shorter
run, and the digits of a fraction.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.check.source.exact.tensor import ExactTensor, from_floats, from_fractions, multiply
from isobit.errors import IsobitError

Attrs = Mapping[str, object]


def _number(code: int, bits: int, run: int) -> Fraction:
    text = format(code % 2**bits, f"0{bits}b")
    sign, rest, length = text[0], text[1:], 0
    while length < min(run, len(rest)) and rest[length] != sign:
        length += 1
    digits = rest[length:] if length == run else rest[length + 1 :]
    fraction = sum((Fraction(int(digit), 2**place) for place, digit in enumerate(digits, 1)), Fraction(0))
    return (length if sign == "0" else -length - 1) + fraction


def _numbers(attrs: Attrs) -> list[Fraction]:
    """All numbers, by their codes as two's complement from the least on."""
    bits, run = attrs.get("bits"), attrs.get("run")
    if not (isinstance(bits, int) and isinstance(run, int) and 2 <= bits <= 16 and 1 <= run < bits):
        raise IsobitError("E205", f"a tapered format of {bits} bits and runs of {run}")
    return [_number(code, bits, run) for code in range(-(2 ** (bits - 1)), 2 ** (bits - 1))]


def _checked(scale: NDArray[Any]) -> NDArray[Any]:
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise IsobitError("E204", "a scale is not a positive finite number")
    return np.asarray(scale, np.float32)


def tapered_quant(data: ExactTensor | NDArray[Any], scale: NDArray[Any], attrs: Attrs) -> ExactTensor:
    """``TaperedQuant``: the nearest number to ``data / scale`` (of floats the float32 quotient), times the scale."""
    numbers, scale = _numbers(attrs), _checked(scale)
    if isinstance(data, ExactTensor):
        factors = np.broadcast_to(scale, data.shape).reshape(-1)
        values = [Fraction(int(n), data.den) / Fraction(float(s)) for n, s in zip(data.num.flat, factors, strict=True)]
        shape = data.shape
    else:
        quotient = np.asarray(data, np.float32) / scale
        values, shape = [Fraction(float(v)) for v in quotient.flat], quotient.shape
    return multiply(from_fractions([_nearest(v, numbers) for v in values], shape), from_floats(scale))


def _nearest(value: Fraction, numbers: list[Fraction]) -> Fraction:
    """The list begins with an even code, so that an even place is one."""
    place = bisect_left(numbers, value)
    near = range(max(place - 1, 0), min(place + 1, len(numbers)))
    return numbers[min(near, key=lambda k: (abs(numbers[k] - value), k % 2))]


def tapered_decode(codes: NDArray[Any], scale: NDArray[Any], attrs: Attrs) -> ExactTensor:
    """``TaperedDecode``: the numbers of codes in two's complement, times the scale."""
    numbers, scale = _numbers(attrs), _checked(scale)
    half = len(numbers) // 2
    if codes.dtype.kind not in "iu" or (codes < -half).any() or (codes >= half).any():
        raise IsobitError("E205", f"codes that are not all of {half.bit_length()} bits")
    found = from_fractions([numbers[int(code) + half] for code in codes.flat], codes.shape)
    return multiply(found, from_floats(scale))
