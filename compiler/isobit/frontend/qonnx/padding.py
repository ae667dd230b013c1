"""Borders of a constant, of the tensor's own edge, and constant channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx.builder import Builder
from isobit.frontend.qonnx.movement import channels_last, move, positions
from isobit.frontend.qonnx.symbolic import Real, Tensor, rationals
from isobit.ir.ops import Add, Linear, Pad, frozen_ints
from isobit.ir.types import IntArray


def import_pad(b: Builder, node: SourceNode) -> Tensor:
    """Pad by a real value that is one of the tensor's integers, or by its own edge; a negative amount cuts."""
    mode = str(node.attrs.get("mode", "constant"))
    real = b.affine(node) if mode == "constant" else b.real(node)
    pads = node.attrs.get("pads")
    amounts = [int(v) for v in (b.constant(node, 1, "pads").reshape(-1) if pads is None else np.asarray(pads))]
    value = b.operand(node, 2, "value", node.number("value", 0.0)).reshape(-1)[0]
    rank = len(real.layout) + 1
    axes = [int(a) % rank for a in b.constant(node, 3, "axes", np.arange(rank)).reshape(-1)]
    before, after = np.zeros(rank, np.int64), np.zeros(rank, np.int64)
    before[axes], after[axes] = amounts[: len(axes)], amounts[len(axes) :]
    if before[0] or after[0]:
        raise b.unsupported(node, "the batch axis is padded")
    before, after = before[1:], after[1:]
    if mode != "constant":
        if min(*before, *after) < 0 or mode not in ("edge", "reflect", "wrap"):
            raise b.unsupported(node, f"padding mode {printable(mode)} with these amounts")
        amounts_of = list(zip(before.tolist(), after.tolist(), strict=True))
        return move(b, node, real, np.pad(positions(b, real), amounts_of, mode=mode))  # type: ignore[call-overload]
    if min(*before, *after) < 0:
        ends = zip(before, after, positions(b, real).shape, strict=True)
        kept = tuple(slice(max(-first, 0), size - max(-last, 0)) for first, last, size in ends)
        real = move(b, node, real, positions(b, real)[kept])
    return padded(b, node, real, np.maximum(before, 0), np.maximum(after, 0), exact_number(value))


def exact_number(value: Any) -> Fraction:
    """A float's or rational's own value."""
    return value if isinstance(value, Fraction) else Fraction(float(value))


def padded(
    b: Builder, node: SourceNode, real: Real, before: Sequence[int] | IntArray, after: Sequence[int] | IntArray,
    value: Fraction,
) -> Real:  # fmt: skip
    """``real`` padded with a real constant; ``before`` and ``after`` per source axis (batch excluded).

    Where one scale and offset serve all channels, an axis that stays as it is becomes the integer value's channels.

    Raises:
        IsobitError: E208 when the constant is no integer of the tensor.
    """
    still = [axis for axis in range(len(real.layout)) if not before[axis] and not after[axis]]
    if still and real.layout[-1] not in still and len(real.scale) == len(real.offset) == 1:
        real = channels_last(b, node, real, still[0])
    amounts = [(int(before[a]), int(after[a])) for a in real.layout]
    if any(map(any, amounts[:-1])):
        integer = _common_integer(real, value)
        if integer is None:
            real, integer = without_offset(b, node, real, value), 0
        real = replace(real, value=emit_pad(b, node, real.value, amounts[:-1], integer))
    return _more_channels(b, node, real, *amounts[-1], value) if any(amounts[-1]) else real


def without_offset(b: Builder, node: SourceNode, real: Real, zero: Fraction = Fraction(0)) -> Real:
    """``real`` with offset ``zero``: what is above it is added to the integers of every channel.

    Raises:
        IsobitError: E208 when that is no whole number of steps.
    """
    steps = [
        (o - zero) / s if s else o - zero for s, o in zip(*np.broadcast_arrays(real.scale, real.offset), strict=True)
    ]
    if any(v.denominator != 1 for v in steps):
        raise IsobitError("E208", f"{float(zero)} is no integer of the tensor", where=b.where(node))
    if not any(steps):
        return real
    integers = b.const(b.hint(node) + "_offset", np.array([int(v) for v in steps], dtype=object))
    source, units = (printable(node.name or node.outputs[0]),), (frozen_ints(1), frozen_ints(1))
    name = b.emit(Add(name=b.fresh(b.hint(node)), inputs=(real.value, integers), coefficients=units, source=source))
    return Real.of(name, real.layout, real.scale, rationals([zero]))


def _common_integer(real: Real, value: Fraction) -> int | None:
    """The integer that means ``value`` in every channel, if there is one."""
    pairs = zip(*np.broadcast_arrays(real.scale, real.offset), strict=True)
    integers = {(value - o) / s if s else o - value for s, o in pairs}
    integer = integers.pop()
    return None if integers or integer.denominator != 1 else int(integer)


def _more_channels(b: Builder, node: SourceNode, real: Real, before: int, after: int, value: Fraction) -> Real:
    """Constant channels: a pointwise linear whose new rows are zero, with the constant as their offset."""
    kind = b.types[real.value]
    total, spatial = before + kind.channels + after, len(kind.shape) - 1
    weights = np.zeros((total, *(1,) * spatial, kind.channels), dtype=np.int64)
    weights.reshape(total, -1)[before : before + kind.channels] = np.eye(kind.channels, dtype=np.int64)
    source = (printable(node.name or node.outputs[0]),)
    name = b.emit(
        Linear(
            name=b.fresh(b.hint(node)), inputs=(real.value, b.const(b.hint(node) + "_w", weights)), source=source,
            strides=(1,) * spatial, dilations=(1,) * spatial,
        )
    )  # fmt: skip
    first, last = ([value] * n for n in (before, after))
    offset = rationals([*first, *np.broadcast_to(real.offset, kind.channels), *last])
    scale = real.scale
    if len(scale) > 1:
        scale = rationals([Fraction(1)] * before + list(scale) + [Fraction(1)] * after)
    return Real.of(name, real.layout, scale, offset if len(set(offset)) > 1 else offset[:1])


def emit_pad(b: Builder, node: SourceNode, value: str, amounts: Sequence[tuple[int, int]], integer: int) -> str:
    """The value with ``(before, after)`` per spatial axis around it: one axis after the other where there are three."""
    padded_axes = [axis for axis, sides in enumerate(amounts) if any(sides)]
    if len(amounts) > 2 and len(padded_axes) > 1:
        for axis in padded_axes:
            alone = [sides if a == axis else (0, 0) for a, sides in enumerate(amounts)]
            value = emit_pad(b, node, value, alone, integer)
        return value
    source = (printable(node.name or node.outputs[0]),)
    before, after = (tuple(a[side] for a in amounts) for side in (0, 1))
    name = b.fresh(value + "_pad")
    return b.emit(Pad(name=name, inputs=(value,), before=before, after=after, value=integer, source=source))
