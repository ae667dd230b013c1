"""What the lowering needs to know of one template instance."""

from __future__ import annotations

from dataclasses import dataclass

from isobit.emit.design import Array, IntType


@dataclass(frozen=True, eq=False)
class Kernel:
    """A template's parameters."""

    template: str
    constants: tuple[tuple[str, int | bool | str], ...]
    types: tuple[tuple[str, IntType], ...]
    arrays: tuple[Array, ...]
    out_type: IntType
    out_lanes: int
