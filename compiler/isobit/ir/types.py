"""The type of a value: its per-sample shape (channels last) and an integer interval for every channel.

The interval *is* the type: width and sign are derived from it and never stored beside it (``numerics.intervals``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.numerics import as_int_array, bit_width, is_signed

IntArray = NDArray[Any]


@dataclass(frozen=True, eq=False)
class ValueType:
    """Shape without the batch axis and the interval ``[lo[c], hi[c]]`` of each channel (last axis).

    ``lo`` and ``hi`` have shape ``(channels,)`` and dtype int64, or object beyond 64 bits.
    """

    shape: tuple[int, ...]
    lo: IntArray
    hi: IntArray

    @classmethod
    def of(cls, shape: tuple[int, ...], lo: Any, hi: Any) -> ValueType:
        """Build a type, broadcasting scalar or length-one bounds over the channels."""
        return cls(tuple(shape), _per_channel(lo, shape[-1]), _per_channel(hi, shape[-1]))

    @property
    def channels(self) -> int:
        return self.shape[-1]

    @property
    def size(self) -> int:
        """Elements per sample."""
        return prod(self.shape)

    @cached_property
    def bounds(self) -> tuple[int, int]:
        """The hull of all channels' intervals."""
        return int(self.lo.min()), int(self.hi.max())

    @property
    def bits(self) -> int:
        """Width in bits of the narrowest integer that holds every channel."""
        return bit_width(*self.bounds)

    @property
    def signed(self) -> bool:
        return is_signed(self.bounds[0])

    def __str__(self) -> str:
        lo, hi = self.bounds
        dims = ",".join(map(str, self.shape))
        return f"[{dims}] {'s' if self.signed else 'u'}{self.bits}{{{lo}..{hi}}}"


def _per_channel(bound: Any, channels: int) -> IntArray:
    array = as_int_array(np.atleast_1d(np.asarray(bound)))
    full = np.ascontiguousarray(np.broadcast_to(array, (channels,)))
    full.flags.writeable = False
    return full
