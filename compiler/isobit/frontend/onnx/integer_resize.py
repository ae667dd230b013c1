"""Interpolation of integers: what lies between two of them is cut off towards zero.

ONNX leaves open how a linear Resize of an integer tensor makes integers again. ONNX Runtime, whose quantiser writes
such nodes, interpolates in float32 and casts, which cuts off; ONNX's reference evaluator rounds. The first is followed,
and written as that Cast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

import onnx
from onnx import TensorProto, helper

from isobit.errors import IsobitError
from isobit.frontend.onnx.infer import Spec

_RESIZING = ("Resize", "Upsample")
_WHOLE = (TensorProto.INT8, TensorProto.UINT8, TensorProto.INT32)
"""What ONNX Runtime interpolates in, beside floats."""


def with_cast(node: onnx.NodeProto, spec_of: Callable[[str], Spec]) -> list[onnx.NodeProto]:
    """``node`` itself, or a linear Resize of integers and the Cast behind it."""
    modes = [a.s for a in node.attribute if a.name == "mode"]
    if node.op_type not in _RESIZING or node.domain not in ("", "ai.onnx") or modes != [b"linear"]:
        return [node]
    kind = spec_of(node.input[0]).elem_type if node.input and node.output else TensorProto.FLOAT
    if kind not in _WHOLE:
        return [node]
    between = onnx.NodeProto()
    between.CopyFrom(node)
    between.output[0] = f"{node.output[0]} before its cast"
    return [between, helper.make_node("Cast", [between.output[0]], [node.output[0]], to=kind)]


def refuse_inexact(
    op: str, attrs: Mapping[str, object], inputs: Mapping[str, Spec], outputs: Mapping[str, Spec], where: str
) -> None:
    """E202 where the float32 weights of a linear Resize of integers are rounded, so that cutting off depends on it."""
    if op not in _RESIZING or attrs.get("mode") != "linear":
        return
    given, made = (next(iter(specs.values())) for specs in (inputs, outputs))
    if given.elem_type not in _WHOLE:
        return
    corners = attrs.get("coordinate_transformation_mode") == "align_corners"
    for old, new in zip(given.shape, made.shape, strict=True):
        ratio = Fraction(new - 1, old - 1) if corners and old > 1 and new > 1 else Fraction(new, old)
        if ratio.numerator & (ratio.numerator - 1):
            message = f"linear interpolation of integers from {list(given.shape)} to {list(made.shape)}"
            hint = "resize by a power of two, or put the Resize behind a DequantizeLinear (QDQ form)"
            raise IsobitError("E202", message, where=where, hint=hint)
