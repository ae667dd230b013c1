"""Schedules of the units that make windows (``sliding_window``, ``parallel_window``) and that take blocks of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from isobit.backends.dataflow.schedule import Constants, Index, Schedule, every, levels


def sliding_window(c: Constants) -> Schedule:
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


def parallel_window(c: Constants) -> Schedule:
    """What ``block_schedule`` says: a word in in each of the first cycles, a block out with the last of its words."""
    step, span_h = c["SAMPLES"] * c["SW"], (c["KH"] - 1) * c["DH"] + 1
    span_w = (c["KW"] - 1) * c["DW"] + 1
    out_h = (c["TOP"] + c["H"] + c["BOTTOM"] - span_h) // c["SH"] + 1
    out_w = (c["LEFT"] + c["W"] + c["RIGHT"] - span_w) // c["SW"] + 1
    words, blocks = c["W"] // step, out_w // c["SAMPLES"]
    lag = ((c["SAMPLES"] - 1) * c["SW"] + span_w - 1 - c["LEFT"]) // step
    first = (span_h - 1 - c["TOP"]) * words + lag
    writes = (first + every(out_h)[:, None] * c["SH"] * words + every(blocks)).reshape(-1)
    trip = max(c["H"] * words, int(writes[-1]) + 1)
    return Schedule(trip, (every(c["H"] * words),), (writes,), 4)


def parallel_dense(c: Constants) -> Schedule:
    """Every ``NF * SF`` cycles a block in, in the first, and its sums out, in the last."""
    cycles = c["OUT"] // c["PE"] * (c["KH"] * c["KW"] * c["CHANNELS"] // c["SIMD"])
    starts = every(c["WORDS"]) * cycles
    return Schedule(c["WORDS"] * cycles, (starts,), (starts + cycles - 1,), 6 + levels(c["SIMD"]))


def per_block(latency: int) -> Callable[[Constants], Schedule]:
    """A block in and a word out in every cycle, ``latency`` clocks and a tree over the taps apart."""

    def schedule(c: Constants) -> Schedule:
        return Schedule(c["WORDS"], (every(c["WORDS"]),), (every(c["WORDS"]),), latency + levels(c["KH"] * c["KW"]))

    return schedule
