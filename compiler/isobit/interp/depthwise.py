"""Depthwise convolutions, tap by tap: no window is copied, and few rows at a time stay in the processor's caches."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from isobit.interp.matmul import product_dtype
from isobit.interp.windows import Window, taps
from isobit.interp.working import held
from isobit.ir import ops
from isobit.ir.types import IntArray

_BLOCK_ELEMENTS, _CACHED_WEIGHTS = 1 << 15, 1 << 17
"""Outputs that are summed at once, and weights that stay in the processor's caches meanwhile."""


def is_depthwise(node: ops.Linear, channels: int, w_shape: tuple[int, ...]) -> bool:
    """A window over space, one output channel for each input channel."""
    return node.groups == channels == w_shape[0] and len(w_shape) > 2


class Depthwise:
    """Weights ``(channels, *kernel, 1)`` over the windows of ``x`` ``(*spatial, channels, batch)``, ``|x| <= largest``.

    Exact in every order of the sums, as :mod:`isobit.interp.matmul` says.
    """

    def __init__(self, weights: IntArray, windows: Sequence[Window], largest: int) -> None:
        flat = weights.reshape(len(weights), -1)
        self.dtype: Any = product_dtype(flat, largest)
        self._windows = tuple(windows)
        self._taps = flat.T[..., np.newaxis].astype(self.dtype)
        self._spread: IntArray = self._taps

    def __call__(self, x: IntArray) -> IntArray:
        x = held(x, self.dtype)
        axes = [taps(size, window) for size, window in zip(x.shape, self._windows, strict=False)]
        views = [x[places] for places in product(*axes)]
        made = np.empty(views[0].shape, self.dtype)
        rows = max(_BLOCK_ELEMENTS // max(prod(made.shape[1:]), 1), 1)
        term = np.empty((min(rows, len(made)), *made.shape[1:]), self.dtype)
        weights = self._over(made.shape[1:])
        for first in range(0, len(made), rows):
            total = made[first : first + rows]
            for number, (view, weight) in enumerate(zip(views, weights, strict=True)):
                out = term[: len(total)] if number else total
                np.multiply(view[first : first + rows], weight, out=out)
                if number:
                    total += out
        return made

    def _over(self, row: tuple[int, ...]) -> IntArray:
        """The weights as long as what they meet, so that numpy's loops are: a row, or one position of a large one."""
        shape = row if len(self._taps) * prod(row) <= _CACHED_WEIGHTS else row[-2:]
        spread = self._spread
        if spread.shape[1:] != shape:
            made = self._taps.reshape(len(self._taps), *[1] * (len(shape) - 2), *self._taps.shape[1:])
            spread = self._spread = np.ascontiguousarray(np.broadcast_to(made, (len(made), *shape)))
        return spread
