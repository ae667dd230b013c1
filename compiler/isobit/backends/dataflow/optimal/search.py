"""The plan that no other beats: the cheapest that is fast enough, or the fastest that fits, with the proof's extent.

The proof is over the layers, of which every legal folding, body and memory was weighed, and a LUT for every bit of a
word around them (:mod:`isobit.backends.dataflow.optimal.ways`). What FIFOs take beyond that follows from the whole
plan: it is measured, and taken off the limits until they are kept. The planner's own plan at the same interval is
measured too, and the better of the two designs, FIFOs and all, is the answer: it is never the worse one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from isobit.backends.dataflow.optimal.solver import Choice, Limits, Undecided, amounts, cheapest
from isobit.backends.dataflow.optimal.ways import Goal, Way, ways_of
from isobit.backends.dataflow.planner.plan import Plan, checked
from isobit.backends.dataflow.planner.refusals import too_slow
from isobit.backends.dataflow.planner.request import PlanRequest, most_cycles
from isobit.backends.dataflow.planner.search import Whole, layers_alone, plan_for, port_words
from isobit.backends.dataflow.whole import whole_design
from isobit.errors import IsobitError
from isobit.hardware import Board, Cost
from isobit.ir import Graph

_ROUNDS = 6
"""How often the FIFOs may change what is left for the layers."""
WITHIN = 100
"""The fastest plan may be slower than the fastest interval by one part in so many, where that makes it cheaper."""
_NOTHING = Cost()


@dataclass(frozen=True)
class Optimum:
    """A plan, its whole design, and how good it is known to be.

    ``total`` is the layers' sum of what there was to be least of and ``bound`` what no plan's layers can be below at
    this interval; no plan keeps to the limits at a shorter interval than ``fastest`` (None: not asked for, or not
    decided in time). ``usual`` is the design of the planner's own plan, where there is one, and ``taken`` says that it
    is this one: its layers are no smaller, but its FIFOs are, or nothing else was found in time; then ``bound`` is 0.
    """

    plan: Plan
    whole: Whole
    goal: Goal
    total: int
    bound: int
    fastest: int | None
    usual: Whole | None = None
    taken: bool = False

    @property
    def gap(self) -> float:
        """How much of the total a better choice could save at most, 0 to 1."""
        return (self.total - self.bound) / self.total if self.bound < self.total else 0.0

    @property
    def frames_per_second(self) -> float:
        """The rate at the board's clock."""
        return self.plan.board.clock_mhz * 1e6 / self.whole.interval


