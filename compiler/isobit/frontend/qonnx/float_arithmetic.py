"""Exact or float32: which arithmetic the staircases of an import follow, and how often the two differ.

Both are readings of the same file and differ by what float32 rounds off, by nothing else: at every edge of
the exact staircase the float32 value is compared, and a difference that no rounding explains is an error of isobit's
own (E901), never a reason to follow the other reading.

The float32 staircase of a layer is found by bisection over the reachable accumulators, on the float32 operations
themselves (:mod:`isobit.frontend.qonnx.float_reading`). Where it is the exact one, the exact one's short form is kept.
A layer whose float32 operations are not known here to be those of the source stays exact, and is named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from isobit.errors import IsobitError, did_you_mean, printable, promised
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.onnx.qoperators import is_part
from isobit.frontend.qonnx.float_reading import ROUNDINGS, FloatReading, Floats
from isobit.numerics import Curve, Cuts, equal_on

Asked = Literal["exact", "float32", "auto"]
Followed = Literal["exact", "float32"]
FloatLevel = Callable[[int, Floats], NDArray[Any]]
"""The integers of float32 values in a channel, by the quantiser's own float32 operations."""
Grain = Callable[[int], tuple[float, float]]
"""Scale and zero point of a channel's quantiser, which divides and adds in float32."""
Made = tuple[Curve, bool]
FOLLOWED = frozenset("Quant BipolarQuant QuantizeLinear MultiThreshold Sign Floor Ceil Round".split())
"""Quantisers with a float32 staircase."""
SYSTEMATIC = Fraction(1, 20)
"""The share of accumulators, between a layer's first edge and its last, above which ties are no accident.

Below it the exact form is worth more: it mostly has a short multiplicand, a staircase with moved edges often has none.
"""
MOST_ACCUMULATOR = 1 << 52
"""Greater accumulators are no exact float64, with which the search begins."""
MOST_MEASURED = 512
"""So many edges of a channel are looked at where ties are only counted."""


def arithmetic_of(name: str) -> Asked:
    """The name of an arithmetic.

    Raises:
        IsobitError: E210 for an unknown one.
    """
    if name not in get_args(Asked):
        raise IsobitError("E210", f"no arithmetic {printable(name)!r}", hint=did_you_mean(name, get_args(Asked)))
    return cast(Asked, name)


@dataclass(frozen=True)
class Ties:
    """Of ``span`` accumulators between the first and the last edge of a layer's channels, ``moved`` give another
    integer in float32 than in exact arithmetic."""

    layer: str
    moved: int
    span: int

    @property
    def systematic(self) -> bool:
        return self.moved > self.span * SYSTEMATIC


@dataclass
class FloatArithmetic:
    """The arithmetic of one import: ``exact``, ``float32``, or ``auto``, which is exact and counts ties.

    ``ties`` holds the layers in which some accumulator gives another integer; ``kept`` the tensors of the quantisers
    that are exact although float32 was asked for.
    """

    asked: Asked = "exact"
    ties: list[Ties] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    @property
    def followed(self) -> Followed:
        """What the staircases are."""
        return "float32" if self.asked == "float32" else "exact"

    def staircases(
        self, node: SourceNode, reading: FloatReading | None, level: FloatLevel | None, made: Sequence[Made],
        interval: tuple[NDArray[Any], NDArray[Any]], grain: Grain | None = None,
    ) -> list[Made]:  # fmt: skip
        """The staircases that the import takes for the exact ones of ``node``, ``made``.

        Args:
            interval: least and greatest accumulator, one or one for each channel.
            grain: None where the quantiser only compares.

        Raises:
            IsobitError: E901 where the two readings are further apart than rounding explains.
        """
        if self.asked == "exact":
            return list(made)
        if node.op not in FOLLOWED or reading is None or level is None or is_part(node.inputs[0]):
            self.keep(node)
            return list(made)
        ends = [_ends(interval, channel, len(made)) for channel in range(len(made))]
        if max(max(-lo, hi) for lo, hi in ends) > MOST_ACCUMULATOR:
            self.keep(node)
            return list(made)
        around = [_beside(reading, c, level, one, ends[c]) for c, one in enumerate(made)]
        for channel, beside in enumerate(around):
            _refuse_unexplained(node, reading, channel, level, beside, grain)
        if self.asked == "auto":
            counts = [beside.moved for beside in around]
            self._count(node, [sum(column) for column in zip(*counts, strict=True)])
            return list(made)
        found = [staircase(reading, channel, level, *ends[channel]) for channel in range(len(made))]
        self._count(node, [sum(v) for v in zip(*map(_difference, made, found, ends), strict=True)])
        return [one if _same(one, other, end) else other for one, other, end in zip(made, found, ends, strict=True)]

    def keep(self, node: SourceNode) -> None:
        """``node`` stays exact."""
        if self.asked != "exact":
            self.kept.append(node.outputs[0])

    def _count(self, node: SourceNode, counts: Sequence[int]) -> None:
        moved, span = counts
        if moved:
            self.ties.append(Ties(printable(node.name or node.outputs[0]), moved, span))


