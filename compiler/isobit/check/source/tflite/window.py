"""Convolutions, matrix products and pools of TFLite's reference kernels: windows as sums over their taps.

Arrays are ``(N, 1, H, W, C)`` outside and ``(N, H, W, C)`` inside. Products are summed in double: 16-bit products of
at most 2**28 weights stay far below 2**53, so every sum is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from isobit.check.source.tflite.arithmetic import half_away
from isobit.check.source.tflite.call import Call, Ints
from isobit.check.source.tflite.file import Tensor

_SAME, _INT32 = 0, 2
_NOWHERE = -(1 << 31)


class Axis(NamedTuple):
    """How a window walks along one axis: output positions, and padding before the image."""

    kernel: int
    stride: int
    dilation: int
    places: int
    before: int


def _axis(call: Call, size: int, kernel: int, letter: str) -> Axis:
    """The window along ``h`` or ``w`` on ``size`` positions (``ComputePaddingHeightWidth``)."""
    stride, dilation = call.option(f"stride_{letter}"), call.option(f"dilation_{letter}_factor", 1)
    if stride < 1 or dilation < 1:
        raise call.operator.refusal(f"stride {stride}, dilation {dilation}")
    reach = (kernel - 1) * dilation + 1
    fitting = size if call.option("padding") == _SAME else size - reach + 1
    count = -(-fitting // stride)
    return Axis(kernel, stride, dilation, count, max((count - 1) * stride + reach - size, 0) // 2)


def _taps(x: Ints, rows: Axis, columns: Axis, fill: int) -> Iterator[tuple[int, int, Ints]]:
    """For every position in the window, what lies under it at each output position ``(N, rows, columns, C)``."""
    margins = [(0, 0), *(_margin(a, n) for a, n in zip((rows, columns), x.shape[1:3], strict=True)), (0, 0)]
    padded = np.pad(x, margins, constant_values=fill)
    for i in range(rows.kernel):
        for j in range(columns.kernel):
            yield i, j, padded[:, _under(rows, i), _under(columns, j)]


def _margin(axis: Axis, size: int) -> tuple[int, int]:
    end = (axis.places - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1
    return axis.before, max(end - size - axis.before, 0)


def _under(axis: Axis, tap: int) -> slice:
    start = tap * axis.dilation
    return slice(start, start + (axis.places - 1) * axis.stride + 1, axis.stride)


def _image(call: Call, x: Ints) -> Ints:
    """``(N, H, W, C)`` of ``(N, 1, H, W, C)``."""
    if x.ndim != 5 or x.shape[1] != 1:
        raise call.operator.refusal(f"an image of shape {list(x.shape[1:])}", code="E106")
    return x[:, 0]


def _weights(call: Call, place: int) -> Ints:
    """Constant weights less their zero point, which int8 filters must not have."""
    tensor, zero = call.tensor(place), call.zero_point(call.tensor(place))
    if tensor.dtype == "int8" and zero and (call.operator.op != "FULLY_CONNECTED" or len(tensor.scale) > 1):
        raise call.operator.refusal(f"int8 weights with zero point {zero}")
    return call.constant(place) - zero


def _biased(call: Call, sums: Ints, place: int) -> Ints:
    """The sums with their bias, which a kernel reads in the type that its options name, whatever the tensor says."""
    if not call.has(place):
        return sums
    read = "int64" if _sums_are_wide(call) else "int32"
    if call.tensor(place).dtype != read:
        raise call.operator.refusal(f"a bias of {call.tensor(place).dtype} that the kernel reads as {read}")
    return sums + call.constant(place)


def _filtered(call: Call, sums: Ints, weights: Tensor, image: int = 0) -> Ints:
    """Multiplier, zero point and clamp.

    The multiplier is a double product of the scales for int8 filters (``PopulateConvolutionQuantizationParams``), a
    float32 product for uint8 (``GetQuantizedConvolutionMultipler``); both are divided in double.
    """
    entering, leaving = call.scale(call.tensor(image)), call.scale(call.output)
    if weights.dtype == "uint8":
        products = [float(np.float32(entering) * np.float32(call.scale(weights)))]
    else:
        products = [entering * scale for scale in weights.scale]
    real = [product / leaving for product in products]
    return call.stored(call.rescaled_once(sums, real) if _sums_are_wide(call) else call.rescaled(sums, real))


def _sums_are_wide(call: Call) -> bool:
    """16-bit images are summed in 64 bits, but where the options say that the bias is int32."""
    return call.output.dtype == "int16" and call.option("quantized_bias_type") != _INT32


def convolution(call: Call) -> Ints:
    """CONV_2D; weights ``(outputs, h, w, inputs / groups)``."""
    x, weights = _image(call, call.centred(0)), _weights(call, 1)
    outputs, height, width, depth = weights.shape
    groups = x.shape[-1] // depth
    if groups * depth != x.shape[-1] or outputs % groups:
        raise call.operator.refusal(f"{x.shape[-1]} channels, {outputs} filters of {depth}", code="E106")
    rows, columns = _axis(call, x.shape[1], height, "h"), _axis(call, x.shape[2], width, "w")
    kernels = weights.reshape(groups, -1, height, width, depth).astype(np.float64)
    sums = np.zeros((*x.shape[:1], rows.places, columns.places, groups, outputs // groups))
    for i, j, under in _taps(x, rows, columns, 0):
        channels = under.reshape(*under.shape[:-1], groups, depth).astype(np.float64)
        for g in range(groups):
            sums[..., g, :] += channels[..., g, :] @ kernels[g, :, i, j].T
    flat = sums.reshape(*sums.shape[:3], outputs).astype(np.int64)
    return _filtered(call, _biased(call, flat, 2), call.tensor(1))[:, None]


def depthwise(call: Call) -> Ints:
    """DEPTHWISE_CONV_2D; weights ``(1, h, w, inputs * multiplier)``."""
    x, weights = _image(call, call.centred(0)), _weights(call, 1)
    _, height, width, outputs = weights.shape
    rows, columns = _axis(call, x.shape[1], height, "h"), _axis(call, x.shape[2], width, "w")
    kernels = weights.reshape(height, width, x.shape[-1], -1)
    sums = np.zeros((*x.shape[:1], rows.places, columns.places, *kernels.shape[2:]), np.int64)
    for i, j, under in _taps(x, rows, columns, 0):
        sums += under[..., None] * kernels[i, j]
    flat = sums.reshape(*sums.shape[:3], outputs)
    return _filtered(call, _biased(call, flat, 2), call.tensor(1))[:, None]


def fully_connected(call: Call) -> Ints:
    """FULLY_CONNECTED; weights ``(outputs, inputs)``, everything before the last axis counts as a batch.

    LiteRT's reference kernel multiplies the sum by a double and rounds that product, halves away from zero.
    """
    if call.option("weights_format"):
        raise call.operator.refusal("shuffled weights")
    weights = _weights(call, 1)
    x = call.centred(0).reshape(call.samples, -1, weights.shape[1])
    sums = (x.astype(np.float64) @ weights.T.astype(np.float64)).astype(np.int64)
    entering, leaving = call.scale(call.tensor(0)), call.scale(call.output)
    real = np.array([entering * scale / leaving for scale in call.tensor(1).scale])
    biased = _biased(call, sums, 2)
    scaled = half_away((biased if _sums_are_wide(call) else call.accumulated(biased)).astype(np.float64) * real)
    return call.stored(scaled).reshape(call.samples, *call.output.shape)


def transposed(call: Call) -> Ints:
    """TRANSPOSE_CONV: the output's shape, weights ``(outputs, h, w, inputs)`` and the image; every pixel is spread."""
    x, weights = _image(call, call.centred(2)), _weights(call, 1)
    outputs, height, width, _ = weights.shape
    _, *size, _ = call.constant(0).tolist()
    rows, columns = _axis(call, size[0], height, "h"), _axis(call, size[1], width, "w")
    spread = [a.kernel + a.stride * (n - 1) for a, n in zip((rows, columns), x.shape[1:3], strict=True)]
    reach = [max(n, a.before + most) for a, n, most in zip((rows, columns), spread, size, strict=True)]
    sums = np.zeros((len(x), *reach, outputs))
    for i in range(height):
        for j in range(width):
            under = slice(i, i + (x.shape[1] - 1) * rows.stride + 1, rows.stride)
            across = slice(j, j + (x.shape[2] - 1) * columns.stride + 1, columns.stride)
            sums[:, under, across] += x.astype(np.float64) @ weights[:, i, j].T.astype(np.float64)
    inside = sums[:, rows.before : rows.before + size[0], columns.before : columns.before + size[1]]
    return _filtered(call, _biased(call, inside.astype(np.int64), 3), call.tensor(1), image=2)[:, None]