@dataclass
class Search:
    """All that is asked of one graph on one board; ``request.interval`` is the most clocks per frame, if any are given.

    Raises:
        IsobitError: E503 to E505 where a choice of the request cannot be; E303 without OR-Tools.
    """

    graph: Graph
    board: Board
    request: PlanRequest
    goal: Goal = "area"
    ways: Mapping[str, tuple[Way, ...]] = field(init=False)
    undecided: bool = field(init=False, default=False)
    _cycles: int | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        cycles = self._cycles = most_cycles(self.graph, self.request)
        found = ways_of(self.graph, self.board, self.request.layers)
        self.ways = {
            name: tuple(w for w in ways if cycles is None or w.point.cycles <= cycles) for name, ways in found.items()
        }
        for name, ways in found.items():
            if cycles is not None and not self.ways[name]:
                least = min(w.point.cycles for w in ways)
                raise too_slow(self.graph, self.graph.by_name[name], least, cycles)

    @property
    def limits(self) -> Limits:
        """What the share of the board comes to."""
        b, share = self.board, self.request.share
        return int(share * b.lut), int(share * b.dsps), int(2 * share * b.bram36), int(share * b.uram)

    def port_clocks(self, most: int | None = None) -> int:
        """Clocks per frame of the slowest port, of 64-bit words or as much wider as ``most`` clocks ask."""
        ports = (*self.graph.inputs, *self.graph.outputs)
        return max(port_words(self.graph, port, most) for port in ports)

    def fastest_unit(self) -> tuple[str, int]:
        """The unit that is slowest at its fastest, and its clocks."""
        least = {name: min((w.clocks for w in ways), default=1 << 60) for name, ways in self.ways.items()}
        name = max(least, key=lambda n: least[n], default="")
        return name, least.get(name, 1)

    def intervals(self) -> list[int]:
        """The clocks per frame at which some choice changes, ascending, none faster than ports and units allow."""
        floor = max(self.fastest_unit()[1], self.port_clocks(self._cycles))
        return sorted({floor, *(w.clocks for ways in self.ways.values() for w in ways if w.clocks > floor)})

    def choice(self, clocks: int, reserve: Cost = _NOTHING) -> Choice | None:
        """The cheapest layers at ``clocks`` that leave ``reserve`` of the limits to the FIFOs; None: nothing fits."""
        left = [limit - kept for limit, kept in zip(self.limits, amounts(reserve), strict=True)]
        if min(left) < 0:
            return None
        try:
            return cheapest(self.ways, clocks, (left[0], left[1], left[2], left[3]), self.goal)
        except Undecided:
            self.undecided = True
            return None

    def at(self, clocks: int) -> Optimum | None:
        """The best plan of at most ``clocks`` per frame; None where none keeps to the limits with its FIFOs."""
        reserve, layers = Cost(), clocks
        wide = self.most_words(clocks)
        for _ in range(_ROUNDS):
            choice = self.choice(layers, reserve)
            if choice is None:
                return None
            plan = self.plan(choice, wide)
            whole = whole_design(self.graph, plan, self.request)
            if whole.interval > clocks:
                layers -= whole.interval - clocks
            elif whole.cost.fits(self.board, self.request.share):
                return Optimum(plan, whole, self.goal, choice.total, choice.bound, None)
            reserve = _larger(reserve, whole.cost - plan.cost - choice.fifos)
        return None

    def most_words(self, clocks: int) -> int | None:
        """The most words of a frame at a port, so that it keeps up with the target or the samples; None: neither."""
        if self.request.interval is None:
            return self._cycles
        return min(clocks, self._cycles or clocks)

    def plan(self, choice: Choice, port_words: int | None = None) -> Plan:
        """The plan of a choice, checked; ``port_words`` is the most words of a frame at a port, if that is limited."""
        chosen = {name: layer for way in choice.ways.values() for name, layer in way.point.layers}
        plan = checked(self.graph, self.board, {n.name: chosen[n.name] for n in self.graph.nodes if n.name in chosen})
        return replace(plan, share=self.request.share, port_words=port_words)

    def best(self) -> Optimum | None:
        """What was asked for: the cheapest at the request's interval, or the fastest, and of these the cheapest."""
        if self.request.interval is not None:
            most = self.request.interval
            return self._better(self.at(most), self._usual(most), most)
        return self._fastest()

    def fastest_interval(self) -> int | None:
        """The shortest interval at which the layers and their known FIFOs keep to the limits; None where none does."""
        intervals = self.intervals()
        first = _first(len(intervals), lambda i: self.choice(intervals[i]) is not None)
        return intervals[first] if first < len(intervals) else None

    def _fastest(self) -> Optimum | None:
        """The cheapest plan within :data:`WITHIN` of the fastest, and no slower than the planner's own.

        How fast that is at most its layers alone say, in a fraction of the time that its whole designs take.
        """
        least, alone = self.fastest_interval(), self._alone()
        if least is None:
            return self._better(None, self._usual(None))
        found = self.first_from(max(min(least + least // WITHIN, alone), least))
        if found is None:
            return self._better(None, self._usual(None))
        proven = None if self.undecided else least
        usual = self._usual(found.whole.interval if found.whole.interval <= alone else None)
        return self._better(replace(found, fastest=proven), usual)

    def first_from(self, clocks: int) -> Optimum | None:
        """The best plan at ``clocks`` per frame, or as little slower as it must be for its FIFOs; None: none fits."""
        while (found := self.at(clocks)) is None:  # the layers fit, their other FIFOs do not
            slower = [t for t in self.intervals() if t > clocks + clocks // WITHIN]
            if not slower:
                return None
            clocks = slower[0]
        return found

    def _alone(self) -> int:
        """Clocks per frame that the planner's own plan takes at least: those of its layers and ports alone."""
        try:
            plan = plan_for(self.graph, self.board, self.request)
        except IsobitError:
            return 1 << 60
        return layers_alone(self.graph, plan, self.request).interval

    def within_latency(self, most: int) -> tuple[Optimum | None, int]:
        """The cheapest plan whose first word in and last word out are at most so many clocks apart, and its latency.

        That of the slowest interval which keeps to it, by bisection, as a slower design has a longer latency; of at
        most the request's interval, where it has one. Where none does, the planner's own plan, if it keeps to it; else
        None, and the latency of the fastest plan (0 where there is no plan at all).
        """
        least, asked, found, shortest = self.fastest_interval(), self.request.interval, None, 0
        intervals = [t for t in self.intervals() if least is not None and t >= least]
        if asked is not None:
            intervals = [*(t for t in intervals if t < asked), asked]
        low, high = 0, len(intervals)
        while low < high:
            middle = (low + high) // 2 if shortest else low  # the fastest first
            tried = self.at(intervals[middle])
            shortest = shortest or (tried.whole.latency if tried else 0)
            if tried is not None and tried.whole.latency <= most:
                found, low = tried, middle + 1
            elif tried is None and found is None and middle < high - 1:
                low = middle + 1  # its FIFOs do not fit
            else:
                high = middle
        usual = self._usual(asked) if found is None else None
        if usual is not None:
            shortest = shortest or usual[1].latency
            found = self._better(None, usual, asked) if usual[1].latency <= most else None
        return found, shortest

    def _usual(self, interval: int | None) -> tuple[Plan, Whole] | None:
        """The planner's own plan at ``interval``, the fastest without, and its design, if one keeps to the share."""
        try:
            plan = plan_for(self.graph, self.board, replace(self.request, interval=interval), whole_design)
        except IsobitError:
            return None
        whole = whole_design(self.graph, plan, self.request)
        return (plan, whole) if whole.cost.fits(self.board, self.request.share) else None

    def _better(
        self, found: Optimum | None, usual: tuple[Plan, Whole] | None, most: int | None = None
    ) -> Optimum | None:  # fmt: skip
        """``found``, or the planner's own plan where that is the better design, or nothing was found in time.

        Args:
            most: the clocks per frame that were asked for; None where the fastest was. Whether the solver proved how
                fast that is makes no difference here.
        """
        if usual is None or (most is not None and usual[1].interval > most):
            return found
        plan, whole = usual
        if found is None:
            return Optimum(plan, whole, self.goal, measured(whole, self.goal), 0, None, whole, taken=True)
        faster = most is None and whole.interval < found.whole.interval
        no_slower = most is not None or whole.interval <= found.whole.interval
        smaller = found.goal != "energy" and measured(whole, found.goal) < measured(found.whole, found.goal)
        if faster or (no_slower and smaller):
            return replace(found, plan=plan, whole=whole, usual=whole, taken=True)
        return replace(found, usual=whole)


def measured(whole: Whole, goal: Goal) -> int:
    """What a whole design has of that of which there is to be least; for energy, known of layers only, its area."""
    by = {"lut": whole.cost.lut, "dsp": whole.cost.dsp, "bram": whole.cost.bram18}
    return by.get(goal, whole.cost.weight)


def _larger(a: Cost, b: Cost) -> Cost:
    return Cost(*(max(x, y) for x, y in zip(amounts(a), amounts(b), strict=True)))


def _first(count: int, holds: Callable[[int], bool]) -> int:
    """The first number below ``count`` for which ``holds``, which holds for all behind it; ``count`` if none."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
