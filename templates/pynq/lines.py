"""A line longer than a frame, chunk by chunk: what leaves is what one frame as long as the line would be.

    from lines import Line

    line = Line()                          # loads the overlay; or Line(net) with an Accelerator that is loaded already
    for chunk in camera:                   # integers (samples, channels), as many as there are, the next when they come
        marks = line.send(chunk)           # (positions, channels): those that are known now, in order
    marks = line.end()                     # the rest; the next chunk begins another line

The accelerator takes frames of one length and makes a border at their ends. Frames here overlap by what an output looks
at, and of each only outputs are taken that no border reaches, but for the line's own ends: samples are carried from one
chunk to the next, so that chunks may end anywhere. As many whole frames as are there go in one DMA transfer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from arithmetic import Array
from driver import Accelerator


class Line:
    """A line on its way through the accelerator.

    Args:
        net: the loaded accelerator; one of this folder without.

    Attributes:
        stride: samples of a position.
        frame: samples of a frame, the least that a line has.
        fresh: samples of a frame that are not in the one before, where frames follow each other.
    """

    def __init__(self, net: Accelerator | None = None) -> None:
        self.net = Accelerator() if net is None else net
        reach = self.net.model.line
        if not reach:
            raise ValueError("this package's network takes no line in frames: its outputs look at all of a frame")
        self.stride = reach["stride"]
        self._input, self._output = self.net.model.inputs[0], self.net.model.outputs[0]
        self.frame = self._input.shape[0]
        self._first = max(-(-reach["left"] // self.stride), 0)
        self._behind = min((self.frame - 1 - reach["right"]) // self.stride + 1, self._output.shape[0])
        self.fresh = (self._behind - self._first) * self.stride
        if self.fresh < 1:
            raise ValueError(f"every output looks at an end of a frame of {self.frame} samples")
        self._reset()

    def _reset(self) -> None:
        self._samples = np.empty((0, *self._input.shape[1:]), np.int64)
        self._begin = 0  # of the line: the place of the first sample that is kept
        self._next = 0  # where the next frame begins
        self._made = 0  # positions that have left

    def send(self, samples: Array) -> Array:
        """Takes the next samples; the positions that became known, int64 ``(positions, channels)``.

        Raises:
            ValueError: samples of another shape, or what :meth:`Accelerator.run_integers` raises.
        """
        samples = np.asarray(samples)
        if samples.shape[1:] != self._input.shape[1:]:
            raise ValueError(f"samples are (samples, {self._input.shape[1:]}), not {samples.shape}")
        self._samples = np.concatenate([self._samples, samples])
        there = self._begin + len(self._samples)
        starts = list(range(self._next, there - self.frame + 1, self.fresh))
        made = self._positions(starts, self._behind)
        if starts:
            self._next = starts[-1] + self.fresh
            self._drop(min(self._next, there - self.frame))
        return made

    def end(self) -> Array:
        """Ends the line; its last positions. The next samples begin another one.

        Raises:
            ValueError: a line shorter than a frame, or one whose samples are no whole positions.
        """
        there = self._begin + len(self._samples)
        if there < self.frame or there % self.stride:
            raise ValueError(f"a line has at least {self.frame} samples and a multiple of {self.stride}, not {there}")
        made = self._positions([there - self.frame], self._output.shape[0])
        self._reset()
        return made

    def _positions(self, starts: list[int], behind: int) -> Array:
        """The positions of frames that begin at ``starts``, from where the line is on to ``behind`` in each."""
        if not starts:
            return np.empty((0, *self._output.shape[1:]), np.int64)
        frames = np.stack([self._samples[s - self._begin : s - self._begin + self.frame] for s in starts])
        results: Any = self.net.run_integers(frames)[self._output.name]
        parts = []
        for start, result in zip(starts, results):
            place = start // self.stride  # of the frame's first position
            parts.append(result[self._made - place : behind])
            self._made = place + behind
        return np.concatenate(parts)

    def _drop(self, place: int) -> None:
        """Forgets the samples before ``place``."""
        if place > self._begin:
            self._samples, self._begin = self._samples[place - self._begin :], place
