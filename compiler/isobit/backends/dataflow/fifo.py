"""FIFO depths, initiation interval and latency of a design, from the schedules its templates declare.

Time is counted in clocks, periodic from frame to frame. A word written in clock w can be read from w + 1 on, and its
slot written again in the clock after that. A pipeline flushes (``style=flp`` in every template): an iteration starts
when all words that it reads are there and leaves ``latency`` clocks later, whether others follow or not; a write that
finds no room stops the whole process.

**Full throughput.** The interval is the slowest process's frame: every loop begins its next frame in the clock after
its last iteration (``rewind`` in every template), so a short frame is in a pipeline together with others. The latency
is that of a frame that finds the design empty; one behind others may have to wait for these. Forward, every process
runs as early as its inputs allow, which gives the earliest outputs; backward from these, every process runs as late as
its readers allow; at last each reads as early as it can without writing sooner
(:mod:`isobit.backends.dataflow.timed`). That is a schedule with the least interval and latency, and a dataflow of
blocking reads and writes is never later than a schedule that respects its depths, if what a process has begun never
holds up what follows. A pipeline that stands still does hold it up, so every FIFO has room, beyond what the schedule
leaves in it, for all words that its writer has under way: then the writer never stands still where one that squeezes
its bubbles out would not (:func:`_under_way`).

Latencies are estimates. The room for words under way is for ``SLACK`` clocks more than declared, and behind a fork
whose branches meet again each FIFO has room for ``SLACK`` clocks more of every process on the other branches: the
interval holds while no pipeline is more than ``SLACK`` clocks deeper than declared. And no FIFO is shallower than the
least below, which keeps the design live whatever the latencies are.

**Least.** See :mod:`isobit.backends.dataflow.least`: a count of words, in which no latency occurs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from isobit.backends.dataflow.design import Design, FifoGoal
from isobit.backends.dataflow.least import between, least_depths, meeting_points
from isobit.backends.dataflow.network import MIN_DEPTH, Network
from isobit.backends.dataflow.pieces import PIECE
from isobit.backends.dataflow.timed import timing
from isobit.errors import IsobitError, printable

SLACK = 8
"""Clocks by which every pipeline may be deeper than declared before a FIFO slows the design down."""


def size_fifos(
    design: Design, goal: FifoGoal = "throughput", *, fixed: Mapping[str, int] = MappingProxyType({}),
    network: Network | None = None,
) -> Design:  # fmt: skip
    """``design`` with the depth of every FIFO for either goal, its interval and its latency.

    Args:
        goal: ``throughput``: no process ever waits longer than the interval demands; ``least``: the smallest depths
            behind forks, and ``MIN_DEPTH`` elsewhere, that keep it from locking up (at whatever interval).
        fixed: depths in words that the user chose, by stream. One that is too small may lock the design up.
        network: the design's processes with the clocks of another writer than the C++ (:mod:`.rtl.timing`).

    Raises:
        IsobitError: E506 when ``fixed`` names a stream that the design does not have.
    """
    _refuse_unknown(design, fixed)
    network = network or Network(design)
    timed, least = timing(network), least_depths(network)
    slack = _slack(network, timed.interval)
    under_way = {s: _under_way(network, s) for s in timed.depths}
    fewest = {s.name: max(least.get(s.name, 0), MIN_DEPTH) for s in design.streams}
    full = {name: depth + under_way[name] + slack.get(name, 0) for name, depth in timed.depths.items()}
    streams = (
        replace(s, throughput=max(full.get(s.name, 0), fewest[s.name]), least=fewest[s.name]) for s in design.streams
    )
    chosen = tuple(replace(s, depth=fixed.get(s.name, getattr(s, goal))) for s in streams)
    # Frames whose first word was read and whose last was not yet written, every pipeline SLACK deeper.
    flags = max(-(-(timed.steady + SLACK * len(network.processes)) // timed.interval) + 1, MIN_DEPTH)
    return replace(
        design, streams=chosen, flag_depth=flags, goal=goal, interval=timed.interval, latency=timed.latency
    )  # fmt: skip


def _under_way(network: Network, stream: str) -> int:
    """The most words that the writer of ``stream`` has in its pipeline, were that ``SLACK`` clocks deeper."""
    writer = network.writer[stream]
    port, schedule = network.outputs[writer][stream], network.schedules[writer]
    frames, depth = divmod(schedule.latency + SLACK, schedule.trip)
    again = port.part(0, depth) + schedule.trip  # the next frame's first words
    most = 0
    for first in range(0, len(port), PIECE):
        near = np.concatenate([port.part(first, first + PIECE + depth), again])
        entered = near[: min(PIECE, len(port) - first)]
        most = max(most, int((np.searchsorted(near, entered + depth) - np.arange(len(entered))).max()))
        if most == depth:
            break
    return frames * len(port) + most


def _slack(network: Network, interval: int) -> dict[str, int]:
    """Words that come in ``SLACK`` clocks for every process on the longest other branch, by stream behind a fork."""
    meets, found = meeting_points(network), dict[str, int]()
    for name in (p.name for p in network.processes):
        outputs = network.outputs[name]
        if len(outputs) > 1 and meets[name]:
            to_join = between(network, meets[name])
            lengths = {s: to_join[s] for s in outputs}
            for stream, port in outputs.items():
                clocks = SLACK * max(length for s, length in lengths.items() if s != stream)
                found[stream] = min(clocks, -(-clocks // interval) * len(port))
    return found


def _refuse_unknown(design: Design, fixed: Mapping[str, int]) -> None:
    streams = {s.name for s in design.streams}
    unknown = next((name for name in fixed if name not in streams), None)
    if unknown is not None:
        raise IsobitError(
            "E506", f"{printable(unknown)!r} is no FIFO of this design", where="[fifos] of the plan file",
            hint="remove that line, or all of [fifos]: what is left out is computed",
        )  # fmt: skip
