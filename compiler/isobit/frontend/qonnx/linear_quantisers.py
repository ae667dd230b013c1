"""QuantizeLinear and DequantizeLinear, ONNX's own quantisers: here the integers are tensors of the file.

``q = clamp(round(x / scale) + zero_point, lo, hi)`` rounds *before* it adds the zero point (ONNX operator pages,
opsets 10 to 23), halves to even. The graph holds ``r = q - zero_point``, which is
``clamp(round(x / scale), lo - zero_point, hi - zero_point)``: zero is zero, and the ties are those of ``r``. The real
tensor of the integers is then ``r + zero_point``, and DequantizeLinear is an affine map like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from onnx import TensorProto

from isobit.errors import IsobitError
from isobit.frontend.onnx.model import LINEAR_QUANTISERS, SourceModel, SourceNode
from isobit.frontend.onnx.tensors import element_type
from isobit.frontend.qonnx.builder import Builder
from isobit.frontend.qonnx.movement import facing
from isobit.frontend.qonnx.quantiser_parameters import positive_scale
from isobit.frontend.qonnx.quantisers import host_quantised, uniform_step
from isobit.frontend.qonnx.small_floats import SMALL_FLOATS, small_float_constant
from isobit.frontend.qonnx.staircases import Uniform
from isobit.frontend.qonnx.symbolic import ONE, HostReal, QuantisedConstant, Rationals, Real, Tensor, rationals
from isobit.ir.ops import HostOp
from isobit.ir.types import IntArray
from isobit.numerics import Rounding
from isobit.numerics.float_quantise import quantise_float

_LIMITS = {
    name: (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if name.startswith("i") else (0, (1 << bits) - 1)
    for bits in (2, 4, 8, 16)
    for name in (f"int{bits}", f"uint{bits}")
}
_BEYOND = 1 << 24
"""Past every ``q - zero_point`` that is not clamped, and float32 still counts up to it."""
_TO_WHOLE = 1.5 * 2.0**23
"""Added to a float32 below 2^22 and taken away again, it leaves the nearest integer, halves to even."""
_SOFTMAX = ("Softmax", "LogSoftmax")

Tails = Mapping[str, tuple[SourceNode, ...]]


@dataclass(frozen=True, eq=False)
class _Grid:
    """Scale (float32) and zero point (int64), each of the data's rank, broadcastable to its shape."""

    scale: Any
    zero: IntArray
    dtype: str


def import_quantize_linear(b: Builder, node: SourceNode) -> Tensor:
    """ONNX QuantizeLinear to 2, 4, 8 or 16 bits, per tensor or per axis; of a constant to a small float too.

    Raises:
        IsobitError: E202 for another type, a blocked scale or a constant quantised twice, E204 for a bad scale, E206
            for parameters computed at run time, E208 where they vary along an axis that cannot be the channels.
    """
    grid, x = _grid(b, node, "uint8"), b.tensor(node.inputs[0])
    if isinstance(x, np.ndarray) and grid.dtype in SMALL_FLOATS:
        return small_float_constant(_as_small_float(b, node, x, grid))
    if grid.dtype not in _LIMITS:
        hint = "only weights may be floats of 4 or 8 bits" if grid.dtype in SMALL_FLOATS else ""
        raise b.unsupported(node, f"quantising to {grid.dtype}", hint or "2, 4, 8 and 16 bits are supported")
    if isinstance(x, Real | HostReal) and node.attrs.get("block_size", 0):
        raise b.unsupported(node, "an activation with a scale per block", "quantise it per tensor or per channel")
    if isinstance(x, QuantisedConstant):
        raise b.unsupported(node, "a constant is quantised twice", "export the weights with one quantiser")
    if isinstance(x, HostReal):
        return _entering(b, node, x, grid)
    if isinstance(x, np.ndarray):
        return QuantisedConstant(_in_float32(x, grid), np.ones(1, np.float32), np.zeros(1, np.float32))
    x = facing(b, node, x, grid.scale)
    return _requantised(b, node, x, b.per_channel(node, grid.scale, x), grid)


