"""The choice of one point per node: for every interval the cheapest, under several prices of the board's resources.

At an interval of T clocks every node takes its cheapest point of at most T, of the fewest samples per clock that are
fast enough; the sum is a candidate. The intervals worth trying are those at which some node's point changes. What is
cheapest depends on what is scarce, so the choice is made for several prices: those of
:attr:`isobit.hardware.Cost.weight`, and with each resource dearer in turn.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from isobit.backends.dataflow.layer import LayerPlan
from isobit.backends.dataflow.planner.points import Point
from isobit.hardware import Cost
from isobit.hardware.resources import USUAL, Dearer

SCARCITIES: tuple[Dearer, ...] = (
    USUAL,
    *((lut, 1, 1, 1) for lut in (4, 64)), *((1, dsp, 1, 1) for dsp in (4, 64)),
    *((1, 1, bram, 1) for bram in (4, 64)), *((1, 1, 1, uram) for uram in (4, 64)),
)  # fmt: skip
"""How much dearer than usual LUTs, DSPs, block RAMs and UltraRAMs are."""
DEAR_DSPS: Dearer = (1, 64, 1, 1)


@dataclass(frozen=True)
class Candidate:
    """A point for every node: all told at most ``clocks`` per frame, what they cost, and the prices that chose them.

    Those of ``moved`` nodes were chosen with DSPs dear.
    """

    clocks: int
    cost: Cost
    prices: Dearer
    moved: frozenset[str] = frozenset()


class Front:
    """All nodes' points, and the candidates that they make."""

    def __init__(self, nodes: Mapping[str, Sequence[Point]]) -> None:
        self.nodes = {name: sorted(ways, key=lambda p: (p.clocks, p.order)) for name, ways in nodes.items()}

    @property
    def fastest(self) -> int:
        """The clocks that the node which is slowest at its fastest takes."""
        return max((ways[0].clocks for ways in self.nodes.values()), default=1)

    def slowest_node(self) -> str:
        """The node that no choice makes as fast as the others."""
        return max(self.nodes, key=lambda name: self.nodes[name][0].clocks)

    def layers(self, candidate: Candidate) -> dict[str, LayerPlan]:
        """Every node's layers under ``candidate``."""
        chosen: dict[str, LayerPlan] = {}
        for name in self.nodes:
            prices = DEAR_DSPS if name in candidate.moved else candidate.prices
            chosen |= dict(self._point(name, prices, candidate.clocks).layers)
        return chosen

    def _point(self, name: str, prices: Dearer, clocks: int) -> Point:
        return [way for way in self._stairs[prices][name] if way.clocks <= clocks][-1]

    def intervals(self, least: int = 1) -> list[int]:
        """The clocks per frame worth trying, ``least`` and up, ascending."""
        floor = max(least, self.fastest)
        return sorted({floor, *(c for sums in self._sums.values() for c, _ in sums if c > floor)})

    def at(self, clocks: int) -> list[Candidate]:
        """The candidates of at most ``clocks`` (no fewer than :attr:`fastest`), one of each price, the usual first."""
        found: dict[Cost, Candidate] = {}
        for prices, sums in self._sums.items():
            _, cost = sums[bisect_right(sums, clocks, key=lambda step: step[0]) - 1]
            found.setdefault(cost, Candidate(clocks, cost, prices))
        return list(found.values())

    def within(self, clocks: int, dsps: int) -> Candidate:
        """Between dear DSPs and the usual prices: of all that ``dsps`` are enough for what saves most LUTs."""
        total, changes = Cost(), dict[str, Cost]()
        for name in self.nodes:
            usual, dear = (self._point(name, p, clocks).cost for p in (USUAL, DEAR_DSPS))
            total += dear
            if usual.dsp > dear.dsp and usual.lut < dear.lut:
                changes[name] = usual - dear
        taken = _most_saved({name: (c.dsp, -c.lut) for name, c in changes.items()}, dsps - total.dsp)
        total += sum((changes[name] for name in taken), Cost())
        return Candidate(clocks, total, USUAL, frozenset(self.nodes) - taken)

    @cached_property
    def _stairs(self) -> dict[Dearer, dict[str, list[Point]]]:
        return {p: {name: _stairs(ways, p) for name, ways in self.nodes.items()} for p in SCARCITIES}

    @cached_property
    def _sums(self) -> dict[Dearer, list[tuple[int, Cost]]]:
        """For every price the sum of all nodes' costs, by the clocks from which on it is that."""
        return {p: _summed(self.fastest, stairs.values()) for p, stairs in self._stairs.items()}


def _most_saved(ways: Mapping[str, tuple[int, int]], most: int) -> frozenset[str]:
    """Of ``ways``, each what it takes and what it saves, those that save most while all take at most ``most``."""
    best = {0: (0, frozenset[str]())}  # by what is taken what is saved at most
    for name, (taken, saved) in ways.items():
        for before, (so_far, names) in list(best.items()):
            after = before + taken
            if after <= most and so_far + saved > best.get(after, (-1,))[0]:
                best[after] = so_far + saved, names | {name}
    return max(best.values(), key=lambda found: found[0])[1]


def _summed(least: int, stairs: Iterable[Sequence[Point]]) -> list[tuple[int, Cost]]:
    changes = []
    for steps in stairs:
        before = Cost()
        for way in steps:
            changes.append((max(way.clocks, least), way.cost - before))
            before = way.cost
    changes.sort(key=lambda change: change[0])
    total, sums = Cost(), [(least, Cost())]
    for clocks, change in changes:
        total += change
        if sums[-1][0] == clocks:
            sums.pop()
        sums.append((clocks, total))
    return sums


def _stairs(ways: Sequence[Point], prices: Dearer) -> list[Point]:
    """Of points from fast to slow those that have fewer samples or are cheaper than every faster one."""
    kept: list[Point] = []
    best: tuple[object, ...] = ()
    for way in ways:
        price = (way.samples, way.cost.priced(prices) + way.wires, way.order)
        if kept and price >= best:
            continue
        if kept and kept[-1].clocks == way.clocks:
            kept.pop()
        kept.append(way)
        best = price
    return kept
