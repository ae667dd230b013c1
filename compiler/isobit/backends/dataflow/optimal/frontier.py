"""Throughput against resources: the cheapest plan at each of several intervals, of which none beats another."""

from __future__ import annotations

from dataclasses import dataclass

from isobit.backends.dataflow.optimal.search import WITHIN, Search
from isobit.hardware import Cost


@dataclass(frozen=True)
class FrontPoint:
    """The best layers at an interval: what they take with the FIFOs that are known without a design, and the proof.

    ``gap`` is how much of ``total`` a better choice could save at most, 0 where none is better.
    """

    interval: int
    frames_per_second: float
    lut: int
    dsp: int
    bram36: float
    uram: int
    total: int
    gap: float


def front(search: Search, points: int) -> list[FrontPoint]:
    """At most ``points`` of the front, evenly spread in ratio; each, the fastest too, may be :data:`WITHIN` slower."""
    least = search.fastest_interval()
    if least is None:
        return []
    there = [t for t in search.intervals() if t >= least]
    ratio = (there[-1] / least) ** (1 / max(points - 1, 1))
    wanted = [least * ratio**k for k in range(points)]
    tried = sorted({max(t for t in there if t <= w + w / WITHIN) for w in wanted})
    found = [p for p in (_point(search, t) for t in tried) if p is not None]
    return [p for i, p in enumerate(found) if all(p.total < q.total for q in found[:i])]


def _point(search: Search, clocks: int) -> FrontPoint | None:
    choice = search.choice(clocks)
    if choice is None:
        return None
    taken = Cost(*(sum(w.amounts[k] for w in choice.ways.values()) for k in range(4)))
    interval = max(choice.clocks, search.port_clocks(search.most_words(clocks)))
    rate = search.board.clock_mhz * 1e6 / interval
    return FrontPoint(interval, rate, taken.lut, taken.dsp, taken.bram36, taken.uram, choice.total, choice.gap)
