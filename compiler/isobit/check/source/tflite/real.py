"""What lies between a DEQUANTIZE and a QUANTIZE in float32, element by element; each operation rounds to float32."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from isobit.check.source.tflite.call import Call

__all__ = ["REAL", "dequantize", "real"]

Reals = NDArray[np.float32]
f32 = np.float32


def dequantize(call: Call) -> Reals:
    """DEQUANTIZE: a double product, rounded to float32."""
    return (call.centred(0) * np.float64(call.scale(call.tensor(0)))).astype(f32)


def real(call: Call) -> Reals:
    """An operator of floats and float constants."""
    given = []
    for place, index in enumerate(call.operator.inputs):
        found = call.values.get(index, call.model.tensors[index].data)
        if found is None or found.dtype.kind != "f":
            raise call.operator.refusal(f"input {place} is no float")
        given.append(found.astype(f32))
    if call.option("fused_activation_function"):
        raise call.operator.refusal("a fused activation of floats")
    with np.errstate(all="ignore"):
        return np.asarray(REAL[call.operator.op](*given), dtype=f32)


REAL: Mapping[str, Callable[..., Reals]] = {
    "ABS": np.abs,
    "ADD": lambda a, b: a + b,
    "DIV": lambda a, b: a / b,
    "FLOOR": np.floor,
    "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum,
    "MUL": lambda a, b: a * b,
    "NEG": lambda a: -a,
    "RELU": lambda a: np.where(a > 0, a, f32(0)),
    "RELU6": lambda a: np.minimum(np.where(a > 0, a, f32(0)), f32(6)),
    "RSQRT": lambda a: f32(1) / np.sqrt(a),
    "SQRT": np.sqrt,
    "SQUARE": lambda a: a * a,
    "SUB": lambda a, b: a - b,
}
