"""Windows over the spatial axes of arrays ``(*spatial, channels, batch)``.

With the batch last, every element of a window is a run of the whole batch, and along the last spatial axis a window
is one run of memory: those windows need no copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

import numpy as np

from isobit.ir import ops
from isobit.ir.types import IntArray

Window = tuple[int, int, int]
"""Kernel, stride and dilation along one axis."""


def patches(x: IntArray, node: ops.Linear, w_shape: tuple[int, ...]) -> IntArray:
    """The operands of every output position, ``(*positions, groups, taps * in / groups, batch)``, taps as in
    :func:`grouped`.

    Windows along all spatial axes but the last are copied; along the last they are a view of that copy, unless there
    are groups or gaps between the taps.
    """
    *kernel, fan_in = w_shape[1:]
    rank, batch = len(kernel), x.shape[-1]
    if rank == 0:
        return x.reshape(*x.shape[:-2], node.groups, fan_in, batch)
    *outer, last = zip(kernel, node.strides, node.dilations, strict=True)
    tall = np.moveaxis(_windows(x, outer, 0), range(rank + 2, 2 * rank + 1), range(rank, 2 * rank - 1))
    rows = np.ascontiguousarray(tall).reshape(*tall.shape[:rank], prod(kernel[:-1]), node.groups, fan_in, batch)
    view = _windows(rows, [last], rank - 1)
    order = (*range(rank), rank + 1, rank + 4, rank, rank + 2, rank + 3)
    return view.transpose(order).reshape(*view.shape[:rank], node.groups, prod(w_shape[1:]), batch)


def grouped(weights: IntArray, groups: int) -> IntArray:
    """Weights ``(out, *kernel, in / groups)`` as ``(groups, out / groups, taps * in / groups)``.

    Outermost among the taps is the last axis, then the others in order.
    """
    ordered = np.moveaxis(weights, -2, 1) if weights.ndim > 2 else weights
    return ordered.reshape(groups, weights.shape[0] // groups, -1)


def highest(x: IntArray, windows: Sequence[Window]) -> IntArray:
    """The maximum of every box, one window per axis from the first on.

    Where windows do not overlap every element is read once, tap by tap; else the maximum over a box is taken as that
    over its rows' maxima, axis by axis.
    """
    if all(kernel <= stride for kernel, stride, _ in windows):
        boxes = product(*(taps(size, window) for size, window in zip(x.shape, windows, strict=False)))
        return _greatest([x[box] for box in boxes])
    for axis, window in enumerate(windows):
        x = _greatest([x[(*[slice(None)] * axis, tap)] for tap in taps(x.shape[axis], window)])
    return x


def taps(size: int, window: Window) -> list[slice]:
    """For each tap its elements of all windows along one axis."""
    kernel, stride, dilation = window
    last = size - (kernel - 1) * dilation
    return [slice(t * dilation, t * dilation + last, stride) for t in range(kernel)]


def _greatest(arrays: Sequence[IntArray]) -> IntArray:
    y = arrays[0].copy() if len(arrays) == 1 else np.maximum(*arrays[:2])
    for x in arrays[2:]:
        np.maximum(y, x, out=y)
    return y


def _windows(x: IntArray, windows: Sequence[Window], first: int) -> IntArray:
    """Sliding windows over the axes from ``first`` on, a view: counts in place of the sizes, taps behind all axes."""
    shape, strides = list(x.shape), list(x.strides)
    for axis, (kernel, stride, dilation) in enumerate(windows, first):
        shape[axis] = (x.shape[axis] - (kernel - 1) * dilation - 1) // stride + 1
        strides[axis] *= stride
        shape.append(kernel)
        strides.append(x.strides[axis] * dilation)
    return np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)
