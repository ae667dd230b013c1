"""Clocks of the templates' loops: the length of windows' loops, the depth of adder trees.

A process is one loop of ``trip`` iterations, one a clock; the next frame's first follows the last at once. Schedules
and the planner both take these numbers from here.
"""

from __future__ import annotations

from collections.abc import Mapping

Constants = Mapping[str, int]


def depth_of_tree(count: int) -> int:
    """Depth of a tree over ``count`` terms."""
    return (count - 1).bit_length()


def sliding_window_trip(c: Constants) -> int:
    """Iterations of a frame of ``sliding_window``: per image the fill, rows of windows, and what no window uses."""
    folds, taps = c["CHANNELS"] // c["LANES"], c["KH"] * c["KW"]
    span_h, span_w = (c["KH"] - 1) * c["DH"] + 1, (c["KW"] - 1) * c["DW"] + 1
    out_h, out_w = (c["H"] - span_h) // c["SH"] + 1, (c["W"] - span_w) // c["SW"] + 1
    span = (span_h - 1) * c["W"] + span_w
    emit_row = (out_w - 1) * max(taps, c["SW"]) + taps
    unused = c["H"] * c["W"] - (out_h - 1) * c["SH"] * c["W"] - (out_w - 1) * c["SW"] - span
    last_row = max(emit_row + max(unused - window_ahead(c), 0), (out_w - 1) * c["SW"] + unused)
    return c["IMAGES"] * (span + (out_h - 1) * max(emit_row, c["SH"] * c["W"]) + last_row) * folds


def window_ahead(c: Constants) -> int:
    """Pixels beyond a window's own that its line buffer may take in while the window leaves."""
    taps = c["KH"] * c["KW"]
    out_h = (c["H"] - (c["KH"] - 1) * c["DH"] - 1) // c["SH"] + 1
    out_w = (c["W"] - (c["KW"] - 1) * c["DW"] - 1) // c["SW"] + 1
    next_row = c["SH"] * c["W"] - (out_w - 1) * c["SW"]
    advance = max(c["SW"] if out_w > 1 else 0, next_row if out_h > 1 else 0)
    return min(advance, (out_w - 1) * max(taps - c["SW"], 0) + taps)


def lag(c: Constants) -> int:
    """Words from the place of a block to the last that it reaches."""
    columns = (c["SAMPLES"] - 1) * c["SW"] + (c["KW"] - 1) * c["DW"] + 1
    return (columns - 1 - c["LEFT"]) // (c["SAMPLES"] * c["SW"])


def parallel_window_trip(c: Constants) -> int:
    """Iterations of a frame of ``parallel_window``: a word each, and on to the last block."""
    step = c["SAMPLES"] * c["SW"]
    span_h, span_w = (c["KH"] - 1) * c["DH"] + 1, (c["KW"] - 1) * c["DW"] + 1
    out_h = (c["TOP"] + c["H"] + c["BOTTOM"] - span_h) // c["SH"] + 1
    out_w = (c["LEFT"] + c["W"] + c["RIGHT"] - span_w) // c["SW"] + 1
    words = -(-c["W"] // step)
    first = (span_h - 1 - c["TOP"]) * words + lag(c)
    return max(c["H"] * words, first + (out_h - 1) * c["SH"] * words - (-out_w // c["SAMPLES"]))
