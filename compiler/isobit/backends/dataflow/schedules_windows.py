"""Schedules of the units that make windows (``sliding_window``, ``parallel_window``) and that take blocks of them."""

from __future__ import annotations

import numpy as np

from isobit.backends.dataflow.latencies import lag, parallel_window_trip, sliding_window_trip, window_ahead
from isobit.backends.dataflow.schedule import Constants, Index, Port, Schedule, every

_ROWS = 6
"""Rows of windows that are gone through one by one; those of a taller frame repeat the ones in the middle."""


def sliding_window(c: Constants) -> Schedule:
    """What ``window_schedule`` says: windows leave as their last word comes, words come while there is room."""
    folds, taps = c["CHANNELS"] // c["LANES"], c["KH"] * c["KW"]
    span_h, span_w = (c["KH"] - 1) * c["DH"] + 1, (c["KW"] - 1) * c["DW"] + 1
    out_h, out_w = (c["H"] - span_h) // c["SH"] + 1, (c["W"] - span_w) // c["SW"] + 1
    skipped = max(out_h - _ROWS, 0)
    span, pixels = (span_h - 1) * c["W"] + span_w, (c["H"] - skipped * c["SH"]) * c["W"]
    firsts = (np.arange(out_h - skipped)[:, None] * c["SH"] * c["W"] + np.arange(out_w) * c["SW"]).reshape(-1) * folds
    room = (span + window_ahead(c)) * folds
    reads, starts = _line_buffer(firsts, pixels * folds, span * folds, room, taps * folds)
    row = max((out_w - 1) * max(taps, c["SW"]) + taps, c["SH"] * c["W"]) * folds  # iterations of a row in the middle
    begin, words = 2 * c["SH"] * c["W"] + span, c["SH"] * c["W"] * folds
    came = _repeated(reads, begin * folds, words, row, skipped)
    began = _repeated(starts, 2 * out_w, out_w, row, skipped)
    size = taps * folds
    left = Port(out_h * out_w * size, lambda i: began.at(i // size) + i % size)
    trip = sliding_window_trip(c)
    came, left = (_image_by_image(port, c["IMAGES"], trip // c["IMAGES"]) for port in (came, left))
    return Schedule(trip, (came,), (left,), phases=(1, 0))


def _image_by_image(port: Port, images: int, trip: int) -> Port:
    """The words of ``images`` images, each ``trip`` iterations behind the one before."""
    return Port(images * len(port), lambda i: i // len(port) * trip + port.at(i % len(port))) if images > 1 else port


def _repeated(values: Index, begin: int, period: int, shift: int, times: int) -> Port:
    """``values`` with the ``period`` values before ``begin + period`` repeated ``times`` more, each ``shift`` later."""

    def at(i: Index) -> Index:
        again = np.clip((i - begin) // period, 0, times)
        return np.asarray(values[i - again * period] + again * shift, np.int64)

    return Port(len(values) + times * period, at if times else lambda i: values[i])


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
    words, blocks = -(-c["W"] // step), -(-out_w // c["SAMPLES"])
    first = (span_h - 1 - c["TOP"]) * words + lag(c)
    writes = Port(out_h * blocks, lambda i: first + i // blocks * (c["SH"] * words) + i % blocks)
    return Schedule(parallel_window_trip(c), (every(c["H"] * words),), (writes,))


def look_ahead(c: Constants) -> Schedule:
    """A word in in every cycle; the first ``AHEAD`` leave together with the last of them, the others as they come."""
    words, ahead = c["WORDS"], c["AHEAD"]
    head, body = Port(1, lambda i: i + ahead - 1), Port(words - ahead, lambda i: i + ahead)
    return Schedule(words, (every(words),), (head, body), phases=(0, 1, 1))


def line_window(c: Constants) -> Schedule:
    """A block out in every cycle, until there are all; words come in as long as there are any."""
    words = -(-c["W"] // (c["SAMPLES"] * c["SW"]))
    out_w = (c["LEFT"] + c["W"] + c["RIGHT"] - (c["KW"] - 1) * c["DW"] - 1) // c["SW"] + 1
    return Schedule(words, (every(1), every(words - lag(c))), (every(-(-out_w // c["SAMPLES"])),), phases=(0, 0, 1))


def parallel_dense(c: Constants) -> Schedule:
    """Every ``NF * SF`` cycles a block in, in the first, and its sums out, in the last."""
    cycles = c["OUT"] // c["PE"] * (c["KH"] * c["KW"] * c["CHANNELS"] // c["SIMD"])
    reads, writes = (Port(c["WORDS"], lambda i, last=last: i * cycles + last) for last in (0, cycles - 1))  # type: ignore[misc]
    return Schedule(c["WORDS"] * cycles, (reads,), (writes,))


def per_block(c: Constants) -> Schedule:
    """A block in and a word out in every cycle."""
    return Schedule(c["WORDS"], (every(c["WORDS"]),), (every(c["WORDS"]),))
