"""Rows in words: a word of several samples holds pixels of one row, and a row's last word may be filled up.

What fills it is *slack*: integers that the value's intervals allow at their channels, so that every unit may treat them
as pixels, and that nobody reads. A row that its words divide has none.
"""

from __future__ import annotations

from isobit.ir.types import IntArray, ValueType


def width_of(shape: tuple[int, ...]) -> int:
    """Positions along the last spatial axis of a channels-last shape; 1 where there is none."""
    return shape[-2] if len(shape) > 1 else 1


def rows_of(kind: ValueType) -> int:
    """How many rows of :func:`width_of` positions a value has."""
    return kind.size // (kind.channels * width_of(kind.shape))


def words_of(kind: ValueType, samples: int) -> int:
    """Words of a frame, ``samples`` pixels of a row in each."""
    return rows_of(kind) * -(-width_of(kind.shape) // samples)


def slack_row(kind: ValueType, samples: int) -> int:
    """Elements of a row whose last word of ``samples`` pixels is filled up; 0 where the samples divide the row."""
    width = width_of(kind.shape)
    return width * kind.channels if width % samples else 0


def frame_words(frame: int, row: int, lanes: int) -> int:
    """Words of a frame of ``frame`` elements, ``lanes`` in each; with a ``row`` every row of so many begins a word."""
    return frame // row * -(-row // lanes) if row else frame // lanes


def row_clocks(row: int, narrow: int, wide: int) -> int:
    """Clocks in which words of ``narrow`` elements become words of ``wide``, for a row of so many elements.

    One more than either side's words where the last word in completes a word out and still has some left for another.
    """
    come, leave = -(-row // narrow), -(-row // wide)
    return max(come, leave, -(-(leave - 1) * wide // narrow) + 1)


def without_slack(words: IntArray, kind: ValueType, frames: int) -> IntArray:
    """The elements of a stream's words ``(frames, *shape)``, without the slack at the ends of rows."""
    row = width_of(kind.shape) * kind.channels
    rows = words.reshape(frames * rows_of(kind), -1)
    return rows[:, :row].reshape(frames, *kind.shape)
