"""Multiply-accumulates and pools as hls4ml's layers: dense, convolutions in one and two dimensions, maximum pools."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from isobit.backends.hls4ml.constants import integer
from isobit.backends.hls4ml.design import Body, IoType
from isobit.backends.ports import IntType
from isobit.errors import IsobitError
from isobit.interchange.operators import window_positions
from isobit.ir import Graph, accumulator_interval
from isobit.ir.ops import Const, Linear, MaxPool
from isobit.ir.types import IntArray

MOST_BITS = 53
"""hls4ml prints weights by way of double precision numbers."""
_AXES = {1: ("width",), 2: ("height", "width")}
Kind = tuple[str, dict[str, Any], dict[str, IntType]]


def constant_weights(graph: Graph, node: Linear) -> IntArray:
    """The weights of a layer.

    Raises:
        IsobitError: E504 for weights that are an input, or wider than hls4ml can print.
    """
    weights = graph.by_name[node.inputs[1]]
    if not isinstance(weights, Const):
        raise IsobitError("E504", "hls4ml's kernels take no weights at run time", where=node.name)
    if IntType.holding(weights.value).bits > MOST_BITS:
        text = f"hls4ml prints weights as double precision numbers, which hold {MOST_BITS} bits"
        raise IsobitError("E504", text, where=node.name)
    return weights.value


def weight_type(weights: IntArray) -> IntType:
    """The type of weights: signed, and never one by which hls4ml would choose another product.

    Of one bit its kernels make -1 and 1, and of two signed bits -2 becomes 1.
    """
    lo, hi = int(weights.min()), int(weights.max())
    return IntType(max(IntType.of(min(lo, -1), hi).bits, 3 if lo == -2 else 2), True)


def accumulator(graph: Graph, node: Linear) -> IntType:
    """A type that holds every partial sum, whatever the order."""
    weights = graph.by_name[node.inputs[1]]
    assert isinstance(weights, Const)
    lo, hi = accumulator_interval(node, graph.types[node.inputs[0]], weights)
    out_lo, out_hi = graph.types[node.name].bounds
    return IntType.of(min(int(lo.min()), out_lo, -1), max(int(hi.max()), out_hi))


def linear(graph: Graph, node: Linear, io_type: IoType) -> Kind:
    """The class, the attributes and the types of a multiply-accumulate.

    Groups that are not one input each, and dilated kernels, become kernels with zeros in between.

    Raises:
        IsobitError: E504 for more than two spatial axes.
    """
    weights, x, y = constant_weights(graph, node), graph.types[node.inputs[0]], graph.types[node.name]
    types = {"weight": weight_type(weights), "accum": accumulator(graph, node)}
    if len(x.shape) == 1:
        matrix = ungrouped(weights, node.groups)
        return "Dense", {"n_in": x.size, "n_out": y.size, "weight_data": matrix.T.copy()}, types
    axes = len(x.shape) - 1
    if axes not in _AXES:
        raise IsobitError("E504", f"hls4ml has no convolution over {axes} axes", where=node.name)
    strides = node.strides or (1,) * axes
    kernels = spread(weights.reshape(len(weights), *(weights.shape[1:-1] or (1,) * axes), -1), node.dilations)
    separate = is_separate(graph, node, io_type)
    full = kernels if separate else ungrouped(kernels, node.groups)
    attributes: dict[str, Any] = {"data_format": "channels_last", "n_chan": x.channels, "n_filt": y.channels}
    for axis, name in enumerate(_AXES[axes]):
        attributes |= {
            f"in_{name}": x.shape[axis], f"out_{name}": y.shape[axis], f"filt_{name}": full.shape[axis + 1],
            f"stride_{name}": strides[axis],
        }  # fmt: skip
    attributes |= _no_padding(axes)
    # hls4ml's order is (*kernel, in, out), and (*kernel, channel, 1) for one filter per channel
    data = np.moveaxis(full, 0, -2 if separate else -1).copy()
    if separate:
        return f"DepthwiseConv{axes}D", attributes | {"depth_multiplier": 1, "depthwise_data": data}, types
    return f"Conv{axes}D", attributes | {"weight_data": data}, types


def window_index(graph: Graph, node: Linear) -> IntArray:
    """The flat place of every element of every window, ``(positions, taps * in)``: tap by tap, then by channel."""
    *size, channels = graph.types[node.inputs[0]].shape
    kernel = graph.types[node.inputs[1]].shape[1:-1]
    if not node.strides:  # the same product at every position
        return np.arange(prod(size) * channels).reshape(-1, channels)
    pixels = window_positions(tuple(size), kernel, node.strides, node.dilations)
    return (pixels[:, :, np.newaxis] * channels + np.arange(channels)).reshape(len(pixels), -1)


def is_separate(graph: Graph, node: Linear, io_type: IoType) -> bool:
    """Has every channel a filter of its own, in a form that hls4ml has a kernel for?

    Its headers of one and of two dimensions shut each other out: in a graph of both the former gets zeros.
    """
    weights = graph.types[node.inputs[1]].shape
    if not _filter_per_channel(graph, node):
        return False
    if len(weights) == 4:
        return weights[1] > 1 or io_type == "io_parallel"  # of one row its line buffer would have no line
    return not any(
        isinstance(other, Linear) and len(graph.types[other.inputs[1]].shape) == 4 and _filter_per_channel(graph, other)
        for other in graph.nodes
    )


def _filter_per_channel(graph: Graph, node: Linear) -> bool:
    x, weights = graph.types[node.inputs[0]], graph.types[node.inputs[1]].shape
    return len(x.shape) > 1 and node.groups > 1 and node.groups == x.channels == weights[0]


def fan_in(graph: Graph, node: Linear, io_type: IoType) -> int:
    """Products of one output as hls4ml has them: the zeros of dilated kernels and of groups count."""
    weights = graph.types[node.inputs[1]].shape
    taps = prod((k - 1) * d + 1 for k, d in zip(weights[1:-1], node.dilations, strict=True))
    return taps * (1 if is_separate(graph, node, io_type) else graph.types[node.inputs[0]].channels)


def max_pool(graph: Graph, node: MaxPool, io_type: IoType) -> Kind | None:
    """The class, the attributes and the types of a maximum over windows; None where hls4ml's kernels do not have it:
    dilated windows, and in two dimensions streams of windows that overlap or leave elements out.
    """
    x, y = graph.types[node.inputs[0]], graph.types[node.name]
    axes = len(node.kernel)
    strides = _used_strides(graph, node)
    if any(d != 1 for d in node.dilations) or (io_type == "io_stream" and axes == 2 and node.kernel != strides):
        return None
    attributes: dict[str, Any] = {"data_format": "channels_last", "n_filt": x.channels} | _no_padding(axes)
    if axes == 1:
        attributes |= {"n_in": x.shape[0], "n_out": y.shape[0]}
    for axis, name in enumerate(_AXES[axes]):
        attributes |= {f"pool_{name}": node.kernel[axis], f"stride_{name}": strides[axis]}
        if axes == 2:
            attributes |= {f"in_{name}": x.shape[axis], f"out_{name}": y.shape[axis]}
    return f"MaxPooling{axes}D", attributes, {"accum": IntType.of(*x.bounds)}


def pool_body(graph: Graph, node: MaxPool) -> Body:
    """Any maximum over windows as isobit's layer; of one axis it has one row."""
    members = _window_members(graph, node, node.kernel, _used_strides(graph, node), node.dilations)
    return Body("isobit_pool.h", "isobit::max_pool", members)


