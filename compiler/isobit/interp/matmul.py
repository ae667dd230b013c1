"""Exact integer matrix products at BLAS speed.

A float product of integers is exact when every partial sum in every order is an integer of at most 2^24 (float32) or
2^53 (float64) in magnitude, since all such integers are representable. The bound is ``sum |w| * max |x|`` per output.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from isobit.interp.working import dtype_for, held
from isobit.ir.types import IntArray
from isobit.numerics import magnitude


def product_dtype(weights: IntArray, largest: int) -> Any:
    """The fastest dtype that holds every partial sum of ``weights @ x`` for ``|x| <= largest``; object beyond int64.

    ``weights`` has shape ``(..., out, in)``.
    """
    row_sums = np.abs(weights.astype(object)).sum(axis=-1) if _huge(weights) else np.abs(weights).sum(axis=-1)
    return dtype_for(max(int(row_sums.max(initial=0)) * largest, largest, magnitude(weights)))


def _huge(weights: IntArray) -> bool:
    return weights.dtype == object or magnitude(weights) * weights.shape[-1] >= 1 << 62


class ExactProduct:
    """``x @ weights.T`` for integer ``x`` with ``|x| <= largest``, exact, in the fastest safe dtype.

    ``weights`` has shape ``(groups, out, in)``; calls take ``(rows, groups, in)`` and give whole numbers of ``dtype``,
    ``(rows, groups, out)``.
    """

    def __init__(self, weights: IntArray, largest: int) -> None:
        self.dtype = product_dtype(weights, largest)
        self._columns = np.ascontiguousarray(np.swapaxes(weights, -1, -2).astype(self.dtype))

    def __call__(self, x: IntArray) -> IntArray:
        rows, groups, fan_in = x.shape
        if groups == 1:
            flat = held(x.reshape(rows, fan_in), self.dtype) @ self._columns[0]
            return np.asarray(flat[:, np.newaxis])
        product = np.matmul(held(x.swapaxes(0, 1), self.dtype), self._columns)
        return np.asarray(product.swapaxes(0, 1))