def import_dequantize_linear(b: Builder, node: SourceNode) -> Tensor:
    """ONNX DequantizeLinear: ``(q - zero_point) * scale`` of an activation or of a constant of any integer type.

    Raises:
        IsobitError: those of :func:`import_quantize_linear`, E209 for a graph input that has no integer range.
    """
    grid, x = _grid(b, node, "int32"), b.tensor(node.inputs[0])
    if isinstance(x, np.ndarray) and x.dtype.name in SMALL_FLOATS:
        x = small_float_constant(x)
    if isinstance(x, QuantisedConstant) and (x.scale != 1).any():  # a small float: its unit is a power of two
        return _scaled(b, node, x, grid)
    if isinstance(x, np.ndarray | QuantisedConstant):
        integers = x if isinstance(x, np.ndarray) else x.integers
        return QuantisedConstant(integers.astype(np.int64), grid.scale, grid.zero)
    if node.attrs.get("block_size", 0):
        raise b.unsupported(node, "an activation with a scale per block", "quantise it per tensor or per channel")
    real: Real = facing(b, node, b.real(node), grid.scale)
    scale, zero = b.per_channel(node, grid.scale, real), b.per_channel(node, grid.zero, real)
    return real.affine(scale, -zero * scale)


def _grid(b: Builder, node: SourceNode, default: str) -> _Grid:
    """The parameters of ``node``; ``default`` is the integer type where no zero point states one."""
    if node.attrs.get("precision", 0) not in (TensorProto.UNDEFINED, TensorProto.FLOAT):
        raise b.unsupported(node, "a division that is not in float32")
    stated = int(str(node.attrs.get("output_dtype", 0)))
    if node.op == "DequantizeLinear" and stated not in (TensorProto.UNDEFINED, TensorProto.FLOAT):
        raise b.unsupported(node, "an output that is not float32")
    dtype = element_type(stated, b.where(node)) if stated and node.op == "QuantizeLinear" else np.dtype(default)
    scale = positive_scale(b, node, b.constant(node, 1, "scale"))
    zero = b.constant(node, 2, "zero point", np.zeros((), dtype))
    if zero.dtype.name in SMALL_FLOATS and (zero.astype(np.float32) != 0).any():
        raise IsobitError("E204", "the zero point of a float type is not zero", where=b.where(node))
    return _Grid(_spread(b, node, scale), _spread(b, node, zero).astype(np.int64), zero.dtype.name)


def _spread(b: Builder, node: SourceNode, values: Any) -> Any:
    """A scalar, the values along ``axis`` or one per block, as an array that broadcasts to the data's shape.

    The loader has compared the sizes.
    """
    data = b.model.shapes[node.inputs[0]]
    rank = len(data)
    block = int(str(node.attrs.get("block_size", 0)))
    if block and values.ndim == rank:
        axis = int(str(node.attrs.get("axis", 1)))
        return np.take(np.repeat(values, block, axis), np.arange(data[axis]), axis)
    shape = [1] * rank
    if values.size > 1:
        shape[int(str(node.attrs.get("axis", 1)))] = values.size
    return values.reshape(shape)


def _in_float32(x: Any, grid: _Grid) -> IntArray:
    """A constant quantised as ONNX Runtime does it: the division in float32, the zero point in integers."""
    data, nothing = np.asarray(x, np.float32), np.zeros(1, np.float32)
    whole = quantise_float(data, grid.scale, nothing, Rounding.ROUND, -_BEYOND, _BEYOND)
    return np.asarray(np.clip(whole + grid.zero, *_LIMITS[grid.dtype]))


def _as_small_float(b: Builder, node: SourceNode, x: Any, grid: _Grid) -> Any:
    """A constant divided in float32 and rounded to the float type, halves to even; what is too large saturates."""
    quotient, made = np.asarray(x, np.float32) / grid.scale, SMALL_FLOATS[grid.dtype]
    if not node.attrs.get("saturate", 1) and (np.abs(quotient) > float(made.limit)).any():
        raise b.unsupported(node, "a constant that overflows without saturation")
    return made.quantised(quotient)


