"""Float32 between a DEQUANTIZE and a QUANTIZE, element by element: a table of the integers that the one reads.

Converters leave what they have no quantised form for in float32 (the NEG of a Keras layer norm). As every element comes
from one integer, so does the integer that QUANTIZE makes of it. Only functions that IEEE 754 defines to the last bit
are read, each rounded to float32; QUANTIZE divides by the float32 scale and rounds halves away from zero, as the
reference kernel does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.frontend.tflite.builder import TfliteBuilder, Value
from isobit.frontend.tflite.functions import every_integer, output_limits
from isobit.frontend.tflite.model import TfliteOperator
from isobit.frontend.tflite.requantise import rounded
from isobit.frontend.tflite.softmax import BEHIND_SOFTMAX, SOFTMAX

Floats = NDArray[np.float32]
_f32 = np.float32
_INT32 = 1 << 31
_ENDS = frozenset({*SOFTMAX, *BEHIND_SOFTMAX, "ARG_MAX"})

_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "ABS": np.abs,
    "ADD": np.add,
    "DIV": np.divide,
    "FLOOR": np.floor,
    "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum,
    "MUL": np.multiply,
    "NEG": np.negative,
    "RELU": lambda x: np.maximum(x, _f32(0)),
    "RELU6": lambda x: np.clip(x, _f32(0), _f32(6)),
    "RSQRT": lambda x: _f32(1) / np.sqrt(x),
    "SQRT": np.sqrt,
    "SQUARE": np.square,
    "SUB": np.subtract,
}


def import_real(b: TfliteBuilder, op: TfliteOperator) -> bool:
    """Whether ``op`` makes floats of the floats that a DEQUANTIZE made, which are then known for every integer."""
    at = [i for i in op.inputs if i in b.reals]
    if op.op not in _FUNCTIONS or len(at) != 1:
        return False
    source, real = b.reals[at[0]]
    given = [real if i == at[0] else _constant(b, op, place) for place, i in enumerate(op.inputs)]
    if op.option("fused_activation_function"):
        raise op.refusal("a fused activation of float32", "put it behind the QUANTIZE")
    if b.output(op).shape != b.model.tensors[at[0]].shape:
        raise op.refusal("a constant spreads the float32 elements", "put it behind the QUANTIZE")
    with np.errstate(all="ignore"):
        b.reals[op.outputs[0]] = source, np.asarray(_FUNCTIONS[op.op](*given), dtype=_f32)
    return True


def _constant(b: TfliteBuilder, op: TfliteOperator, place: int) -> Floats:
    data = b.constant(op, place, "other side")
    if data.dtype != _f32 or data.size != 1:
        raise op.refusal("float32 with more than one constant", "quantise this operator, or use one constant for all")
    return np.asarray(data.reshape(()))


def refuse_floats(b: TfliteBuilder, op: TfliteOperator) -> None:
    """What reads the floats of a DEQUANTIZE must be known to keep their integers' scale, or to end the network.

    Raises:
        IsobitError: E203.
    """
    floats = [i for i in op.inputs if i in b.values and b.model.tensors[i].dtype == "float32"]
    if floats and op.op not in _ENDS:
        why = f"{op.op} of float32 behind a DEQUANTIZE"
        raise op.refusal(why, "quantise this operator too, or end the network at the DEQUANTIZE", "E203")


def begin_real(b: TfliteBuilder, op: TfliteOperator, x: Value) -> None:
    """DEQUANTIZE: the float32 of every integer."""
    if not x.host and op.inputs[0] not in b.reals:
        scale = _f32(b.grid(op, b.tensor(op))[0])
        b.reals[op.outputs[0]] = x, np.asarray(scale * every_integer(b, x).astype(_f32))


def end_real(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """QUANTIZE of such floats.

    Raises:
        IsobitError: E204 where an integer gives no number, or one beyond 32 bits.
    """
    x, real = b.reals[op.inputs[0]]
    with np.errstate(all="ignore"):
        steps = real / _f32(b.grid(op, b.output(op))[0])
    if not (np.abs(steps) < _INT32).all():
        v = int(np.flatnonzero(~(np.abs(steps) < _INT32))[0]) + b.type(x).bounds[0]
        raise op.refusal(f"of the integer {v} float32 makes nothing that an integer holds", "clamp before", "E204")
    made = np.array([rounded(v) for v in steps])
    return b.function(op, x, np.clip(made, *output_limits(b, op))[np.newaxis])