def average_pool(call: Call) -> Ints:
    """AVERAGE_POOL_2D: over the positions inside the image, halves away from zero."""
    x, rows, columns = _pool(call)
    sums = _summed(x, rows, columns)
    counts = _summed(np.ones_like(x[:1, :, :, :1]), rows, columns)
    return _clamped(call, np.sign(sums) * ((np.abs(sums) + counts // 2) // counts))


def _summed(x: Ints, rows: Axis, columns: Axis) -> Ints:
    return np.asarray(np.sum([under for _, _, under in _taps(x, rows, columns, 0)], axis=0), np.int64)


def max_pool(call: Call) -> Ints:
    """MAX_POOL_2D: over the positions inside the image."""
    x, rows, columns = _pool(call)
    return _clamped(call, np.max([under for _, _, under in _taps(x, rows, columns, _NOWHERE)], axis=0))


def _pool(call: Call) -> tuple[Ints, Axis, Axis]:
    x = _image(call, call.value(0))
    rows = _axis(call, x.shape[1], call.option("filter_height"), "h")
    return x, rows, _axis(call, x.shape[2], call.option("filter_width"), "w")


def _clamped(call: Call, x: Ints) -> Ints:
    """A pool's integers keep the input's scale and zero point."""
    return np.clip(x, *call.limits(call.option("fused_activation_function")))[:, None]
