"""Evaluating a layer of staircases on whole arrays: by one multiply and floor, by look-up, or channel by channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isobit.interp.working import Spread, dtype_for, held
from isobit.ir.types import IntArray, ValueType
from isobit.numerics import Curve, MultiplyShift, Rounded, as_int_array, fit_dtype

_CACHED_ENTRIES, _TABLE_ENTRIES = 1 << 17, 1 << 20
"""Entries of a look-up that is taken before a multiplication in wide numbers, and of one that is taken after it."""
_BLOCK_ELEMENTS = 1 << 15
"""Elements that are multiplied at once: 256 kB."""
_MOST_LEVELS = 1 << 12
"""Levels of a curve up to which its cuts are tried in floats."""
_MANY = 1 << 13
"""Elements of each curve from which it is worth to try."""


class StepFunction:
    """All curves of one step node (one per channel, or one for all), applied to ``(..., channels, batch)``.

    ``dtype`` is that of the result: whole numbers, in the interpreter's working dtype. How the curves are evaluated is
    decided once: by a product (``scaled``), by look-up (``table``), or curve by curve; ``operand`` is the dtype that
    this takes, to which every argument is brought, whatever its own working dtype.
    """

    def __init__(self, curves: Sequence[Curve], x: ValueType, dtype: Any) -> None:
        self._curves, self._dtype = tuple(curves), dtype
        self._bounds = lo, hi = x.bounds
        self._tried = False
        entries = (hi - lo + 1) * len(curves)
        self.scaled = _scaled(self._curves, lo, hi, entries)
        self.table: IntArray | None = None
        self.operand: Any = fit_dtype(lo, hi).type
        if self.scaled is not None:
            self._take(self.scaled)
        elif entries <= _TABLE_ENTRIES:
            self.table = _tabulate(self._curves, lo, hi).astype(dtype)
            # Entry x of curve i stands at i * span + x - lo.
            starts = as_int_array(np.array([i * (hi - lo + 1) - lo for i in range(len(curves))], dtype=object))
            self._start, self.operand = starts[:, np.newaxis], np.result_type(starts, self.operand).type

    @property
    def by_curves(self) -> bool:
        """Whether it is slow: curve by curve, in wide integers."""
        return self.scaled is None and self.table is None

    def _take(self, scaled: Scaled) -> None:
        self.scaled, self.operand, self._spread = scaled, scaled[0].dtype.type, tuple(map(Spread, scaled))

    def __call__(self, x: IntArray) -> IntArray:
        if self.by_curves and not self._tried and x.size >= _MANY * len(self._curves):
            self._tried, found = True, _generated(self._curves, *self._bounds)
            if found is not None:
                self._take(found)
        if self.scaled is not None:
            return self._in_blocks(x, tuple(s.over(x.shape[-1]) for s in self._spread))
        x = held(x, self.operand)
        if self.table is not None:
            return np.asarray(self.table.take((x + self._start).astype(np.int64, copy=False)))
        if len(self._curves) == 1:
            return self._curves[0](x)
        return np.stack([f(x[..., i, :]) for i, f in enumerate(self._curves)], axis=-2)

    def _in_blocks(self, x: IntArray, scaled: Scaled) -> IntArray:
        """The product of few elements at a time, which stay in the processor's caches from one pass to the next."""
        inner = x.shape[-2:]
        rows = x.reshape(-1, *inner)
        size = max(_BLOCK_ELEMENTS // max(inner[0] * inner[1], 1), 1)
        made, block = np.empty(rows.shape, self._dtype), np.empty((min(size, len(rows)), *inner), self.operand)
        for first in range(0, len(rows), size):
            part = rows[first : first + size]
            y = block[: len(part)]
            y[...] = part
            made[first : first + size] = _multiplied(y, scaled, y)
        return made.reshape(x.shape)


Scaled = tuple[IntArray, ...]
"""m, c, k, lo and hi of each curve's ``clamp((m * x + c) >> k, lo, hi)``, ``(curves, 1)``; in floats m and c are
already over ``2^k``."""


def _scaled(curves: Sequence[Curve], lo: int, hi: int, entries: int) -> Scaled | None:
    """The product that is faster than a look-up of so many entries: in float32, in float64, in int64; None where there
    is none."""
    largest = max(abs(lo), abs(hi))
    integers = _multiply_shifts(curves, largest)
    if integers is None:
        return None
    single = _single(integers, lo, hi)
    if single is None and entries > _CACHED_ENTRIES:
        return _wide(integers, largest)
    return single


def _multiplied(x: IntArray, scaled: Scaled, out: IntArray | None = None) -> IntArray:
    """All in ``out``, or in one new array; x is in the dtype of the parameters."""
    m, c, k, lo, hi = scaled
    y = np.multiply(x, m, out=out)
    y += c
    y = np.floor(y, out=y) if y.dtype != np.int64 else np.right_shift(y, k, out=y)
    return np.clip(y, lo, hi, out=y)


def _tabulate(curves: Sequence[Curve], lo: int, hi: int) -> IntArray:
    domain = np.arange(hi - lo + 1).astype(fit_dtype(lo, hi)) + lo
    return np.concatenate([f(domain) for f in curves])


def _multiply_shifts(curves: Sequence[Curve], largest: int) -> Scaled | None:
    """The parameters as int64 when every curve is a multiply-shift that fits 62 bits for ``|x| <= largest``."""
    shifts = [f for f in curves if isinstance(f, MultiplyShift)]
    bound = max((f.m * max(largest, 1) + abs(f.c) for f in shifts), default=0)
    if len(shifts) != len(curves) or any(f.k > 63 for f in shifts) or bound >= 1 << 62:
        return None
    return tuple(np.array([[getattr(f, a)] for f in shifts], dtype=np.int64) for a in ("m", "c", "k", "lo", "hi"))


def _generated(curves: Sequence[Curve], lo: int, hi: int) -> Scaled | None:
    """Float64 parameters of generators, found and proven as in :func:`_single`; None where there are none."""
    inside = [f.restrict(lo, hi) for f in curves]
    rounded = [f for f in inside if isinstance(f, Rounded) and f.levels <= _MOST_LEVELS]
    if len(rounded) < len(curves) or max(abs(lo), abs(hi)) > 1 << 50:
        return None
    made = []
    for f in rounded:
        rises, cuts, slope = np.arange(f.start + 1, f.top + 1), f.cuts().astype(np.int64), float(f.mult)
        offset = ((rises - slope * cuts).max() + (rises - slope * (cuts - 1)).min()) / 2
        x, one = np.concatenate([cuts - 1, cuts, [lo, hi]]), np.array([slope, offset, 0, f.start, f.top], float)
        if not np.array_equal(_multiplied(x.astype(float), tuple(one)), f(x)):
            return None
        made.append(one)
    return tuple(np.array(column)[:, np.newaxis] for column in zip(*made, strict=True))


def _wide(scaled: Scaled, largest: int) -> Scaled:
    """As floats where every number is a multiple of ``2^-k`` that these hold, so exact; else as they are."""
    m, c, k, lo, hi = scaled
    dtype = dtype_for(max(largest, int((m * largest + abs(c)).max()), int(abs(lo).max()), int(abs(hi).max())))
    if dtype is np.int64:
        return scaled
    return tuple(v.astype(dtype) for v in (np.ldexp(m.astype(float), -k), np.ldexp(c.astype(float), -k), k, lo, hi))


def _single(scaled: Scaled, lo: int, hi: int) -> Scaled | None:
    """Float32 parameters that give every integer of ``[lo, hi]`` its value though sums are rounded; None if not found.

    Rounded products and sums still rise with x, so a function is proven by its values at the ends and on both sides
    of every cut. The offset lies in the middle of all that put the unrounded cuts where they belong.
    """
    m, c, k, least, most = scaled
    bottom, top = int(least.min()), int(most.max())
    too_wide = max(abs(lo), abs(hi)) > 1 << 24 or (max(abs(bottom), abs(top)) + 1) << int(k.max()) >= 1 << 62
    if too_wide or top - bottom > _MOST_LEVELS:
        return None
    rises = np.clip(np.arange(bottom, top + 1), least + 1, most)
    cuts = -((c - (rises << k)) // m)
    slope = np.ldexp(m.astype(float), -k)
    offset = ((rises - slope * cuts).max(axis=1) + (rises - slope * (cuts - 1)).min(axis=1)) / 2
    ends = np.broadcast_to([[lo, hi]], (len(m), 2))
    x = np.clip(np.concatenate([cuts - 1, cuts, ends], axis=1), lo, hi)
    single = tuple(v.astype(np.float32) for v in (slope, offset[:, np.newaxis], k, least, most))
    same = np.array_equal(_multiplied(x.astype(np.float32), single), _multiplied(x, scaled))
    return single if same else None
