"""Standard ONNX operators on plain arrays, in the arrays' own types: what exporters build constants from.

Floats keep their width and every result is numpy's IEEE one, so a constant expression has the value that an execution
in float32 would give it. What stands between a float input and the first quantiser is run by the same functions. Each
is written from its operator page; the compiler folds constants by other means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper

from isobit.check.source.exact.file import FileNode
from isobit.errors import IsobitError

Raw = NDArray[Any]
Given = list[Any]
Shape = tuple[int, ...]
RawOperator = Callable[[FileNode, Given, Sequence[Shape]], Any]


def _plain(function: Callable[..., Any]) -> RawOperator:
    return lambda node, given, shapes: function(*given)


def _reshaped(node: FileNode, given: Given, shapes: Sequence[Shape]) -> Any:
    return given[0].reshape(shapes[0])


def _transposed(node: FileNode, given: Given, shapes: Sequence[Shape]) -> Any:
    perm = node.attrs.get("perm")
    return np.transpose(given[0], perm if isinstance(perm, tuple) else None)


def _divided(node: FileNode, given: Given, shapes: Sequence[Shape]) -> Any:
    left, right = given
    if left.dtype.kind not in "iu":
        return np.divide(left, right)
    quotient = np.abs(left) // np.abs(right)  # integers are cut towards zero
    return np.where((left < 0) != (right < 0), -quotient, quotient).astype(left.dtype)


def _modulo(node: FileNode, given: Given, shapes: Sequence[Shape]) -> Any:
    return np.fmod(*given) if node.attrs.get("fmod", 0) else np.mod(*given)


def _clipped(node: FileNode, given: Given, shapes: Sequence[Shape]) -> Any:
    data = given[0]
    for index, key, function in ((1, "min", np.maximum), (2, "max", np.minimum)):
        limit = given[index] if len(given) > index and given[index] is not None else node.attrs.get(key)
        if limit is not None:
            data = function(data, np.asarray(limit, dtype=given[0].dtype))
    return data


def _cast(node: FileNode, given: Given, shapes: Sequence[Shape]) -> Any:
    target = np.dtype(helper.tensor_dtype_to_np_dtype(_integer(node, "to", 1)))
    whole = given[0].dtype.kind == "f" and target.kind in "iu"
    return (np.trunc(given[0]) if whole else given[0]).astype(target)


def _concatenated(node: FileNode, given: Given, shapes: Sequence[Shape]) -> Any:
    return np.concatenate(given, axis=_integer(node, "axis", 0))


def _filled(node: FileNode, given: Given, shapes: Sequence[Shape]) -> Any:
    value = node.attrs.get("value", np.zeros(1, np.float32))
    if not isinstance(value, np.ndarray) or value.size != 1:
        raise IsobitError("E202", "the value of a ConstantOfShape is no tensor of one element", where=node.place)
    return np.full(tuple(given[0].tolist()), value.reshape(-1)[0], dtype=value.dtype)


def _expanded(node: FileNode, given: Given, shapes: Sequence[Shape]) -> Any:
    wanted = tuple(given[1].tolist())
    return np.broadcast_to(given[0], np.broadcast_shapes(given[0].shape, wanted)).copy()


def _gathered(node: FileNode, given: Given, shapes: Sequence[Shape]) -> Any:
    return np.take(given[0], given[1].astype(np.int64), axis=_integer(node, "axis", 0))


def _extreme(function: Callable[[Any, Any], Any]) -> RawOperator:
    def run(node: FileNode, given: Given, shapes: Sequence[Shape]) -> Any:
        made = given[0]
        for other in given[1:]:
            made = function(made, other)
        return made

    return run


def _reduced(function: Callable[..., Any]) -> RawOperator:
    def run(node: FileNode, given: Given, shapes: Sequence[Shape]) -> Any:
        axes = node.attrs.get("axes")
        if len(given) > 1 and given[1] is not None:
            axes = tuple(given[1].tolist())
        if not axes and node.attrs.get("noop_with_empty_axes", 0):
            return given[0]
        made = function(given[0], axis=axes or None, keepdims=bool(node.attrs.get("keepdims", 1)))
        return np.asarray(made, dtype=given[0].dtype)

    return run


def _sliced(node: FileNode, given: Given, shapes: Sequence[Shape]) -> Any:
    lists = [node.attrs.get(key) for key in ("starts", "ends", "axes", "steps")]
    for index, value in enumerate(given[1:]):
        lists[index] = None if value is None else tuple(value.tolist())
    starts, ends = (tuple(v) if isinstance(v, tuple) else () for v in lists[:2])
    axes = lists[2] if isinstance(lists[2], tuple) else tuple(range(len(starts)))
    steps = lists[3] if isinstance(lists[3], tuple) else (1,) * len(starts)
    data = given[0]
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size = data.shape[axis]
        stop = None if step < 0 and end < -size else end  # beyond the front: to the very first element
        data = data[(slice(None),) * (axis % data.ndim) + (slice(start, stop, step),)]
    return data


def _split(node: FileNode, given: Given, shapes: Sequence[Shape]) -> Any:
    axis = _integer(node, "axis", 0)
    ends = np.cumsum([shape[axis] for shape in shapes])[:-1]
    return tuple(np.split(given[0], ends, axis=axis))


def _constant(node: FileNode, given: Given, shapes: Sequence[Shape]) -> Any:
    kinds = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    for name, value in node.attrs.items():
        if name == "value":
            return value
        if name in kinds:
            return np.array(value, dtype=kinds[name])
    raise IsobitError("E202", "a Constant without a numeric value")


def _shape(node: FileNode, given: Given, shapes: Sequence[Shape]) -> Any:
    end = node.attrs.get("end")
    last = end if isinstance(end, int) else given[0].ndim
    return np.array(given[0].shape, dtype=np.int64)[_integer(node, "start", 0) : last]


def _dropout(node: FileNode, given: Given, shapes: Sequence[Shape]) -> Any:
    if len(given) > 2 and given[2] is not None and np.any(given[2]):
        raise IsobitError("E202", "a Dropout in training mode")
    return given[0]


def _integer(node: FileNode, name: str, default: int) -> int:
    value = node.attrs.get(name, default)
    return value if isinstance(value, int) else default


def _keep(function: Callable[..., Any]) -> RawOperator:
    """A function that might widen its operand's type."""
    return lambda node, given, shapes: np.asarray(function(*given)).astype(given[0].dtype)


