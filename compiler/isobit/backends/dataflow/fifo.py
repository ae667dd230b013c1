"""FIFO depths, initiation interval and latency of a design, from the schedules its templates declare.

Time is counted in clocks, periodic from frame to frame. A word written in clock w can be read from w + 1 on, and its
slot written again in the clock after that. A pipeline stalls as a whole when a word is missing, as Vitis HLS builds it
by default: what an iteration computed leaves ``latency`` iterations later, or at the frame's end.

**Full throughput.** The interval is the slowest process's frame. Forward, every process runs as early as its inputs
allow, which gives the earliest outputs; backward from these, every process runs as late as its readers allow; at last
each reads as early as it can without writing sooner. That is a schedule with the least interval and latency, so FIFOs
that hold what it leaves in them cannot slow the hardware down: a dataflow of blocking reads and writes is monotone, it
is never later than a schedule that respects its depths. Words inside pipelines count as room there, and their latency
is an estimate; so no FIFO is shallower than the least below, which keeps the design live whatever the latencies are.

**Least.** See :mod:`isobit.backends.dataflow.least`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from isobit.backends.dataflow.design import Design, FifoGoal
from isobit.backends.dataflow.least import least_depths
from isobit.backends.dataflow.network import MIN_DEPTH, Network, Times
from isobit.errors import IsobitError, printable

_PAST, _FUTURE = -(1 << 60), 1 << 60


def size_fifos(
    design: Design, goal: FifoGoal = "throughput", *, fixed: Mapping[str, int] = MappingProxyType({}),
    flushing: bool = False,
) -> Design:  # fmt: skip
    """``design`` with the depth of every FIFO for either goal, its interval and its latency.

    Args:
        goal: ``throughput``: no process ever waits longer than the interval demands; ``least``: the smallest depths
            behind forks, and ``MIN_DEPTH`` elsewhere, that keep it from locking up (at whatever interval).
        fixed: depths in words that the user chose, by stream. One that is too small may lock the design up.
        flushing: pipelines that empty themselves while a word is missing (``style=flp``), instead of stalling ones.

    Raises:
        IsobitError: E506 when ``fixed`` names a stream that the design does not have.
    """
    _refuse_unknown(design, fixed)
    network = Network(design, flushing=flushing)
    timed, least = _Timed(network), least_depths(network)
    full = timed.depths()
    fewest = {s.name: max(least.get(s.name, 0), MIN_DEPTH) for s in design.streams}
    # The timed depths count on the words inside pipelines, whose latency is an estimate: never fewer than lock up.
    streams = (
        replace(s, throughput=max(full.get(s.name, 0), fewest[s.name]), least=fewest[s.name]) for s in design.streams
    )
    chosen = tuple(replace(s, depth=fixed.get(s.name, getattr(s, goal))) for s in streams)
    flags = max(timed.flag_depth(), MIN_DEPTH)
    return replace(
        design, streams=chosen, flag_depth=flags, goal=goal, interval=timed.interval, latency=timed.latency
    )  # fmt: skip


def _refuse_unknown(design: Design, fixed: Mapping[str, int]) -> None:
    streams = {s.name for s in design.streams}
    unknown = next((name for name in fixed if name not in streams), None)
    if unknown is not None:
        raise IsobitError(
            "E506", f"{printable(unknown)!r} is no FIFO of this design", where="[fifos] of the plan file",
            hint="remove that line, or all of [fifos]: what is left out is computed",
        )  # fmt: skip


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
