"""Weights that are constants of the logic: a unit with a single word of them has them all at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from isobit.ir.types import IntArray
from isobit.numerics.packing import Packing, shares_weight


def multiplied(matrix: IntArray, samples: int = 1, packing: Packing | None = None) -> int:
    """Multipliers of ``samples`` vectors with constant weights ``[output][input]``.

    By nothing and by a power of two is wiring, and what one input is multiplied by twice is multiplied once. Packed
    outputs are multiplied by both weights at once; packed samples share the multipliers of a weight.
    """
    if packing and shares_weight(samples, len(matrix)):
        samples = -(-samples // 2)
    elif packing:
        padded = np.concatenate([matrix, np.zeros((len(matrix) % 2, matrix.shape[1]), dtype=matrix.dtype)])
        matrix = padded[0::2] + (padded[1::2] << packing.shift)
    magnitudes = np.abs(matrix)
    made = (magnitudes & (magnitudes - 1)) != 0
    inputs = np.broadcast_to(np.arange(matrix.shape[1]), matrix.shape)
    return samples * len(set(zip(inputs[made].tolist(), matrix[made].tolist(), strict=True)))


def on_block(matrix: IntArray, c: Mapping[str, int]) -> IntArray:
    """The weights of one window as those of all windows of a block, whose pixels lie as in ``block.hpp``."""
    columns, channels = c["SAMPLES"] * c["SW"] - c["SW"] + (c["KW"] - 1) * c["DW"] + 1, c["CHANNELS"]
    kernel = matrix.reshape(len(matrix), c["KH"], c["KW"], channels)
    full = np.zeros((c["SAMPLES"], len(matrix), c["KH"], columns, channels), dtype=matrix.dtype)
    for sample in range(c["SAMPLES"]):
        first = sample * c["SW"]
        full[sample, :, :, first : first + (c["KW"] - 1) * c["DW"] + 1 : c["DW"]] = kernel
    return full.reshape(c["SAMPLES"] * len(matrix), -1)