def _normalised(node: FileNode, given: Sequence[Any], shapes: Sequence[Shape]) -> Raw:
    """A BatchNormalization of raw floats as ONNX Runtime runs it: one product and one sum in float32."""
    data, gamma, beta, mean, variance = (np.asarray(value, np.float32) for value in given[:5])
    epsilon = node.attrs.get("epsilon", 1e-5)
    slope = gamma / np.sqrt(variance + np.float32(epsilon if isinstance(epsilon, int | float) else 1e-5))
    columns = (-1, *(1,) * (data.ndim - 2))
    return np.asarray(data * slope.reshape(columns) + (beta - mean * slope).reshape(columns))


RAW_OPERATORS: Mapping[str, RawOperator] = MappingProxyType(
    {
        "Abs": _plain(np.abs),
        "Add": _plain(np.add),
        "And": _plain(np.logical_and),
        "BatchNormalization": _normalised,
        "Cast": _cast,
        "Ceil": _plain(np.ceil),
        "Clip": _clipped,
        "Concat": _concatenated,
        "Constant": _constant,
        "ConstantOfShape": _filled,
        "Div": _divided,
        "Dropout": _dropout,
        "Equal": _plain(np.equal),
        "Expand": _expanded,
        "Flatten": _reshaped,
        "Floor": _plain(np.floor),
        "Gather": _gathered,
        "Greater": _plain(np.greater),
        "GreaterOrEqual": _plain(np.greater_equal),
        "Identity": _plain(lambda x: x),
        "Less": _plain(np.less),
        "LessOrEqual": _plain(np.less_equal),
        "Log": _keep(lambda x: np.log(x.astype(np.float64))),
        "Max": _extreme(np.maximum),
        "Min": _extreme(np.minimum),
        "Mod": _modulo,
        "Mul": _plain(np.multiply),
        "Neg": _plain(np.negative),
        "Not": _plain(np.logical_not),
        "Or": _plain(np.logical_or),
        "Pow": _keep(np.power),
        "Range": _keep(np.arange),
        "Reciprocal": _keep(lambda x: x.dtype.type(1) / x),
        "ReduceMax": _reduced(np.max),
        "ReduceMin": _reduced(np.min),
        "ReduceProd": _reduced(np.prod),
        "ReduceSum": _reduced(np.sum),
        "Relu": _plain(lambda x: np.maximum(x, x.dtype.type(0))),
        "Reshape": _reshaped,
        "Round": _plain(np.round),
        "Shape": _shape,
        "Sign": _plain(np.sign),
        "Size": _plain(lambda x: np.array(x.size, dtype=np.int64)),
        "Slice": _sliced,
        "Split": _split,
        "Sqrt": _plain(np.sqrt),
        "Squeeze": _reshaped,
        "Sub": _plain(np.subtract),
        "Sum": _extreme(np.add),
        "Tile": _plain(lambda x, repeats: np.tile(x, tuple(repeats.tolist()))),
        "Transpose": _transposed,
        "Unsqueeze": _reshaped,
        "Where": _plain(np.where),
    }
)
