"""The FIFO depths once more, with an array entry for every iteration and word: slow, large and easy to follow."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from isobit.backends.dataflow.design import Design
from isobit.backends.dataflow.least import _reachable, meeting_points
from isobit.backends.dataflow.network import MIN_DEPTH
from isobit.backends.dataflow.network import Network as Streams

Times = NDArray[np.int64]
_PAST, _FUTURE = -(1 << 60), 1 << 60


class Network(Streams):
    """The network with every port as an array."""

    def __init__(self, design: Design) -> None:
        super().__init__(design)
        self.inputs, self.outputs = (  # type: ignore[assignment]
            {name: {s: np.asarray(p) for s, p in ports.items()} for name, ports in side.items()}
            for side in (self.inputs, self.outputs)
        )


class ReferenceTiming:
    """The periodic schedule, from the earliest starts of every iteration of every process."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.earliest: dict[str, Times] = {}
        self.ends: dict[str, int] = {}
        self.interval = 1 << 40  # no frame ahead
        self.latency = self._run_forward()
        first = dict(self.ends)
        self.interval = network.interval
        self.steady = self._run_forward()
        self.ends = first

    def _run_forward(self) -> int:
        net, written, latency = self.network, dict[str, Times](), 0
        for name in (p.name for p in net.processes):
            schedule = net.schedules[name]
            ready = np.full(schedule.trip, _PAST)
            ready[0] = 0
            for stream, iterations in net.inputs[name].items():
                ready[iterations] = np.maximum(ready[iterations], written.pop(stream) + 1)
            starts = self._soonest(name, ready)
            for stream, iterations in net.outputs[name].items():
                written[stream] = self._write_times(name, starts, iterations)
                self.ends[stream] = int(written[stream][-1]) + 1
            if not net.outputs[name]:
                latency = max(latency, int(starts[-1]) + schedule.latency + 1)
            self.earliest[name] = starts
        return latency

    def depths(self) -> dict[str, int]:
        """What is left in every FIFO at most when all run as late as their readers allow, but absorb words early."""
        net, found, read, behind = self.network, dict[str, int](), dict[str, Times](), dict[str, Times]()
        for name in (p.name for p in reversed(net.processes)):
            starts = self.earliest.pop(name).astype(np.int64)
            if net.outputs[name]:
                latest, writing = self._latest(name, read)
                starts[writing] = latest[writing]
                starts = self._soonest(name, starts)
            for stream, iterations in net.outputs[name].items():
                written = self._write_times(name, starts, iterations)
                taken = read.pop(stream)
                found[stream] = occupancy(written, taken, self.interval)
                sooner = self._sooner(stream, written, behind)
                late, early = (sum(net.bits[s] * d[s] for s in sooner) for d in (found, sooner))
                found |= sooner if early < late else {}
            for stream, iterations in net.inputs[name].items():
                read[stream] = starts[iterations]
                if net.passes_on(name):
                    behind[stream] = taken
        return found

    def _sooner(self, stream: str, written: Times, behind: dict[str, Times]) -> dict[str, int]:
        """The depths from ``stream`` on through a row of processes that pass words on, each as soon as it can."""
        found, last = dict[str, int](), written
        while stream in behind:
            name = self.network.reader[stream]
            (reads,), ((output, writes),) = self.network.inputs[name].values(), self.network.outputs[name].items()
            ready = np.full(self.network.schedules[name].trip, _PAST)
            ready[0] = 0
            ready[reads] = np.maximum(ready[reads], written + 1)
            starts = self._soonest(name, ready)
            found[stream] = occupancy(written, starts[reads], self.interval)
            last, stream = behind[stream], output
            written = self._write_times(name, starts, writes)
        return found | {stream: occupancy(written, last, self.interval)} if found else found

    def _latest(self, name: str, read: dict[str, Times]) -> tuple[Times, Times]:
        """As late as the readers of every output allow, and the iterations in which a word leaves."""
        schedule, hold = self.network.schedules[name], 0
        limit = np.full(schedule.trip, _FUTURE)
        for stream, iterations in self.network.outputs[name].items():
            leaves = np.minimum(iterations + hold, schedule.trip - 1)
            bound = read[stream] - 1 - schedule.latency + leaves - iterations
            inside = int(np.searchsorted(iterations + hold, schedule.trip - 1))
            limit[leaves[:inside]] = np.minimum(limit[leaves[:inside]], bound[:inside])
            limit[-1] = min(limit[-1], bound[inside:].min(initial=_FUTURE))
        writing = np.flatnonzero(limit < _FUTURE)
        t = np.arange(schedule.trip)
        starts = np.minimum.accumulate((limit - t)[::-1])[::-1] + t
        return np.minimum(starts, starts[0] + self.interval - self.network.busy(name) + t), writing

    def _soonest(self, name: str, ready: Times) -> Times:
        """Starts in order, one a clock, none before it is ready nor before the frame ahead has left."""
        t = np.arange(len(ready))
        starts = np.maximum.accumulate(ready - t) + t
        again = starts[-1] + 1 - self.interval + t
        return np.asarray(np.maximum(starts, again), np.int64)

    def _write_times(self, name: str, starts: Times, iterations: Times) -> Times:
        schedule = self.network.schedules[name]
        leaves = np.minimum(iterations, schedule.trip - 1)
        return np.asarray(starts[leaves] + schedule.latency - (leaves - iterations), np.int64)


