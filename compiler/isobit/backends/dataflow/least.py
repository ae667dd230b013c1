"""The least FIFO depths that are free of deadlock, whatever the latencies of the pipelines are.

**Why latencies do not matter.** Take every process as a sequential program that goes through its iterations one by
one: it waits until all words that an iteration reads are there, takes them, then waits until there is room for all
words that it writes. A network of such programs with bounded FIFOs has one behaviour but for speed; it locks up or it
does not. A flushing pipeline (``style=flp``) does the same operations and may be ahead of its program, never behind:
reads of later iterations may come before the writes of an earlier one, and a write never waits for a later read, at
no depth of the pipeline. What a process does earlier than its program can only give the others words or room sooner.
So depths with which the programs run forever keep the hardware running, at any latency of any process. A stalling
pipeline would hold results back until later words come; no count of words covers that, and no template has one.

**The least depths** of the programs: a FIFO behind a process with one output is written when its reader waits for it:
two words do. Behind a fork, one reader makes it run while the other may not be ready to read; how far is a count of
words (:func:`least_depths`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from isobit.backends.dataflow.network import MIN_DEPTH, Network
from isobit.backends.dataflow.pieces import PIECE, merged, pieces
from isobit.backends.dataflow.schedule import Index, Port

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
    meets = meeting_points(network)
    for name in (p.name for p in network.processes):
        if len(network.outputs[name]) > 1 and meets[name]:
            depths |= _fork_depths(network, name, meets[name])
    return depths


def _fork_depths(network: Network, fork: str, join: str) -> dict[str, int]:
    outputs = network.outputs[fork]
    nothing = np.zeros(1, np.int64)
    none = _Asked(network, fork, join, None)
    depths = dict.fromkeys(outputs, 0)
    asked_before = dict.fromkeys(outputs, nothing)
    taken_before = {s: none.taken(s) for s in outputs}
    for steps in _join_steps(network, join):
        asked = _Asked(network, fork, join, steps)
        reached = np.maximum.reduce([_positions(outputs[s], asked.words[s]) for s in outputs])
        moved = {s: np.diff(asked.words[s], prepend=asked_before[s]) > 0 for s in outputs}
        for stream, port in outputs.items():
            written, taken = _up_to(port, reached), asked.taken(stream)
            others = np.logical_or.reduce([m for s, m in moved.items() if s != stream])
            before = np.concatenate([taken_before[stream], taken[:-1]])
            left = int((written - np.where(others, before, taken)).max())
            depths[stream] = max(depths[stream], left)
            taken_before[stream], asked_before[stream] = taken[-1:], asked.words[stream][-1:]
    return depths


def _join_steps(network: Network, join: str) -> Iterator[Index]:
    """The iterations of the join in which it reads, ascending, a piece at a time."""
    ports = list(network.inputs[join].values())
    for piece in pieces(ports, network.schedules[join].trip):
        parts = [port.part(*words) for port, words in zip(ports, piece.words, strict=True)]
        steps = merged(parts)
        if len(steps):
            yield steps


class _Asked:
    """How many words of every stream between fork and join must be read up to each of the join's steps.

    ``steps`` are iterations of the join; None stands for one step before all others, with nothing asked.
    """

    def __init__(self, network: Network, fork: str, join: str, steps: Index | None) -> None:
        self.network = network
        self.words: dict[str, Index] = {}
        names = [p.name for p in network.processes]
        reachable = _reachable(network, fork)
        for name in reversed(names[names.index(fork) + 1 : names.index(join) + 1]):
            if name not in reachable:
                continue
            if steps is None:
                self.words |= dict.fromkeys(network.inputs[name], np.zeros(1, np.int64))
                continue
            outputs = network.outputs[name]
            written = [_positions(port, self.words[s]) for s, port in outputs.items() if name != join]
            reached = steps if name == join else np.maximum.reduce(written)
            self.words |= {s: _up_to(port, reached) for s, port in network.inputs[name].items()}

    def taken(self, stream: str) -> Index:
        """The words read of ``stream`` once the FIFOs behind its reader are full, up to where paths join or part."""
        reader = self.network.reader[stream]
        inputs, outputs = self.network.inputs[reader], self.network.outputs[reader]
        if len(inputs) > 1 or len(outputs) > 1:
            return self.words[stream]
        ((output, port),) = outputs.items()
        blocked = _positions(port, self.taken(output) + MIN_DEPTH + 1)  # the write that finds no room
        return _up_to(inputs[stream], blocked)


def _positions(port: Port, words: Index) -> Index:
    """The iteration in which the last of so many words passes: -1 for none, the future beyond all."""
    inside = np.clip(words - 1, 0, len(port) - 1)
    return np.where(words < 1, -1, np.where(words > len(port), _FUTURE, port.at(inside)))


def _up_to(port: Port, iterations: Index) -> Index:
    """How many words pass in each of ascending iterations and before."""
    counts, done = np.empty(len(iterations), np.int64), 0
    while done < len(iterations):
        first = port.before(int(iterations[done]) + 1)
        near = port.part(first, first + PIECE)
        last = int(near[-1]) if first + PIECE < len(port) else _FUTURE
        end = max(done + 1, int(np.searchsorted(iterations, last, side="right")))
        counts[done:end] = first + np.searchsorted(near, iterations[done:end], side="right")
        done = end
    return counts


def between(network: Network, join: str) -> dict[str, int]:
    """For every stream that leads to ``join`` the most processes on a path there."""
    found: dict[str, int] = {}
    for process in reversed(network.processes):
        behind = [found[s] for s in network.outputs[process.name] if s in found]
        if process.name == join or behind:
            length = 0 if process.name == join else 1 + max(behind)
            found |= dict.fromkeys(network.inputs[process.name], length)
    return found


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


def meeting_points(network: Network) -> dict[str, str]:
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
