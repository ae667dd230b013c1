"""The schedule every template declares: in which iteration of its loop it reads and writes which word.

A template is one loop with II = 1 and a constant trip count. Each function here restates the schedule that the head of
a header (``templates/hls/isobit``) declares, from the same constants; a test runs the C++ and compares every iteration.
Which template has which schedule, and how deep its pipeline is, is in its record
(:mod:`isobit.backends.dataflow.catalogue`); windows are in
:mod:`isobit.backends.dataflow.schedules_windows`.
"""

from __future__ import annotations

import numpy as np

from isobit.backends.dataflow.rows import frame_words, row_clocks
from isobit.backends.dataflow.schedule import (
    Axis,
    Constants,
    Index,
    Port,
    Schedule,
    at_last,
    every,
    everywhere,
    marked,
    where,
)


def elementwise(c: Constants) -> Schedule:
    """A word in and a word out in every cycle."""
    return Schedule(c["FOLDS"], (every(c["FOLDS"]),), (every(c["FOLDS"]),))


def read_frame(c: Constants) -> Schedule:
    """Words from a port, and a flag with the last."""
    words = c["FRAME"] // c["LANES"]
    return Schedule(words, (every(words),), (every(words), at_last(words)), phases=(0, 1, 2))


def read_further_frame(c: Constants) -> Schedule:
    """Words from a port."""
    words = c["FRAME"] // c["LANES"]
    return Schedule(words, (every(words),), (every(words),))


def fork_flag(c: Constants) -> Schedule:
    """Every flag twice."""
    flags = every(c["FLAGS"])
    return Schedule(c["FLAGS"], (flags,), (flags, flags), phases=(0, 1, 2))


def write_frame(c: Constants) -> Schedule:
    """Words to a port, row by row; the flag says whether a frame is the last of a batch."""
    words = frame_words(c["FRAME"], c["ROW"], c["LANES"])
    return Schedule(words, (every(words), at_last(words)), (every(words),), phases=(0, 1, 2))


def vectors(c: Constants) -> Schedule:
    """A vector in and a vector out in every cycle."""
    return Schedule(c["VECTORS"], (every(c["VECTORS"]),), (every(c["VECTORS"]),))


def dense(c: Constants) -> Schedule:
    """Inputs come in the first fold of the outputs, sums leave with the last of the inputs."""
    sf, nf, vectors = c["IN"] // c["SIMD"], c["OUT"] // c["PE"], c["VECTORS"]
    reads = where(everywhere(vectors), marked(nf, 0, 1), everywhere(sf))
    writes = where(everywhere(vectors), everywhere(nf), marked(sf, sf - 1, 1))
    return Schedule(vectors * nf * sf, (reads,), (writes,))


