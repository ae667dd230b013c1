"""The periodic schedule of a design: when every word is written and read, and what is left in every FIFO.

Forward, every process runs as early as its inputs allow; backward, as late as its readers allow; at last it reads as
early as it can without writing sooner (:mod:`isobit.backends.dataflow.fifo` says what that is good for). A requantizer,
and what only passes words on to one, then runs as soon as its words come where that takes fewer bits: what has to wait
waits behind it.

Iteration ``t`` of a process that starts in clock ``t + s(t)`` has the *shift* ``s(t)``, which never falls along a
frame: a process is one iteration a clock and waits now and then. Forward the shift is the largest of ``written + 1 -
t`` over all words read up to ``t``; backward the least of ``read - 1 - latency - t`` over all words written from
``t`` on. A process also follows its own frame before: its first shift is at least its last one less what the interval
leaves it to spare. Everything goes a piece at a time, so that memory is a run for every change of pace, not a word.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isobit.backends.dataflow.network import Network
from isobit.backends.dataflow.pieces import PIECE, Piece, Runs, merged, pieces
from isobit.backends.dataflow.schedule import Index, Port

_FUTURE = 1 << 60


@dataclass(frozen=True)
class Timing:
    """Clocks per frame, clocks from the first frame's first word to its last, and the words left in every FIFO at most.

    ``ends``: clocks from the first frame's first word to the last one of every stream; ``steady``: the latency of a
    frame behind others, whose words may have to wait until these have left.
    """

    interval: int
    latency: int
    depths: dict[str, int]
    ends: dict[str, int]
    steady: int


def timing(network: Network) -> Timing:
    """The schedule of least interval and latency, and the depths with which FIFOs do not slow it down."""
    interval = network.interval
    latency, ends, _ = _forward(network, 1 << 60, network.lead)
    steady, _, processes = _forward(network, interval)
    read, depths, passed_on = dict[str, Runs](), dict[str, int](), _PassedOn(network, interval)
    while processes:
        one = processes.pop()
        found, reads, late = one.latest(read)
        depths |= found
        read |= reads
        for stream in one.outputs:
            depths |= passed_on.sooner(stream, late[stream], depths)
        passed_on.placed(one.name, {stream: read.pop(stream) for stream in one.outputs})
    return Timing(interval, latency, depths, ends, steady)


def _forward(network: Network, interval: int, lead: int = 0) -> tuple[int, dict[str, int], list[_Process]]:
    """All as early as their inputs allow, a frame every ``interval`` clocks: latency, ends, and the processes."""
    written, latency, ends = dict[str, Runs](), 0, dict[str, int]()
    processes: list[_Process] = []
    for name in (p.name for p in network.processes):
        one = _Process(network, name, interval, written, lead)
        processes.append(one)
        for stream in one.inputs:
            del written[stream]  # its one reader has it
        fresh = one.earliest()
        written |= fresh
        ends |= {stream: int(runs.part(runs.count - 1, runs.count)[0]) + 1 for stream, runs in fresh.items()}
        if not one.outputs:
            latency = max(latency, one.schedule.trip + one.last + one.schedule.latency)
    return latency, ends, processes


class _PassedOn:
    """The processes that pass words on in no more bits, as soon as these come where that takes fewer bits in all."""

    def __init__(self, network: Network, interval: int) -> None:
        self.network, self.interval = network, interval
        self.read: dict[str, Runs] = {}  # when what they write is read, by the stream that they read

    def placed(self, name: str, read: dict[str, Runs]) -> None:
        """``name`` has its times, and what it writes is read at these."""
        if self.network.passes_on(name):
            (stream,), (times,) = self.network.inputs[name], read.values()
            self.read[stream] = times
        else:
            for stream in read:
                self._forget(stream)

    def _forget(self, stream: str) -> None:
        if self.read.pop(stream, None):
            for behind in self.network.outputs[self.network.reader[stream]]:
                self._forget(behind)

    def sooner(self, stream: str, written: Runs, depths: dict[str, int]) -> dict[str, int]:
        """The depths of ``stream``, whose words come at these times, and of what is behind it; none if not better."""
        found = dict[str, int]()
        name = stream
        while name in self.read:
            one = _Process(self.network, self.network.reader[name], self.interval, {name: written})
            ((behind, early),) = one.earliest().items()
            found[name] = _left(written, one.reads(name), self.interval)
            last, name, written = self.read[name], behind, early
        if not found:
            return {}
        found[name] = _left(written, last, self.interval)
        before, after = (sum(self.network.bits[s] * d[s] for s in found) for d in (depths, found))
        return found if after < before else {}


def _left(written: Runs, read: Runs, interval: int) -> int:
    """The most words in a FIFO, a piece at a time."""
    firsts = range(0, written.count, PIECE)
    parts = ((first, min(first + PIECE, written.count)) for first in firsts)
    return max(occupancy(written.part(*part), np.arange(*part), read, interval) for part in parts)


def occupancy(written: Index, numbers: Index, read: Runs, interval: int) -> int:
    """The most words in a FIFO while words ``numbers`` are written; a frame comes every ``interval`` clocks."""
    frames = (written - read.value[0] - 1) // interval
    earlier = frames * read.count + read.before(written - frames * interval)
    return int((numbers + 1 - earlier).max())


class _Process:
    """One process between the earliest times of its inputs (``written``) and the times of its readers."""

    def __init__(self, network: Network, name: str, interval: int, written: dict[str, Runs], lead: int = 0) -> None:
        self.name, self.schedule = name, network.schedules[name]
        self.inputs, self.outputs = network.inputs[name], network.outputs[name]
        self.interval, self.spare = interval, interval - network.busy(name)
        self.written = {stream: written[stream] for stream in self.inputs}
        self.pieces = list(pieces([*self.inputs.values(), *self.outputs.values()], self.schedule.trip))
        self.least = -lead if self.inputs else 0  # the port's words are those that the clocks count from
        self.seen: tuple[Piece | None, list[tuple[Index, Index]]] = (None, [])
        self.carried = self._carried()
        self.last = self.carried[-1]

    def _carried(self) -> list[int]:
        """The shift at the begin of every piece and at the end of the frame, by the inputs alone."""
        shifts = [self.least]
        for piece in self.pieces:
            shifts.append(max(shifts[-1], *(int(s.max(initial=self.least)) for _, s in self._asked(piece))))
        return shifts

    def _asked(self, piece: Piece) -> list[tuple[Index, Index]]:
        """For every input the iterations of its words in the piece, and the shift that each asks for."""
        if self.seen[0] is not piece:
            self.seen = piece, self._asked_anew(piece)
        return self.seen[1]

    def _asked_anew(self, piece: Piece) -> list[tuple[Index, Index]]:
        found = []
        for (stream, port), (begin, end) in zip(self.inputs.items(), piece.words, strict=False):
            iterations = port.part(begin, end)
            found.append((iterations, self.written[stream].part(begin, end) + 1 - iterations))
        return found or [(np.zeros(0, np.int64), np.zeros(0, np.int64))]

    def _early(self, number: int, at: Index) -> Index:
        """The earliest shifts at ascending iterations of piece ``number``."""
        shifts = np.full(len(at), max(self.carried[number], self.last - self.spare))
        for iterations, asked in self._asked(self.pieces[number]):
            if len(iterations):
                most = np.concatenate([[self.least], np.maximum.accumulate(asked)])
                shifts = np.maximum(shifts, most[np.searchsorted(iterations, at, side="right")])
        return shifts

    def earliest(self) -> dict[str, Runs]:
        """When the words of every output are written at the earliest."""
        parts: dict[str, list[Runs]] = {stream: [] for stream in self.outputs}
        for number, piece in enumerate(self.pieces):
            for stream, at in self._writes(piece):
                parts[stream].append(Runs(at + self.schedule.latency + self._early(number, at)))
        return {stream: Runs.joined(p) for stream, p in parts.items()}

    def reads(self, stream: str) -> Runs:
        """When the words of an input are read at the earliest."""
        port, place = self.inputs[stream], [*self.inputs].index(stream)
        parts = ((number, port.part(*piece.words[place])) for number, piece in enumerate(self.pieces))
        return Runs.joined([Runs(at + self._early(number, at)) for number, at in parts])

    def _writes(self, piece: Piece) -> list[tuple[str, Index]]:
        words = piece.words[len(self.inputs) :]
        return [(s, port.part(*w)) for (s, port), w in zip(self.outputs.items(), words, strict=True)]

    # ------------------------------------------------------------------ backward

    def latest(self, read: dict[str, Runs]) -> tuple[dict[str, int], dict[str, Runs], dict[str, Runs]]:
        """The depth of every output's FIFO, when the words of every input are read, and of every output written."""
        first = min((self._limit(s, port, 0, len(port), read) for s, port in self.outputs.items()), default=_FUTURE)
        self.cap = first + self.spare
        end = self._at_end(read)
        depths = dict.fromkeys(self.outputs, 0)
        parts = {stream: list[Runs]() for stream in (*self.inputs, *self.outputs)}
        after = _FUTURE  # the least limit of all words written behind this piece
        for number in range(len(self.pieces) - 1, -1, -1):
            piece = self.pieces[number]
            writing, late = self._late(piece, read, after)
            after = int(late[0]) if len(late) else after
            late = np.maximum(np.minimum(late, self.cap), end - self.spare)
            for (stream, at), (begin, stop) in zip(self._writes(piece), piece.words[len(self.inputs) :], strict=True):
                if len(at):
                    shifts = late if len(at) == len(writing) else late[np.searchsorted(writing, at)]
                    times = at + self.schedule.latency + shifts
                    left = occupancy(times, np.arange(begin, stop), read[stream], self.interval)
                    depths[stream] = max(depths[stream], left)
                    parts[stream].append(Runs(times))
            before = self._before(piece, read, after)
            for (stream, port), words in zip(self.inputs.items(), piece.words, strict=False):
                at = port.part(*words)
                shifts = np.maximum(self._soon(number, at, writing, late, before), end - self.spare)
                parts[stream].append(Runs(at + shifts))
        reads, writes = ({s: Runs.joined(parts[s][::-1]) for s in side} for side in (self.inputs, self.outputs))
        return depths, reads, writes

    def _limits(self, stream: str, at: Index, first: int, read: dict[str, Runs]) -> Index:
        """The largest shifts with which the words of an output from ``first`` on are there for their reader."""
        return read[stream].part(first, first + len(at)) - 1 - self.schedule.latency - at

    def _limit(self, stream: str, port: Port, begin: int, end: int, read: dict[str, Runs]) -> int:
        """The least of them."""
        least, step = _FUTURE, 1 << 15
        for first in range(begin, end, step):
            at = port.part(first, min(first + step, end))
            least = min(least, int(self._limits(stream, at, first, read).min()))
        return least

    def _late(self, piece: Piece, read: dict[str, Runs], after: int) -> tuple[Index, Index]:
        """The iterations of the piece in which a word leaves, ascending, and their latest shifts."""
        words = piece.words[len(self.inputs) :]
        found = [(at, self._limits(s, at, w[0], read)) for (s, at), w in zip(self._writes(piece), words, strict=True)]
        if not found:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        writing = merged([at for at, _ in found])
        limits = np.full(len(writing), _FUTURE)
        for at, limit in found:
            place = slice(None) if len(at) == len(writing) else np.searchsorted(writing, at)
            limits[place] = np.minimum(limits[place], limit)
        return writing, np.minimum(np.minimum.accumulate(limits[::-1])[::-1], after)

    def _before(self, piece: Piece, read: dict[str, Runs], after: int) -> int:
        """The latest shift of the last iteration in front of the piece that writes; the least number without one."""
        limits = []
        for (stream, port), (first, _) in zip(self.outputs.items(), piece.words[len(self.inputs) :], strict=True):
            if first:
                at = port.part(first - 1, first)
                limits.append((int(at[0]), int(self._limits(stream, at, first - 1, read)[0])))
        last = max((at for at, _ in limits), default=-1)
        return min([after, self.cap, *(limit for at, limit in limits if at == last)]) if limits else -_FUTURE

    def _soon(self, number: int, at: Index, writing: Index, late: Index, before: int) -> Index:
        """Shifts at ascending iterations: a writing one as late as its readers allow, the others behind it early."""
        known = np.concatenate([[before], late])
        place = np.searchsorted(writing, at, side="right")
        shifts = known[place]
        writes = np.concatenate([[-1], writing])[place] == at
        return np.where(writes, shifts, np.maximum(shifts, self._early(number, at)))

    def _at_end(self, read: dict[str, Runs]) -> int:
        """The shift of the last iteration."""
        finish = self.schedule.trip - 1
        limits = []
        for stream, port in self.outputs.items():
            at = port.part(len(port) - 1, len(port))
            limits.append((int(at[0]), int(self._limits(stream, at, len(port) - 1, read)[0])))
        if not limits:
            return self.last
        final = max(at for at, _ in limits)
        late = min([self.cap, *(limit for at, limit in limits if at == final)])
        return late if final == finish else max(late, self.last)
