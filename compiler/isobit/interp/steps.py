"""Evaluating a layer of staircases on whole arrays: by look-up, by one multiply and shift, or channel by channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isobit.interp.working import dtype_for, held
from isobit.ir.types import IntArray, ValueType
from isobit.numerics import Curve, MultiplyShift, as_int_array, fit_dtype

_CACHED_ENTRIES, _TABLE_ENTRIES = 1 << 17, 1 << 20
"""Entries of a look-up that is always taken, and of one that is taken where no multiplication does it."""


class StepFunction:
    """All curves of one step node (one per channel, or one for all), applied to ``(batch, ..., channels)``.

    ``dtype`` is that of the result: whole numbers, in the interpreter's working dtype.
    """

    def __init__(self, curves: Sequence[Curve], x: ValueType, dtype: Any) -> None:
        self._curves, self._dtype = tuple(curves), dtype
        self._lo, hi = x.bounds
        span = hi - self._lo + 1
        entries = span * len(curves)
        self._scaled = None if entries <= _CACHED_ENTRIES else _scaled(self._curves, max(abs(self._lo), abs(hi)))
        self._table: IntArray | None = None
        if self._scaled is None and entries <= _TABLE_ENTRIES:
            self._table = _tabulate(self._curves, self._lo, hi).astype(dtype)
            # Entry x of curve i stands at i * span + x - lo.
            starts = [i * span - self._lo for i in range(len(curves))]
            self._start = as_int_array(np.array(starts, dtype=object))

    def __call__(self, x: IntArray) -> IntArray:
        if self._table is not None:
            return self._looked_up(x, self._table)
        if self._scaled is not None:
            return self._multiplied(x, self._scaled)
        x = held(x, object if x.dtype == object else np.int64)
        if len(self._curves) == 1:
            return self._curves[0](x)
        return np.stack([f(x[..., i]) for i, f in enumerate(self._curves)], axis=-1)

    def _looked_up(self, x: IntArray, table: IntArray) -> IntArray:
        if object in (self._start.dtype, x.dtype):
            return np.asarray(table.take((held(x, object) + self._start).astype(np.int64)))
        index = x.astype(np.int64)
        index += self._start
        return np.asarray(table.take(index))

    def _multiplied(self, x: IntArray, scaled: tuple[IntArray, ...]) -> IntArray:
        """All in place, in memory that is still cached; in floats every number is a multiple of 2^-k, so exact."""
        m, c, k, lo, hi = scaled
        y = np.multiply(x, m, dtype=m.dtype)
        y += c
        y = np.floor(y, out=y) if m.dtype != np.int64 else np.right_shift(y, k, out=y)
        return np.clip(y, lo, hi, out=y).astype(self._dtype, copy=False)


def _tabulate(curves: Sequence[Curve], lo: int, hi: int) -> IntArray:
    domain = np.arange(hi - lo + 1).astype(fit_dtype(lo, hi)) + lo
    return np.concatenate([f(domain) for f in curves])


def _scaled(curves: Sequence[Curve], largest: int) -> tuple[IntArray, ...] | None:
    """m, c, k, lo and hi as arrays when every curve is a multiply-shift that fits 64 bits, else None.

    As floats where those are exact, m and c then already over 2^k.
    """
    scaled = [f for f in curves if isinstance(f, MultiplyShift)]
    bound = max(largest, *(f.m * largest + abs(f.c) for f in scaled), 0)
    if len(scaled) != len(curves) or any(f.k > 63 for f in scaled) or bound >= 1 << 62:
        return None
    m, c, k, lo, hi = (np.array([getattr(f, a) for f in scaled], dtype=np.int64) for a in ("m", "c", "k", "lo", "hi"))
    dtype = dtype_for(max(bound, *(max(abs(f.lo), abs(f.hi)) for f in scaled)))
    if dtype is np.int64:
        return m, c, k, lo, hi
    return tuple(v.astype(dtype) for v in (np.ldexp(m.astype(float), -k), np.ldexp(c.astype(float), -k), k, lo, hi))
