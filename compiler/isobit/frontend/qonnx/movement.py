"""Operators that only move elements: every one is an index array, whatever its name.

The source operator is applied to the *positions* of the elements (numpy on an array of flat positions); the result says
where every output element comes from. A movement that changes nothing in the integer value's own layout costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx.builder import Builder, attribute_ints
from isobit.frontend.qonnx.symbolic import Function, QuantisedConstant, Rationals, Real, Segment, Tensor
from isobit.ir.ops import Reindex, frozen_ints
from isobit.ir.types import IntArray


def positions(b: Builder, real: Real) -> IntArray:
    """The flat position in the integer value of every element, in the source's own layout (batch excluded)."""
    kind = b.types[real.value]
    order: IntArray = np.arange(kind.size).reshape(kind.shape)
    return order.transpose(np.argsort(real.layout))


def move(b: Builder, node: SourceNode, real: Real, index: IntArray, layout: Sequence[int] | None = None) -> Real:
    """The real tensor whose element ``i`` (source layout) is ``real``'s element at flat position ``index[i]``.

    Raises:
        IsobitError: E208 when an output channel would mix elements of different exact scales.
    """
    rank = index.ndim
    chosen = tuple(layout) if layout is not None else _default_layout(real, rank)
    stored = np.ascontiguousarray(index.transpose(chosen))
    kind = b.types[real.value]
    channel = stored % kind.channels
    reading = None if real.reading is None else real.reading.follow(lambda a: _taken(b, node, a, channel))
    moved = replace(real, layout=chosen, segments=_follow(b, node, real, channel), reading=reading)
    if stored.shape == kind.shape and np.array_equal(stored.reshape(-1), np.arange(kind.size)):
        return moved
    source = (printable(node.name or node.outputs[0]),)
    name = b.emit(Reindex(name=b.fresh(b.hint(node)), inputs=(real.value,), index=frozen_ints(stored), source=source))
    return replace(moved, value=name)


def relayout(b: Builder, node: SourceNode, real: Real, layout: tuple[int, ...]) -> Real:
    """``real`` with the axes of its integer value in the order ``layout``."""
    return real if real.layout == layout else move(b, node, real, positions(b, real), layout)


def one_layout(b: Builder, node: SourceNode, reals: Sequence[Real]) -> list[Real]:
    """All of ``reals`` in the layout of the first whose channels have scales or offsets of their own, if there is one.

    Raises:
        IsobitError: E208 when two of them have such channels along different axes.
    """
    chosen = next((r for r in reals if len(r.scale) > 1 or len(r.offset) > 1), reals[0])
    return [relayout(b, node, r, chosen.layout) for r in reals]


def facing(b: Builder, node: SourceNode, real: Real | Function, *constants: Any) -> Any:
    """``real`` with the axis along which the constants vary as the integer value's channels, if there is one such."""
    rank = len(real.layout)
    varying = {axis - np.ndim(c) + rank for c in constants for axis, n in enumerate(np.shape(c)) if n > 1}
    return channels_last(b, node, real, *varying) if len(varying) == 1 and min(varying) >= 0 else real


def channels_last(b: Builder, node: SourceNode, real: Any, axis: int = 0) -> Any:
    """``real`` with source axis ``axis`` (batch excluded) as the integer value's last axis.

    Raises:
        IsobitError: E208 where a function that is still to be tabulated would have to move.
    """
    if real.layout[-1] == axis:
        return real
    if isinstance(real, Function):
        message = "constants along another axis than the channels of the tensor that the function is of"
        raise IsobitError("E208", message, where=b.where(node), hint="quantise per tensor")
    others = tuple(a for a in range(len(real.layout)) if a != axis)
    return move(b, node, real, positions(b, real), (*others, axis))


def import_reshape(b: Builder, node: SourceNode) -> Tensor:
    """Reshape, Flatten, Squeeze, Unsqueeze of an integer-backed tensor or of a quantised constant."""
    x, full = b.tensor(node.inputs[0]), b.model.shapes[node.outputs[0]]
    if isinstance(x, QuantisedConstant):
        return x.reshape(full)
    if full[:1] != (1,):
        raise IsobitError("E106", f"the batch axis is reshaped away: {full}", where=b.where(node))
    real = b.real(node)
    index = positions(b, real)
    if index.size != np.prod(full, dtype=int):
        raise IsobitError("E106", f"{index.size} elements of a sample become {full}", where=b.where(node))
    made = np.atleast_1d(index.reshape(full[1:]))  # one number is one channel
    varying = any(len(a) > 1 for s in real.segments for k in _FIELDS if (a := getattr(s, k)) is not None)
    return move(b, node, real, made, _same_channels(made % b.types[real.value].channels) if varying else None)


def _same_channels(channel: IntArray) -> tuple[int, ...] | None:
    """The layout that has one axis for channels, the last if several will do, whose elements are all of one channel.

    ``channel`` is that of every element before it was moved.
    """
    for axis in reversed(range(channel.ndim)):
        columns = np.moveaxis(channel, axis, -1).reshape(-1, channel.shape[axis])
        if (columns == columns[0]).all():
            return (*(a for a in range(channel.ndim) if a != axis), axis)
    return None