def staircase(reading: FloatReading, channel: int, level: FloatLevel, lo: int, hi: int) -> Made:
    """The float32 staircase of one channel on the accumulators ``lo .. hi``, and whether it acts on the negated ones.

    Every level's edge by bisection: the function never falls, because no operation of it does.
    """
    falls = reading.falls(channel)
    value = _function(reading, channel, level, falls)
    lo, hi = (-hi, -lo) if falls else (lo, hi)
    first, last = (int(v) for v in value(np.array([lo, hi])))
    levels = np.arange(first + 1, last + 1)
    below, reached = np.full(len(levels), lo), np.full(len(levels), hi)
    while (reached - below > 1).any():
        middle = (below + reached) // 2
        up = value(middle) >= levels
        below, reached = np.where(up, below, middle), np.where(up, middle, reached)
    return Cuts(first, reached), falls


def _function(
    reading: FloatReading, channel: int, level: FloatLevel, falls: bool
) -> Callable[[NDArray[np.int64]], NDArray[Any]]:
    return lambda x: level(channel, reading.at(channel, -x if falls else x))


def _same(exact: Made, found: Made, ends: tuple[int, int]) -> bool:
    lo, hi = (-ends[1], -ends[0]) if exact[1] else ends
    return (exact[1] == found[1] or not exact[0].levels) and equal_on(exact[0], found[0], lo, hi) is None


def _difference(exact: Made, found: Made, ends: tuple[int, int]) -> tuple[int, int]:
    """Accumulators that give two different integers, and those between the first edge and the last.

    Two staircases differ between the edges of one level, so that every pair of edges counts what lies between.
    """
    if exact[1] != found[1]:
        return 0, 1
    lo, hi = (-ends[1], -ends[0]) if exact[1] else ends
    curve, other = (made[0].restrict(lo, hi) for made in (exact, found))
    cuts, theirs = curve.cuts(), other.cuts()
    count = min(len(cuts), len(theirs))
    # a level that only one of them reaches begins at the end of what is reachable
    moved = int(np.minimum(np.abs(cuts[:count] - theirs[:count]), hi - lo).sum()) + abs(len(cuts) - len(theirs))
    return moved, _span(cuts)


