"""The scale (and, of several formats, the format) of least squared error over given numbers.

The error of a scale ``s`` is ``E(s) = sum (w - s v)^2``, each ``v`` the format's number nearest to ``w / s``. While no
``w / s`` passes a point half way between two numbers, E is one parabola; it has about one piece for every element and
number, and many valleys. :func:`best_scale` returns a scale for which, of all float32 numbers, E is least. It splits
the scales into intervals and drops those whose bound lies above the best error found. From a scale ``c`` to one end
``e`` of an interval the elements that pass the point ``m`` half way between two numbers ``g`` apart save
``2 s g |w - s m|``, which grows on the way, so that

    E(s) >= Q(s) - 2 max(c, e) sum_m g_m sum_{w between c m and e m} |w - e m|   for s between c and e,

with Q the parabola of ``c``. What an element saves is zero until it passes ``m``, and from there at most linear in the
distance from ``c`` (with ``s`` before it replaced by the greater end): it is convex, and so lies below the chord from
zero at ``c`` to the sum at ``e``. A parabola less a line has its least value in closed form. Sums over sorted elements
make one evaluation a few thousand operations, however many elements there are. They are float64: errors that differ by
their rounding alone are the same here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from isobit.numerics.formats.protocol import Floats, TabulatedFormat
from isobit.numerics.intervals import IntArray

Scales = Literal["free", "power-of-two"]
_NARROW = 2.0**-23
"""Neighbouring float32 numbers are no further apart, relative to their size."""
_FIRST, _PER_HALF = 64, 6
"""Intervals to begin with: in all where nothing is clipped, and for every halving below."""
_TRIED = 4
_LEAST_SCALE, _GREATEST_SCALE = 2.0**-126, 2.0**127


@dataclass(frozen=True)
class Choice:
    """A format, its float32 ``scale`` (one per channel, or one), and the squared error."""

    format: TabulatedFormat
    scale: NDArray[np.float32]
    error: float


def choose(
    values: Any, formats: Sequence[TabulatedFormat], scales: Scales = "free", per_channel: bool = False
) -> Choice:  # fmt: skip
    """The format, and the scale of each channel (first axis) or of all, of least squared error.

    Args:
        values: finite floats; zeros alone get the scale 1.

    Raises:
        ValueError: a value that is not finite, or no formats.
    """
    array = np.asarray(values, np.float64)
    if not np.isfinite(array).all():
        raise ValueError("values that are not finite")
    rows = [_Sorted(row) for row in (array.reshape(len(array), -1) if per_channel else array.reshape(1, -1))]
    best: Choice | None = None
    ordered = sorted(formats, key=lambda made: sum(_rough(row, made) for row in rows)) if len(formats) > 1 else formats
    for made in ordered:  # the likely ones first
        limit = np.inf if best is None or per_channel else best.error
        found = [best_scale(row, made, scales, limit) for row in rows]
        error = float(sum(e for _, e in found))
        if best is None or error < best.error:
            best = Choice(made, np.array([s for s, _ in found], np.float32), error)
    if best is None:
        raise ValueError("no format to choose from")
    return best


def _rough(rows: _Sorted, made: TabulatedFormat) -> float:
    """The error of the best of a few scales."""
    if rows.greatest == 0:
        return 0.0
    errors = _Errors(rows, made)
    return float(errors.at(rows.greatest / np.abs(made.values).max() * np.geomspace(0.2, 1.1, 24)).min())


class _Sorted:
    """Numbers in order, with the sums of all shorter beginnings: of ones, of themselves; and of all squares."""

    def __init__(self, values: Floats) -> None:
        short = values.astype(np.float32)  # sorted in half the time, where it is the same
        self.values = np.sort(short if (short == values).all() else values, axis=None).astype(np.float64)
        self.sums = np.concatenate([[0.0], np.cumsum(self.values)])
        self.squares = float(self.values @ self.values)

    @property
    def greatest(self) -> float:
        """The greatest magnitude; 0 of no numbers."""
        return float(np.abs(self.values[[0, -1]]).max()) if self.values.size else 0.0

    def clipped(self, low: float, high: float) -> float:
        """What clipping to ``low .. high`` alone costs, squared."""
        below, above = np.searchsorted(self.values, [low, high])
        return float(((self.values[:below] - low) ** 2).sum() + ((self.values[above:] - high) ** 2).sum())


class _Errors:
    """E of one format over sorted numbers, for many scales at once."""

    def __init__(self, rows: _Sorted, made: TabulatedFormat) -> None:
        self.rows, self.values, self.midpoints = rows, made.values, made.midpoints
        self.gaps = np.diff(made.values)

    def side(self, scales: Floats) -> _Side:
        """The scales with their half way points' places; looked up point by point, so that neighbours are close."""
        return _Side(scales, np.searchsorted(self.rows.values, np.multiply.outer(self.midpoints, scales)))

    def _sums(self, ends: IntArray) -> tuple[Floats, Floats]:
        """``sum w v`` and ``sum v^2``."""
        edge = np.zeros((1, ends.shape[1]), np.intp)
        ends = np.concatenate([edge, ends, edge + self.rows.values.size])
        return self.values @ np.diff(self.rows.sums[ends], axis=0), self.values**2 @ np.diff(ends, axis=0)

    def at(self, scales: Floats) -> Floats:
        """E of each scale."""
        return self.of(self.side(scales))

    def of(self, side: _Side) -> Floats:
        """E of each scale of a side."""
        return self._along(side.scales, *self._sums(side.ends))

    def _along(self, scales: Floats, products: Floats, squares: Floats) -> Floats:
        return self.rows.squares - 2 * scales * products + scales**2 * squares

    def bounds(self, low: _Side, middle: _Side, high: _Side) -> tuple[Floats, Floats]:
        """For each interval a bound below E, and the scale in it that the middle's parabola likes best."""
        products, squares = self._sums(middle.ends)
        liked = np.divide(products, squares, out=middle.scales.copy(), where=squares > 0)
        bound = np.full(len(liked), np.inf)
        for side in (low, high):
            ends = np.minimum(middle.scales, side.scales), np.maximum(middle.scales, side.scales)
            slope = self._saved(middle, side) / (side.scales - middle.scales)
            least = np.divide(products + slope / 2, squares, out=side.scales.copy(), where=squares > 0)
            least = np.clip(least, *ends)
            below = self._along(least, products, squares) - slope * (least - middle.scales)
            bound = np.minimum(bound, below)
        return bound, np.clip(liked, low.scales, high.scales)

    def _saved(self, centre: _Side, end: _Side) -> Floats:
        """What passing half way points on the way from ``centre`` to ``end`` saves at most."""
        count, total = end.ends - centre.ends, self.rows.sums[end.ends] - self.rows.sums[centre.ends]
        passed = np.abs(np.multiply.outer(self.midpoints, end.scales) * count - total)
        return np.asarray(2 * np.maximum(centre.scales, end.scales) * (self.gaps @ passed))


