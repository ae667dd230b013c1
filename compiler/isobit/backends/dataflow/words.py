"""Constant arrays as the C++ declares them: an element for every value, or words of several (``rom.hpp``)."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from isobit.backends.dataflow.design import Array
from isobit.ir.types import IntArray

WORD_BITS = 64
"""Bits of the widest integer that C++ has a literal for."""


@dataclass(frozen=True, eq=False)
class Rom:
    """An array of ``parameters.hpp``: elements of ``bits`` bits, ``count`` values of the array in each."""

    name: str
    bits: int
    signed: bool
    values: IntArray | NDArray[np.uint64]
    count: int = 1

    @property
    def type(self) -> str:
        value = f"{self.bits // self.count}, {'true' if self.signed else 'false'}"
        return f"isobit::rom<{value}>::type" if self.count == 1 else f"isobit::packed_rom<{value}, {self.count}>::type"


def as_it_is(array: Array) -> Rom:
    """A value an element."""
    return Rom(array.name, array.elem.bits, array.elem.signed, array.values)


def by_row(array: Array) -> Rom:
    """``[rows][words]``: as many values of a row in a word as divide the row and fit 64 bits, the first the lowest."""
    bits, lanes = array.elem.bits, prod(array.values.shape[1:])
    count = max((n for n in range(1, WORD_BITS // bits + 1) if lanes % n == 0), default=1)
    rows = array.values.reshape(len(array.values), lanes)
    if count == 1:
        return Rom(array.name, bits, array.elem.signed, rows)
    fields = rows.astype(np.int64).astype(np.uint64) & np.uint64((1 << bits) - 1)
    places = np.arange(count, dtype=np.uint64) * np.uint64(bits)
    words = np.bitwise_or.reduce(fields.reshape(len(rows), -1, count) << places, axis=-1)
    return Rom(array.name, bits * count, array.elem.signed, words, count)
