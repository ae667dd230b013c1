"""Operators that only move elements, and padding: every one is an index array made by moving positions."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from isobit.frontend.tflite.builder import TfliteBuilder, Value, sample_shape
from isobit.frontend.tflite.model import FIXED_BATCH, TfliteOperator
from isobit.ir.ops import HostOp, Pad

_LARGE = 1 << 30
_FLOAT_MOVES = ("EXPAND_DIMS", "RESHAPE", "SQUEEZE", "TRANSPOSE")


def import_reshape(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """RESHAPE, SQUEEZE, EXPAND_DIMS: the order of the elements stays."""
    if (on_host := b.behind_softmax(op)) is not None:
        shape = sample_shape(b.output(op), op.where)
        return replace(on_host, host=(*on_host.host, HostOp("reshape", shape=shape)))
    return b.shaped(op, b.value(op), b.flat(b.value(op)))


def import_transpose(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """TRANSPOSE."""
    x = b.value(op)
    order = b.integers(op, 1, "permutation", len(b.tensor(op).shape))
    if sorted(order) != list(range(len(order))):
        raise op.refusal(f"the permutation {list(order)}", code="E106")
    return b.shaped(op, x, b.positions(op).transpose(order))


def move_floats(b: TfliteBuilder, op: TfliteOperator) -> bool:
    """RESHAPE, SQUEEZE, EXPAND_DIMS and TRANSPOSE of a float input that is quantised later; whether it was one.

    Quantising works element by element: the graph quantises first and moves integers.
    """
    found = b.floats.get(op.inputs[0]) if op.op in _FLOAT_MOVES and op.inputs else None
    if found is None:
        return False
    source, index = found
    shape = b.output(op).shape
    if op.op == "TRANSPOSE":
        order = b.integers(op, 1, "permutation", index.ndim)
        if sorted(order) != list(range(len(order))):
            raise op.refusal(f"the permutation {list(order)}", code="E106")
        index = index.transpose(order)
    if index.size != prod(shape):
        raise op.refusal(f"{index.size} elements, its output of shape {list(shape)} has others", FIXED_BATCH, "E106")
    b.floats[op.outputs[0]] = source, index.reshape(shape)
    return True


def import_slice(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """SLICE: a begin and a size per axis, -1 for all that is left."""
    x = b.value(op)
    rank = len(b.tensor(op).shape)
    begins, sizes = (b.integers(op, i, what, rank) for i, what in ((1, "begin"), (2, "size")))
    cut = tuple(slice(p, None if n < 0 else p + n) for p, n in zip(begins, sizes, strict=True))
    return b.shaped(op, x, b.positions(op)[cut])


def import_strided_slice(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """STRIDED_SLICE with all its masks; axes that are new or shrink have one element, as the output's shape says."""
    x = b.value(op)
    begins = b.integers(op, 1, "begin")
    ends, strides = (b.integers(op, i, what, len(begins)) for i, what in ((2, "end"), (3, "strides")))
    if op.option("offset"):  # the ends are counted from the begins
        ends = tuple(begin + end for begin, end in zip(begins, ends, strict=True))
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
    index = b.positions(op)
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
    whole = b.positions(op, position)
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
    shape = b.tensor(op).shape
    grids = {b.grid(op, b.tensor(op, i)) for i in range(len(op.inputs))} | {b.grid(op, b.output(op))}
    if len(grids) > 1 or any(b.tensor(op, i).shape != shape for i in range(len(op.inputs))):
        raise op.refusal("tensors of other shapes or scales are packed")
    axis = op.option("axis") % (len(shape) + 1)
    return b.side_by_side(op, values, lambda parts: np.stack(parts, axis=axis))


def import_blocks(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """SPACE_TO_DEPTH and DEPTH_TO_SPACE."""
    x, block = b.value(op), op.option("block_size")
    index = b.positions(op)
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


def import_pad(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """PAD with the real zero, PADV2 with an integer of the tensor."""
    x, rank = b.value(op), len(b.tensor(op).shape)
    if b.grid(op, b.tensor(op)) != b.grid(op, b.output(op)):
        raise op.refusal("its output has another scale or zero point than its input", "convert the model again")
    amounts = np.array(b.integers(op, 1, "paddings", 2 * rank)).reshape(rank, 2)
    batched = rank > 1 and b.tensor(op).shape[0] == 1
    if (batched and amounts[0].any()) or (amounts < 0).any():
        raise op.refusal(f"paddings {amounts.tolist()}", "keep the batch as it is")
    integer = x.zero
    if op.op == "PADV2":
        integer += b.integers(op, 2, "value", 1)[0] - b.grid(op, b.tensor(op))[1]
    inner = amounts[1:] if batched else amounts
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


def import_mirror_pad(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """MIRROR_PAD: the image reflected at its edge's element, or at the edge itself (symmetric)."""
    rank = len(b.tensor(op).shape)
    amounts = np.array(b.integers(op, 1, "paddings", 2 * rank)).reshape(rank, 2)
    most = np.array(b.tensor(op).shape) - (op.option("mode") == 0)
    if (amounts < 0).any() or (amounts > most[:, np.newaxis]).any():
        raise op.refusal(f"paddings {amounts.tolist()} of {list(b.tensor(op).shape)}", code="E106")
    mode: Any = "symmetric" if op.option("mode") else "reflect"
    return b.shaped(op, b.value(op), np.pad(b.positions(op), amounts, mode=mode))


def import_tile(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """TILE: the tensor repeated along its axes."""
    shape = b.tensor(op).shape
    counts = b.integers(op, 1, "multiples", len(shape))
    b.declared(op, [n * count for n, count in zip(shape, counts, strict=True)])
    return b.shaped(op, b.value(op), np.tile(b.positions(op), counts))


def import_gather(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """GATHER along one axis, at constant places."""
    if op.option("batch_dims"):
        raise op.refusal("a gather of batches")
    places, index = b.constant(op, 1, "places").astype(np.int64), b.positions(op)
    axis = op.option("axis") % index.ndim
    if places.size and (places.min() < 0 or places.max() >= index.shape[axis]):
        raise op.refusal(f"places beyond axis {axis} of {index.shape[axis]}", code="E106")
    return b.shaped(op, b.value(op), np.take(index, places, axis=axis))


def import_reverse(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """REVERSE_V2: some axes backwards."""
    axes = tuple(a % len(b.tensor(op).shape) for a in b.integers(op, 1, "axes"))
    return b.shaped(op, b.value(op), np.flip(b.positions(op), axes))