@dataclass(frozen=True)
class _Beside:
    """The accumulators on both sides of the edges of an exact staircase, one edge in ``stride``, and its two ends.

    The first accumulator of every level, the last below it, then the least and the greatest that occur: ``at``, with
    the integers that the exact staircase allows there, ``least`` to ``most`` (a level may begin where others do), the
    float32 ``values`` and the integer that float32 makes of them, ``found``.
    """

    levels: NDArray[Any]
    stride: int
    span: int
    at: NDArray[np.int64]
    least: NDArray[Any]
    most: NDArray[Any]
    values: Floats
    found: NDArray[Any]

    @property
    def moved(self) -> tuple[int, int]:
        """:func:`_difference`, from these accumulators alone."""
        count = len(self.levels)
        wrong = (self.found[:count] < self.levels) | (self.found[count : 2 * count] >= self.levels)
        return int(np.count_nonzero(wrong)) * self.stride, self.span


def _beside(reading: FloatReading, channel: int, level: FloatLevel, exact: Made, ends: tuple[int, int]) -> _Beside:
    curve, falls = exact
    lo, hi = (-ends[1], -ends[0]) if falls else ends
    curve = curve.restrict(lo, hi)
    stride = max(-(-curve.levels // MOST_MEASURED), 1)
    levels = np.arange(curve.start + 1, curve.top + 1)[::stride]
    if stride == 1:
        cuts = np.asarray(curve.cuts(), dtype=np.int64)  # which a short curve keeps for those who ask next
        span = _span(cuts)
    else:
        cuts = np.asarray(curve.cuts_at(levels), dtype=np.int64)
        span = _span(np.asarray(curve.cuts_at([curve.start + 1, curve.top])))
    count = len(levels)
    at, least, most = (np.empty(2 * count + 2, np.int64) for _ in range(3))
    at[:count], at[count:-2], at[-2:] = cuts, cuts - 1, (lo, hi)
    least[:count], least[count:-2], least[-2:] = levels, curve.start, (curve.start, curve.top)
    most[:count], most[count:-2], most[-2:] = curve.top, levels - 1, (curve.start, curve.top)
    n = -at if falls else at
    values = reading.at(channel, n)
    with np.errstate(all="ignore"):
        return _Beside(levels, stride, span, n, least, most, values, level(channel, values))


def _refuse_unexplained(
    node: SourceNode, reading: FloatReading, channel: int, level: FloatLevel, beside: _Beside, grain: Grain | None
) -> None:  # fmt: skip
    """E901 where, beside an edge of the exact staircase, float32 gives an integer that no rounding explains.

    The float32 value may be off by the error bound of its operations and of the quantiser's own; between the two ends
    of that range the exact integer must lie.
    """
    outside = (beside.found < beside.least) | (beside.found > beside.most)
    apart = np.flatnonzero(outside & np.isfinite(beside.values))
    if not len(apart):
        return
    at, least, most = beside.at[apart], beside.least[apart], beside.most[apart]
    values = beside.values[apart].astype(np.float64)
    with np.errstate(all="ignore"):
        error = reading.error(channel, at) + ROUNDINGS * abs(values)
        if grain is not None:
            scale, zero = grain(channel)
            error += ROUNDINGS * abs(scale) * (np.maximum(abs(least), abs(most)) + abs(zero) + 1)
        low, high = (level(channel, np.asarray(values + sign * error, np.float32)) for sign in (-1, 1))
        wrong = np.flatnonzero(((most < low) | (least > high)) & np.isfinite(error))
    if len(wrong):
        first = wrong[0]
        found = beside.found[apart][first]
        exactly = " to ".join(str(v) for v in sorted({int(least[first]), int(most[first])}))
        what = f"accumulator {at[first]} of channel {channel} gives {exactly} exactly and {found} in float32"
        promised(False, f"{what}, further apart than rounding explains", where=printable(node.name or node.outputs[0]))


def _span(cuts: NDArray[Any]) -> int:
    return int(cuts[-1] - cuts[0]) + 2 if len(cuts) else 0


def _ends(interval: tuple[NDArray[Any], NDArray[Any]], channel: int, channels: int) -> tuple[int, int]:
    lo, hi = interval
    if channels == 1:
        return int(lo.min()), int(hi.max())
    return int(lo[channel % len(lo)]), int(hi[channel % len(hi)])