def occupancy(written: Times, read: Times, interval: int) -> int:
    """The most words in a FIFO whose word ``i`` of frame ``f`` is written and read ``f * interval`` clocks later."""
    frames = (written - read[0] - 1) // interval
    earlier = frames * len(read) + np.searchsorted(read, written - frames * interval)
    return int((np.arange(1, len(written) + 1) - earlier).max())


def reference_least(network: Network) -> dict[str, int]:
    """The least depths behind every fork, under which an execution on demand is possible.

    On demand, a process runs only while a reader waits for its word. Let J be where all paths from a fork meet again.
    Before J's s-th read, every process between has done what that read needs and no more; the fork has then written
    ``W(s)`` words to a branch of which ``R(s)`` are read at most, for what is read is kept in the FIFOs farther on. In
    step s the words of the branch that did not ask pile up: the depth is the largest ``W(s) - R(s - 1)`` there, and
    ``W(s) - R(s)`` on the branch that asked.
    """
    depths: dict[str, int] = {}
    meets = meeting_points(network)
    for name in (p.name for p in network.processes):
        if len(network.outputs[name]) > 1 and meets[name]:
            depths |= _fork_depths(network, name, meets[name])
    return depths


def _fork_depths(network: Network, fork: str, join: str) -> dict[str, int]:
    asked = _demand(network, fork, join)
    writes = {s: _write_positions(network, fork, s) for s in network.outputs[fork]}
    reached = _reach(writes, asked)
    moved = {s: np.diff(asked[s], prepend=0) > 0 for s in writes}
    depths = {}
    for stream, positions in writes.items():
        written = np.searchsorted(positions, reached, side="right")
        taken = _taken(network, stream, asked)
        others = np.logical_or.reduce([m for s, m in moved.items() if s != stream])
        before = np.concatenate([_taken(network, stream, dict.fromkeys(asked, np.zeros(1, np.int64))), taken[:-1]])
        depths[stream] = int((written - np.where(others, before, taken)).max())
    return depths


def _taken(network: Network, stream: str, asked: dict[str, Times]) -> Times:
    """The words read of ``stream`` once the FIFOs behind its reader are full, up to where paths join or part."""
    reader = network.reader[stream]
    if len(network.inputs[reader]) > 1 or len(network.outputs[reader]) > 1:
        return asked[stream]
    (output,) = network.outputs[reader]
    writes = _write_positions(network, reader, output)
    blocked = np.concatenate([writes, [_FUTURE]])[np.minimum(_taken(network, output, asked) + MIN_DEPTH, len(writes))]
    return np.searchsorted(_read_positions(network, reader, stream), blocked)


def _demand(network: Network, fork: str, join: str) -> dict[str, Times]:
    """For every stream between ``fork`` and ``join`` the words that must be read of it up to each join's read."""
    names = [p.name for p in network.processes]
    between = _reachable(network, fork)
    asked: dict[str, Times] = {}
    for name in reversed(names[names.index(fork) + 1 : names.index(join) + 1]):
        if name not in between:
            continue
        reads = {s: _read_positions(network, name, s) for s in network.inputs[name]}
        if name == join:
            reached = _union(reads.values())
        else:
            reached = _reach({s: _write_positions(network, name, s) for s in network.outputs[name]}, asked)
        asked |= {s: np.searchsorted(positions, reached, side="right") for s, positions in reads.items()}
    return asked


def _union(positions: Iterable[Times]) -> Times:
    """All of several ascending positions, ascending, once each."""
    parts = list(positions)
    marked = np.zeros(max(int(p[-1]) for p in parts) + 1, dtype=np.bool_)
    for part in parts:
        marked[part] = True
    return np.flatnonzero(marked)


def _reach(writes: dict[str, Times], asked: dict[str, Times]) -> Times:
    """The position up to which a process must run so that the ``asked`` words of its outputs are written."""
    positions = [np.concatenate([[-1], writes[s]])[asked[s]] for s in writes]
    return np.asarray(np.maximum.reduce(positions), np.int64)


def _read_positions(network: Network, name: str, stream: str) -> Times:
    """The places of reads in a process's sequence of operations: an iteration reads everything, then writes."""
    return network.inputs[name][stream] * 2


def _write_positions(network: Network, name: str, stream: str) -> Times:
    return network.outputs[name][stream] * 2 + 1
