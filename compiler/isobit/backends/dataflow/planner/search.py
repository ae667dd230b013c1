"""The plan: the fastest design inside a share of the board, or the cheapest one that is fast enough.

Every node has its points (:mod:`isobit.backends.dataflow.planner.points`), and the front of all nodes its candidates
(:mod:`isobit.backends.dataflow.planner.front`). The first candidate that fits is the plan. What fits and how fast it
is, is said by ``whole``: of the layers alone, or of the whole design with its FIFOs and ports, so that both a share
and a target are kept by what is printed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from isobit.backends.dataflow.planner.blocks import port_format
from isobit.backends.dataflow.planner.foldings import accumulator_bits, planned
from isobit.backends.dataflow.planner.front import Candidate, Front
from isobit.backends.dataflow.planner.plan import Plan, checked
from isobit.backends.dataflow.planner.points import Point
from isobit.backends.dataflow.planner.refusals import does_not_fit, slow_port, table, too_slow
from isobit.backends.dataflow.planner.request import DEFAULT_REQUEST, PlanRequest, most_cycles
from isobit.backends.dataflow.planner.units import least_clocks, units
from isobit.backends.dataflow.rows import frame_words
from isobit.errors import IsobitError, did_you_mean, printable
from isobit.hardware import Board, Cost
from isobit.ir import Graph, Node
from isobit.ir.ops import Linear

RESOURCES = ("BRAM36", "URAM", "DSP", "LUT")
"""In the order in which the default plan gives up the share, where it cannot be kept: the scarcest for routing last."""
FASTER_TRIED = 4
"""Designs of faster layers that are made whole where a rate is asked for: in drawn networks more bring nothing."""


@dataclass(frozen=True)
class Whole:
    """A design under a plan: clocks per frame, what it takes, the process that sets the pace.

    ``latency`` is the clocks from a frame's first word to its last; 0 where only the layers are known.
    """

    interval: int
    cost: Cost
    slowest: str
    latency: int = 0


Shares = Mapping[str, float]
Keeps = Callable[[Cost], bool]
Judge = Callable[[Graph, Plan, PlanRequest, Keeps | None], Whole]
"""What a design takes under a plan; less than that where even less is more than is kept to."""


def plan_for(
    graph: Graph, board: Board, request: PlanRequest = DEFAULT_REQUEST, judge: Judge | None = None
) -> Plan:  # fmt: skip
    """The plan that ``request`` asks for; ``judge`` says what the whole design takes (None: its layers and ports).

    Raises:
        DoesNotFit: E502 when no legal folding fits the whole board, or none that is fast enough the share; says what
            exceeds and lists the layers.
        IsobitError: E503 when a layer or port cannot be as fast as asked, or a choice is not legal; names it.
    """
    known = [node.name for node in graph.nodes if planned(graph, node)]
    for name in request.layers:
        if name not in known:
            hint = did_you_mean(name, known)
            raise IsobitError("E503", f"{printable(name)!r} is no planned layer of this graph", where=name, hint=hint)
    plan = _Planner(graph, board, request, judge or layers_alone).run()
    if request.depths and not request.depths_of(plan):
        note = "the plan's [fifos] are for another folding: all depths are computed anew"
        return replace(plan, beyond="\n".join(filter(None, (plan.beyond, note))))
    return plan


def layers_alone(graph: Graph, plan: Plan, request: PlanRequest, keeps: Keeps | None = None) -> Whole:
    """What is known of a design before it is made: its layers, and the words of its ports."""
    ports = {n.name: port_words(graph, n, plan.port_words) for n in (*graph.inputs, *graph.outputs)}
    clocks = ports | {name: layer.clocks for name, layer in plan.layers.items()}
    slowest = max(clocks, key=lambda name: clocks[name])
    return Whole(clocks[slowest], plan.cost, slowest)


def port_words(graph: Graph, node: Node, most: int | None = None) -> int:
    """Words of a frame at a port, of 64 bits or as much wider as ``most`` asks (:func:`port_format`)."""
    value = graph.by_name[node.inputs[0] if node.inputs else node.name]
    kind = graph.types[value.name]
    width = accumulator_bits(graph, value) if isinstance(value, Linear) else kind.bits
    bits = next((b for b in (8, 16, 32) if width <= b), 64)
    lanes, row = port_format(kind, bits) if most is None else port_format(kind, bits, most)
    return frame_words(kind.size, row, lanes)


class _Planner:
    def __init__(self, graph: Graph, board: Board, request: PlanRequest, judge: Judge) -> None:
        self.graph, self.board, self.request, self.judge = graph, board, request, judge
        self.cycles = most_cycles(graph, request)
        least = 0 if request.samples else least_clocks(graph)
        self.front = self._front(least)
        if self.front.fastest < least:  # some unit is faster than its folding says
            self.front = self._front(0)

    def _front(self, least: int) -> Front:
        layers = self.request.layers
        ways = {u.node.name: u.points(self.graph, self.board, layers, least) for u in units(self.graph)}
        return Front({name: self._fast(name, made) for name, made in ways.items()})

    def run(self) -> Plan:
        if self.request.interval is not None:
            return self._at_most(self.request.interval)
        if self.request.samples:
            return self._at_most(1 << 60)
        return self._fastest()

    def _fast(self, name: str, ways: Sequence[Point]) -> Sequence[Point]:
        """The points that keep up with the samples that were asked for."""
        if self.cycles is None:
            return ways
        kept = [p for p in ways if p.cycles <= self.cycles]
        if not kept:
            least = min(p.cycles for p in ways)
            raise too_slow(self.graph, self.graph.by_name[name], least, self.cycles)
        return kept

    # ------------------------------------------------------------------ a target

    def _at_most(self, interval: int) -> Plan:
        """The cheapest design of at most ``interval`` clocks per frame that keeps to the share.

        Where there is none, narrow products may share DSPs.
        """
        most = min(interval, self.cycles or interval)
        self._refuse_slow(interval, most)
        plan, refused = self._best(interval, self._shares(), most)
        if plan is None:
            self.front = self._sharing()
            mixed = self.front.within(interval, int(self.request.share * self.board.dsps))
            plan, _ = self._best(interval, self._shares(), most, (mixed,))
            refused = min(refused, self._plan(mixed, most), key=lambda p: _filled(p.cost, self.board))
        if plan is not None:
            return self._or_faster(plan, interval, most)
        raise does_not_fit(refused, self._whole(refused).cost, self.request.share)

    def _or_faster(self, plan: Plan, interval: int, port_words: int) -> Plan:
        """``plan``, or one of faster layers that takes less: FIFOs and converters are in no layer's price.

        So a rate takes no more than a higher one. The next intervals below are tried whose layers alone take less.
        """
        shares, least = self._shares(), self._whole(plan).cost.weight
        tried = {c.cost for c in self.front.at(interval)}
        most = len(tried) + FASTER_TRIED

        def less(cost: Cost) -> bool:
            return cost.weight < least and _keeps(cost, self.board, shares)

        for clocks in reversed([t for t in self.front.intervals() if t < interval]):
            candidate = next((c for c in self.front.at(clocks) if less(c.cost)), None)
            if candidate is None or candidate.cost in tried:
                continue
            if len(tried) == most:
                break
            tried.add(candidate.cost)
            made = self._plan(candidate, port_words)
            whole = self._whole(made, less)
            if whole.interval <= interval and less(whole.cost):
                plan, least = made, whole.cost.weight
        return plan

    def _sharing(self) -> Front:
        """The front with points more: narrow products in DSPs, two in each."""
        nodes = dict(self.front.nodes)
        for unit in units(self.graph):
            further = unit.sharing(self.graph, self.board, self.request.layers)
            if further:
                nodes[unit.node.name] = [*nodes[unit.node.name], *self._fast(unit.node.name, further)]
        return Front(nodes)

    def _refuse_slow(self, interval: int, most: int) -> None:
        """Neither a layer nor a port may need more than was asked for; the slowest is named."""
        words = {p.name: port_words(self.graph, p, max(most, 1)) for p in (*self.graph.inputs, *self.graph.outputs)}
        port = max(words, key=lambda name: words[name])
        if self.front.fastest > interval and self.front.fastest >= words[port]:
            node = self.graph.by_name[self.front.slowest_node()]
            raise too_slow(self.graph, node, self.front.fastest, interval, self._fastest_layers())
        if words[port] > most:
            raise slow_port(self.graph, self.graph.by_name[port], words[port], most, self._fastest_layers())

    def _fastest_layers(self) -> Plan:
        """The plan of the fastest layers, whatever it takes."""
        return self._plan(self.front.at(self.front.fastest)[0])

    # ------------------------------------------------------------------ the default

    def _fastest(self) -> Plan:
        """The fastest design inside the share; beyond it in the resources that cannot keep to it, which it says."""
        ports = (port_words(self.graph, n) for n in (*self.graph.inputs, *self.graph.outputs))
        intervals = self.front.intervals(max(ports, default=1))
        for beyond in ((), *((name,) for name in RESOURCES), RESOURCES):
            shares = self._shares(beyond)
            plan = self._first([t for t in intervals if self._may_keep(t, shares)], shares)
            if plan is not None:
                return self._said(plan, beyond)
        made = (c for t in intervals for c in self.front.at(t))
        smallest = self._plan(min(made, key=lambda c: _filled(c.cost, self.board)))
        raise does_not_fit(smallest, self._whole(smallest).cost, 1.0)

    def _first(self, intervals: Sequence[int], shares: Shares) -> Plan | None:
        """The fastest whose whole design keeps to the shares: intervals farther and farther on, then those between."""
        tried: dict[int, Plan | None] = {}

        def keeps(number: int) -> bool:
            if number not in tried:
                tried[number] = self._best(intervals[number], shares)[0]
            return tried[number] is not None

        low, step, high = -1, 1, 0
        while high < len(intervals) and not keeps(high):
            low, high, step = high, high + step, 2 * step
        if high >= len(intervals):
            high = len(intervals) - 1
            if high <= low or not keeps(high):
                return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if keeps(middle) else (middle, high)
        return tried[high]

    def _said(self, plan: Plan, beyond: Sequence[str]) -> Plan:
        if not beyond:
            return plan
        used = self._whole(plan).cost.used(self.board)
        over = [(name, u, limit) for name, u, limit in used if u > self.request.share * limit]
        what = ", ".join(f"{name} ({u} of {limit})" for name, u, limit in over)
        return replace(plan, beyond=f"a share of {self.request.share:.0%} cannot be kept of {what}")

    # ------------------------------------------------------------------ both

    def _best(
        self, interval: int, shares: Shares, port_words: int | None = None, further: Sequence[Candidate] = ()
    ) -> tuple[Plan | None, Plan]:  # fmt: skip
        """The plan at an interval whose whole design keeps to the shares, if any does, and the first that was tried."""
        candidates = (*self.front.at(interval), *further)
        made = sorted(candidates, key=lambda c: not _keeps(c.cost, self.board, shares))
        first = self._plan(made[0], port_words)
        for candidate in made:
            plan = self._plan(candidate, port_words)
            if not _keeps(candidate.cost, self.board, shares):
                break
            whole = self._whole(plan, lambda cost: _keeps(cost, self.board, shares))
            if self.request.interval is not None and whole.interval > interval:
                text = f"{whole.slowest} takes {whole.interval} clocks per frame; {interval} were asked for"
                text = "\n".join([text, *table(plan, whole.cost)])
                raise IsobitError("E503", text, where=whole.slowest, hint="ask for a lower rate")
            if _keeps(whole.cost, self.board, shares):
                return plan, first
        return None, first

    def _may_keep(self, interval: int, shares: Shares) -> bool:
        return any(_keeps(c.cost, self.board, shares) for c in self.front.at(interval))

    def _shares(self, beyond: Sequence[str] = ()) -> Shares:
        return {name: 1.0 if name in beyond else self.request.share for name in RESOURCES}

    def _whole(self, plan: Plan, keeps: Keeps | None = None) -> Whole:
        return self.judge(self.graph, plan, self.request, keeps)

    def _plan(self, candidate: Candidate, port_words: int | None = None) -> Plan:
        chosen = self.front.layers(candidate)
        layers = {n.name: chosen[n.name] for n in self.graph.nodes if n.name in chosen}
        plan = checked(self.graph, self.board, layers)
        if port_words is None and self.request.layers and plan.samples > 1:
            port_words = plan.interval  # a plan file of a design with a rate
        return replace(plan, share=self.request.share, port_words=port_words)


def _keeps(cost: Cost, board: Board, shares: Shares) -> bool:
    return all(used <= shares[name] * limit for name, used, limit in cost.used(board))


def _filled(cost: Cost, board: Board) -> float:
    """The fullest resource of the board, as a part of what there is."""
    return max(used / max(limit, 0.5) for _, used, limit in cost.used(board))
