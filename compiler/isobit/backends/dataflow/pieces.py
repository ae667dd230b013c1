"""Frames of any length, a piece at a time: the words that pass in a stretch of iterations, and times kept in runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from isobit.backends.dataflow.schedule import Index, Port

PIECE = 1 << 15
"""Words of a port that are looked at together, at most."""


@dataclass(frozen=True)
class Piece:
    """Iterations ``begin .. end - 1`` of a loop; ``words`` has for each port the first of its words there and one past
    the last."""

    begin: int
    end: int
    words: tuple[tuple[int, int], ...]


def pieces(ports: Sequence[Port], trip: int) -> Iterator[Piece]:
    """A loop of ``trip`` iterations in stretches with at most :data:`PIECE` words of any port."""
    begin, done = 0, [0] * len(ports)
    while begin < trip:
        far = ((p, n + PIECE) for p, n in zip(ports, done, strict=True) if n + PIECE < len(p))
        ahead = [int(p.part(n, n + 1)[0]) for p, n in far]
        end = min([trip, *ahead])
        ends = [p.before(end) if end < trip else len(p) for p in ports]
        yield Piece(begin, end, tuple(zip(done, ends, strict=True)))
        begin, done = end, ends


def merged(parts: Sequence[Index]) -> Index:
    """All numbers of several ascending arrays, ascending, once each."""
    if all(np.array_equal(part, parts[0]) for part in parts[1:]):
        return parts[0]
    together = np.sort(np.concatenate(parts))
    new = np.concatenate([[True], together[1:] != together[:-1]])
    return np.asarray(together[new], np.int64)


class Runs:
    """Ascending times of a stream's words, kept as runs of equal steps: a word a clock for a row is one run."""

    def __init__(self, times: Index) -> None:
        gaps = np.diff(times)
        turns = np.flatnonzero(gaps[1:] != gaps[:-1]) + 1
        self.first = np.concatenate([[0], turns])[: len(times)].astype(np.int64)
        self.value = times[self.first].astype(np.int64)
        self.step = np.concatenate([gaps, [1]])[self.first].astype(np.int64)
        self.count = len(times)

    @classmethod
    def joined(cls, parts: Sequence[Runs]) -> Runs:
        """All words of ``parts``, in order."""
        made, number = cls(np.zeros(0, np.int64)), 0
        firsts = []
        for part in parts:
            firsts.append(part.first + number)
            number += part.count
        made.first = np.concatenate(firsts)
        made.value, made.step = (np.concatenate([getattr(p, a) for p in parts]) for a in ("value", "step"))
        made.count = number
        return made

    def part(self, begin: int, end: int) -> Index:
        """The times of words ``begin .. end - 1``."""
        low, high = (
            int(np.searchsorted(self.first, begin, side="right")),
            int(np.searchsorted(self.first, end, side="left")),
        )
        runs = slice(low - 1, max(high, low))
        sizes = np.diff(np.concatenate([[begin], self.first[runs][1:], [end]]))
        zero = self.value[runs] - self.first[runs] * self.step[runs]
        return np.repeat(zero, sizes) + np.arange(begin, end) * np.repeat(self.step[runs], sizes)

    def before(self, times: Index) -> Index:
        """For each time how many words come earlier."""
        run = np.searchsorted(self.value, times, side="left") - 1
        safe = np.maximum(run, 0)
        inside = -((self.value[safe] - times) // self.step[safe])
        size = np.append(self.first[1:], self.count)[safe] - self.first[safe]
        return np.where(run < 0, 0, self.first[safe] + np.minimum(inside, size))
