"""One execution of an operator of the source: what the exact evaluator hands to each of them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from isobit.check.source.exact.file import FileNode
from isobit.check.source.exact.tensor import ExactTensor, scalar
from isobit.errors import IsobitError


@dataclass(frozen=True)
class Call:
    """One execution of a node: its inputs (``None`` where absent) and its output shapes for the batch at hand.

    ``whole``: an operand has an integer element type (both have, then).
    """

    node: FileNode
    inputs: tuple[ExactTensor | None, ...]
    shapes: tuple[tuple[int, ...], ...]
    whole: bool = False

    def given(self, index: int) -> ExactTensor:
        """An input that must be there."""
        value = self.optional(index)
        if value is None:
            raise IsobitError("E202", f"input {index} is missing")
        return value

    def optional(self, index: int) -> ExactTensor | None:
        """An input that may be absent."""
        return self.inputs[index] if index < len(self.inputs) else None

    def integer(self, name: str, default: int) -> int:
        """An integer attribute."""
        value = self.node.attrs.get(name, default)
        return value if isinstance(value, int) else default

    def text(self, name: str, default: str) -> str:
        """A text attribute."""
        return str(self.node.attrs.get(name, default))

    def number(self, name: str, default: float) -> ExactTensor:
        """A float attribute as an exact scalar."""
        value = self.node.attrs.get(name, default)
        return scalar(Fraction(value if isinstance(value, int | float) else default))

    def integers(self, name: str, index: int | None = None) -> tuple[int, ...] | None:
        """A list of integers, from an attribute or from the input that replaced it in later opsets."""
        value = self.node.attrs.get(name)
        if isinstance(value, tuple):
            return tuple(int(v) for v in value)
        tensor = self.optional(index) if index is not None else None
        return None if tensor is None else tuple(int(n) for n in tensor.num.flat)
