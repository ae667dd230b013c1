"""Rounding to the numbers of a format, as torch trains through it and as its exporters write it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from isobit.errors import IsobitError
from isobit.numerics.formats import FixedPoint, FloatFormat, TabulatedFormat, Tapered

_QONNX, _OWN = "qonnx.custom_op.general", "isobit.custom_op"


class Rounded(torch.autograd.Function):
    """The nearest number of a format to ``x / scale``, times the scale.

    Straight through: inside the range the gradient of x is that of the output, that of the scale what rounding added;
    outside it x has none, and the scale's is the number at that end (learned step size, arXiv 1902.08153).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, made: TabulatedFormat) -> Tensor:
        quotient = x / scale
        whole = _whole(quotient, made)
        ends = torch.tensor([made.values[0], made.values[-1]], dtype=torch.float32, device=x.device)
        ctx.save_for_backward(quotient, whole, scale, ends)
        return whole * scale

    @staticmethod
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor, Tensor, None]:
        quotient, whole, scale, ends = ctx.saved_tensors
        (gradient,) = given
        inside = (quotient >= ends[0]) & (quotient <= ends[1])
        of_scale = gradient * torch.where(inside, whole - quotient, whole)
        kept = [axis for axis, size in enumerate(scale.shape) if size == 1] if scale.dim() else []
        summed = of_scale.sum(kept, keepdim=True) if scale.dim() else of_scale.sum()
        return gradient * inside, summed.reshape(scale.shape), None

    @staticmethod
    def symbolic(g: Any, x: Any, scale: Any, made: TabulatedFormat) -> Any:
        """What the TorchScript exporter writes."""
        name, numbers, attributes = _operator(made)
        constants = [g.op("Constant", value_t=torch.tensor(number)) for number in numbers]
        kinds = {int: "i", str: "s"}
        out = g.op(name, x, scale, *constants, **{f"{k}_{kinds[type(v)]}": v for k, v in attributes.items()})
        out.setType(x.type())
        return out


def _whole(quotient: Tensor, made: TabulatedFormat) -> Tensor:
    """The nearest number of a format, halves to the even code."""
    if isinstance(made, FixedPoint) and made.unit == 1:  # the same, some times faster
        return quotient.round().clamp(float(made.values[0]), float(made.values[-1])) + 0.0
    points, numbers = tables(made, quotient.device)
    below = torch.bucketize(quotient.double(), points)
    tie = (points[below.clamp(max=len(points) - 1)] == quotient) & odd_codes(made, quotient.device)[below]
    return numbers[below + tie.long()]


def _operator(made: TabulatedFormat) -> tuple[str, tuple[float, ...], dict[str, Any]]:
    """The operator that quantises to a format: its name, its inputs behind data and scale, its attributes.

    Raises:
        IsobitError: E302 for a format that no operator has.
    """
    if isinstance(made, Tapered):
        return f"{_OWN}::TaperedQuant", (), {"bits": made.bits, "run": made.run}
    if isinstance(made, FixedPoint) and made.unit == 1:
        flags = {"signed": int(made.signed), "narrow": 0, "rounding_mode": "ROUND"}
        return f"{_QONNX}::Quant", (0.0, float(made.bits)), flags
    if isinstance(made, FloatFormat):
        numbers: tuple[Any, ...] = (made.exponent, made.mantissa, 1 - made.mantissa - made.least_exponent, made.limit)
        flags = {"has_inf": 0, "has_nan": 0, "has_subnormal": 1, "saturation": 1, "rounding_mode": "ROUND"}
        return f"{_QONNX}::FloatQuant", tuple(float(v) for v in numbers), flags
    hint = "tapered:n, int:n and the floats have one"
    raise IsobitError("E302", f"no operator of ONNX or QONNX quantises to {type(made).__name__}", hint=hint)


def exported(x: Tensor, scale: Tensor, made: TabulatedFormat) -> Tensor:
    """What the exporter of torch.export writes for :class:`Rounded`."""
    name, numbers, attributes = _operator(made)
    inputs = (x, scale, *(torch.tensor(number) for number in numbers))
    version = 1 if name.startswith(_OWN) else 2
    out: Tensor = torch.onnx.ops.symbolic(name, inputs, attributes, dtype=x.dtype, shape=x.shape, version=version)
    return out


def tables(made: TabulatedFormat, device: Any) -> tuple[Tensor, Tensor]:
    """The points half way between neighbouring numbers (float64), and the numbers, ascending."""
    points = torch.as_tensor(made.midpoints, dtype=torch.float64, device=device)
    return points, torch.as_tensor(made.values, dtype=torch.float32, device=device)


def odd_codes(made: TabulatedFormat, device: Any) -> Tensor:
    """Of each number whether its code is odd."""
    return torch.as_tensor(made.codes % 2 == 1, device=device)
