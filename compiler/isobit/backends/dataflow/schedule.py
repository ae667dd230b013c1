"""One frame of one process in time: in which iteration of its loop it reads and writes which word.

A frame may have many millions of words, so a port is a formula and never an array: the iteration of word ``i``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]
Constants = Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Port:
    """The iterations in which ``count`` words pass: ``at`` maps word numbers to iterations and is strictly ascending.

    Small ones may be taken for an array; the planner takes a part at a time.
    """

    count: int
    at: Callable[[Index], Index]

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        return iter(self.part(0, self.count).tolist())

    def __array__(self, dtype: Any = None, copy: Any = None) -> Index:
        return self.part(0, self.count)

    def part(self, first: int, end: int) -> Index:
        """The iterations of words ``first .. end - 1``."""
        return self.at(np.arange(first, min(end, self.count), dtype=np.int64))

    def before(self, iteration: int) -> int:
        """How many words pass before ``iteration``."""
        low, high = 0, self.count
        while low < high:
            middle = (low + high) // 2
            if int(self.at(np.array([middle]))[0]) < iteration:
                low = middle + 1
            else:
                high = middle
        return low


@dataclass(frozen=True, eq=False)
class Schedule:
    """One frame of one process.

    ``reads[k]`` is the port of input ``k``, ``writes`` likewise: iterations from 0 to ``trip`` - 1. ``phases`` orders
    the ports, inputs then outputs, within an iteration. ``latency`` is the clocks from an iteration's start to its
    write.
    """

    trip: int
    reads: tuple[Port, ...]
    writes: tuple[Port, ...]
    latency: int = 0
    phases: tuple[int, ...] = (0, 1)


@dataclass(frozen=True)
class Axis:
    """A loop of ``count`` iterations of which ``size`` are marked: ``first``, and on in steps of ``step``."""

    count: int
    first: int
    size: int
    step: int = 1


def every(count: int) -> Port:
    """A word in each of ``count`` iterations."""
    return Port(count, lambda i: i)


def at_last(count: int) -> Port:
    """One word, in the last of ``count`` iterations."""
    return Port(1, lambda i: i + count - 1)


def where(*axes: Axis) -> Port:
    """A word in the iterations of a loop nest (outermost axis first) in which every axis is at a marked place.

    Word ``i`` is at turn ``i // words`` of an axis with ``words`` inside it; each turn moves one step of the axis and
    takes back all ``size`` steps of the axis inside. Where that is nothing, two axes count on as one.
    """
    first, stride, words, inside = 0, 1, 1, 0
    moves: list[tuple[int, int]] = []
    for axis in reversed(axes):
        first += axis.first * stride
        if axis.size > 1:
            step = axis.step * stride
            moves += [(words, step - inside)] if step != inside else []
            inside = axis.size * step
        stride, words = stride * axis.count, words * axis.size
    return Port(words, lambda i: sum((i // per * move for per, move in moves), np.full(len(i), first)))


def marked(count: int, first: int, size: int) -> Axis:
    """``count`` places of which ``size`` from ``first`` on are marked."""
    return Axis(count, first, size)


def everywhere(count: int) -> Axis:
    """``count`` marked places."""
    return Axis(count, 0, count)
