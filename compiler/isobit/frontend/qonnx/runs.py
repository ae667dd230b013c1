"""The levels of a quantised function over an interval of integers, as runs: where each begins, and its level.

A span of integers whose enclosure has one level at both ends is settled; any other is halved, and a single integer
evaluated exactly. So the work is that of the edges, whatever the number of integers, and nothing need be known of the
function: it may rise, fall, or both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from isobit.frontend.qonnx.builder import Level
from isobit.frontend.qonnx.spans import Floats, Span
from isobit.frontend.qonnx.symbolic import Function
from isobit.ir.types import IntArray
from isobit.numerics import Cuts, as_int_array

MOST_EXACT = 1 << 16
"""Integers that are evaluated exactly, in one channel."""
MOST_SPANS = 1 << 22
_MOST_BITS = 62


class TooManyRuns(Exception):
    """The function has more edges than can be found one by one."""


@dataclass(frozen=True, eq=False)
class Runs:
    """From ``starts[i]`` up to the next start, or to ``last``, the level is ``levels[i]``, another than before."""

    starts: IntArray
    levels: IntArray
    last: int

    @classmethod
    def of_row(cls, row: IntArray, first: int) -> Runs:
        """A level for each integer from ``first`` on."""
        changes = np.concatenate([[0], np.flatnonzero(np.diff(row)) + 1])
        return cls(first + changes, row[changes], first + len(row) - 1)

    @property
    def changes(self) -> IntArray:
        """By how much the level changes at every start but the first."""
        return np.asarray(np.diff(self.levels))

    @property
    def rises(self) -> bool:
        return bool((self.changes >= 0).all())

    @property
    def falls(self) -> bool:
        """Does it fall somewhere, and rise nowhere?"""
        return bool(len(self.changes) and (self.changes < 0).all())

    def row(self) -> IntArray:
        """A level for each integer."""
        return np.repeat(self.levels, np.diff(np.append(self.starts, self.last + 1)).astype(np.int64))

    def risen(self, start: int) -> Cuts:
        """``start``, and all rises up to an integer."""
        return Cuts(start, np.repeat(self.starts[1:], np.maximum(self.changes, 0).astype(np.int64)))

    def fallen(self) -> Cuts:
        """All falls up to an integer."""
        return Cuts(0, np.repeat(self.starts[1:], np.maximum(-self.changes, 0).astype(np.int64)))

    def negated(self) -> Runs:
        """The same levels, of the negated integer."""
        ends = np.append(self.starts[1:] - 1, self.last)
        return Runs(-ends[::-1], self.levels[::-1], -int(self.starts[0]))


def runs_of(
    f: Function, channel: int, level: Level, bounds: tuple[int, int], ends: tuple[int, int],
    exactly: Callable[[list[int]], list[int]],
) -> Runs:  # fmt: skip
    """The levels of ``f`` over ``bounds``; ``exactly`` gives those of single integers, ``ends`` bounds all of them.

    Raises:
        TooManyRuns: over :data:`MOST_EXACT` integers have to be evaluated one by one, or there are too many levels.
    """
    if max(abs(v) for v in bounds).bit_length() > _MOST_BITS:
        raise TooManyRuns
    lows, highs = (np.array([v], dtype=np.int64) for v in bounds)
    starts, levels, spent, singles = [], [], 0, 0
    while len(lows):
        spent += len(lows)
        made = f.at(channel, Span.of_integers(lows, highs))
        first, last = (_levels(level, channel, side, ends) for side in (made.low, made.high))
        settled = first == last
        single = ~settled & (lows == highs)
        singles += int(single.sum())
        if spent > MOST_SPANS or singles > MOST_EXACT:
            raise TooManyRuns
        starts += [lows[settled], lows[single]]
        levels += [first[settled], np.array(exactly(lows[single].tolist()), dtype=np.int64)]
        lows, highs = lows[~settled & ~single], highs[~settled & ~single]
        middle = lows + (highs - lows) // 2
        lows, highs = np.concatenate([lows, middle + 1]), np.concatenate([middle, highs])
    begins, found = np.concatenate(starts), np.concatenate(levels)
    order = np.argsort(begins)
    begins, found = begins[order], found[order]
    kept = np.concatenate([[True], found[1:] != found[:-1]])
    return Runs(as_int_array(begins[kept]), as_int_array(found[kept]), bounds[1])


def _levels(level: Level, channel: int, values: Floats, ends: tuple[int, int]) -> IntArray:
    far = {-np.inf: ends[0], np.inf: ends[1]}
    return np.array([far[v] if np.isinf(v) else level(channel, Fraction(v)) for v in values.tolist()], dtype=np.int64)
