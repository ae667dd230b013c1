"""The border of a project: integer types, and the AXI-stream ports that carry a graph's inputs and outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from isobit.ir.types import IntArray
from isobit.numerics import bit_width, is_signed

Count = Annotated[int, Field(ge=0, lt=2**63)]
Positive = Annotated[int, Field(ge=1, lt=2**63)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
CONTAINERS = (8, 16, 32, 64)
"""Bits of what one element of a port lies in."""


@dataclass(frozen=True)
class IntType:
    """``ap_int<bits>`` or ``ap_uint<bits>``."""

    bits: Positive
    signed: bool

    @classmethod
    def of(cls, lo: int, hi: int) -> IntType:
        """The narrowest type that holds ``lo .. hi``."""
        return cls(bit_width(lo, hi), is_signed(lo))

    @classmethod
    def holding(cls, values: IntArray) -> IntType:
        """The narrowest type that holds all of ``values``."""
        return cls.of(int(values.min()), int(values.max()))

    @property
    def interval(self) -> tuple[int, int]:
        """The least and the greatest integer of the type."""
        return (-(1 << self.bits - 1), (1 << self.bits - 1) - 1) if self.signed else (0, (1 << self.bits) - 1)

    def __str__(self) -> str:
        return f"{'ap_int' if self.signed else 'ap_uint'}<{self.bits}>"


@dataclass(frozen=True)
class Port:
    """An AXI-stream port: ``frame`` elements per sample, ``lanes`` per word, each in a container of ``elem_bits``.

    ``node`` is the graph's input or output, ``outside`` what the source calls it.
    """

    name: Identifier
    node: str
    outside: str
    is_input: bool
    frame: Positive
    lanes: Positive
    elem: IntType
    elem_bits: Positive

    @property
    def word_bits(self) -> int:
        """Width of a word of the stream."""
        return self.lanes * self.elem_bits

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The numpy type of one container."""
        return np.dtype(f"{'i' if self.elem.signed else 'u'}{self.elem_bits // 8}").newbyteorder("<")

    def raw(self, values: IntArray) -> bytes:
        """Integers as the port's little-endian containers."""
        return np.ascontiguousarray(values.astype(self.dtype)).tobytes()
