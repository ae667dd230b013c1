"""One for all channels, or one for each: how the parameters of an operation lie along the channel axis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Sized
from typing import Any

from isobit.ir.types import IntArray, ValueType
from isobit.numerics import Curve


def of_channel(values: Sequence[Any] | IntArray, channel: int) -> Any:
    """The parameter of a channel, of which there is one for all channels or one for each."""
    return values[channel] if len(values) > 1 else values[0]


def rows(*values: Sized) -> int:
    """How many rows parameters have together: 1 where every one of them is for all channels."""
    return max(map(len, values))


class Curves(tuple[Curve, ...]):
    """The staircase of all channels, or one for each: a tuple that knows which.

    Where a curve serves all channels, what it is applied to is the hull of their intervals.
    """

    __slots__ = ()

    @property
    def shared(self) -> bool:
        """Does one curve serve all channels?"""
        return len(self) == 1

    def of(self, channel: int) -> Curve:
        """The curve of a channel."""
        return self[0 if self.shared else channel]

    def each(self, channels: int) -> Curves:
        """One curve for each of so many channels."""
        return Curves(self * channels) if self.shared else self

    def map(self, change: Callable[[Curve], Curve]) -> Curves:
        """The same with every curve changed."""
        return Curves(map(change, self))

    def reach(self, x: ValueType) -> tuple[list[int], list[int]]:
        """The least and the greatest argument of every curve on a value of type ``x``."""
        if self.shared:
            lo, hi = x.bounds
            return [lo], [hi]
        return [int(v) for v in x.lo], [int(v) for v in x.hi]

    def spans(self, x: ValueType) -> list[tuple[int, int]]:
        """:meth:`reach`, curve by curve."""
        return list(zip(*self.reach(x), strict=True))

    def reached(self, x: ValueType) -> Iterator[tuple[Curve, int, int]]:
        """Every curve with its least and its greatest argument on a value of type ``x``."""
        return zip(self, *self.reach(x), strict=True)

    def narrowed(self, x: ValueType) -> Curves:
        """Without the levels and cuts that no argument reaches."""
        return Curves(curve.restrict(lo, hi) for curve, lo, hi in self.reached(x))

    def bounds(self, x: ValueType) -> tuple[int, int]:
        """The least and the greatest value of all curves on a value of type ``x``."""
        ends = [curve.interval_on(lo, hi) for curve, lo, hi in self.reached(x)]
        return min(lo for lo, _ in ends), max(hi for _, hi in ends)
