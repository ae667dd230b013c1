"""Operators of TFLite that only move integers: the kernels copy, whatever the scales say.

Arrays are ``(N, *shape)`` with the axes of the file behind the samples, so an axis of the file is one further here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from isobit.check.source.tflite.call import Call, Ints

Moved = Ints | tuple[Ints, ...]


def _axis(call: Call, axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise call.operator.refusal(f"axis {axis} of {rank}", code="E106")
    return axis % rank + 1


def reshape(call: Call) -> Ints:
    """RESHAPE, SQUEEZE, EXPAND_DIMS: the output's own shape."""
    return call.moved(0).reshape(call.samples, *call.output.shape)


def transpose(call: Call) -> Ints:
    return call.moved(0).transpose(0, *(call.constant(1) + 1).tolist())


def pad(call: Call) -> Ints:
    """PAD with the output's zero point; PADV2 with its third input."""
    fill = call.constant(2).item() if call.has(2) else call.zero_point(call.output)
    return np.pad(call.value(0), [(0, 0), *call.constant(1).tolist()], constant_values=fill)


def strided_slice(call: Call) -> Ints:
    """STRIDED_SLICE: the masks make a numpy index."""
    begins, ends, strides = (call.constant(place) for place in (1, 2, 3))
    ends = begins + ends if call.option("offset") else ends
    bounds = zip(begins.tolist(), ends.tolist(), strides.tolist(), strict=True)
    index: list[Any] = [slice(None), *(_index(call, place, *bound) for place, bound in enumerate(bounds))]
    return np.asarray(call.value(0)[tuple(index)])


def _index(call: Call, place: int, begin: int, end: int, stride: int) -> Any:
    def masked(name: str) -> bool:
        return bool(call.option(f"{name}_mask") >> place & 1)

    if masked("ellipsis"):
        return ...
    if masked("new_axis"):
        return None
    if masked("shrink_axis"):
        return begin
    return slice(None if masked("begin") else begin, None if masked("end") else end, stride)


def sliced(call: Call) -> Ints:
    """SLICE: a size of -1 reaches to the end."""
    ends = zip(call.constant(1).tolist(), call.constant(2).tolist(), strict=True)
    return call.value(0)[:, *(slice(b, None if size < 0 else b + size) for b, size in ends)]


def split(call: Call) -> Moved:
    x = call.value(1)
    return tuple(np.split(x, call.option("num_splits"), _axis(call, call.constant(0).item(), x.ndim - 1)))


def split_v(call: Call) -> Moved:
    """SPLIT_V: parts of the sizes that its second input says."""
    x = call.value(0)
    ends = np.cumsum(call.constant(1).reshape(-1))[:-1]
    return tuple(np.split(x, ends.tolist(), _axis(call, call.constant(2).item(), x.ndim - 1)))


def unpack(call: Call) -> Moved:
    x = call.value(0)
    axis = _axis(call, call.option("axis"), x.ndim - 1)
    return tuple(np.moveaxis(x, axis, 0))


def pack(call: Call) -> Ints:
    parts = [call.value(place) for place in range(len(call.operator.inputs))]
    return np.stack(parts, axis=_axis(call, call.option("axis"), parts[0].ndim))


def space_to_depth(call: Call) -> Ints:
    x, block = call.value(0), call.option("block_size")
    n, batch, height, width, depth = x.shape
    blocks = x.reshape(n, batch, height // block, block, width // block, block, depth)
    return blocks.swapaxes(3, 4).reshape(n, batch, height // block, width // block, -1)


def depth_to_space(call: Call) -> Ints:
    x, block = call.value(0), call.option("block_size")
    n, batch, height, width, _ = x.shape
    blocks = x.reshape(n, batch, height, width, block, block, -1)
    return blocks.swapaxes(3, 4).reshape(n, batch, height * block, width * block, -1)


def arg_max(call: Call) -> Ints:
    """ARG_MAX: the first of the greatest along one axis."""
    x = call.value(0)
    return np.asarray(np.argmax(x, axis=_axis(call, call.constant(1).item(), x.ndim - 1)), np.int64)


def mirror_pad(call: Call) -> Ints:
    """MIRROR_PAD: reflected at the edge's element, or (mode 1) at the edge itself."""
    widths = [(0, 0), *map(tuple, call.constant(1).tolist())]
    return np.pad(call.value(0), widths, mode="symmetric" if call.option("mode") else "reflect")


def tile(call: Call) -> Ints:
    return np.tile(call.value(0), (1, *call.constant(1).tolist()))


def gather(call: Call) -> Ints:
    """GATHER along one axis."""
    if call.option("batch_dims"):
        raise call.operator.refusal("a gather of batches")
    x = call.value(0)
    return np.take(x, call.constant(1), axis=_axis(call, call.option("axis"), x.ndim - 1))


def reverse(call: Call) -> Ints:
    x = call.value(0)
    return np.flip(x, tuple(_axis(call, int(a), x.ndim - 1) for a in call.constant(1).reshape(-1)))
