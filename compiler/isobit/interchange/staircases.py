"""A step in 64-bit integers: multiply, add, shift and clamp, or thresholds that are counted.

Other languages have no arithmetic shift that rounds down (ONNX has none for signed integers, C99 leaves it open). A
multiple of ``2**k`` is added first, so that nothing below zero is ever shifted:
``(m x + c) >> k = ((m x + c + base 2**k) >> k) - base`` with ``m x + c + base 2**k >= 0``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.ir.channels import Curves
from isobit.ir.ops import Step
from isobit.ir.types import IntArray, ValueType
from isobit.numerics import Curve, MultiplyShift, Rounded, Rounding

MOST = 1 << 62
"""No value and no intermediate result is larger than this."""
NEVER = (1 << 63) - 1
"""A cut that nothing reaches."""
MOST_CUTS = 1 << 24
"""Cuts of one step that a file may hold."""


@dataclass(frozen=True, eq=False)
class Shifted:
    """``y = min(max((m x + c) >> k, lo + base), hi + base) - base``, arrays of one entry or one per channel.

    ``m x + c`` is never negative on the step's interval.
    """

    m: IntArray
    c: IntArray
    k: IntArray
    lo: IntArray
    hi: IntArray
    base: IntArray

    def __call__(self, x: IntArray) -> IntArray:
        """The step's values for ``x`` (channels last)."""
        raised = np.clip((self.m * x + self.c) >> self.k, self.lo + self.base, self.hi + self.base)
        return np.asarray(raised - self.base)


@dataclass(frozen=True, eq=False)
class Counted:
    """``y = start + #{j : x >= cuts[j]}``; ``start`` ``(rows,)``, ``cuts`` ``(rows, n)``, filled up with ``NEVER``."""

    start: IntArray
    cuts: IntArray

    def __call__(self, x: IntArray) -> IntArray:
        """The step's values for ``x`` (channels last)."""
        rows = np.broadcast_to(np.arange(len(self.cuts)), x.shape)
        found = np.empty(x.shape, np.int64)
        for row in range(len(self.cuts)):
            chosen = rows == row
            found[chosen] = self.start[row] + np.searchsorted(self.cuts[row], x[chosen], side="right")
        return found


def staircases(node: Step, x: ValueType) -> Shifted | Counted:
    """The step on values of type ``x``.

    Raises:
        IsobitError: E615 when it has more cuts than a file may hold.
    """
    reached = list(node.curves.reached(x))
    shifts = [_shift(curve, lo, hi) for curve, lo, hi in reached]
    if all(shift is not None for shift in shifts):
        return Shifted(*(np.array(column, np.int64) for column in zip(*filter(None, shifts), strict=True)))
    return _counted(node, node.curves, reached)


def _shift(curve: Curve, lo: int, hi: int) -> tuple[int, int, int, int, int, int] | None:
    """m, c, k, lo, hi, base of a curve on ``[lo, hi]``; None where it has none or they do not fit."""
    least, most = curve.interval_on(lo, hi)
    form = _multiply_shift(curve)
    if least == most:
        form = 1, 0, 0
    if form is None:
        return None
    m, c, k = form
    if m * max(abs(lo), abs(hi)) + abs(c) > MOST:
        return None
    base = max(0, -((m * lo + c) >> k))
    c += base << k
    if k > 62 or max(m, abs(c), m * max(abs(lo), abs(hi)) + abs(c), max(abs(least), abs(most)) + base) > MOST:
        return None
    return m, c, k, least, most, base


def _multiply_shift(curve: Curve) -> tuple[int, int, int] | None:
    """m, c and k where the curve is ``(m x + c) >> k``, clamped."""
    if isinstance(curve, MultiplyShift):
        return curve.m, curve.c, curve.k
    if isinstance(curve, Rounded) and (curve.rounding is Rounding.FLOOR or curve.mult.denominator == 1):
        d = max(curve.mult.denominator, curve.offset.denominator)
        whole = curve.rounding is Rounding.FLOOR or d == 1
        if whole and d & (d - 1) == 0:
            return int(curve.mult * d), int(curve.offset * d), d.bit_length() - 1
    return None


def _counted(node: Step, curves: Curves, reached: list[tuple[Curve, int, int]]) -> Counted:
    narrowed = [curve.restrict(lo, hi) for curve, lo, hi in reached]
    width = max(curve.levels for curve in narrowed)
    if width * len(curves) > MOST_CUTS:
        what = f"a step of {width:,} levels that no 64-bit multiplication computes"
        raise IsobitError("E615", what, where=printable(node.name), hint="export the graph after all passes")
    cuts = np.full((len(curves), width), NEVER, np.int64)
    for row, curve in zip(cuts, narrowed, strict=True):
        row[: curve.levels] = curve.cuts()
    return Counted(np.array([curve.start for curve in narrowed], np.int64), cuts)
