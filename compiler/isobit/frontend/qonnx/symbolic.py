"""What a tensor of the source model is while it is being imported: five kinds, none of them approximate.

* :class:`Real` - an exact real function of an integer value: segments of ``clamp(scale * v + offset)`` joined by
  non-linear functions. Everything after the first quantiser is of this kind.
* :class:`HostReal` - the raw float input after some float32 operations that stay on the host.
* :class:`QuantisedConstant` - integers with float32 scale and zero point: quantised weights and biases.
* a plain numpy array - a float or integer constant.
* :class:`Function` - any other function of an integer value, evaluated where it is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.frontend.qonnx.float_reading import FloatReading, of_product
from isobit.frontend.qonnx.spans import Span
from isobit.ir.ops import HostOp
from isobit.numerics import exact

Rationals = NDArray[Any]  # object array of Fraction, shape (1,) or (channels,)
Floats = NDArray[Any]
Fractions = NDArray[Any]  # object array


def rationals(values: Any) -> Rationals:
    """An object array of Fractions from a scalar, list or array of numbers."""
    flat = np.atleast_1d(np.asarray(values, dtype=object)).reshape(-1)
    return np.array([v if isinstance(v, Fraction) else exact(v) for v in flat], dtype=object)


ONE, ZERO = rationals([1]), rationals([0])


@dataclass(frozen=True, eq=False)
class Segment:
    """``clamp(scale * v + offset, lo, hi)`` per channel; ``lo`` and ``hi`` are None where nothing clamps.

    ``after`` names the non-linear function applied to the previous segment's value first ("" for the first segment),
    with ``slope`` its negative-side slope where that is a leaky ReLU. ``weight`` is the sum of the magnitudes of all
    constants added on the way: with it the float32 error of the source's own evaluation can be bounded.
    """

    scale: Rationals
    offset: Rationals
    lo: Rationals | None = None
    hi: Rationals | None = None
    after: str = ""
    slope: Rationals | None = None
    weight: Rationals = field(default_factory=lambda: ZERO)

    def affine(self, a: Rationals, b: Rationals) -> Segment:
        """``a * self + b``; a negative ``a`` swaps the clamps."""
        lo, hi = (None if c is None else a * c + b for c in (self.lo, self.hi))
        scaled = replace(self, scale=a * self.scale, offset=a * self.offset + b, weight=abs(a) * self.weight + abs(b))
        if lo is None and hi is None:
            return scaled
        if (a == 0).any() or ((a < 0).any() and (a > 0).any()):
            raise MixedSigns
        return replace(scaled, lo=hi, hi=lo) if (a < 0).all() else replace(scaled, lo=lo, hi=hi)

    def clamp(self, lo: Rationals | None, hi: Rationals | None) -> Segment:
        """``min(max(self, lo), hi)``, which is ``hi`` where ``lo`` is greater."""
        if lo is not None and hi is not None:
            lo = np.minimum(lo, hi)
        low = self.lo if lo is None else lo if self.lo is None else np.maximum(self.lo, lo)
        high = self.hi if hi is None else hi if self.hi is None else np.minimum(self.hi, hi)
        if lo is not None and high is not None:
            high = np.maximum(high, lo)
        if hi is not None and low is not None:
            low = np.minimum(low, hi)
        return replace(self, lo=low, hi=high)


class MixedSigns(Exception):
    """A clamped value is scaled by factors of different signs: the clamp must become a segment of its own."""


@dataclass(frozen=True, eq=False)
class Real:
    """A real tensor as an exact function of the integer value ``value``.

    ``layout[i]`` is the source axis (batch excluded) that became axis ``i`` of the integer value. ``reading`` is what
    the source makes of the integers in float32, None where that is not known.
    """

    value: str
    layout: tuple[int, ...]
    segments: tuple[Segment, ...]
    reading: FloatReading | None = None

    @classmethod
    def of(cls, value: str, layout: tuple[int, ...], scale: Rationals, offset: Rationals) -> Real:
        return cls(value, layout, (Segment(scale, offset, weight=abs(offset)),), FloatReading(scale, offset))

    @classmethod
    def of_product(cls, x: Real, value: str, scale: Rationals, offset: Rationals) -> Real:
        """The integers ``value`` that ``x`` and weights make; ``scale`` and ``offset`` are those of the product."""
        return replace(cls.of(value, x.layout, scale, offset), reading=of_product(x.reading, scale, offset))

    @property
    def just_summed(self) -> Real:
        """The same values; in float32 they are rounded once, after all that made them so far."""
        return replace(self, reading=FloatReading(self.scale, self.offset)) if self.is_affine else self.unread

    @property
    def just_quantised(self) -> Real:
        """The same values, integers that a quantiser has just made times its float32 scale."""
        grid = FloatReading(self.scale, self.offset, grid=True)
        return replace(self, reading=grid) if self.is_affine else self.unread

    @property
    def unread(self) -> Real:
        """The same values, whose float32 arithmetic is not known."""
        return replace(self, reading=None)

    @property
    def is_affine(self) -> bool:
        """Is it just ``scale * integer + offset``?"""
        return len(self.segments) == 1 and self.segments[0].lo is None and self.segments[0].hi is None

    @property
    def scale(self) -> Rationals:
        return self.segments[0].scale

    @property
    def offset(self) -> Rationals:
        return self.segments[0].offset

    def computed(self, before: Real, *operations: tuple[str, Rationals, Rationals | None]) -> Real:
        """The same values, which the source makes of ``before`` by these operations in float32.

        Of each its kind, its constants, and the magnitudes of what these were summed of (None: the file has them).
        """
        reading = before.reading
        for kind, values, terms in operations:
            reading = None if reading is None else reading.then(kind, values, terms=terms)
        return replace(self, reading=reading)

    def affine(self, a: Rationals, b: Rationals) -> Real:
        """``a * self + b``, in float32 a product and a sum."""
        read = replace(self, reading=None if self.reading is None else self.reading.affine(a, b))
        try:
            return read._with_last(lambda s: s.affine(a, b))
        except MixedSigns:
            return replace(read, segments=(*self.segments, Segment(a, b, after="identity")))

    def clamp(self, lo: Rationals | None, hi: Rationals | None) -> Real:
        reading = None if self.reading is None else self.reading.then("clamp", lo, hi)
        return replace(self, reading=reading)._with_last(lambda s: s.clamp(lo, hi))

    def apply(self, function: str, slope: Rationals | None = None) -> Real:
        """Append a monotone non-linear function (``leaky``, ``sigmoid``, ``tanh``)."""
        reading = self.reading.then("leaky", slope) if self.reading is not None and function == "leaky" else None
        segment = Segment(ONE, ZERO, after=function, slope=slope)
        return replace(self, segments=(*self.segments, segment), reading=reading)

    def _with_last(self, change: Callable[[Segment], Segment]) -> Real:
        return replace(self, segments=(*self.segments[:-1], change(self.segments[-1])))


@dataclass(frozen=True)
class HostReal:
    """The raw graph input ``outside`` after float32 operations that stay on the host; ``shape`` without batch."""

    outside: str
    outside_shape: tuple[int, ...]
    shape: tuple[int, ...]
    host: tuple[HostOp, ...] = ()

    def then(self, op: HostOp, shape: tuple[int, ...] | None = None) -> HostReal:
        return replace(self, host=(*self.host, op), shape=self.shape if shape is None else shape)


@dataclass(frozen=True, eq=False)
class QuantisedConstant:
    """``(integers - zero_point) * scale``, all three broadcastable to one shape; scale and zero point float32."""

    integers: NDArray[Any]
    scale: Floats
    zero_point: Floats

    def values(self) -> NDArray[Any]:
        """The real values, exactly: an object array of Fractions."""
        scale, zero = (
            rationals(a).reshape(np.shape(a) or (1,) * self.integers.ndim) for a in (self.scale, self.zero_point)
        )
        return np.asarray((self.integers.astype(object) - zero) * scale, dtype=object).reshape(self.integers.shape)

    def reshape(self, shape: tuple[int, ...]) -> QuantisedConstant:
        return self._map(lambda a: a.reshape(shape))

    def transpose(self, permutation: tuple[int, ...]) -> QuantisedConstant:
        return self._map(lambda a: a.transpose(permutation))

    def _map(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> QuantisedConstant:
        """Scalars stay as they are; everything else is broadcast to the integers' shape first."""
        scale, zero = (
            a if a.size == 1 else change(np.broadcast_to(a, self.integers.shape)) for a in (self.scale, self.zero_point)
        )
        return QuantisedConstant(change(self.integers), scale, zero)


