"""The schedule every template declares: in which iteration of its loop it reads and writes which word.

A template is one loop with II = 1 and a constant trip count. :func:`schedule_of` restates the schedule that the head of
its header (``templates/hls/isobit``) declares, from the same constants; a test runs the C++ and compares every
iteration. Latencies are estimates, generous on purpose: only synthesis knows them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isobit.emit.design import Process

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


def schedule_of(process: Process) -> Schedule:
    """The schedule of ``process``; ports in the order of its arguments, AXI ports included."""
    return SCHEDULES[process.template]({k: int(v) for k, v in process.constants if not isinstance(v, str)})


def _every(count: int) -> Index:
    return np.arange(count, dtype=np.int64)


def _where(*axes: NDArray[np.bool_]) -> Index:
    """Iterations of a loop nest (outermost axis first) in which every axis is at a marked place."""
    marked = axes[0]
    for axis in axes[1:]:
        marked = marked[..., None] & axis
    return np.flatnonzero(marked)


def _range(count: int, first: int, size: int) -> NDArray[np.bool_]:
    """``count`` places of which ``size`` from ``first`` on are marked."""
    places = _every(count)
    return (places >= first) & (places < first + size)


def _all(count: int) -> NDArray[np.bool_]:
    return np.ones(count, dtype=np.bool_)


def _levels(count: int) -> int:
    """Depth of a tree over ``count`` terms."""
    return (count - 1).bit_length()


def _elementwise(latency: Callable[[Constants], int]) -> Callable[[Constants], Schedule]:
    def schedule(c: Constants) -> Schedule:
        return Schedule(c["FOLDS"], (_every(c["FOLDS"]),), (_every(c["FOLDS"]),), latency(c))

    return schedule


def _read_frame(c: Constants) -> Schedule:
    words = c["FRAME"] // c["LANES"]
    return Schedule(words, (_every(words),), (_every(words), np.array([words - 1])), 3, (0, 1, 2))


def _read_further_frame(c: Constants) -> Schedule:
    words = c["FRAME"] // c["LANES"]
    return Schedule(words, (_every(words),), (_every(words),), 3, (0, 1))


def _fork_flag(c: Constants) -> Schedule:
    flags = _every(c["FLAGS"])
    return Schedule(c["FLAGS"], (flags,), (flags, flags), 1, (0, 1, 2))


def _write_frame(c: Constants) -> Schedule:
    words = c["FRAME"] // c["LANES"]
    return Schedule(words, (_every(words), np.array([words - 1])), (_every(words),), 3, (0, 1, 2))


def _dense(c: Constants) -> Schedule:
    sf, nf, vectors = c["IN"] // c["SIMD"], c["OUT"] // c["PE"], c["VECTORS"]
    reads = _where(_all(vectors), _range(nf, 0, 1), _all(sf))
    writes = _where(_all(vectors), _all(nf), _range(sf, sf - 1, 1))
    return Schedule(vectors * nf * sf, (reads,), (writes,), 6 + _levels(c["SIMD"]))


def _per_channel(latency: int) -> Callable[[Constants], Schedule]:
    def schedule(c: Constants) -> Schedule:
        folds = c["CHANNELS"] // c["PE"]
        trip = c["VECTORS"] * c["TAPS"] * folds
        writes = _where(_all(c["VECTORS"]), _range(c["TAPS"], c["TAPS"] - 1, 1), _all(folds))
        return Schedule(trip, (_every(trip),), (writes,), latency)

    return schedule


def _add(c: Constants) -> Schedule:
    words = _every(c["FOLDS"])
    return Schedule(c["FOLDS"], (words, words), (words,), 6, (0, 1, 2))


def _fork(c: Constants) -> Schedule:
    words = _every(c["WORDS"])
    return Schedule(c["WORDS"], (words,), (words, words), 2, (0, 1, 2))


def _argmax(c: Constants) -> Schedule:
    words = c["FRAME"] // c["LANES"]
    writes = _where(_all(c["VECTORS"]), _range(words, words - 1, 1))
    return Schedule(c["VECTORS"] * words, (_every(c["VECTORS"] * words),), (writes,), 3 + _levels(c["LANES"]))


def _top_k(c: Constants) -> Schedule:
    reads = _where(_all(c["VECTORS"] * c["FRAME"] // c["LANES"]), _range(c["LANES"], 0, 1))
    writes = _where(_all(c["VECTORS"]), _range(c["FRAME"], c["FRAME"] - 1, 1))
    return Schedule(c["VECTORS"] * c["FRAME"], (reads,), (writes,), 4)


def _width_converter(c: Constants) -> Schedule:
    """A cycle reads while less than an output word is buffered and writes once there is one."""
    frame, narrow, wide = c["FRAME"], c["IN_LANES"], c["OUT_LANES"]
    reads, writes = _every(frame // narrow), _every(frame // wide)
    if narrow > wide:
        reads = reads * narrow // wide
    else:
        writes = ((writes + 1) * wide + narrow - 1) // narrow - 1
    return Schedule(frame // min(narrow, wide), (reads,), (writes,), 3)


def _pad(c: Constants) -> Schedule:
    rows = _range(c["TOP"] + c["H"] + c["BOTTOM"], c["TOP"], c["H"])
    columns = _range(c["LEFT"] + c["W"] + c["RIGHT"], c["LEFT"], c["W"])
    return _sparse_reads(rows, columns, c["CHANNELS"] // c["LANES"])


def _dilate(c: Constants) -> Schedule:
    rows = _every((c["H"] - 1) * c["STEP_H"] + 1) % c["STEP_H"] == 0
    columns = _every((c["W"] - 1) * c["STEP_W"] + 1) % c["STEP_W"] == 0
    return _sparse_reads(rows, columns, c["CHANNELS"] // c["LANES"])


def _upsample(c: Constants) -> Schedule:
    rows = _every(c["H"] * c["FACTOR_H"]) % c["FACTOR_H"] == 0
    columns = _every(c["W"] * c["FACTOR_W"]) % c["FACTOR_W"] == 0
    return _sparse_reads(rows, columns, c["CHANNELS"] // c["LANES"])


def _sparse_reads(rows: NDArray[np.bool_], columns: NDArray[np.bool_], folds: int) -> Schedule:
    """A word out in every iteration, one in where row and column are marked."""
    trip = len(rows) * len(columns) * folds
    return Schedule(trip, (_where(rows, columns, _all(folds)),), (_every(trip),), 3)


def _slice(c: Constants) -> Schedule:
    rows, columns = _range(c["H"], c["TOP"], c["OUT_H"]), _range(c["W"], c["LEFT"], c["OUT_W"])
    writes = _where(rows, columns, _range(c["IN_WORDS"], c["FIRST"], c["OUT_WORDS"]))
    trip = c["H"] * c["W"] * c["IN_WORDS"]
    return Schedule(trip, (_every(trip),), (writes,), 2)


def _concat(c: Constants) -> Schedule:
    words = c["A_WORDS"] + c["B_WORDS"]
    first, second = _range(words, 0, c["A_WORDS"]), _range(words, c["A_WORDS"], c["B_WORDS"])
    trip = c["POSITIONS"] * words
    reads = (_where(_all(c["POSITIONS"]), first), _where(_all(c["POSITIONS"]), second))
    return Schedule(trip, reads, (_every(trip),), 2, (0, 1, 2))


def _reorder(c: Constants) -> Schedule:
    """Two loops, all words in and then all out; the second starts when the first has drained."""
    trip = c["IN_WORDS"] + c["OUT_WORDS"]
    return Schedule(trip, (_every(c["IN_WORDS"]),), (c["IN_WORDS"] + _every(c["OUT_WORDS"]),), 5)


def _sliding_window(c: Constants) -> Schedule:
    """What ``window_schedule`` says: windows leave as their last word comes, words come while there is room."""
    folds, taps = c["CHANNELS"] // c["LANES"], c["KH"] * c["KW"]
    span_h, span_w = (c["KH"] - 1) * c["DH"] + 1, (c["KW"] - 1) * c["DW"] + 1
    out_h, out_w = (c["H"] - span_h) // c["SH"] + 1, (c["W"] - span_w) // c["SW"] + 1
    span = (span_h - 1) * c["W"] + span_w
    next_row = c["SH"] * c["W"] - (out_w - 1) * c["SW"]
    advance = max(c["SW"] if out_w > 1 else 0, next_row if out_h > 1 else 0)
    ahead = min(advance, (out_w - 1) * max(taps - c["SW"], 0) + taps)
    emit_row = (out_w - 1) * max(taps, c["SW"]) + taps
    unused = c["H"] * c["W"] - (out_h - 1) * c["SH"] * c["W"] - (out_w - 1) * c["SW"] - span
    last_row = max(emit_row + max(unused - ahead, 0), (out_w - 1) * c["SW"] + unused)
    trip = (span + (out_h - 1) * max(emit_row, c["SH"] * c["W"]) + last_row) * folds
    firsts = (np.arange(out_h)[:, None] * c["SH"] * c["W"] + np.arange(out_w) * c["SW"]).reshape(-1) * folds
    reads, starts = _line_buffer(firsts, c["H"] * c["W"] * folds, span * folds, (span + ahead) * folds, taps * folds)
    writes = (starts[:, None] + np.arange(taps * folds)).reshape(-1)
    return Schedule(trip, (reads,), (writes,), 4, (1, 0))


def _line_buffer(firsts: Index, words: int, span: int, depth: int, size: int) -> tuple[Index, Index]:
    """The iterations that read each input word and that start each window.

    Window ``w`` begins at input word ``firsts[w]``, starts once ``span`` words from there on were read in earlier
    iterations, and takes ``size`` iterations; while it is the current one, words before ``firsts[w] + depth`` may come.
    """
    reads, starts = np.empty(words, dtype=np.int64), np.empty(len(firsts), dtype=np.int64)
    received, last, now = 0, -1, 0
    for window, first in enumerate([*firsts.tolist(), words]):
        room = min(first + depth, words)
        if room > received:
            begin = max(last + 1, now)
            last = begin + room - received - 1
            reads[received:room] = np.arange(begin, last + 1)
            received = room
        if window < len(firsts):
            starts[window] = max(now, int(reads[first + span - 1]) + 1)
            now = int(starts[window]) + size
    return reads, starts


SCHEDULES: dict[str, Callable[[Constants], Schedule]] = {
    "add": _add,
    "argmax": _argmax,
    "concat": _concat,
    "dense": _dense,
    "depthwise": _per_channel(6),
    "dilate": _dilate,
    "fork": _fork,
    "fork_flag": _fork_flag,
    "lookup": _elementwise(lambda c: 4),
    "max_pool": _per_channel(3),
    "multiply_shift": _elementwise(lambda c: 9),
    "pad": _pad,
    "read_frame": _read_frame,
    "read_further_frame": _read_further_frame,
    "reorder": _reorder,
    "round_shift": _elementwise(lambda c: 10),
    "slice": _slice,
    "sliding_window": _sliding_window,
    "thresholds": _elementwise(lambda c: 4 + _levels(c["LEVELS"] + 1)),
    "top_k": _top_k,
    "upsample": _upsample,
    "width_converter": _width_converter,
    "write_frame": _write_frame,
}
