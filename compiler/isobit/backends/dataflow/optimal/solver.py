"""One choice for every unit under limits, proven best by OR-Tools' CP-SAT.

At a given interval every unit takes one way of at most that many clocks, the sums of LUTs, DSPs, block RAMs and
UltraRAMs keep to the limits, and the sum of what there is to be least of is least; of equal plans the one of least
area. Without limits that is a minimum for each unit alone; the limits tie the units together, and then it is a
multiple-choice knapsack with four capacities, which no greedy rule solves.

The solver runs with one worker, a fixed seed and a limit of deterministic time, so the same model gives the same plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from isobit.backends.dataflow.optimal.ways import Goal, Way, unbeaten
from isobit.errors import IsobitError
from isobit.hardware import Cost

DETERMINISTIC_SECONDS = 20.0
"""CP-SAT's own measure of work, about a second of a slow core each."""
_OBJECTIVE_BITS = 62
Ways = Mapping[str, Sequence[Way]]
Limits = tuple[int, int, int, int]
"""LUTs, DSPs, halves of block RAMs and UltraRAMs that the units may take together."""


@dataclass(frozen=True)
class Choice:
    """A way for every unit; ``bound`` is the least total of the measure that the solver has not ruled out."""

    ways: Mapping[str, Way]
    total: int
    bound: int

    @property
    def proven(self) -> bool:
        """Is nothing better?"""
        return self.bound >= self.total

    @property
    def gap(self) -> float:
        """How much of the total a better choice could save at most, 0 to 1."""
        return (self.total - self.bound) / self.total if self.bound < self.total else 0.0

    @property
    def fifos(self) -> Cost:
        """The LUTs of the FIFOs that the solver counted."""
        return Cost(lut=sum(way.fifos for way in self.ways.values()))

    @property
    def clocks(self) -> int:
        """Clocks per frame of the slowest unit."""
        return max((way.clocks for way in self.ways.values()), default=1)


class Undecided(Exception):
    """The solver's time is over, with neither a choice nor a proof that there is none."""


def cp_model() -> Any:
    """OR-Tools' module.

    Raises:
        IsobitError: E303 when it is not installed.
    """
    try:
        from ortools.sat.python import cp_model
    except ImportError as error:
        raise IsobitError("E303", "OR-Tools is not installed", hint='pip install -e ".[plan]"') from error
    return cp_model


def amounts(cost: Cost) -> Limits:
    """The four resources of a cost in the order of :data:`Limits`."""
    return cost.lut, cost.dsp, cost.bram18, cost.uram


def cheapest(ways: Ways, clocks: int, limits: Limits, goal: Goal) -> Choice | None:
    """The choice of least ``goal`` at ``clocks`` per frame inside ``limits``; None where there is none.

    Raises:
        IsobitError: E303 without OR-Tools.
        Undecided: when the time was not enough to tell.
    """
    fast = {name: unbeaten(points, clocks) for name, points in ways.items()}
    if not all(fast.values()):
        return None
    areas = {name: [w.measure("area") for w in points] for name, points in fast.items()}
    # One unit of the measure outweighs every area, so that area only decides between equals; where that would not fit
    # 64 bits (the energy of a large network) nothing decides between equals.
    scale = 1 if goal == "area" else sum(max(column) for column in areas.values()) + 1
    greatest = sum(max(w.measure(goal) for w in points) for points in fast.values())
    if goal != "area" and scale * (greatest + 1) >= 1 << _OBJECTIVE_BITS:
        scale, areas = 1, {name: [0] * len(points) for name, points in fast.items()}
    model, picks = _model(fast, limits)
    terms = [
        pick * (area if goal == "area" else scale * way.measure(goal) + area)
        for name, points in fast.items()
        for way, area, pick in zip(points, areas[name], picks[name], strict=True)
    ]
    model.minimize(sum(terms))
    found = _solved(model)
    if found is None:
        return None
    chosen = _chosen(fast, picks, found)
    total = sum(w.measure(goal) for w in chosen.values())
    return Choice(chosen, total, min(total, round(found.best_objective_bound) // scale))


def least_excess(ways: Ways, clocks: int, limits: Limits) -> tuple[Choice, float] | None:
    """The choice that exceeds the limits least, and its fullest resource as a multiple of the limit.

    Of a resource of which there is none the first taken counts as twice the limit, each further one as once more. None
    where some unit is too slow at its fastest.
    """
    fast = {name: unbeaten(points, clocks) for name, points in ways.items()}
    if not all(fast.values()):
        return None
    model, picks = _model(fast, None)
    fill = model.new_int_var(0, 1 << 40, "thousandths of the fullest limit")
    for k, limit in enumerate(limits):
        used = _used(fast, picks, k)
        if limit:
            model.add(1000 * used <= fill * limit)
        else:
            taken = model.new_bool_var("")
            model.add(used == 0).only_enforce_if(taken.negated())
            model.add(1000 * (used + taken) <= fill)
    model.minimize(fill)
    found = _solved(model)
    if found is None:
        return None
    chosen = _chosen(fast, picks, found)
    return Choice(chosen, round(found.objective_value), round(found.best_objective_bound)), found.objective_value / 1000


def _model(fast: Ways, limits: Limits | None) -> tuple[Any, dict[str, list[Any]]]:
    model = cp_model().CpModel()
    picks = {name: [model.new_bool_var("") for _ in points] for name, points in fast.items()}
    for row in picks.values():
        model.add_exactly_one(row)
    for k, limit in enumerate(limits or ()):
        model.add(_used(fast, picks, k) <= limit)
    return model, picks


def _used(fast: Ways, picks: Mapping[str, Sequence[Any]], k: int) -> Any:
    """What the picked ways take together of resource ``k`` of :data:`Limits`."""
    return sum(pick * w.amounts[k] for n, points in fast.items() for w, pick in zip(points, picks[n], strict=True))


def _solved(model: Any) -> Any:
    """The solver with an answer, or None where it proves that there is none."""
    cp = cp_model()
    solver = cp.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = DETERMINISTIC_SECONDS
    status = solver.solve(model)
    if status not in (cp.OPTIMAL, cp.FEASIBLE, cp.INFEASIBLE):  # no time, or numbers beyond 64 bits
        raise Undecided
    return None if status == cp.INFEASIBLE else solver


def _chosen(fast: Ways, picks: Mapping[str, Sequence[Any]], solver: Any) -> dict[str, Way]:
    return {
        name: next(w for w, pick in zip(points, picks[name], strict=True) if solver.boolean_value(pick))
        for name, points in fast.items()
    }
