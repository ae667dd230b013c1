"""Evaluating a layer of staircases on whole arrays: by look-up, by one multiply and shift, or channel by channel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isobit.ir.types import IntArray, ValueType
from isobit.numerics import Curve, MultiplyShift, fit_dtype

_TABLE_ENTRIES = 1 << 20
_SAFE = 1 << 62


class StepFunction:
    """All curves of one step node (one per channel, or one for all), applied to ``(batch, ..., channels)``."""

    def __init__(self, curves: Sequence[Curve], x: ValueType) -> None:
        self._curves = tuple(curves)
        self._channels = x.channels
        self._lo, hi = x.bounds
        span = hi - self._lo + 1
        self._table: IntArray | None = None
        self._scaled: tuple[IntArray, IntArray, int, IntArray, IntArray] | None = None
        if span * len(curves) <= _TABLE_ENTRIES:
            self._table = _tabulate(self._curves, self._lo, hi)
        else:
            self._scaled = _shared_shift(self._curves, max(abs(self._lo), abs(hi)))

    def __call__(self, x: IntArray) -> IntArray:
        if self._table is not None:
            offsets = x - self._lo
            if len(self._curves) > 1:
                offsets += np.arange(self._channels) * (self._table.size // self._channels)
            return np.asarray(self._table.take(offsets.astype(np.int64)))
        if self._scaled is not None:
            m, c, k, lo, hi = self._scaled
            y = np.asarray(m * x)  # the rest in place, in memory that is still cached
            y += c
            y >>= k
            return np.clip(y, lo, hi, out=y)
        if len(self._curves) == 1:
            return self._curves[0](x)
        return np.stack([f(x[..., i]) for i, f in enumerate(self._curves)], axis=-1)


def _tabulate(curves: Sequence[Curve], lo: int, hi: int) -> IntArray:
    domain = np.arange(hi - lo + 1).astype(fit_dtype(lo, hi)) + lo
    return np.concatenate([f(domain) for f in curves])


def _shared_shift(curves: Sequence[Curve], largest: int) -> tuple[IntArray, IntArray, int, IntArray, IntArray] | None:
    """The parameters as arrays when every curve is a multiply-shift with one shift that fits 64 bits, else None."""
    scaled = [f for f in curves if isinstance(f, MultiplyShift)]
    if len(scaled) != len(curves) or len({f.k for f in scaled}) != 1:
        return None
    if any(f.m * largest + abs(f.c) >= _SAFE for f in scaled):
        return None
    columns = (np.array([getattr(f, a) for f in scaled], dtype=np.int64) for a in ("m", "c", "lo", "hi"))
    m, c, lo, hi = columns
    return m, c, scaled[0].k, lo, hi