@dataclass(frozen=True, eq=False)
class _Side:
    """Scales, and of each (the second axis) how many elements lie below each half way point."""

    scales: Floats
    ends: IntArray

    def kept(self, which: Any) -> _Side:
        """Some of them."""
        return _Side(self.scales[which], self.ends[:, which])

    def joined(self, other: _Side) -> _Side:
        """Both, one after the other."""
        return _Side(np.concatenate([self.scales, other.scales]), np.concatenate([self.ends, other.ends], axis=1))


def best_scale(
    rows: _Sorted, made: TabulatedFormat, scales: Scales, limit: float = np.inf
) -> tuple[np.float32, float]:  # fmt: skip
    """A float32 scale of least error, and that error; where it cannot be below ``limit``, any scale and its error."""
    if rows.greatest == 0:
        return np.float32(1), 0.0
    errors, highest = _Errors(rows, made), float(np.abs(made.values).max())
    steps = np.abs(made.values[made.values != 0])
    least = max(rows.greatest / highest, _LEAST_SCALE)
    most = min(max(rows.greatest / steps.min() * 2, 2 * least), _GREATEST_SCALE)  # all become zero from here on
    if scales == "power-of-two":
        exponents = np.arange(np.floor(np.log2(least)) - 24, np.ceil(np.log2(most)) + 1)
        powers = np.exp2(np.clip(exponents, -126, 127))
        found = errors.at(powers)
        return np.float32(powers[found.argmin()]), float(found.min())
    grid = errors.side(_float32(np.geomspace(least, most, _FIRST)))
    found = errors.of(grid)
    scale, best = float(grid.scales[found.argmin()]), float(found.min())
    halved, ends = least, made.values[[0, -1]]
    while halved > _LEAST_SCALE and rows.clipped(*(halved * ends)) < min(best, limit):
        halved /= 2
    if halved < least:
        count = _PER_HALF * round(np.log2(least / halved))
        grid = errors.side(_float32(np.geomspace(halved, least, count, endpoint=False))).joined(grid)
    return _searched(errors, grid, scale, best, limit)


def _float32(scales: Floats) -> Floats:
    """The nearest float32 numbers."""
    return scales.astype(np.float32).astype(np.float64)


def _searched(errors: _Errors, grid: _Side, scale: float, best: float, limit: float) -> tuple[np.float32, float]:
    """The best scale between the ends of ``grid``, of which ``scale`` with its error is known."""
    low, high = grid.kept(slice(None, -1)), grid.kept(slice(1, None))
    while low.scales.size:
        middle = errors.side((low.scales + high.scales) / 2)
        bound, liked = errors.bounds(low, middle, high)
        promising = _float32(liked[np.argsort(bound)[:_TRIED]])
        made = errors.at(promising)
        if made.min() < best:
            scale, best = float(promising[made.argmin()]), float(made.min())
        kept = bound < min(best, limit)
        narrow = kept & (high.scales - low.scales <= _NARROW * low.scales / 2)
        if narrow.any():
            scale, best = _of_neighbours(errors, low.scales[narrow], high.scales[narrow], scale, best)
        kept &= ~narrow
        low, middle, high = low.kept(kept), middle.kept(kept), high.kept(kept)
        low, high = low.joined(middle), middle.joined(high)
        order = np.argsort(low.scales)  # neighbours are looked up fastest one after the other
        low, high = low.kept(order), high.kept(order)
    return np.float32(scale), best


def _of_neighbours(errors: _Errors, low: Floats, high: Floats, scale: float, best: float) -> tuple[float, float]:
    """The best of what is known and the float32 numbers in and beside intervals that hold two at most."""
    near = np.unique(np.concatenate([low, high]).astype(np.float32))
    near = np.unique(np.concatenate([np.nextafter(near, np.float32(0)), near, np.nextafter(near, np.float32(np.inf))]))
    made = errors.at(near.astype(np.float64))
    at = int(made.argmin())
    return (float(near[at]), float(made[at])) if made[at] < best else (scale, best)


def codes(values: Any, made: TabulatedFormat, scale: Any) -> IntArray:
    """The codes of ``values / scale``, the division in float32; the scale is one number or one per first index."""
    array = np.asarray(values, np.float32)
    column = np.asarray(scale, np.float32).reshape(-1, *(1,) * (array.ndim - 1))
    return made.nearest(array / column)
