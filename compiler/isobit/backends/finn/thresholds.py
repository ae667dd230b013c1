"""A requantizer as FINN's thresholds: one MultiThreshold of up to 8 bits, beyond that a sum of several.

One of more than 8 bits would be no comparison any more: finn-plus makes a multiplication of it, which is equal only to
within one per cent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from isobit.ir.ops import Step
from isobit.ir.types import IntArray, ValueType
from isobit.numerics import bit_width

LEVELS = 255
"""Thresholds of a channel of an 8-bit output. FINN compares with each."""
MOST_PARTS = 16
"""Summands that are affordable: the comparisons of a single MultiThreshold of 12 bits."""


@dataclass(frozen=True)
class Part:
    """``least`` plus how many of the ``thresholds``, ``(curves, levels)``, are reached: up to ``most``."""

    least: int
    thresholds: IntArray

    @property
    def most(self) -> int:
        return self.least + int(self.thresholds.shape[1])


def parts(node: Step, x: ValueType, value: ValueType) -> Iterator[Part]:
    """Summands of a requantizer of ``x``, each with all levels of its type.

    Levels below what a channel reaches are always passed, those above never.
    """
    kinds = part_types(*value.bounds)
    least = sum(low for low, _ in kinds)
    levels = sum(count for _, count in kinds)
    thresholds = np.empty((len(node.curves), levels), np.int64)
    for row, (curve, first, last) in zip(thresholds, node.curves.reached(x), strict=True):
        narrow = curve.restrict(first, last)
        row[: narrow.start - least] = first
        row[narrow.start - least : narrow.top - least] = narrow.cuts()
        row[narrow.top - least :] = last + 1
    place = 0
    for low, count in kinds:
        yield Part(low, thresholds[:, place : place + count])
        place += count


def part_types(lo: int, hi: int) -> list[tuple[int, int]]:
    """The least value and the levels of every summand: signed ones of 8 bits down to ``lo``, unsigned ones."""
    if (bits := max(bit_width(lo, hi), 1)) <= 8:
        return [(-(1 << bits - 1) if lo < 0 else 0, (1 << bits) - 1)]
    signed = -(min(lo, 0) // 128)
    whole, rest = divmod(max(hi + 128 * signed - LEVELS * signed, 0), LEVELS)
    unsigned = [LEVELS] * whole + [(1 << bit_width(0, rest)) - 1] * (rest > 0)
    return [(-128, LEVELS)] * signed + [(0, levels) for levels in unsigned]
