"""Numbers that float32 does not hold: there the source computes infinities, which have no exact integer meaning."""

from __future__ import annotations

import numpy as np

from isobit.errors import IsobitError
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx.builder import Builder
from isobit.frontend.qonnx.symbolic import Real, Tensor, floats

_GREATEST = 2.0**127
"""Half of what float32 ends at: a sum passes through more than its result."""


def within_float32(b: Builder, node: SourceNode, value: Tensor) -> Tensor:
    """The value, whose real numbers the source has in float32.

    Raises:
        IsobitError: E204, some that its integers can reach are beyond.
    """
    if not isinstance(value, Real):
        return value
    kind, first = b.types[value.value], value.segments[0]
    most = np.maximum(np.abs(kind.lo.astype(np.float64)), np.abs(kind.hi.astype(np.float64)))
    reached = np.max(np.abs(floats(first.scale)) * most + np.abs(floats(first.offset)), initial=0)
    if reached >= _GREATEST:
        raise IsobitError(
            "E204", f"values of {node.op} reach {reached:.2g}, where float32 ends at 3.4e+38", where=b.where(node),
            hint="look for a scale that training or calibration left at an extreme, and clamp it",
        )  # fmt: skip
    return value
