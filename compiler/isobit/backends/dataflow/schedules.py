"""The schedule every template declares: in which iteration of its loop it reads and writes which word.

A template is one loop with II = 1 and a constant trip count. :func:`schedule_of` restates the schedule that the head of
its header (``templates/hls/isobit``) declares, from the same constants; a test runs the C++ and compares every
iteration. Latencies are estimates, generous on purpose: only synthesis knows them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from isobit.backends.dataflow import schedules_windows as windows
from isobit.backends.dataflow.design import Process
from isobit.backends.dataflow.schedule import Constants, Schedule, every, everywhere, levels, marked, where

__all__ = ["SCHEDULES", "Schedule", "schedule_of"]


def schedule_of(process: Process) -> Schedule:
    """The schedule of ``process``; ports in the order of its arguments, AXI ports included."""
    return SCHEDULES[process.template]({k: int(v) for k, v in process.constants if not isinstance(v, str)})


def _elementwise(latency: Callable[[Constants], int]) -> Callable[[Constants], Schedule]:
    def schedule(c: Constants) -> Schedule:
        return Schedule(c["FOLDS"], (every(c["FOLDS"]),), (every(c["FOLDS"]),), latency(c))

    return schedule


def _read_frame(c: Constants) -> Schedule:
    words = c["FRAME"] // c["LANES"]
    return Schedule(words, (every(words),), (every(words), np.array([words - 1])), 3, (0, 1, 2))


def _read_further_frame(c: Constants) -> Schedule:
    words = c["FRAME"] // c["LANES"]
    return Schedule(words, (every(words),), (every(words),), 3, (0, 1))


def _fork_flag(c: Constants) -> Schedule:
    flags = every(c["FLAGS"])
    return Schedule(c["FLAGS"], (flags,), (flags, flags), 1, (0, 1, 2))


def _write_frame(c: Constants) -> Schedule:
    words = c["FRAME"] // c["LANES"]
    return Schedule(words, (every(words), np.array([words - 1])), (every(words),), 3, (0, 1, 2))


def _dense(c: Constants) -> Schedule:
    sf, nf, vectors = c["IN"] // c["SIMD"], c["OUT"] // c["PE"], c["VECTORS"]
    reads = where(everywhere(vectors), marked(nf, 0, 1), everywhere(sf))
    writes = where(everywhere(vectors), everywhere(nf), marked(sf, sf - 1, 1))
    return Schedule(vectors * nf * sf, (reads,), (writes,), 6 + levels(c["SIMD"]))


def _per_channel(latency: int) -> Callable[[Constants], Schedule]:
    def schedule(c: Constants) -> Schedule:
        folds, pixels = max(c["CHANNELS"] // c["PE"], 1), max(c["PE"] // c["CHANNELS"], 1)
        words = c["TAPS"] // pixels
        trip = c["VECTORS"] * words * folds
        writes = where(everywhere(c["VECTORS"]), marked(words, words - 1, 1), everywhere(folds))
        return Schedule(trip, (every(trip),), (writes,), latency + levels(pixels))

    return schedule


def _add(c: Constants) -> Schedule:
    words = every(c["FOLDS"])
    return Schedule(c["FOLDS"], (words, words), (words,), 6, (0, 1, 2))


def _fork(c: Constants) -> Schedule:
    words = every(c["WORDS"])
    return Schedule(c["WORDS"], (words,), (words, words), 2, (0, 1, 2))


def _argmax(c: Constants) -> Schedule:
    samples, lanes = max(c["LANES"] // c["FRAME"], 1), min(c["LANES"], c["FRAME"])
    vectors, words = c["VECTORS"] // samples, c["FRAME"] // lanes
    writes = where(everywhere(vectors), marked(words, words - 1, 1))
    return Schedule(vectors * words, (every(vectors * words),), (writes,), 3 + levels(lanes))


def _top_k(c: Constants) -> Schedule:
    samples, lanes = max(c["LANES"] // c["FRAME"], 1), min(c["LANES"], c["FRAME"])
    vectors = c["VECTORS"] // samples
    reads = where(everywhere(vectors * c["FRAME"] // lanes), marked(lanes, 0, 1))
    writes = where(everywhere(vectors), marked(c["FRAME"], c["FRAME"] - 1, 1))
    return Schedule(vectors * c["FRAME"], (reads,), (writes,), 4)


def _width_converter(c: Constants) -> Schedule:
    """A cycle reads while less than an output word is buffered and writes once there is one."""
    frame, narrow, wide = c["FRAME"], c["IN_LANES"], c["OUT_LANES"]
    reads, writes = every(frame // narrow), every(frame // wide)
    if narrow > wide:
        reads = reads * narrow // wide
    else:
        writes = ((writes + 1) * wide + narrow - 1) // narrow - 1
    return Schedule(frame // min(narrow, wide), (reads,), (writes,), 3)


def _pad(c: Constants) -> Schedule:
    samples = max(c["LANES"] // c["CHANNELS"], 1)
    rows = marked(c["TOP"] + c["H"] + c["BOTTOM"], c["TOP"], c["H"])
    columns = marked((c["LEFT"] + c["W"] + c["RIGHT"]) // samples, c["LEFT"] // samples, c["W"] // samples)
    return _sparse_reads(rows, columns, max(c["CHANNELS"] // c["LANES"], 1))


def _upsample(c: Constants) -> Schedule:
    samples = max(c["LANES"] // c["CHANNELS"], 1)
    rows = every(c["H"] * c["FACTOR_H"]) % c["FACTOR_H"] == 0
    columns = every(c["W"] // samples * c["FACTOR_W"]) % c["FACTOR_W"] == 0
    return _sparse_reads(rows, columns, max(c["CHANNELS"] // c["LANES"], 1))


def _sparse_reads(rows: NDArray[np.bool_], columns: NDArray[np.bool_], folds: int) -> Schedule:
    """A word out in every iteration, one in where row and column are marked."""
    trip = len(rows) * len(columns) * folds
    return Schedule(trip, (where(rows, columns, everywhere(folds)),), (every(trip),), 3)


def _slice(c: Constants) -> Schedule:
    rows, columns = marked(c["H"], c["TOP"], c["OUT_H"]), marked(c["W"], c["LEFT"], c["OUT_W"])
    writes = where(rows, columns, marked(c["IN_WORDS"], c["FIRST"], c["OUT_WORDS"]))
    trip = c["H"] * c["W"] * c["IN_WORDS"]
    return Schedule(trip, (every(trip),), (writes,), 2)


def _concat(c: Constants) -> Schedule:
    words = c["A_WORDS"] + c["B_WORDS"]
    first, second = marked(words, 0, c["A_WORDS"]), marked(words, c["A_WORDS"], c["B_WORDS"])
    trip = c["POSITIONS"] * words
    reads = (where(everywhere(c["POSITIONS"]), first), where(everywhere(c["POSITIONS"]), second))
    return Schedule(trip, reads, (every(trip),), 2, (0, 1, 2))


def _parallel_concat(c: Constants) -> Schedule:
    words = every(c["WORDS"])
    return Schedule(c["WORDS"], (words, words), (words,), 2, (0, 1, 2))


def _reorder(c: Constants) -> Schedule:
    """Two loops, all words in and then all out; the second starts when the first has drained."""
    trip = c["IN_WORDS"] + c["OUT_WORDS"]
    return Schedule(trip, (every(c["IN_WORDS"]),), (c["IN_WORDS"] + every(c["OUT_WORDS"]),), 5)


SCHEDULES: dict[str, Callable[[Constants], Schedule]] = {
    "add": _add,
    "argmax": _argmax,
    "concat": _concat,
    "dense": _dense,
    "depthwise": _per_channel(6),
    "fork": _fork,
    "fork_flag": _fork_flag,
    "lookup": _elementwise(lambda c: 4),
    "max_pool": _per_channel(3),
    "multiply_shift": _elementwise(lambda c: 9),
    "pad": _pad,
    "parallel_concat": _parallel_concat,
    "parallel_dense": windows.parallel_dense,
    "parallel_depthwise": windows.per_block(6),
    "parallel_max_pool": windows.per_block(2),
    "parallel_window": windows.parallel_window,
    "read_frame": _read_frame,
    "read_further_frame": _read_further_frame,
    "reorder": _reorder,
    "round_shift": _elementwise(lambda c: 10),
    "slice": _slice,
    "sliding_window": windows.sliding_window,
    "thresholds": _elementwise(lambda c: 4 + levels(c["LEVELS"] + 1)),
    "top_k": _top_k,
    "upsample": _upsample,
    "width_converter": _width_converter,
    "write_frame": _write_frame,
}
