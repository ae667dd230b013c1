"""One operator of a TFLite file with what it reads: the constants, scales and roundings that its kernel takes.

Arrays have an axis of samples before the axes of the file: ``(N, *shape)``, with the file's own batch axis of 1, so
that an operator may move or drop any axis. A scale is a float32 value; whether a kernel multiplies and divides scales
in float32 or in double decides the last bits of its multiplier, and every caller says which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isobit.check.source.tflite.arithmetic import Ints, fixed_multiplier, half_away, multiplied, multiplied_once
from isobit.check.source.tflite.file import LIMITS, File, Operator, Tensor

__all__ = ["Call", "Ints"]

_ACCUMULATOR, _WIDE_SUM, _MOST_LEFT = 1 << 31, 1 << 47, 7
_CLAMPS: Mapping[int, tuple[float | None, float | None]] = {
    0: (None, None),
    1: (0.0, None),
    2: (-1.0, 1.0),
    3: (0.0, 6.0),
    -1: (0.0, 1.0),
}
"""The schema's fused activations that only clamp, as real limits; -1 is RELU_0_TO_1, which is never fused."""


@dataclass(frozen=True)
class Call:
    """One operator, with the integers ``(N, *shape)`` of ``samples`` samples for everything made before it.

    Methods that name an input take its place among the operator's inputs.
    """

    model: File
    operator: Operator
    values: Mapping[int, NDArray[np.generic]]
    samples: int

    def option(self, name: str, default: int = 0) -> int:
        """An option of the operator; ``default`` where the file has none, or 0."""
        return int(self.operator.options.get(name, 0)) or default

    def has(self, place: int) -> bool:
        """Whether an optional input is there."""
        return place < len(self.operator.inputs) and self.operator.inputs[place] >= 0

    def tensor(self, place: int) -> Tensor:
        if not self.has(place):
            raise self.operator.refusal(f"input {place} is missing")
        return self.model.tensors[self.operator.inputs[place]]

    @property
    def output(self) -> Tensor:
        return self.model.tensors[self.operator.outputs[0]]

    def constant(self, place: int) -> Ints:
        """An input that must be in the file: weights, axes, a shape."""
        data = self.tensor(place).data
        if data is None:
            raise self.operator.refusal(f"{self.model.place(self.operator.inputs[place])} is computed at run time")
        if data.dtype.kind not in "iu":
            raise self.operator.refusal(f"a constant of {data.dtype}")
        return data.astype(np.int64)

    def value(self, place: int) -> Ints:
        """An input's integers ``(N, *shape)``, a constant's repeated for every sample."""
        tensor = self.tensor(place)
        if tensor.dtype not in LIMITS:
            raise self.operator.refusal(f"an input of {tensor.dtype}")
        made = self.values.get(self.operator.inputs[place])
        if made is None:
            made = np.broadcast_to(self.constant(place), (self.samples, *tensor.shape))
        return made.astype(np.int64)

    def moved(self, place: int) -> Ints:
        """An input of any type that is only moved: floats too, before they are quantised."""
        made = self.values.get(self.operator.inputs[place]) if self.has(place) else None
        if self.tensor(place).dtype == "float32" and made is not None:
            return made  # type: ignore[return-value]
        return self.value(place)

    def centred(self, place: int) -> Ints:
        """An input's integers less its zero point."""
        return self.value(place) - self.zero_point(self.tensor(place))

    def scale(self, tensor: Tensor) -> float:
        """A tensor's one scale, a float32 value."""
        if len(tensor.scale) != 1:
            raise self.operator.refusal(f"{len(tensor.scale)} scales where one is needed", code="E203")
        return tensor.scale[0]

    def zero_point(self, tensor: Tensor) -> int:
        """The zero point of a tensor that has one."""
        if len(set(tensor.zero_point)) != 1:
            raise self.operator.refusal("the tensor has no single zero point", code="E203")
        return tensor.zero_point[0]

    def rescaled(self, x: Ints, real: float | Sequence[float]) -> Ints:
        """``x`` times real multipliers, one or one per element of the last axis, as 31-bit integers rounded twice.

        Source: ``QuantizeMultiplier``, ``MultiplyByQuantizedMultiplier`` (two roundings).
        """
        return self.multiplied(x, *_fixed(real))

    def rescaled_once(self, x: Ints, real: Sequence[float]) -> Ints:
        """Sums of 64 bits times real multipliers as integers of 15 bits, rounded once.

        Source: ``MultiplyByQuantizedMultiplier`` of an int64, whose result is an int32.
        """
        q, shift = _fixed(real)
        if np.abs(x).max(initial=0) >= _WIDE_SUM or shift.max() > _MOST_LEFT:
            raise self.operator.refusal("a sum leaves 48 bits")
        return self.accumulated(multiplied_once(x, q, shift))

    def multiplied(self, x: Ints, q: Ints, shift: Ints) -> Ints:
        """``x`` times ``q * 2**(shift - 31)``, rounded twice."""
        self.accumulated(np.abs(x).max(axis=tuple(range(x.ndim - 1)), initial=0) << np.maximum(shift, 0))
        return multiplied(x, q, shift)

    def accumulated(self, x: Ints) -> Ints:
        """Sums that fit the kernel's 32 bits; others are refused, as C++ leaves open what they become."""
        if np.abs(x).max(initial=0) >= _ACCUMULATOR:
            raise self.operator.refusal("a sum leaves 32 bits")
        return x

    def stored(self, x: Ints) -> Ints:
        """Integers on the output's scale: its zero point added, clamped to the fused activation and the type."""
        low, high = self.limits(self.option("fused_activation_function"))
        return np.clip(x + self.zero_point(self.output), low, high)

    def limits(self, activation: int) -> tuple[int, int]:
        """The output's least and greatest integer under an activation (``CalculateActivationRangeQuantized``)."""
        if activation not in _CLAMPS:
            raise self.operator.refusal(f"fused activation {activation}")
        if self.output.dtype not in LIMITS:
            raise self.operator.refusal(f"an output of {self.output.dtype}")
        scale, zero = np.float32(self.scale(self.output)), self.zero_point(self.output)
        least, greatest = LIMITS[self.output.dtype]
        low, high = (
            None if real is None else zero + int(half_away(np.float32(real) / scale)) for real in _CLAMPS[activation]
        )
        return least if low is None else max(least, low), greatest if high is None else min(greatest, high)


def _fixed(real: float | Sequence[float]) -> tuple[Ints, Ints]:
    """The 31-bit integers and shifts of real multipliers."""
    pairs = [fixed_multiplier(r) for r in np.atleast_1d(real).tolist()]
    q, shift = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    return q, shift
