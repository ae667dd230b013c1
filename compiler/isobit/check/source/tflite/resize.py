"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR of TFLite's reference kernels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isobit.check.source.tflite.arithmetic import half_away
from isobit.check.source.tflite.call import Call, Ints

_ONE = 1 << 10


def nearest(call: Call) -> Ints:
    """RESIZE_NEAREST_NEIGHBOR: source positions in float32."""
    x, (height, width) = call.value(0), call.constant(1).tolist()
    return x[:, :, _nearest(call, x.shape[2], height)][:, :, :, _nearest(call, x.shape[3], width)]


def _nearest(call: Call, size: int, wanted: int) -> NDArray[np.int64]:
    corners, half = bool(call.option("align_corners")), bool(call.option("half_pixel_centers"))
    apart = corners and wanted > 1
    scale = np.float32(size - apart) / np.float32(wanted - apart)
    at = (np.arange(wanted, dtype=np.float32) + np.float32(0.5 * half)) * scale
    return np.minimum(half_away(at) if corners else np.floor(at).astype(np.int64), size - 1)


def bilinear(call: Call) -> Ints:
    """RESIZE_BILINEAR in integers: places and weights of 10 bits, one rounding of 20, halves away from zero."""
    x, (height, width) = call.value(0), call.constant(1).tolist()
    above, below, across = _between(call, x.shape[2], height)
    left, right, along = _between(call, x.shape[3], width)
    down, over = across[:, None, None], along[:, None]
    upper, lower = x[:, :, above], x[:, :, below]
    total = (
        upper[:, :, :, left] * (_ONE - down) * (_ONE - over)
        + lower[:, :, :, left] * down * (_ONE - over)
        + upper[:, :, :, right] * (_ONE - down) * over
        + lower[:, :, :, right] * down * over
    )
    return np.asarray(np.sign(total) * ((np.abs(total) + (1 << 19)) >> 20), np.int64)


def _between(call: Call, size: int, wanted: int) -> tuple[Ints, Ints, Ints]:
    """The elements before and behind every place, and how far it lies behind the first (``1024`` is one element)."""
    apart = bool(call.option("align_corners")) and wanted > 1
    scale = (_ONE * (size - apart) + (wanted - apart) // 2) // (wanted - apart)
    at = np.arange(wanted) * scale
    if call.option("half_pixel_centers"):
        at = at + scale // 2 - _ONE // 2
    first = np.maximum(np.trunc(at / _ONE).astype(np.int64), 0)
    last = np.minimum(np.trunc((at + _ONE - 1) / _ONE).astype(np.int64), size - 1)
    return first, last, at - _ONE * first
