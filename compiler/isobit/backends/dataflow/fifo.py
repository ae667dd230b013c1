"""FIFO depths, initiation interval and latency of a design, from the schedules its templates declare.

Time is counted in clocks, periodic from frame to frame. A word written in clock w can be read from w + 1 on, and its
slot written again in the clock after that. A pipeline stalls as a whole when a word is missing, as Vitis HLS builds it
by default: what an iteration computed leaves ``latency`` iterations later, or at the frame's end.

**Full throughput.** The interval is the slowest process's frame. Forward, every process runs as early as its inputs
allow, which gives the earliest outputs; backward from these, every process runs as late as its readers allow; at last
each reads as early as it can without writing sooner. That is a schedule with the least interval and latency, so FIFOs
that hold what it leaves in them cannot slow the hardware down: a dataflow of blocking reads and writes is monotone, it
is never later than a schedule that respects its depths.

**Least.** A FIFO behind a process with one output is written when its reader waits for it: two words do. Behind a fork,
one reader makes it run while the other may not be ready to read; how far is a count of words, not of clocks
(:func:`least_depths`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from isobit.backends.dataflow.schedules import schedule_of
from isobit.emit.design import Design

Times = NDArray[np.int64]

MIN_DEPTH = 2
RESTART = 2  # clocks between a frame's last write and the next frame's first iteration
_PAST, _FUTURE = -(1 << 60), 1 << 60


def size_fifos(
    design: Design, goal: Literal["throughput", "least"] = "throughput", *, flushing: bool = False
) -> Design:
    """``design`` with the depth of every FIFO, its interval and its latency.

    Args:
        goal: ``throughput``: no process ever waits longer than the interval demands; ``least``: the smallest depths
            behind forks, and ``MIN_DEPTH`` elsewhere, that keep it from locking up (at whatever interval).
        flushing: pipelines that empty themselves while a word is missing (``style=flp``), instead of stalling ones.
    """
    network = Network(design, flushing=flushing)
    timed = _Timed(network)
    depths = timed.depths() if goal == "throughput" else least_depths(network)
    flags = max(timed.flag_depth(), MIN_DEPTH)
    streams = tuple(replace(s, depth=max(depths.get(s.name, 0), MIN_DEPTH)) for s in design.streams)
    return replace(design, streams=streams, flag_depth=flags, interval=timed.interval, latency=timed.latency)


class Network:
    """The processes of a design with their schedules and the streams between them, AXI ports and flags left out."""

    def __init__(self, design: Design, *, flushing: bool = False) -> None:
        self.processes = design.processes
        self.schedules = {p.name: schedule_of(p) for p in design.processes}
        self.flushing = flushing
        inner = {s.name for s in design.streams}
        self.inputs = {p.name: self._ports(p.inputs, self.schedules[p.name].reads, inner) for p in design.processes}
        self.outputs = {p.name: self._ports(p.outputs, self.schedules[p.name].writes, inner) for p in design.processes}
        self.phases = {
            p.name: dict(zip((*p.inputs, *p.outputs), self.schedules[p.name].phases, strict=True))
            for p in design.processes
        }
        self.reader = {s: p.name for p in design.processes for s in self.inputs[p.name]}
        self.writer = {s: p.name for p in design.processes for s in self.outputs[p.name]}

    @staticmethod
    def _ports(names: Iterable[str], iterations: tuple[Times, ...], inner: set[str]) -> dict[str, Times]:
        return {name: t for name, t in zip(names, iterations, strict=True) if name in inner}

    def hold(self, name: str) -> int:
        """How many iterations later a result leaves."""
        return 0 if self.flushing else self.schedules[name].latency

    def pause(self, name: str) -> int:
        """Clocks from a frame's last iteration to the next frame's first one."""
        return self.schedules[name].latency + RESTART

    def busy(self, name: str) -> int:
        """Clocks a process needs for a frame at least."""
        return self.schedules[name].trip + self.pause(name)


class _Timed:
    """The periodic schedule, from the earliest starts of every iteration of every process."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.interval = max(network.busy(p.name) for p in network.processes)
        self.latency = 0
        self.earliest: dict[str, Times] = {}
        self._run_forward()

    def _run_forward(self) -> None:
        net, written = self.network, dict[str, Times]()
        for name in (p.name for p in net.processes):
            schedule = net.schedules[name]
            ready = np.full(schedule.trip, _PAST)
            ready[0] = 0
            for stream, iterations in net.inputs[name].items():
                ready[iterations] = np.maximum(ready[iterations], written.pop(stream) + 1)
            starts = self._soonest(name, ready)
            for stream, iterations in net.outputs[name].items():
                written[stream] = self._write_times(name, starts, iterations)
            if not net.outputs[name]:
                self.latency = max(self.latency, int(starts[-1]) + schedule.latency + 1)
            self.earliest[name] = starts.astype(np.int32) if starts[-1] < 1 << 31 else starts

    def depths(self) -> dict[str, int]:
        """What is left in every FIFO at most when all run as late as their readers allow, but absorb words early."""
        net, found, read = self.network, dict[str, int](), dict[str, Times]()
        for name in (p.name for p in reversed(net.processes)):
            starts = self.earliest.pop(name).astype(np.int64)
            if net.outputs[name]:
                latest, writing = self._latest(name, read)
                starts[writing] = latest[writing]
                starts = self._soonest(name, starts)
            for stream, iterations in net.outputs[name].items():
                written = self._write_times(name, starts, iterations)
                found[stream] = occupancy(written, read.pop(stream), self.interval)
            for stream, iterations in net.inputs[name].items():
                read[stream] = starts[iterations]
        return found

    def flag_depth(self) -> int:
        """Frames whose first word was read and whose last was not yet written."""
        return -(-self.latency // self.interval) + 1

    def _latest(self, name: str, read: dict[str, Times]) -> tuple[Times, Times]:
        """As late as the readers of every output allow, and the iterations in which a word leaves."""
        schedule, hold = self.network.schedules[name], self.network.hold(name)
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
        again = starts[-1] + 1 + self.network.pause(name) - self.interval + t
        return np.asarray(np.maximum(starts, again), np.int64)

    def _write_times(self, name: str, starts: Times, iterations: Times) -> Times:
        schedule = self.network.schedules[name]
        leaves = np.minimum(iterations + self.network.hold(name), schedule.trip - 1)
        return np.asarray(starts[leaves] + schedule.latency - (leaves - iterations), np.int64)


def occupancy(written: Times, read: Times, interval: int) -> int:
    """The most words in a FIFO whose word ``i`` of frame ``f`` is written and read ``f * interval`` clocks later."""
    frames = (written - read[0] - 1) // interval
    earlier = frames * len(read) + np.searchsorted(read, written - frames * interval)
    return int((np.arange(1, len(written) + 1) - earlier).max())


# ---------------------------------------------------------------------- least depths


def least_depths(network: Network) -> dict[str, int]:
    """The least depths behind every fork, under which an execution on demand is possible.

    On demand, a process runs only while a reader waits for its word. Let J be where all paths from a fork meet again.
    Before J's s-th read, every process between has done what that read needs and no more; the fork has then written
    ``W(s)`` words to a branch of which ``R(s)`` are read at most, for what is read is kept in the FIFOs farther on. In
    step s the words of the branch that did not ask pile up: the depth is the largest ``W(s) - R(s - 1)`` there, and
    ``W(s) - R(s)`` on the branch that asked.
    """
    depths: dict[str, int] = {}
    meets = _meeting_points(network)
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
    if not network.flushing:
        writes = writes - len(network.phases[reader])  # the iteration that cannot write does not read either
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
            reached = np.unique(np.concatenate(list(reads.values())))
        else:
            reached = _reach({s: _write_positions(network, name, s) for s in network.outputs[name]}, asked)
        asked |= {s: np.searchsorted(positions, reached, side="right") for s, positions in reads.items()}
    return asked


def _reach(writes: dict[str, Times], asked: dict[str, Times]) -> Times:
    """The position up to which a process must run so that the ``asked`` words of its outputs are written."""
    positions = [np.concatenate([[-1], writes[s]])[asked[s]] for s in writes]
    return np.asarray(np.maximum.reduce(positions), np.int64)


def _read_positions(network: Network, name: str, stream: str) -> Times:
    """The places of reads in a process's sequence of operations: iteration by iteration, ports in phase order.

    A stalling pipeline takes no word of an iteration that misses another one: it reads all of them at once.
    """
    phases = network.phases[name]
    return network.inputs[name][stream] * (len(phases) + 1) + (phases[stream] if network.flushing else 0)


def _write_positions(network: Network, name: str, stream: str) -> Times:
    """The places of writes. A stalling pipeline writes all outputs at once, after the reads of a later iteration."""
    iterations, ports = network.outputs[name][stream], len(network.phases[name])
    if network.flushing:
        return iterations * (ports + 1) + network.phases[name][stream]
    # Behind the last iteration the pipeline drains, an iteration a clock.
    return (iterations + network.hold(name)) * (ports + 1) + ports


def _reachable(network: Network, start: str) -> set[str]:
    found, todo = set[str](), [start]
    while todo:
        name = todo.pop()
        for stream in network.outputs[name]:
            reader = network.reader[stream]
            if reader not in found:
                found.add(reader)
                todo.append(reader)
    return found


def _meeting_points(network: Network) -> dict[str, str]:
    """For every process the first one that all its outputs lead to ("" where there is none): its post-dominator."""
    order = {p.name: i for i, p in enumerate(network.processes)}
    meets: dict[str, str] = defaultdict(str)
    for process in reversed(network.processes):
        paths = {network.reader[s] for s in network.outputs[process.name]}
        while len(paths) > 1 and "" not in paths:
            first = min(paths, key=lambda name: order[name])
            paths = paths - {first} | {meets[first]}
        meets[process.name] = "" if "" in paths else next(iter(paths), "")
    return meets