def _scaled(b: Builder, node: SourceNode, x: QuantisedConstant, grid: _Grid) -> QuantisedConstant:
    """A small float's integers with both scales in one: a power of two times a float32."""
    scale = (x.scale * grid.scale).astype(np.float32)
    if (scale.astype(np.float64) != x.scale.astype(np.float64) * grid.scale).any():
        raise IsobitError("E204", "a scale is too small for its float type", where=b.where(node))
    return QuantisedConstant(x.integers, scale, grid.zero)


def _entering(b: Builder, node: SourceNode, x: HostReal, grid: _Grid) -> Real:
    """The host divides and rounds; limits that differ per channel are left to a step behind it."""
    lo, hi = _LIMITS[grid.dtype]
    widest = lo - int(grid.zero.max()), hi - int(grid.zero.min())
    made = host_quantised(b, node, x, grid.scale, np.zeros(1, np.float32), "ROUND", *widest)
    lowest = b.types[made.value].bounds[0]
    whole = Real.of(made.value, made.layout, ONE, rationals([widest[0] - lowest]))
    if (grid.zero == grid.zero.flat[0]).all():
        return whole.affine(ONE, rationals([int(grid.zero.flat[0])]))
    return _requantised(b, node, whole, ONE, grid)


def _requantised(b: Builder, node: SourceNode, x: Real, scale: Rationals, grid: _Grid) -> Real:
    """The step ``r = clamp(round(x / scale), lo - zero, hi - zero)``, and ``r + zero`` as what it means."""
    zero, (lo, hi) = b.per_channel(node, grid.zero, x), _LIMITS[grid.dtype]

    def quantiser(channel: int) -> Uniform:
        s, z = scale[channel % len(scale)], int(zero[channel % len(zero)])
        return Uniform(s, Fraction(0), Rounding.ROUND, lo - z, hi - z)

    # there are as many zero points as scales, so that the step is no other channel's
    step = uniform_step(b, node, x, quantiser, (ONE, -zero))
    return Real.of(step.value, step.layout, ONE, zero)


# ----------------------------------------------------------------------------------------------- behind a final Softmax


def behind_softmax(model: SourceModel) -> tuple[SourceModel, Tails]:
    """The model up to its final Softmax, and by output label the linear quantisers between that and the output.

    A Softmax is no function of single integers, so the host computes it, and what follows it too.
    """
    maker = {name: node for node in model.nodes for name in node.outputs}
    tails: dict[str, tuple[SourceNode, ...]] = {}
    outputs = []
    for info in model.outputs:
        name, tail = info.name, []
        while name in maker and maker[name].op in LINEAR_QUANTISERS:
            tail.append(maker[name])
            name = maker[name].inputs[0]
        if name in maker and maker[name].op in _SOFTMAX:
            tails[info.label] = tuple(reversed(tail))
            info = replace(info, name=name, dtype="float32")  # noqa: PLW2901
        outputs.append(info)
    gone = {node.outputs[0] for tail in tails.values() for node in tail}
    kept = tuple(node for node in model.nodes if node.outputs[0] not in gone)
    return replace(model, nodes=kept, outputs=tuple(outputs)), tails


def host_quantisers(b: Builder, nodes: tuple[SourceNode, ...]) -> tuple[HostOp, ...]:
    """The nodes as float32 operations, integers among their values held in float32.

    Raises:
        IsobitError: E202 for parameters per axis and what no :func:`import_quantize_linear` takes.
    """
    ops: list[HostOp] = []
    for node in nodes:
        grid = _grid(b, node, "uint8")
        if grid.scale.size > 1 or (node.op == "QuantizeLinear" and grid.dtype not in _LIMITS):
            raise b.unsupported(node, "behind a Softmax only 8 and 16 bits per tensor are supported")
        scale, zero = float(grid.scale.flat[0]), float(grid.zero.flat[0])
        if node.op == "DequantizeLinear":
            ops += [HostOp("sub", (zero,)), HostOp("mul", (scale,))]
            continue
        limits = tuple(limit - zero for limit in _LIMITS[grid.dtype])
        ops += [HostOp("div", (scale,)), HostOp("clip", limits)]
        ops += [HostOp("add", (_TO_WHOLE,)), HostOp("sub", (_TO_WHOLE,)), HostOp("add", (zero,))]
    return tuple(ops)