def floats(values: Fractions) -> NDArray[np.float64]:
    """The nearest float64 numbers, infinite beyond them."""

    def one(value: Fraction) -> float:
        try:
            return float(value)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")

    return np.array([one(v) for v in values], np.float64)


@dataclass(frozen=True, eq=False)
class Enclosed:
    """Between ``low`` and ``high``, one array where both are the value itself; float32 is off by ``error`` at most."""

    low: Fractions
    high: Fractions
    error: NDArray[np.float64]

    @property
    def exact(self) -> bool:
        return self.low is self.high

    @property
    def size(self) -> NDArray[np.float64]:
        """The magnitude in float64."""
        return np.abs(floats(self.low))


Values = Enclosed | Span


@dataclass(frozen=True, eq=False)
class Function:
    """``at(channel, x)`` of the integer value ``value``, in the layout of a :class:`Real`.

    ``rows`` is 1 where all channels have one function, else the channel count. ``x`` are integers, exactly, with the
    float32 error of their own real values, in integers: of sums, as the tie bound has it. Or it is spans of integers,
    and what comes out encloses the function over each.
    """

    value: str
    layout: tuple[int, ...]
    rows: int
    at: Callable[[int, Any], Any]

    def map(self, change: Callable[[Any, int], Any], rows: int = 1) -> Function:
        """The function followed by ``change(value, channel)``."""
        before = self.at
        return replace(self, rows=max(rows, self.rows), at=lambda c, x: change(before(c, x), c))


Tensor = Real | HostReal | QuantisedConstant | Function | NDArray[Any]