def product_windows(graph: Graph, node: Linear) -> tuple[str, ...]:
    """The constants of ``isobit_window.h`` for the windows of a product; without strides every position is one."""
    axes = len(graph.types[node.name].shape) - 1
    kernel = graph.types[node.inputs[1]].shape[1:-1] if node.strides else (1,) * axes
    return _window_members(graph, node, kernel, node.strides or (1,) * axes, node.dilations or (1,) * axes)


def _window_members(
    graph: Graph, node: MaxPool | Linear, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> tuple[str, ...]:
    shapes = [graph.types[name].shape[:-1] for name in (node.inputs[0], node.name)]
    names = (("IN_HEIGHT", "IN_WIDTH"), ("OUT_HEIGHT", "OUT_WIDTH"), ("HEIGHT", "WIDTH"), ("STRIDE_Y", "STRIDE_X"),
             ("DILATION_Y", "DILATION_X"))  # fmt: skip
    members = [
        integer(name, size) for pair, side in zip(names, (*shapes, kernel, strides, dilations), strict=True)
        for name, size in zip(pair, (1, *side)[-2:], strict=True)
    ]  # fmt: skip
    return (*members, integer("CHANNELS", graph.types[node.inputs[0]].channels))


def _used_strides(graph: Graph, node: MaxPool) -> tuple[int, ...]:
    """The strides; one that no second window uses is the kernel's size, unless a second window would fit then."""
    *sizes, _ = graph.types[node.inputs[0]].shape
    *windows, _ = graph.types[node.name].shape
    axes = zip(node.strides, node.kernel, sizes, windows, strict=True)
    return tuple(kernel if n == 1 and 2 * kernel > size else stride for stride, kernel, size, n in axes)


def pad_attributes(shape: Sequence[int], out: Sequence[int], before: Sequence[int], after: Sequence[int]) -> Kind:
    """The class and the attributes of zeros around a map of one or two axes."""
    axes = len(before)
    attributes: dict[str, Any] = {"data_format": "channels_last", "n_chan": shape[-1]} | _no_padding(axes)
    for axis, (name, ends) in enumerate(zip(_AXES[axes], _ENDS[-axes:], strict=True)):
        attributes |= {f"in_{name}": shape[axis], f"out_{name}": out[axis]}
        attributes |= {f"pad_{ends[0]}": before[axis], f"pad_{ends[1]}": after[axis]}
    return f"ZeroPadding{axes}D", attributes, {}


_ENDS = (("top", "bottom"), ("left", "right"))


def _no_padding(axes: int) -> dict[str, Any]:
    return {f"pad_{end}": 0 for ends in _ENDS[-axes:] for end in ends}


def spread(kernels: IntArray, dilations: Sequence[int]) -> IntArray:
    """Kernels ``(out, *kernel, in)`` without dilation: zeros between the taps."""
    for axis, dilation in enumerate(dilations, start=1):
        shape = list(kernels.shape)
        shape[axis] = (shape[axis] - 1) * dilation + 1
        wide = np.zeros(shape, dtype=kernels.dtype)
        wide[(slice(None),) * axis + (slice(None, None, dilation),)] = kernels
        kernels = wide
    return kernels


def ungrouped(kernels: IntArray, groups: int) -> IntArray:
    """Kernels ``(out, *kernel, in / groups)`` as those of one group: other groups' inputs get zeros."""
    outputs, per_group = len(kernels), kernels.shape[-1]
    full = np.zeros((*kernels.shape[:-1], per_group * groups), dtype=kernels.dtype)
    for group in range(groups):
        rows = slice(group * outputs // groups, (group + 1) * outputs // groups)
        full[rows, ..., group * per_group : (group + 1) * per_group] = kernels[rows]
    return full
