"""What the source computes in float32 behind an exact sum: the second reading of a real tensor.

A quantised tensor is integers times a float32 scale. Sums of its products are taken exactly, multiplied by the float32
product of the two scales and rounded once; every element-wise operation behind is rounded to float32, in the file's own
order. That is a function of the integer accumulator, monotone as long as every operation is: IEEE rounding never turns
two numbers round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.numerics.float32 import nearest_float32, scaled_float32

Rationals = NDArray[Any]
Floats = NDArray[np.float32]
ROUNDINGS = 4 * 2.0**-24
"""What an operation's result may be off by for its own rounding and for those of its constants, with room to spare."""
_NORMAL = 2.0**-126
_LEAST = 2.0**-147
"""The same below the normal numbers."""


@dataclass(frozen=True, eq=False)
class Operation:
    """One element-wise operation: ``add``, ``mul``, ``div``, ``clamp`` (least, greatest) or ``leaky`` (the slope).

    ``constants`` are float32, one or one for each channel; None where a clamp has no limit. ``terms`` are the
    magnitudes of what an ``add``'s constants were summed of in float32, None where they are the file's own.
    """

    kind: str
    constants: tuple[Floats | None, ...]
    terms: Floats | None = None

    def __call__(self, channel: int, x: Floats) -> Floats:
        """The float32 results for float32 ``x`` in a channel."""
        picked = [None if c is None else c[channel % len(c)] for c in self.constants]
        return np.asarray(_OPERATIONS[self.kind](x, *picked), dtype=np.float32)

    def error(self, channel: int, x: Floats, before: NDArray[np.float64], y: Floats) -> NDArray[np.float64]:
        """A bound on the error of ``y``, the results for ``x``, whose own error is at most ``before``."""
        first = self.constants[0]
        constant = 0.0 if first is None else abs(float(first[channel % len(first)]))
        if self.kind == "clamp":
            return before
        if self.kind == "add":
            terms = constant if self.terms is None else float(self.terms[channel % len(self.terms)])
            return before + ROUNDINGS * (abs(x.astype(np.float64)) + terms) + _LEAST
        factor = {"mul": constant, "div": 1 / constant if constant else np.inf, "leaky": max(constant, 1.0)}[self.kind]
        return before * factor + ROUNDINGS * abs(y.astype(np.float64)) + _LEAST


@dataclass(frozen=True, eq=False)
class FloatReading:
    """``operations`` on ``fl32(scale * n + offset)``, ``n`` the integer value.

    ``grid``: these are integers that a quantiser has just made, times its own float32 scale.
    """

    scale: Rationals
    offset: Rationals
    operations: tuple[Operation, ...] = ()
    grid: bool = False

    def then(self, kind: str, *constants: Rationals | None, terms: Rationals | None = None) -> FloatReading | None:
        """One operation more, its constants rounded to float32; None where it is not monotone."""
        rounded = tuple(None if c is None else float32s(c) for c in constants)
        if kind == "leaky" and rounded[0] is not None and (rounded[0] < 0).any():
            return None
        operation = Operation(kind, rounded, None if terms is None else float32s(terms))
        return replace(self, operations=(*self.operations, operation), grid=False)

    def affine(self, a: Rationals, b: Rationals) -> FloatReading | None:
        """``a * x`` and then ``+ b``, without what changes nothing."""
        made: FloatReading | None = self
        for kind, values, nothing in (("mul", a, 1), ("add", b, 0)):
            if made is not None and (values != nothing).any():
                made = made.then(kind, values)
        return made

    def follow(self, taken: Callable[[Any], Any]) -> FloatReading:
        """Every array of one entry per channel taken along moved channels."""
        moved = tuple(
            Operation(
                o.kind,
                tuple(None if c is None else taken(c) for c in o.constants),
                None if o.terms is None else taken(o.terms),
            )
            for o in self.operations
        )
        return replace(self, scale=taken(self.scale), offset=taken(self.offset), operations=moved)

    def at(self, channel: int, integers: NDArray[np.int64]) -> Floats:
        """The float32 values of ``integers`` in a channel."""
        x = scaled_float32(integers, _pick(self.scale, channel), _pick(self.offset, channel))
        with np.errstate(all="ignore"):
            for operation in self.operations:
                x = operation(channel, x)
        return x

    def error(self, channel: int, integers: NDArray[np.int64]) -> NDArray[np.float64]:
        """How far :meth:`at` may be from the exact value at most: a forward error bound, operation by operation."""
        scale, offset = (float(_pick(v, channel)) for v in (self.scale, self.offset))
        x = scaled_float32(integers, _pick(self.scale, channel), _pick(self.offset, channel))
        with np.errstate(all="ignore"):
            error = ROUNDINGS * (abs(scale * integers.astype(np.float64)) + abs(offset)) + _LEAST
            for operation in self.operations:
                y = operation(channel, x)
                x, error = y, operation.error(channel, x, error, y)
        return error

    def falls(self, channel: int) -> bool:
        """Does the value fall where the integer rises?"""
        factors = [o.constants[0] for o in self.operations if o.kind in ("mul", "div")]
        negative = sum(bool(c[channel % len(c)] < 0) for c in factors if c is not None)
        return bool(_pick(self.scale, channel) < 0) != bool(negative % 2)


def of_product(x: FloatReading | None, scale: Rationals, offset: Rationals) -> FloatReading:
    """The reading of a product's integers: the product of two float32 scales is a float32 itself.

    Beyond the normal numbers it is exact: below them it would lose digits that no product of the integers has lost.

    Args:
        x: the reading of the activations that were multiplied.
        scale: the exact products of the scales; ``offset`` the sum of what zero points add.
    """
    if x is None or not x.grid or (x.scale != x.scale[0]).any():
        return FloatReading(scale, offset)
    rounded = np.array([_normal_float32(v) for v in scale], dtype=object)
    return FloatReading(rounded, offset * (rounded / scale))


def float32s(values: Sequence[Fraction] | Rationals) -> Floats:
    """The nearest float32 of every rational."""
    return np.array([nearest_float32(v) for v in values], np.float32)


def _normal_float32(value: Fraction) -> Fraction:
    """The nearest float32 of a normal number, any other as it is."""
    near = nearest_float32(value)
    return Fraction(float(near)) if abs(value) >= _NORMAL and np.isfinite(near) else value


def _pick(values: Rationals, channel: int) -> Fraction:
    value: Fraction = values[channel % len(values)]
    return value


def _clamp(x: Floats, lo: Any, hi: Any) -> Floats:
    x = x if lo is None else np.maximum(x, lo)
    return x if hi is None else np.minimum(x, hi)


_OPERATIONS: dict[str, Callable[..., Floats]] = {
    "add": lambda x, v: x + v,
    "clamp": _clamp,
    "div": lambda x, v: x / v,
    "leaky": lambda x, v: np.where(x < 0, x * v, x),
    "mul": lambda x, v: x * v,
}
