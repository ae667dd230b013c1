"""Weights of -1 and 1 as one bit each, and sums of products with them that need no product.

**The law.** With ``w = 2 v - 1``, ``v`` in 0 and 1, distributivity gives ``sum w x = 2 sum v x - sum x``: twice the sum
of the ``x`` that ``v`` selects, less the sum of all ``x``, which every output shares. For ``x`` of 0 and 1 the first
sum counts the ones of ``v & x``. Where these ``x`` stand for -1 and 1, that is the count of an XNOR, whose constant the
steps behind have taken (:class:`isobit.passes.binary.TwoValuesToBits`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from isobit.numerics.intervals import IntArray


@dataclass(frozen=True)
class Bipolar:
    """How weights of -1 and 1 are stored: a bit says whether a weight is 1."""

    bits: ClassVar[int] = 1


def is_bipolar(weights: IntArray) -> bool:
    """Is every weight -1 or 1?"""
    return bool(np.isin(weights, (-1, 1)).all())


def bits_of(weights: IntArray) -> IntArray:
    """``v`` of every weight."""
    return (weights + 1) // 2


def bipolar_dot(bits: Sequence[int], x: Sequence[int]) -> int:
    """The sum of products with the weights that these bits stand for."""
    return 2 * sum(value for bit, value in zip(bits, x, strict=True) if bit) - sum(x)


def levels_of_threes(count: int) -> int:
    """Depth of a tree that adds three at a time."""
    levels = 0
    while count > 1:
        count, levels = -(-count // 3), levels + 1
    return levels
