"""Exact integer matrix products at BLAS speed.

A float product of integers is exact when every partial sum in every order is an integer of at most 2^24 (float32) or
2^53 (float64) in magnitude, since all such integers are representable. The bound is ``sum |w| * max |x|`` per output.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from isobit.interp.working import EXACT, dtype_for, held
from isobit.ir.types import IntArray
from isobit.numerics import magnitude

_CACHED_WEIGHTS, _BLOCK_ELEMENTS = 1 << 18, 1 << 20
"""Weights that stay in the processor's caches from one product to the next, and operands that are copied at once."""


def product_dtype(weights: IntArray, largest: int) -> Any:
    """The fastest dtype that holds every partial sum of ``weights @ x`` for ``|x| <= largest``; object beyond int64.

    ``weights`` has shape ``(..., out, in)``.
    """
    most = magnitude(weights)
    if dtype_for(max(most * weights.shape[-1] * largest, largest, most)) is EXACT[0][0]:
        return EXACT[0][0]  # nothing is faster, whatever the sums are
    row_sums = np.abs(weights.astype(object)).sum(axis=-1) if _huge(weights) else np.abs(weights).sum(axis=-1)
    return dtype_for(max(int(row_sums.max(initial=0)) * largest, largest, most))


def _huge(weights: IntArray) -> bool:
    return weights.dtype == object or magnitude(weights) * weights.shape[-1] >= 1 << 62


class ExactProduct:
    """``weights @ x`` for integer ``x`` with ``|x| <= largest``, exact, in the fastest safe dtype.

    ``weights`` has shape ``(groups, out, in)``; calls take ``(*positions, groups, in, columns)`` and give whole numbers
    of ``dtype``, ``(*positions, groups, out, columns)``.
    """

    def __init__(self, weights: IntArray, largest: int) -> None:
        self.dtype = product_dtype(weights, largest)
        self._weights = np.ascontiguousarray(weights.astype(self.dtype))

    def __call__(self, x: IntArray) -> IntArray:
        x = held(x, self.dtype)
        *positions, groups, fan_in, columns = x.shape
        outputs = self._weights.shape[1]
        if not positions or columns >= outputs or self._weights.size < _CACHED_WEIGHTS:
            return np.asarray(np.matmul(self._weights, x))
        # A product for each position would read all weights anew: positions become columns, which takes a copy.
        made = np.empty((*positions, groups, outputs, columns), self.dtype)
        rows = max(1, _BLOCK_ELEMENTS // max(x[:1].size, 1))
        for first in range(0, len(x), rows):
            block = np.moveaxis(x[first : first + rows], (-3, -2), (0, 1))
            product = np.matmul(self._weights, block.reshape(groups, fan_in, block[0, 0].size))
            shaped = product.reshape(groups, outputs, *block.shape[2:])
            made[first : first + rows] = np.moveaxis(shaped, (0, 1), (-3, -2))
        return made