def import_slice(b: Builder, node: SourceNode) -> Tensor:
    """Slice (limits as inputs or attributes) and Gather by constant indices."""
    real = b.real(node)
    index = positions(b, real)[np.newaxis]
    if node.op == "Gather":
        indices = b.constant(node, 1, "indices")
        axis = int(str(node.attrs.get("axis", 0)))
        size = index.shape[axis]
        beyond = indices[(indices < -size) | (indices >= size)]
        if beyond.size:
            what, hint = ("the batch", "export with a batch of 1") if axis % index.ndim == 0 else ("an axis", "")
            found = f"index {int(beyond.flat[0])} of {what} of {size}"
            raise IsobitError("E106", found, where=b.where(node), hint=hint)
        index = np.take(index, indices.astype(np.int64), axis=axis)
    else:
        starts, ends, axes, steps = _slice_limits(b, node, index.ndim)
        for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
            index = index[(slice(None),) * (axis % index.ndim) + (slice(start, _end(end, step), step),)]
    return _without_batch(b, node, real, index)


def import_repeated(b: Builder, node: SourceNode) -> Tensor:
    """Tile by constant repeats, Expand to a constant shape."""
    real = b.real(node)
    index = positions(b, real)[np.newaxis]
    if node.op == "Tile":
        repeats = tuple(int(n) for n in b.constant(node, 1, "repeats").reshape(-1))
        index = np.tile(index, repeats)
    else:
        wanted = tuple(int(n) for n in b.constant(node, 1, "shape").reshape(-1))
        try:
            index = np.broadcast_to(index, np.broadcast_shapes(index.shape, wanted))
        except ValueError as error:
            raise IsobitError("E106", f"{list(index.shape)} expanded to {list(wanted)}", where=b.where(node)) from error
    return _without_batch(b, node, real, index)


def import_split(b: Builder, node: SourceNode) -> dict[str, Tensor]:
    """Split: one moved tensor per output."""
    real = b.real(node)
    axis = int(str(node.attrs.get("axis", 0))) % (len(real.layout) + 1)
    ends = np.cumsum([b.model.shapes[o][axis] for o in node.outputs])[:-1]
    parts = np.split(positions(b, real)[np.newaxis], [int(e) for e in ends], axis=axis)
    return {o: _without_batch(b, node, real, p) for o, p in zip(node.outputs, parts, strict=True)}


def import_depth_to_space(b: Builder, node: SourceNode) -> Tensor:
    """DepthToSpace (DCR and CRD) and SpaceToDepth: the second half of a sub-pixel convolution."""
    real, block = b.real(node), int(str(node.attrs["blocksize"]))
    index = positions(b, real)
    c, h, w = index.shape
    if node.op == "SpaceToDepth":
        split = index.reshape(c, h // block, block, w // block, block)
        return move(b, node, real, split.transpose(2, 4, 0, 1, 3).reshape(c * block * block, h // block, w // block))
    if str(node.attrs.get("mode", "DCR")) == "CRD":
        split = index.reshape(c // block**2, block, block, h, w).transpose(0, 3, 1, 4, 2)
    else:
        split = index.reshape(block, block, c // block**2, h, w).transpose(2, 3, 0, 4, 1)
    return move(b, node, real, split.reshape(c // block**2, h * block, w * block))


# --------------------------------------------------------------------------------------------------------------- parts


def _default_layout(real: Real, rank: int) -> tuple[int, ...]:
    """The tensor's own layout when the rank stays, channels last from rank two on when it grows, else the source's."""
    if len(real.layout) == rank:
        return real.layout
    return tuple(range(rank))


def _follow(b: Builder, node: SourceNode, real: Real, channel: IntArray) -> tuple[Segment, ...]:
    """The segments with every per-channel array taken along the moved channels."""

    def moved(segment: Segment) -> Segment:
        arrays = {k: _taken(b, node, v, channel) for k in _FIELDS if (v := getattr(segment, k)) is not None}
        return replace(segment, **arrays)  # type: ignore[arg-type]  # all of them array fields

    return tuple(moved(s) for s in real.segments)


_FIELDS = ("scale", "offset", "lo", "hi", "slope", "weight")


def _taken(b: Builder, node: SourceNode, values: Rationals, channel: IntArray) -> Rationals:
    if len(values) == 1:
        return values
    taken = values[channel.reshape(-1, channel.shape[-1])]
    if (taken != taken[:1]).any():
        raise IsobitError(
            "E208", "elements with different scales would share a channel", where=b.where(node),
            hint="quantise per tensor before it",
        )  # fmt: skip
    first: Rationals = taken[0]
    return first


def _without_batch(b: Builder, node: SourceNode, real: Real, index: IntArray) -> Real:
    if index.ndim < 1 or index.shape[0] != 1:
        raise b.unsupported(node, "the batch axis is cut")
    # one number per sample is a vector of one channel
    return move(b, node, real, np.atleast_1d(index[0]))


def _slice_limits(b: Builder, node: SourceNode, rank: int) -> tuple[tuple[int, ...], ...]:
    if "starts" in node.attrs:
        starts, ends = attribute_ints(node, "starts", ()), attribute_ints(node, "ends", ())
        return starts, ends, attribute_ints(node, "axes", tuple(range(len(starts)))), (1,) * len(starts)
    starts, ends = (tuple(int(v) for v in b.constant(node, i, w).reshape(-1)) for i, w in ((1, "starts"), (2, "ends")))
    axes = b.constant(node, 3, "axes", np.arange(len(starts)))
    steps = b.constant(node, 4, "steps", np.ones(len(starts)))
    return starts, ends, tuple(int(v) for v in axes.reshape(-1)), tuple(int(v) for v in steps.reshape(-1))


def _end(end: int, step: int) -> int | None:
    return None if step < 0 and end < -(1 << 30) else end
