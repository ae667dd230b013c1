"""The border of a project: integer types, and the AXI-stream ports that carry a graph's inputs and outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from isobit.ir.types import IntArray
from isobit.numerics import bit_width, is_signed

Count = Annotated[int, Field(ge=0, lt=2**63)]
Halves = Annotated[int | float, Field(ge=0, lt=2**53, multiple_of=0.5)]
"""A number of block RAMs, of which halves are used; a whole one is an int."""
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

    ``node`` is the graph's input or output, ``outside`` what the source calls it. With a ``row``, every row of so many
    elements begins a word, and what its last word lacks is slack: an input's is the row's first elements again, an
    output's zeros.
    """

    name: Identifier
    node: str
    outside: str
    is_input: bool
    frame: Positive
    lanes: Positive
    elem: IntType
    elem_bits: Positive
    row: Count = 0

    @property
    def word_bits(self) -> int:
        """Width of a word of the stream."""
        return self.lanes * self.elem_bits

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The numpy type of one container."""
        return np.dtype(f"{'i' if self.elem.signed else 'u'}{self.elem_bits // 8}").newbyteorder("<")

    @property
    def words(self) -> int:
        """Words of a frame."""
        return self.frame // self.row * -(-self.row // self.lanes) if self.row else self.frame // self.lanes

    @property
    def whole(self) -> bool:
        """Do words make whole rows or frames, as ``row`` says?"""
        return self.row % self.lanes != 0 and self.frame % self.row == 0 if self.row else self.frame % self.lanes == 0

    def raw(self, values: IntArray) -> bytes:
        """Integers of whole frames as the port's little-endian containers."""
        there = np.ascontiguousarray(values.astype(self.dtype))
        if not self.row:
            return there.tobytes()
        rows, slack = there.reshape(-1, self.row), -self.row % self.lanes
        behind = rows[:, :slack] if self.is_input else np.zeros((len(rows), slack), self.dtype)
        return np.concatenate([rows, behind], axis=1).tobytes()

    def elements(self, containers: np.ndarray[Any, Any]) -> IntArray:
        """The integers of whole frames from their containers, without slack; one axis.

        Raises:
            ValueError: when they are no whole frames.
        """
        if containers.size % (self.words * self.lanes):
            raise ValueError(f"{containers.size} elements are no frames of {self.words * self.lanes}")
        if self.row:
            containers = containers.reshape(-1, self.row + -self.row % self.lanes)[:, : self.row]
        return containers.astype(np.int64).reshape(-1)
