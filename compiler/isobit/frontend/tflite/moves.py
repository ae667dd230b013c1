"""Operators that only move elements, and padding: every one is an index array made by moving positions."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from isobit.frontend.tflite.builder import TfliteBuilder, Value, sample_shape
from isobit.frontend.tflite.model import TfliteOperator
from isobit.ir.ops import Concat, HostOp, Pad
from isobit.ir.types import IntArray

_LARGE = 1 << 30


def import_reshape(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """RESHAPE, SQUEEZE, EXPAND_DIMS: the order of the elements stays."""
    if (on_host := b.behind_softmax(op)) is not None:
        shape = sample_shape(b.output(op), op.where)
        return replace(on_host, host=(*on_host.host, HostOp("reshape", shape=shape)))
    return b.shaped(op, b.value(op), b.positions(b.value(op)))


def import_transpose(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """TRANSPOSE; the batch axis stays first."""
    x = b.value(op)
    order = b.integers(op, 1, "permutation", len(b.tensor(op).shape))
    if sorted(order) != list(range(len(order))) or order[0]:
        raise op.refusal(f"the permutation {list(order)}", "keep axis 0 first")
    return b.shaped(op, x, b.positions(x).transpose(order))


def import_slice(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """SLICE: a begin and a size per axis, -1 for all that is left."""
    x = b.value(op)
    rank = len(b.tensor(op).shape)
    begins, sizes = (b.integers(op, i, what, rank) for i, what in ((1, "begin"), (2, "size")))
    cut = tuple(slice(p, None if n < 0 else p + n) for p, n in zip(begins, sizes, strict=True))
    return b.shaped(op, x, b.positions(x)[cut])


def import_strided_slice(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """STRIDED_SLICE with all its masks; axes that are new or shrink have one element, as the output's shape says."""
    x = b.value(op)
    begins = b.integers(op, 1, "begin")
    ends, strides = (b.integers(op, i, what, len(begins)) for i, what in ((2, "end"), (3, "strides")))
    cut: list[Any] = []
    for axis, (begin, end, stride) in enumerate(zip(begins, ends, strides, strict=True)):
        bit = 1 << axis
        if not stride:
            raise op.refusal("a stride of 0")
        if op.option("ellipsis_mask") & bit:
            cut.append(Ellipsis)
        elif op.option("new_axis_mask") & bit:
            cut.append(np.newaxis)
        elif op.option("shrink_axis_mask") & bit:
            cut.append(slice(begin, begin + 1 or None))
        else:
            first = None if op.option("begin_mask") & bit else begin
            last = None if op.option("end_mask") & bit or (stride < 0 and end < -_LARGE) else end
            cut.append(slice(first, last, stride))
    index = b.positions(x)
    if cut.count(Ellipsis) > 1 or len(cut) - cut.count(np.newaxis) - cut.count(Ellipsis) > index.ndim:
        raise op.refusal(f"{len(cut)} slices of {index.ndim} axes")
    return b.shaped(op, x, index[tuple(cut)])


