"""What quantisers are given, checked: scales, bit widths, rounding modes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from isobit.errors import IsobitError
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx.builder import Builder
from isobit.frontend.qonnx.symbolic import Rationals
from isobit.numerics import Rounding


def rounding_of(b: Builder, node: SourceNode, default: str) -> Rounding:
    """The rounding mode of a node by its name, E205 where there is none such."""
    try:
        return Rounding.parse(str(node.attrs.get("rounding_mode", default)))
    except IsobitError as error:
        raise IsobitError(error.code, error.message, where=b.where(node), hint=error.hint) from error


def integer_limits(bits: int, signed: bool, narrow: bool) -> tuple[int, int]:
    """The least and the greatest integer of so many bits."""
    if signed:
        return -(1 << (bits - 1)) + narrow, (1 << (bits - 1)) - 1
    return 0, (1 << bits) - 1 - narrow


def pick(values: Rationals, channel: int) -> Fraction:
    """The value of a channel, of which there is one for all or one for each."""
    value = values[channel if len(values) > 1 else 0]
    assert isinstance(value, Fraction)
    return value


def finite(b: Builder, node: SourceNode, values: Any) -> Any:
    """The values in float32, E204 where one is NaN or infinite."""
    if not np.isfinite(values).all():
        raise IsobitError("E204", f"{node.op} has a parameter that is NaN or infinite", where=b.where(node))
    return np.asarray(values, np.float32)


def positive_scale(b: Builder, node: SourceNode, values: Any) -> Any:
    """The values in float32.

    Raises:
        IsobitError: E204, one is no positive finite number.
    """
    array = finite(b, node, values)
    if not (array > 0).all():
        raise IsobitError(
            "E204", f"{node.op} has a scale of {float(array.min())}", where=b.where(node),
            hint="scales must be greater than zero; retrain or clamp the scale of a channel that died",
        )  # fmt: skip
    return array


def whole_bits(b: Builder, node: SourceNode, values: Any, most: int) -> int:
    """A bit width, E205 where it is not one integer from 1 to ``most``."""
    array = np.asarray(values)
    if array.size != 1 or float(array.reshape(-1)[0]) != round(float(array.reshape(-1)[0])):
        raise IsobitError("E205", f"{node.op} has a bit width that is not one integer", where=b.where(node))
    bits = int(array.reshape(-1)[0])
    if not 1 <= bits <= most:
        raise IsobitError("E205", f"{node.op} has {bits} bits; 1 to {most} are supported here", where=b.where(node))
    return bits