def streamed_dense(c: Constants) -> Schedule:
    """As :func:`dense`, and a word of weights in every iteration of the first vector."""
    plain = dense(c)
    weights = every(c["IN"] // c["SIMD"] * (c["OUT"] // c["PE"]))
    return Schedule(plain.trip, (*plain.reads, weights), plain.writes, phases=(0, 1, 2))


def per_channel(c: Constants) -> Schedule:
    """Taps come one after the other, a word leaves with the last."""
    folds, pixels = max(c["CHANNELS"] // c["PE"], 1), max(c["PE"] // c["CHANNELS"], 1)
    words = c["TAPS"] // pixels
    trip = c["VECTORS"] * words * folds
    writes = where(everywhere(c["VECTORS"]), marked(words, words - 1, 1), everywhere(folds))
    return Schedule(trip, (every(trip),), (writes,))


def add(c: Constants) -> Schedule:
    """Two words in, one out."""
    words = every(c["FOLDS"])
    return Schedule(c["FOLDS"], (words, words), (words,), phases=(0, 1, 2))


def channel_product(c: Constants) -> Schedule:
    """A word in and out in every cycle; the factors come with the first pixel, and are kept."""
    words, factors = every(c["FOLDS"]), every(max(c["CHANNELS"] // c["PE"], 1))
    return Schedule(c["FOLDS"], (words, factors), (words,), phases=(0, 1, 2))


def fork(c: Constants) -> Schedule:
    """Every word twice."""
    words = every(c["WORDS"])
    return Schedule(c["WORDS"], (words,), (words, words), phases=(0, 1, 2))


def argmax(c: Constants) -> Schedule:
    """A position's words come, its index leaves with the last."""
    samples, lanes = max(c["LANES"] // c["FRAME"], 1), min(c["LANES"], c["FRAME"])
    vectors, words = c["VECTORS"] // samples, c["FRAME"] // lanes
    writes = where(everywhere(vectors), marked(words, words - 1, 1))
    return Schedule(vectors * words, (every(vectors * words),), (writes,))


def top_k(c: Constants) -> Schedule:
    """An element a cycle, the indices with a position's last."""
    samples, lanes = max(c["LANES"] // c["FRAME"], 1), min(c["LANES"], c["FRAME"])
    vectors = c["VECTORS"] // samples
    reads = where(everywhere(vectors * c["FRAME"] // lanes), marked(lanes, 0, 1))
    writes = where(everywhere(vectors), marked(c["FRAME"], c["FRAME"] - 1, 1))
    return Schedule(vectors * c["FRAME"], (reads,), (writes,))


def width_converter(c: Constants) -> Schedule:
    """A cycle reads while less than an output word is buffered and writes once there is one, row by row.

    What a row's last words lack they leave without, in the row's last cycle.
    """
    row, narrow, wide = c["ROW"], c["IN_LANES"], c["OUT_LANES"]
    rows, come, leave = c["FRAME"] // row, -(-row // narrow), -(-row // wide)
    trip = row_clocks(row, narrow, wide)

    def reads(i: Index) -> Index:
        word = i % come
        return i // come * trip + (word * narrow // wide if narrow > wide else word)

    def writes(i: Index) -> Index:
        word = i % leave
        full = word if narrow > wide else -(-(word + 1) * wide // narrow) - 1
        return i // leave * trip + np.where(word == leave - 1, trip - 1, full)

    return Schedule(rows * trip, (Port(rows * come, reads),), (Port(rows * leave, writes),))


def pad(c: Constants) -> Schedule:
    """A word out in every iteration, one in inside the border."""
    samples = max(c["LANES"] // c["CHANNELS"], 1)
    rows = marked(c["TOP"] + c["H"] + c["BOTTOM"], c["TOP"], c["H"])
    columns = marked((c["LEFT"] + c["W"] + c["RIGHT"]) // samples, c["LEFT"] // samples, c["W"] // samples)
    return _sparse_reads(rows, columns, max(c["CHANNELS"] // c["LANES"], 1))


def upsample(c: Constants) -> Schedule:
    """A word out in every iteration, one in where a new pixel begins."""
    samples = max(c["LANES"] // c["CHANNELS"], 1)
    rows = Axis(c["H"] * c["FACTOR_H"], 0, c["H"], c["FACTOR_H"])
    width = c["W"] // samples * c["FACTOR_W"]
    columns = Axis(width, 0, -(-width // c["FACTOR_W"]), c["FACTOR_W"])
    return _sparse_reads(rows, columns, max(c["CHANNELS"] // c["LANES"], 1))


def _sparse_reads(rows: Axis, columns: Axis, folds: int) -> Schedule:
    """A word out in every iteration, one in where row and column are marked."""
    trip = rows.count * columns.count * folds
    return Schedule(trip, (where(rows, columns, everywhere(folds)),), (every(trip),))


def cut_out(c: Constants) -> Schedule:
    """A word in in every iteration, one out inside the part."""
    rows, columns = marked(c["H"], c["TOP"], c["OUT_H"]), marked(c["W"], c["LEFT"], c["OUT_W"])
    writes = where(rows, columns, marked(c["IN_WORDS"], c["FIRST"], c["OUT_WORDS"]))
    trip = c["H"] * c["W"] * c["IN_WORDS"]
    return Schedule(trip, (every(trip),), (writes,))


def concat(c: Constants) -> Schedule:
    """A position's words of the first, then those of the second."""
    words = c["A_WORDS"] + c["B_WORDS"]
    first, second = marked(words, 0, c["A_WORDS"]), marked(words, c["A_WORDS"], c["B_WORDS"])
    trip = c["POSITIONS"] * words
    reads = (where(everywhere(c["POSITIONS"]), first), where(everywhere(c["POSITIONS"]), second))
    return Schedule(trip, reads, (every(trip),), phases=(0, 1, 2))


def parallel_concat(c: Constants) -> Schedule:
    """Two words in, one out."""
    words = every(c["WORDS"])
    return Schedule(c["WORDS"], (words, words), (words,), phases=(0, 1, 2))


def reorder(c: Constants) -> Schedule:
    """All words in and then all out."""
    trip = c["IN_WORDS"] + c["OUT_WORDS"]
    return Schedule(trip, (every(c["IN_WORDS"]),), (Port(c["OUT_WORDS"], lambda i: i + c["IN_WORDS"]),))
