"""One frame of one process in time: in which iteration of its loop it reads and writes which word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]
Constants = Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Schedule:
    """One frame of one process.

    ``reads[k][i]`` is the iteration (0 .. ``trip`` - 1) that reads word ``i`` of input ``k``, ``writes`` likewise;
    at most one word per port and iteration. ``phases`` orders the ports, inputs then outputs, within an iteration.
    ``latency`` is the clocks from an iteration's start to its write.
    """

    trip: int
    reads: tuple[Index, ...]
    writes: tuple[Index, ...]
    latency: int
    phases: tuple[int, ...] = (0, 1)


def every(count: int) -> Index:
    """``0 .. count - 1``."""
    return np.arange(count, dtype=np.int64)


def where(*axes: NDArray[np.bool_]) -> Index:
    """Iterations of a loop nest (outermost axis first) in which every axis is at a marked place."""
    nest = axes[0]
    for axis in axes[1:]:
        nest = nest[..., None] & axis
    return np.flatnonzero(nest)


def marked(count: int, first: int, size: int) -> NDArray[np.bool_]:
    """``count`` places of which ``size`` from ``first`` on are marked."""
    places = every(count)
    return (places >= first) & (places < first + size)


def everywhere(count: int) -> NDArray[np.bool_]:
    """``count`` marked places."""
    return np.ones(count, dtype=np.bool_)


def levels(count: int) -> int:
    """Depth of a tree over ``count`` terms."""
    return (count - 1).bit_length()
