"""The float32 work of the host: floats to the graph's input integers, output integers back to floats."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.errors import IsobitError, printable, promised
from isobit.interp.working import keep_freed_memory
from isobit.ir.ops import HostOp, Input, Output, Quantiser
from isobit.ir.types import IntArray
from isobit.numerics import Rounding
from isobit.numerics.float_quantise import sign_float, whole_float

Floats = NDArray[Any]
_CHUNK_ELEMENTS = 1 << 16
"""Elements quantised at once: few enough for the intermediate arrays to stay in the processor's caches."""


def quantise(node: Input, x: Floats) -> IntArray:
    """Integers ``(batch, *node.shape)`` for float32 inputs ``(batch, *outside_shape)``, as the source computes them.

    An input without a quantiser takes the integers ``x / scale`` and refuses anything else. The result is
    int64; quantised integers lie in memory in the order of ``x``, so that a transposing host moves nothing.

    Raises:
        IsobitError: E607 when shapes do not fit or a value is NaN or no integer of the declared type.
    """
    x = _shaped(node, np.asarray(x, np.float32))
    if node.quantiser is None:
        return _as_integers(node, _on_host(node.host, _without_nan(node, x)))
    keep_freed_memory()
    rows = max(1, _CHUNK_ELEMENTS // max(x[:1].size, 1))
    integers = None
    for first in range(0, max(len(x), 1), rows):
        y = _quantised(node, node.quantiser, _without_nan(node, x[first : first + rows]))
        if integers is None:
            integers = np.empty_like(y, np.int64, shape=(len(x), *node.shape))
        integers[first : first + rows] = y
    return np.asarray(integers)


def _quantised(node: Input, q: Quantiser, x: Floats) -> IntArray:
    x = _on_host(node.host, x)
    scale, zero = (np.array(v, np.float32) for v in (q.scale, q.zero_point))
    if q.rounding == "SIGN":
        return sign_float(x, scale, zero, q.lo, q.hi) + q.shift
    return whole_float(x, scale, zero, Rounding.parse(q.rounding), q.lo, q.hi) + q.shift


def stored(node: Input, integers: IntArray) -> IntArray:
    """The input's own integers ``(batch, *outside_shape)`` as the graph holds them, int64 ``(batch, *node.shape)``.

    They are what its quantiser rounds to, or what the model's tensor holds.

    Raises:
        IsobitError: E607 when shapes do not fit or an integer is beyond 64 bits.
    """
    if int(integers.max(initial=0)) >= 1 << 63:
        raise IsobitError("E607", f"the integer {integers.max()} is outside the input's interval")
    moves = tuple(op for op in node.host if op.kind in ("reshape", "transpose"))
    shift = node.quantiser.shift if node.quantiser else 0
    return np.asarray(_on_host(moves, _shaped(node, integers.astype(np.int64)))) + shift


def real_input(node: Input, integers: IntArray) -> Floats:
    """Float32 inputs ``(batch, *outside_shape)`` that stand for ``integers`` of an input without a quantiser."""
    scale = np.array([float(s) for s in node.scale], np.float32)
    x = integers.astype(np.float32) * scale
    for op in reversed(node.host):
        promised(
            op.kind == "transpose", f"the host's {op.kind} before {node.outside!r} cannot be undone", where=node.name
        )
        x = x.transpose(0, *(int(a) + 1 for a in np.argsort(op.shape)))
    return np.asarray(x.reshape(len(x), *node.outside_shape))


def dequantise(node: Output, integers: IntArray) -> Floats:
    """Float32 outputs ``(batch, *outside_shape)``: ``scale * integer + offset`` rounded once, then the host's part."""
    scale, offset = (np.array([float(v) for v in values]) for values in (node.scale, node.offset))
    x = (integers.astype(np.float64) * scale + offset).astype(np.float32)
    return _on_host(node.host, x)


def _on_host(functions: tuple[HostOp, ...], x: Floats) -> Floats:
    for op in functions:
        x = apply_host_op(op, x)
    return np.asarray(x)


def apply_host_op(op: HostOp, x: Floats) -> Floats:
    """One :class:`HostOp` on ``(batch, ...)`` float32."""
    values = np.array(op.values, np.float32).reshape(op.shape) if op.kind in _ARITHMETIC else op
    return np.asarray((_ARITHMETIC.get(op.kind) or _FUNCTIONS[op.kind])(x, values))


_ARITHMETIC: dict[str, Callable[[Floats, Any], Floats]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "leaky": lambda x, slope: np.where(x >= 0, x, x * slope),
}
_FUNCTIONS: dict[str, Callable[[Floats, Any], Floats]] = {
    "reshape": lambda x, op: x.reshape(len(x), *op.shape),
    "transpose": lambda x, op: x.transpose(0, *(a + 1 for a in op.shape)),
    "relu": lambda x, op: np.maximum(x, np.float32(0)),
    "clip": lambda x, op: np.clip(x, np.float32(op.values[0]), np.float32(op.values[1])),
    "sigmoid": lambda x, op: (1 / (1 + np.exp(-x))).astype(np.float32),
    "tanh": lambda x, op: np.tanh(x),
    "softmax": lambda x, op: _softmax(x),
    "logsoftmax": lambda x, op: np.log(_softmax(x)),
}


def _softmax(x: Floats) -> Floats:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def _shaped(node: Input, x: Floats) -> Floats:
    """``x`` itself, whose shape must be the source's: nothing is reshaped or transposed for a user."""
    if x.ndim < 1 or x.shape[1:] != node.outside_shape:
        wanted = f"(batch, {', '.join(map(str, node.outside_shape))})"
        found = f"{printable(node.outside)!r} takes samples of shape {wanted}, not {x.shape}"
        raise IsobitError("E607", found, hint=_closest(x.shape, node.outside_shape))
    return x


_LAYOUTS: dict[tuple[int, ...], str] = {
    (2, 0, 1): " (HWC where the model takes CHW)", (1, 2, 0): " (CHW where the model takes HWC)",
}  # fmt: skip
"""What a sample's order of axes is called that comes into the model's by this one."""


def _closest(shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """What makes an array of this shape fit, where that can be seen."""
    if shape == wanted:
        return "add the batch axis: x[None]"
    if len(shape) == len(wanted) and sorted(shape) == sorted(wanted):
        return _closest((1, *shape), wanted).replace("x.", "x[None].")
    for order in permutations(range(len(wanted))) if len(wanted) <= 4 else ():
        if shape[1:] and tuple(shape[1:][a] for a in order if a < len(shape) - 1) == wanted:
            turn = f"x.transpose(0, {', '.join(str(a + 1) for a in order)})"
            return f"its axes are in another order{_LAYOUTS.get(order, '')}: {turn}"
    if prod(shape[1:]) == prod(wanted):
        return f"if its elements lie in the order of the model's: x.reshape(-1, {', '.join(map(str, wanted))})"
    return ""


def _without_nan(node: Input, x: Floats) -> Floats:
    if np.isnan(x.min(initial=0)):  # the least of numbers is NaN if one of them is
        raise IsobitError("E607", f"the vectors for {node.outside!r} hold NaN")
    return x


def _as_integers(node: Input, x: Floats) -> IntArray:
    scaled = x.astype(np.float64) / np.array([float(s) for s in node.scale])
    integers = np.round(scaled)
    wrong = np.abs(scaled - integers) > 2.0**-10
    if wrong.any():
        where = [int(i) for i in np.argwhere(wrong)[0]]
        raise IsobitError(
            "E607", f"{node.outside!r}{where} = {float(x[tuple(where)])} is not an integer times the input scale"
        )
    return np.asarray(integers.astype(np.int64))
