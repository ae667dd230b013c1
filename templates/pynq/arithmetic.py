"""The float32 work around the accelerator, element for element as isobit's interpreter does it.

``host`` is the part of ``model.json`` that describes one input or output:

* ``outside``: the shape of one sample in the model, ``functions``: what runs on it in float32, each
  ``{"kind", "values", "shape"}``;
* of an input, ``shape`` of its integers, ``dtype``, the integer type of the model's own tensor ("" for floats), and
  ``quantiser`` ``{"scale", "zero_point", "rounding", "lo", "hi", "shift"}`` or none;
* ``scale`` and ``offset``: ``scale * integer + offset`` is the real value.

Everything that decides an integer is float32 arithmetic, computed in float64 and rounded to float32 after every step:
for one addition, multiplication or division that gives the IEEE float32 result (53 >= 2 * 24 + 2 bits). NEON, the
float32 unit of a 32-bit ARM, is not IEEE: it takes tiny numbers for zero. The functions behind the last integer
(sigmoid, softmax) may differ in the last bit where a machine's ``exp`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = Any  # numpy.ndarray: PYNQ's numpy has no generic types on older images


def entering(host: Mapping[str, Any], x: Array) -> Array:
    """Samples ``(batch, ...)`` in the model's own layout as the network's integers, int64 ``(batch, *shape)``.

    Floats are real values. Integers are the input's own integers where the model's input holds integers; where it takes
    floats they may mean either and are refused, unless both readings are the same.

    Raises:
        ValueError: what :func:`quantise` raises, or integers that may mean two things.
    """
    x = np.asarray(x)
    if not np.issubdtype(x.dtype, np.integer):
        return quantise(host, x)
    _check_shape(host, x)
    integers = x.astype(np.int64)
    for function in host["functions"]:
        if function["kind"] in _MOVES:
            integers = _MOVES[function["kind"]](integers, function["shape"])
    integers = integers.reshape(len(x), *host["shape"])
    if host["quantiser"] is None:
        return integers
    integers = integers + host["quantiser"]["shift"]
    if not host["dtype"] and not np.array_equal(quantise(host, x), integers):
        raise ValueError("integers for an input of floats: give real values as float32, or call run_integers")
    return integers


def quantise(host: Mapping[str, Any], x: Array) -> Array:
    """Real values ``(batch, ...)`` as the network's integers, int64 ``(batch, *shape)``.

    Raises:
        ValueError: a wrong shape, NaN, or, without a quantiser, a value that is no integer times the scale.
    """
    _check_shape(host, np.asarray(x))
    x = _single(np.asarray(x))
    if np.isnan(x).any():
        raise ValueError("the samples hold NaN")
    x = _apply(host, x)
    quantiser = host["quantiser"]
    integers = _as_integers(host, x) if quantiser is None else _quantised(quantiser, x)
    return integers.reshape(len(x), *host["shape"])


def dequantise(host: Mapping[str, Any], integers: Array) -> Array:
    """The network's integers as float32 ``(batch, ...)``: ``scale * integer + offset`` rounded once, then the rest."""
    scale, offset = (np.array(host[name], np.float64) for name in ("scale", "offset"))
    return _apply(host, _single(integers.astype(np.float64) * scale + offset)).astype(np.float32)


def _check_shape(host: Mapping[str, Any], x: Array) -> None:
    """Nothing is reshaped or transposed for a user."""
    outside = tuple(host["outside"])
    if x.shape[1:] != outside:
        raise ValueError(f"samples of shape {outside} are needed, not {x.shape[1:]}")


def _single(x: Array) -> Array:
    """The nearest float32 values, as float64."""
    with np.errstate(over="ignore"):
        return x.astype(np.float32).astype(np.float64)


def _quantised(quantiser: Mapping[str, Any], x: Array) -> Array:
    scale, zero = (_single(np.array(quantiser[name])) for name in ("scale", "zero_point"))
    lo, hi = quantiser["lo"], quantiser["hi"]
    y = _single(_single(x / scale) + zero)
    if quantiser["rounding"] == "SIGN":
        return np.where(y >= 0, np.int64(hi), np.int64(lo)) + quantiser["shift"]
    return _ROUND[quantiser["rounding"]](np.clip(y, lo, hi)).astype(np.int64) + quantiser["shift"]


def _as_integers(host: Mapping[str, Any], x: Array) -> Array:
    scaled = x / np.array(host["scale"], np.float64)
    integers = np.round(scaled)
    if (np.abs(scaled - integers) > 2.0**-10).any():
        raise ValueError("a sample is not an integer times the input scale")
    return integers.astype(np.int64)


def _half(offset: float) -> Callable[[Array], Array]:
    if offset > 0:
        return lambda x: np.sign(x) * np.floor(_single(np.abs(x) + offset))
    return lambda x: np.sign(x) * np.ceil(_single(np.abs(x) + offset))


_ROUND: dict[str, Callable[[Array], Array]] = {
    "ROUND": np.round,
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "UP": lambda x: np.sign(x) * np.ceil(np.abs(x)),
    "DOWN": np.trunc,
    "ROUND_TO_ZERO": np.trunc,
    "HALF_UP": _half(0.5),
    "HALF_DOWN": _half(-0.5),
}


def _apply(host: Mapping[str, Any], x: Array) -> Array:
    """The functions of ``host`` on float32 values held as float64."""
    for function in host["functions"]:
        kind, shape = function["kind"], function["shape"]
        if kind in _ARITHMETIC:
            x = _single(_ARITHMETIC[kind](x, _single(np.array(function["values"])).reshape(shape or -1)))
        elif kind in _MOVES:
            x = _MOVES[kind](x, shape)
        else:
            x = _single(_FUNCTIONS[kind](x.astype(np.float32)))
    return x


_ARITHMETIC: dict[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "leaky": lambda x, slope: np.where(x >= 0, x, x * slope),
    "relu": lambda x, _: np.maximum(x, 0.0),
    "clip": lambda x, limits: np.clip(x, limits[0], limits[1]),
}
_MOVES: dict[str, Callable[[Array, Any], Array]] = {
    "reshape": lambda x, shape: x.reshape(len(x), *shape),
    "transpose": lambda x, shape: x.transpose(0, *(axis + 1 for axis in shape)),
}


def _softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


_FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "sigmoid": lambda x: (1 / (1 + np.exp(-x))).astype(np.float32),
    "tanh": np.tanh,
    "softmax": _softmax,
    "logsoftmax": lambda x: np.log(_softmax(x)),
}