def import_split(b: TfliteBuilder, op: TfliteOperator) -> list[Value]:
    """SPLIT into equal parts, SPLIT_V into parts of given sizes, UNPACK into slices."""
    position = 1 if op.op == "SPLIT" else 0
    x, rank = b.value(op, position), len(b.tensor(op, position).shape)
    if op.op == "UNPACK":
        axis = op.option("axis") % rank
    else:
        axis = b.integers(op, 0 if op.op == "SPLIT" else 2, "axis", 1)[0] % rank
    if axis == 0:
        raise op.refusal("the batch axis is split")
    whole = b.positions(x)
    sizes = b.integers(op, 1, "sizes", len(op.outputs)) if op.op == "SPLIT_V" else None
    if sizes is None and whole.shape[axis] % len(op.outputs):
        raise op.refusal(f"{whole.shape[axis]} elements in {len(op.outputs)} parts", code="E106")
    widths = sizes or (whole.shape[axis] // len(op.outputs),) * len(op.outputs)
    if min(widths) < 1 or sum(widths) != whole.shape[axis]:
        raise op.refusal(f"parts of {list(widths)} elements of {whole.shape[axis]}", code="E106")
    ends = [0, *np.cumsum(widths).tolist()]
    before = (slice(None),) * axis
    return [
        b.shaped(op, x, whole[(*before, slice(first, last))], output)
        for output, (first, last) in enumerate(pairwise(ends))
    ]


def import_pack(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """PACK: tensors side by side along a new axis."""
    values = [b.value(op, i) for i in range(len(op.inputs))]
    shape = b.type(values[0]).shape
    grids = {b.grid(op, b.tensor(op, i)) for i in range(len(op.inputs))} | {b.grid(op, b.output(op))}
    if len(grids) > 1 or any(b.type(v).shape != shape for v in values):
        raise op.refusal("tensors of other shapes or scales are packed")
    axis = op.option("axis") % (len(shape) + 2)
    if axis == 0:
        raise op.refusal("the batch axis is packed")
    flat = [b.moved(op, b.centred(op, v), np.arange(b.type(v).size), "_flat") for v in values]
    joined = flat[0]
    if len(flat) > 1:
        node = Concat(name=b.named(op, "_all"), inputs=tuple(v.name for v in flat), axis=0, source=b.source(op))
        joined = Value(b.emit(node))
    size = b.type(values[0]).size
    parts = [np.arange(i * size, (i + 1) * size).reshape(1, *shape) for i in range(len(flat))]
    return b.shaped(op, joined, np.stack(parts, axis=axis))


def import_blocks(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """SPACE_TO_DEPTH and DEPTH_TO_SPACE."""
    x, block = b.value(op), op.option("block_size")
    index = b.positions(x)
    if index.ndim != 4 or block < 1:
        raise op.refusal(f"blocks of {block} of {b.type(x)}")
    n, h, w, c = index.shape
    if op.op == "SPACE_TO_DEPTH":
        if h % block or w % block:
            raise op.refusal(f"blocks of {block} of {b.type(x)}", code="E106")
        cut = index.reshape(n, h // block, block, w // block, block, c).transpose(0, 1, 3, 2, 4, 5)
        return b.shaped(op, x, cut.reshape(n, h // block, w // block, block * block * c))
    if c % (block * block):
        raise op.refusal(f"blocks of {block} of {b.type(x)}", code="E106")
    cut = index.reshape(n, h, w, block, block, c // block**2).transpose(0, 1, 3, 2, 4, 5)
    return b.shaped(op, x, cut.reshape(n, h * block, w * block, c // block**2))


def import_resize(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """RESIZE_NEAREST_NEIGHBOR, with the coordinates in float32 as the kernel has them."""
    x = b.value(op)
    index = b.positions(x)
    if index.ndim != 4:
        raise op.refusal(f"an image is needed, not {b.type(x)}", code="E106")
    rows, columns = (
        _nearest(op, size, out) for size, out in zip(index.shape[1:3], b.integers(op, 1, "size", 2), strict=True)
    )
    return b.shaped(op, x, index[:, rows][:, :, columns])


def import_pad(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """PAD with the real zero, PADV2 with an integer of the tensor."""
    x, rank = b.value(op), len(b.tensor(op).shape)
    if b.grid(op, b.tensor(op)) != b.grid(op, b.output(op)):
        raise op.refusal("its output has another scale or zero point than its input", "convert the model again")
    amounts = np.array(b.integers(op, 1, "paddings", 2 * rank)).reshape(rank, 2)
    if amounts[0].any() or (amounts < 0).any():
        raise op.refusal(f"paddings {amounts.tolist()}", "keep the batch as it is")
    integer = x.zero
    if op.op == "PADV2":
        integer += b.integers(op, 2, "value", 1)[0] - b.grid(op, b.tensor(op))[1]
    inner = amounts[1:]
    if not inner.any():
        return x
    kind = b.type(x)
    widened = b.moved(op, x, np.arange(kind.size).reshape(*kind.shape, 1), "_apart") if inner[-1].any() else x
    ends = inner if inner[-1].any() else inner[:-1]
    before, after = (tuple(int(v) for v in ends[:, side]) for side in (0, 1))
    node = Pad(
        name=b.named(op), inputs=(widened.name,), before=before, after=after, value=int(integer), source=b.source(op)
    )
    return b.shaped(op, Value(b.emit(node), x.zero), np.arange(b.types[node.name].size))


def _nearest(op: TfliteOperator, size: int, out: int) -> IntArray:
    """The source position of every output along one axis."""
    if out < 1:
        raise op.refusal(f"a size of {out}", code="E106")
    align = op.option("align_corners") and out > 1
    scale = np.float32(size - 1) / np.float32(out - 1) if align else np.float32(size) / np.float32(out)
    offset = np.float32(0.5 if op.option("half_pixel_centers") else 0.0)
    place = (np.arange(out, dtype=np.float32) + offset) * scale
    whole = np.floor(place + np.float32(0.5)) if op.option("align_corners") else np.floor(place)
    found = np.minimum(whole.astype(np.int64), size - 1)
    return np.asarray(np.maximum(found, 0))
