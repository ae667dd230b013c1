"""QONNX's uniform quantiser in float32: what the host runs on raw inputs and what constants are quantised with.

Elementwise IEEE float32 arithmetic is deterministic, so this is bit for bit what qonnx and PyTorch compute:
``round(clamp(x / scale + zero_point))``, every intermediate rounded to float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.numerics.rounding import Rounding

Floats = NDArray[Any]


def quantise_float(x: Floats, scale: Floats, zero_point: Floats, rounding: Rounding, lo: int, hi: int) -> NDArray[Any]:
    """Integers (int64) in ``[lo, hi]`` of a float32 array; scale and zero point broadcast against it."""
    return np.asarray(whole_float(x, scale, zero_point, rounding, lo, hi).astype(np.int64))


def whole_float(x: Floats, scale: Floats, zero_point: Floats, rounding: Rounding, lo: int, hi: int) -> Floats:
    """The same, still as float32."""
    y = np.asarray(x / scale)  # the rest in place, in memory that is still cached
    if zero_point.any():
        inside = y.shape == np.broadcast_shapes(y.shape, zero_point.shape)
        y = np.add(y, zero_point, out=y) if inside else y + zero_point
    np.clip(y, np.float32(lo), np.float32(hi), out=y)
    return np.rint(y, out=y) if rounding is Rounding.ROUND else _ROUND[rounding](y)


def sign_float(x: Floats, scale: Floats, zero_point: Floats, lo: int, hi: int) -> NDArray[Any]:
    """The bipolar quantiser: ``hi`` where ``x / scale + zero_point >= 0``, else ``lo``."""
    return np.where(x / scale + zero_point >= 0, hi, lo).astype(np.int64)


def _half(offset: float) -> Callable[[Floats], Floats]:
    if offset > 0:
        return lambda x: np.sign(x) * np.floor(np.abs(x) + np.float32(offset))
    return lambda x: np.sign(x) * np.ceil(np.abs(x) + np.float32(offset))


_ROUND: dict[Rounding, Callable[[Floats], Floats]] = {
    Rounding.CEIL: np.ceil,
    Rounding.FLOOR: np.floor,
    Rounding.UP: lambda x: np.sign(x) * np.ceil(np.abs(x)),
    Rounding.DOWN: np.fix,
    Rounding.ROUND_TO_ZERO: np.fix,
    Rounding.HALF_UP: _half(0.5),
    Rounding.HALF_DOWN: _half(-0.5),
}
