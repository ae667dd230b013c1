"""Shapes and element types around QuantizeLinear and DequantizeLinear, of every opset and of ONNX Runtime's domain.

One rule for all versions (ONNX operator pages, 10 to 28): the newest one, which is the union of the older ones, so that
a 16-bit node of ``com.microsoft`` in an old opset, or one of an opset newer than the installed ONNX, is read alike.
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx
from onnx import TensorProto

from isobit.errors import IsobitError
from isobit.frontend.onnx.infer import Spec
from isobit.frontend.onnx.tensors import element_type

_ATTRIBUTES = frozenset({"axis", "block_size", "output_dtype", "precision", "saturate"})
_FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE)


def linear_spec(
    op: str, node: onnx.NodeProto, attrs: Mapping[str, object], inputs: Mapping[str, Spec], where: str
) -> Spec:
    """The output of a linear quantiser.

    Raises:
        IsobitError: E102 (malformed), E106 (scale and data do not fit), E108 (a type that no float32 arithmetic has).
    """
    if len(node.input) not in (2, 3) or not all(node.input[:2]) or len(node.output) != 1 or set(attrs) - _ATTRIBUTES:
        message = f"operator {op} is malformed: {len(node.input)} inputs, attributes {sorted(attrs)}"
        raise IsobitError("E102", message, where=where)
    data, scale = (inputs[name] for name in node.input[:2])
    zero = inputs[node.input[2]] if len(node.input) > 2 and node.input[2] else None
    problem = _misfit(attrs, data.shape, scale.shape, None if zero is None else zero.shape)
    if problem:
        raise IsobitError("E106", f"operator {op}: {problem}", where=where)
    real = scale if op == "DequantizeLinear" else data
    if real.elem_type not in _FLOATS:
        element_type(real.elem_type, where)  # half precision says so itself
        raise IsobitError("E102", f"operator {op} with a scale or data that is no float", where=where)
    stated = int(str(attrs.get("output_dtype", 0)))
    if op == "DequantizeLinear":
        made = stated or scale.elem_type
    else:
        made = zero.elem_type if zero is not None else stated or TensorProto.UINT8
        if stated and stated != made:
            raise IsobitError("E102", "output_dtype is not the zero point's type", where=where)
    element_type(made, where)
    return Spec(data.shape, made)


def _misfit(
    attrs: Mapping[str, object], data: tuple[int, ...], scale: tuple[int, ...], zero: tuple[int, ...] | None
) -> str:
    """Scale and zero point are both single, both one per index of ``axis``, or both one per block along it."""
    axis, block = attrs.get("axis", 1), attrs.get("block_size", 0)
    if zero is not None and zero != scale and {zero, scale} != {(), (1,)}:
        return f"scale of shape {list(scale)} and zero point of shape {list(zero)} do not fit"
    if not isinstance(axis, int) or not isinstance(block, int) or block < 0:
        return "axis or block_size is no usable number"
    inside = -len(data) <= axis < len(data)
    if block:
        wanted = tuple(-(-n // block) if a == axis % len(data) else n for a, n in enumerate(data)) if inside else ()
        return "" if scale == wanted else f"scale shape {list(scale)} is not {list(wanted)}, one per block of {block}"
    if scale in ((), (1,)) or (inside and scale == (data[axis],)):
        return ""
    return f"scale shape {list(scale)} does not fit axis {axis} of data shape {list(data)}"
