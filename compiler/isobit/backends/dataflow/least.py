"""The least FIFO depths that are free of deadlock.

A FIFO behind a process with one output is written when its reader waits for it: two words do. Behind a fork, one reader
makes it run while the other may not be ready to read; how far is a count of words, not of clocks
(:func:`least_depths`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from isobit.backends.dataflow.network import MIN_DEPTH, Network, Times

_FUTURE = 1 << 60


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
