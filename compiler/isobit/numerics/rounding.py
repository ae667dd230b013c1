"""The rounding functions of QONNX, exactly, on rationals and on integer arrays.

One definition serves every layer of the software: :func:`round_quotient` says what a mode does to a quotient of
integers, :func:`doubled_boundaries` says the same thing from the other side, as the edge at which a level begins.
"""

from __future__ import annotations

from enum import Enum
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from isobit.errors import IsobitError, printable
from isobit.numerics.intervals import IntArray, as_int_array, magnitude, widened

IntOrArray = TypeVar("IntOrArray", int, npt.NDArray[Any])
BoolArray = npt.NDArray[np.bool_]


class Rounding(Enum):
    """A rounding mode with the meaning QONNX gives its name (``ROUND_TO_ZERO`` and ``DOWN`` are the same function)."""

    ROUND = "ROUND"
    """to nearest, ties to the even integer"""
    ROUND_TO_ZERO = "ROUND_TO_ZERO"
    """towards zero"""
    CEIL = "CEIL"
    """towards plus infinity"""
    FLOOR = "FLOOR"
    """towards minus infinity"""
    UP = "UP"
    """away from zero"""
    DOWN = "DOWN"
    """towards zero"""
    HALF_UP = "HALF_UP"
    """to nearest, ties away from zero"""
    HALF_DOWN = "HALF_DOWN"
    """to nearest, ties towards zero"""

    @staticmethod
    def parse(name: str) -> Rounding:
        """The mode called ``name`` in a model file, in any case; ``HALF_EVEN`` is another name of ``ROUND``.

        Raises:
            IsobitError: E207, no mode has this name.
        """
        upper = str(name).upper()
        mode = Rounding.__members__.get("ROUND" if upper == "HALF_EVEN" else upper)
        if mode is None:
            raise IsobitError("E207", f"rounding mode {printable(name)}", hint="use one of " + ", ".join(_NAMES))
        return mode

    @property
    def to_nearest(self) -> bool:
        """True for the modes that differ from each other only at ties."""
        return self in _TO_NEAREST

    @property
    def mirrored(self) -> Rounding:
        """The mode ``r`` with ``r(v) == -self(-v)`` for all v."""
        return _MIRRORED.get(self, self)


_NAMES = tuple(Rounding.__members__)
_TO_NEAREST = frozenset((Rounding.ROUND, Rounding.HALF_UP, Rounding.HALF_DOWN))
_MIRRORED = {Rounding.CEIL: Rounding.FLOOR, Rounding.FLOOR: Rounding.CEIL}


def round_quotient(num: IntOrArray, den: int, mode: Rounding) -> IntOrArray:
    """``round(num / den)`` for ``den > 0``; an int64 ``num`` needs ``|num| + den < 2**63``."""
    floor = num // den
    rest = num - floor * den
    match mode:
        case Rounding.FLOOR:
            return floor
        case Rounding.CEIL:
            up = rest > 0
        case Rounding.DOWN | Rounding.ROUND_TO_ZERO:
            up = (rest > 0) & (floor < 0)
        case Rounding.UP:
            up = (rest > 0) & (floor >= 0)
        case Rounding.ROUND:
            up = _past_half(rest, den, floor % 2 == 1)
        case Rounding.HALF_UP:
            up = _past_half(rest, den, floor >= 0)
        case Rounding.HALF_DOWN:
            up = _past_half(rest, den, floor < 0)
    rounded: IntOrArray = floor + up
    return rounded


def _past_half(rest: Any, den: int, tie_goes_up: Any) -> Any:
    # compared without doubling, which could overflow int64
    other = den - rest
    return (rest > other) | ((rest == other) & tie_goes_up)


def round_rational(v: Fraction, mode: Rounding) -> int:
    """The integer that ``mode`` rounds the rational ``v`` to."""
    return round_quotient(v.numerator, v.denominator, mode)


def round_shift(x: npt.ArrayLike, k: int, mode: Rounding) -> IntArray:
    """``round(x / 2**k)`` elementwise, exact for every ``k >= 0``; same shape as ``x``.

    Raises:
        ValueError: ``k`` is negative.
    """
    if k < 0:
        raise ValueError(f"shift {k} is negative")
    array = as_int_array(x)
    wide = widened(array, magnitude(array) + (1 << k))
    return as_int_array(round_quotient(np.atleast_1d(wide), 1 << k, mode).reshape(array.shape))


def doubled_boundaries(levels: IntArray, mode: Rounding) -> tuple[IntArray, BoolArray]:
    """Twice the :func:`boundary` of each level, and whether it is inclusive; int64 levels need |level| < 2**61."""
    match mode:
        case Rounding.FLOOR:
            inclusive = np.ones(levels.shape, bool)
        case Rounding.CEIL:
            inclusive = np.zeros(levels.shape, bool)
        case Rounding.ROUND:
            inclusive = levels % 2 == 0
        case Rounding.DOWN | Rounding.ROUND_TO_ZERO | Rounding.HALF_UP:
            inclusive = levels >= 1
        case Rounding.UP | Rounding.HALF_DOWN:
            inclusive = levels <= 0
    below = 1 if mode.to_nearest else np.where(inclusive, 0, 2)
    return 2 * levels - below, inclusive.astype(bool)


def boundary(level: int, mode: Rounding) -> tuple[Fraction, bool]:
    """``(b, inclusive)`` with ``round(v) >= level`` exactly when ``v > b``, or ``v == b`` and ``inclusive``."""
    doubled, inclusive = doubled_boundaries(np.array([level], object), mode)
    return Fraction(int(doubled[0]), 2), bool(inclusive[0])
