"""Tapered fixed point, written from its definition on strings of bits: nothing here is the compiler's.

A code is a sign, a run of bits that differ from it (at most ``run`` of them), one bit equal to it that ends a shorter
run, and the digits of a fraction.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.check.source.exact.tensor import ExactTensor, from_floats, from_fractions, multiply, objects
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
    if not isinstance(data, ExactTensor):
        return multiply(
            _placed(from_floats(np.asarray(np.asarray(data, np.float32) / scale)), numbers), from_floats(scale)
        )
    factors = np.broadcast_to(scale, data.shape)
    found = np.empty(data.shape, dtype=object)
    for factor in np.unique(factors):
        where = factors == factor
        some = ExactTensor(objects(data.num[where]), data.den)
        placed = _placed(some, numbers, Fraction(float(factor)))
        found[where] = [Fraction(int(n), placed.den) for n in placed.num]
    return multiply(from_fractions(list(found.flat), data.shape), from_floats(scale))


def _placed(data: ExactTensor, numbers: list[Fraction], scale: Fraction = Fraction(1)) -> ExactTensor:
    """The nearest number to each ``data / scale``, by the numerators from which on it is the next one.

    Of two that are equally near it is the one with an even code. The list begins with one, so an even place is one.
    """
    edges = []
    for place, (below, above) in enumerate(pairwise(numbers), 1):
        edge = (below + above) / 2 * scale * data.den
        edges.append(
            -(-edge.numerator // edge.denominator) if place % 2 == 0 else edge.numerator // edge.denominator + 1
        )
    places = np.searchsorted(objects(edges), data.num.reshape(-1), side="right")
    return from_fractions([numbers[place] for place in places], data.shape)


def tapered_decode(codes: NDArray[Any], scale: NDArray[Any], attrs: Attrs) -> ExactTensor:
    """``TaperedDecode``: the numbers of codes in two's complement, times the scale."""
    numbers, scale = _numbers(attrs), _checked(scale)
    half = len(numbers) // 2
    if codes.dtype.kind not in "iu" or (codes < -half).any() or (codes >= half).any():
        raise IsobitError("E205", f"codes that are not all of {half.bit_length()} bits")
    found = from_fractions([numbers[int(code) + half] for code in codes.flat], codes.shape)
    return multiply(found, from_floats(scale))
