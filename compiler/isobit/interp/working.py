"""In what dtype the interpreter holds integers while it works: float32 where that is exact, it is half as wide.

Integers of at most 2^24 in magnitude are float32 numbers, and so are their sums, products and maxima below that bound;
wider ones are held as int64, beyond it as Python integers.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from isobit.ir.types import IntArray, ValueType
from isobit.numerics import fit_dtype

EXACT = ((np.float32, 1 << 24), (np.float64, 1 << 53), (np.int64, (1 << 63) - 1))
"""Dtypes, fastest first, and up to which magnitude they hold every integer."""


def dtype_for(largest: int) -> Any:
    """The fastest dtype that holds every integer up to ``largest`` in magnitude; object beyond int64."""
    return next((dtype for dtype, limit in EXACT if largest <= limit), object)


def working_dtype(value: ValueType) -> Any:
    """The dtype of an array of this type between two operations: float32, int64 or object."""
    dtype = dtype_for(max(abs(v) for v in value.bounds))
    return dtype if dtype is np.float32 else fit_dtype(*value.bounds)


def held(array: Any, dtype: Any) -> IntArray:
    """Whole numbers in ``dtype``, which holds them; floats become Python integers by way of int64."""
    if np.dtype(dtype) == object and array.dtype != object:
        array = array.astype(np.int64, copy=False)
    return np.asarray(array.astype(dtype, copy=False))


class Spread:
    """Numbers of each channel ``(channels, 1)`` beside arrays ``(..., channels, batch)``: one number where all are
    equal, else repeated along the batch, so that numpy's loops run over both axes at once and not over a few samples.
    """

    def __init__(self, values: IntArray) -> None:
        self._values = values
        self.one = values.flat[0] if (values == values.flat[0]).all() else None
        self._made: IntArray = values

    def over(self, batch: int) -> Any:
        """What to combine an array of so many samples with."""
        if self.one is not None:
            return self.one
        made = self._made
        if made.shape[1] != batch:
            made = self._made = np.ascontiguousarray(np.broadcast_to(self._values, (len(self._values), batch)))
        return made


@cache
def keep_freed_memory() -> None:
    """Have the C library keep the memory of freed arrays, rather than ask the system for it array by array.

    Fresh pages are zeroed as they are touched, which takes longer than most operations do. glibc keeps blocks up to
    the size of the largest it has seen freed, 32 MiB at most; elsewhere this does nothing.
    """
    np.empty(31 << 20, np.int8)
