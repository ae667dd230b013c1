"""Constant arrays as the C++ declares them: elements, words of several (``rom.hpp``), or an array for every stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from isobit.backends.dataflow.catalogue.template import Layout
from isobit.backends.dataflow.design import Array
from isobit.ir.types import IntArray

WORD_BITS = 64
"""Bits of the widest integer that C++ has a literal for."""


@dataclass(frozen=True, eq=False)
class Rom:
    """An array of ``parameters.hpp``: elements of ``bits`` bits, ``count`` values of the array in each.

    ``pragmas``: what ``top.cpp`` says of its memory.
    """

    name: str
    bits: int
    signed: bool
    values: IntArray | NDArray[np.uint64]
    count: int = 1
    pragmas: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        value = f"{self.bits // self.count}, {'true' if self.signed else 'false'}"
        return f"isobit::rom<{value}>::type" if self.count == 1 else f"isobit::packed_rom<{value}, {self.count}>::type"


def as_it_is(array: Array) -> tuple[Rom, ...]:
    """A value an element."""
    return (Rom(array.name, array.elem.bits, array.elem.signed, array.values, pragmas=_place(array)),)


def by_row(array: Array) -> tuple[Rom, ...]:
    """``[rows][words]``: as many values of a row in a word as divide the row and fit 64 bits, the first the lowest."""
    bits, lanes = array.elem.bits, prod(array.values.shape[1:])
    count = max((n for n in range(1, WORD_BITS // bits + 1) if lanes % n == 0), default=1)
    rows: IntArray | NDArray[np.uint64] = array.values.reshape(len(array.values), lanes)
    if count > 1:
        fields = rows.astype(np.int64).astype(np.uint64) & np.uint64((1 << bits) - 1)
        places = np.arange(count, dtype=np.uint64) * np.uint64(bits)
        rows = np.bitwise_or.reduce(fields.reshape(len(rows), -1, count) << places, axis=-1)
    return (Rom(array.name, bits * count, array.elem.signed, rows, count, _place(array)),)


def by_stage(array: Array) -> tuple[Rom, ...]:
    """``[rows][lanes][2^s]`` for stage ``s`` of a bisection, of ``[rows][lanes]`` heaps; a memory for every lane."""
    roms = []
    for stage, suffix in enumerate(suffixes(array, "stages")):
        values, name = array.values[..., (1 << stage) - 1 : (2 << stage) - 1], array.name + suffix
        apart = f"ARRAY_PARTITION variable={name} complete dim=2"
        pragmas = apart, f"BIND_STORAGE variable={name} type=rom_np impl=lutram"
        roms.append(Rom(name, array.elem.bits, array.elem.signed, values, pragmas=pragmas))
    return tuple(roms)


def plain(array: Array) -> tuple[Rom, ...]:
    """A value an element, a builtin integer's width: what is no memory needs no ``ap_int``."""
    bits = next(b for b in (8, 16, 32, 64) if array.elem.bits <= b)
    return (Rom(array.name, bits, array.elem.signed, array.values),)


LAYOUTS: dict[Layout, Callable[[Array], tuple[Rom, ...]]] = {
    "elements": as_it_is, "rows": by_row, "stages": by_stage, "plain": plain
}  # fmt: skip


def suffixes(array: Array, layout: Layout) -> tuple[str, ...]:
    """What the names of an array's arrays have beyond its own."""
    return tuple(f"_{s}" for s in range(array.values.shape[-1].bit_length())) if layout == "stages" else ("",)


def _place(array: Array) -> tuple[str, ...]:
    """The memory that a plan chose."""
    return () if array.storage == "auto" else (f"BIND_STORAGE variable={array.name} type=rom_1p impl={array.storage}",)
