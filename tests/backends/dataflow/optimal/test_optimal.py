"""The optimal plan: against every combination there is, against the planner's own, and its proofs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

pytest.importorskip("ortools", reason="the extra `plan` is not installed")

from backends.dataflow.optimal.optimal_nets import MODELS
from backends.dataflow.sampled_nets import Net

from isobit.backends.dataflow.optimal import search as search_module
from isobit.backends.dataflow.optimal.frontier import front
from isobit.backends.dataflow.optimal.others import other_points
from isobit.backends.dataflow.optimal.search import WITHIN, Optimum, Search, measured
from isobit.backends.dataflow.optimal.shortfall import latency_refusal, refusal
from isobit.backends.dataflow.optimal.solver import Choice, Limits, Undecided, Ways, cheapest, least_excess
from isobit.backends.dataflow.optimal.ways import Goal, Way, unbeaten
from isobit.backends.dataflow.planner import LayerChoice, PlanRequest, plan_for, print_plan, read_plan
from isobit.backends.dataflow.planner.foldings import foldings
from isobit.backends.dataflow.planner.layers import layer_plan
from isobit.backends.dataflow.planner.plan import Plan
from isobit.backends.dataflow.planner.search import Whole
from isobit.backends.dataflow.planner.units import units
from isobit.backends.dataflow.whole import whole_design
from isobit.errors import IsobitError
from isobit.hardware import load_board
from isobit.ir import Graph
from isobit.ir.ops import Linear, MaxPool

BOARD = load_board("pynq-z1")
KRIA = load_board("kv260")
GOALS: tuple[Goal, ...] = ("area", "lut", "dsp", "bram", "energy")
NO_LIMIT: Limits = (1 << 40,) * 4


FAST = ("demo", "residual")


@pytest.fixture(scope="module", params=[n if n in FAST else pytest.param(n, marks=pytest.mark.slow) for n in MODELS])
def graph(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return MODELS[request.param](tmp_path_factory.mktemp("net"))


@pytest.fixture(scope="module")
def search(graph: Graph) -> Search:
    """All of a Kria to choose from, nothing asked."""
    return Search(graph, KRIA, PlanRequest())


@pytest.fixture(scope="module")
def demo_graph() -> Graph:
    return MODELS["demo"](Path())


def exhaustive(ways: Ways, clocks: int, limits: Limits, goal: Goal) -> int | None:
    """The least measure over every combination; None where none keeps to the limits."""
    totals = []
    for chosen in product(*(points for points in ways.values())):
        used = [sum(w.amounts[k] for w in chosen) for k in range(4)]
        if all(w.clocks <= clocks for w in chosen) and all(u <= limit for u, limit in zip(used, limits, strict=True)):
            totals.append(sum(w.measure(goal) for w in chosen))
    return min(totals, default=None)


def thinned(ways: Ways, most: int) -> dict[str, list[Way]]:
    """The three units with most ways, and at most so many of each, evenly chosen."""
    largest = sorted(ways, key=lambda name: (-len(ways[name]), name))[:3]
    return {name: list(ways[name])[:: -(-len(ways[name]) // most)] for name in largest}


def test_the_solver_finds_what_every_combination_says(search: Search) -> None:
    ways = thinned(search.ways, 7)
    clocks = sorted({w.clocks for points in ways.values() for w in points})
    whole = [sum(max(w.amounts[k] for w in points) for points in ways.values()) for k in range(4)]
    checked = 0
    for interval, share, goal in product((clocks[len(clocks) // 2], clocks[-1]), (0.25, 0.6), GOALS):
        limits = tuple(int(share * n) for n in whole)
        found = cheapest(ways, interval, limits, goal)  # type: ignore[arg-type]
        wanted = exhaustive(ways, interval, limits, goal)  # type: ignore[arg-type]
        assert (None if found is None else found.total) == wanted
        assert found is None or (found.proven and found.gap == 0 and found.clocks <= interval)
        checked += found is not None
    assert checked > 5


def test_what_exceeds_least_exceeds_least(search: Search) -> None:
    ways = thinned(search.ways, 9)
    slowest = max(w.clocks for points in ways.values() for w in points)
    few: tuple[Limits, ...] = ((200, 3, 1, 1), (200, 0, 1, 1), (0, 3, 0, 0), (0, 0, 0, 0))
    for limits in few:
        found = least_excess(ways, slowest, limits)
        fills = [max(map(thousandths, used_by(chosen), limits)) for chosen in product(*ways.values())]
        assert found is not None and round(found[1] * 1000) == min(fills)


def used_by(chosen: Sequence[Way]) -> list[int]:
    return [sum(w.amounts[k] for w in chosen) for k in range(4)]


def thousandths(used: int, limit: int) -> int:
    return -(-1000 * used // limit) if limit else 1000 * (used + (used > 0))


class Without(Search):
    """A board without the LUTs that every layer takes."""

    @property
    def limits(self) -> Limits:
        return 0, 1000, 1000, 0


def test_a_resource_of_which_there_is_none_is_named(demo_graph: Graph) -> None:
    error = refusal(Without(demo_graph, BOARD, PlanRequest()))
    assert error.code == "E502" and "LUT, of which there are none (" in error.message
    assert "in time" not in error.message and "--max-util" not in error.hint


def _designs(graph: Graph) -> tuple[tuple[Plan, Whole], tuple[Plan, Whole]]:
    """The planner's own plans: a slow one, which is small, and the fastest."""
    slow, fast = (plan_for(graph, BOARD, PlanRequest(interval=clocks), whole_design) for clocks in (20_000, None))
    return (slow, whole_design(graph, slow, PlanRequest())), (fast, whole_design(graph, fast, PlanRequest()))


@pytest.mark.parametrize("proven", [True, False])
def test_the_better_plan_is_taken_whether_or_not_the_solver_could_tell(demo_graph: Graph, proven: bool) -> None:
    (slow, small), (fast, large) = _designs(demo_graph)
    assert small.interval > large.interval and small.cost.weight < large.cost.weight
    search = Search(demo_graph, BOARD, PlanRequest())
    search.undecided = not proven
    clocks = large.interval if proven else None
    quick = Optimum(fast, large, "area", 1, 1, clocks)
    kept = search._better(quick, (slow, small))
    assert kept is not None and kept.plan is fast and not kept.taken
    late = Optimum(slow, small, "area", 1, 1, clocks)
    taken = search._better(late, (fast, large))
    assert taken is not None and taken.plan is fast and taken.taken
    asked = search._better(quick, (slow, small), small.interval)
    assert asked is not None and asked.plan is slow and asked.taken
    too_slow = search._better(quick, (slow, small), small.interval - 1)
    assert too_slow is quick


@pytest.mark.parametrize("interval", [None, 20_000])
def test_where_the_solver_cannot_tell_the_planners_own_plan_is_taken(
    demo_graph: Graph, interval: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise Undecided

    monkeypatch.setattr(search_module, "cheapest", never)
    search = Search(demo_graph, BOARD, PlanRequest(interval=interval))
    found = search.best()
    own = plan_for(demo_graph, BOARD, PlanRequest(interval=interval), whole_design)
    assert search.undecided and found is not None and found.plan == own and found.taken
    assert found.fastest is None and found.bound == 0 and found.gap == 1


def test_nothing_that_is_left_out_beats_what_stays(graph: Graph) -> None:
    for unit in units(graph):
        points = [q for p in unit.points(graph, KRIA, {}) for q in other_points(graph, KRIA, p, LayerChoice())]
        ways = [Way(p, p.cost, 0, 0) for p in points]
        kept = unbeaten(ways)
        assert all(any(all(a <= b for a, b in zip(k.vector, w.vector, strict=True)) for k in kept) for w in ways)
        for a, b in product(kept, kept):
            assert a is b or not all(m <= n for m, n in zip(a.vector, b.vector, strict=True))


def test_another_place_costs_what_the_planner_says_it_costs(graph: Graph) -> None:
    seen = set()
    for unit in units(graph):
        if not isinstance(unit.node, Linear | MaxPool):
            continue
        by_area = {f.area: f for f in foldings(graph, unit.node)}
        for point in unit.points(graph, KRIA, {}):
            for other in other_points(graph, KRIA, point, LayerChoice()):
                layer = other.layers[0][1]
                places = {"memory": layer.memory or "auto", "line_buffer": layer.line_buffer or "auto"}
                asked = LayerChoice(multiplier=layer.multiplier, **places)  # type: ignore[arg-type]
                made = layer_plan(graph, unit.node, KRIA, by_area[point.order], asked)
                assert replace(made, multipliers=()) == replace(layer, multipliers=())  # others are not looked at again
                seen.add((layer.memory, layer.line_buffer))
    assert {m for m, _ in seen} >= {"lutram", "bram"}


def never_worse(graph: Graph, interval: int, goal: Goal) -> None:
    """The optimal plan at ``interval`` is proven and its whole design has no more of ``goal`` than the planner's."""
    request = PlanRequest(interval=interval)
    own = whole_design(graph, plan_for(graph, BOARD, request, whole_design), request)
    found = Search(graph, BOARD, request, goal).best()
    assert found is not None and found.bound == found.total
    assert found.whole.interval <= interval and measured(found.whole, goal) <= measured(own, goal)


def test_it_is_never_slower_than_the_planner_and_no_larger(graph: Graph) -> None:
    usual = whole_design(graph, plan_for(graph, BOARD, PlanRequest(), whole_design), PlanRequest())
    best = Search(graph, BOARD, PlanRequest()).best()
    assert best is not None and best.fastest is not None
    assert best.fastest <= usual.interval and best.whole.interval <= usual.interval
    assert best.whole.cost.fits(BOARD, 0.6)
    never_worse(graph, usual.interval * 3, "area")


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2, 9, 40])
@pytest.mark.parametrize("goal", ["area", "lut", "dsp", "bram"])
def test_it_is_never_worse_at_any_rate(graph: Graph, times: int, goal: Goal) -> None:
    usual = whole_design(graph, plan_for(graph, BOARD, PlanRequest(), whole_design), PlanRequest())
    never_worse(graph, usual.interval * times, goal)


def test_no_shorter_interval_fits(demo_graph: Graph) -> None:
    search = Search(demo_graph, BOARD, PlanRequest(share=0.05))
    least = search.fastest_interval()
    assert least is not None and least > search.intervals()[0]
    shorter = [t for t in search.intervals() if t < least]
    assert all(search.choice(t) is None for t in shorter[-3:]) and search.choice(least) is not None


def test_products_of_few_bits_may_share_dsps_in_every_plan_and_hint(demo_graph: Graph) -> None:
    """Without that the shipped classifier fits at 16 clocks only, and a refusal asks for a rate half as high."""
    found = Search(demo_graph, BOARD, PlanRequest()).best()
    assert found is not None and found.whole.interval == 8 and found.whole.cost.dsp > 100
    error = refusal(Search(demo_graph, BOARD, PlanRequest(interval=4)))
    assert error.code == "E502" and "(--target-ii 8)" in error.hint


def test_the_front_is_one(search: Search) -> None:
    found = front(search, 6)
    least = search.fastest_interval()
    assert least is not None and len(found) > 1
    assert found[0].interval <= least + least / WITHIN and not any(p.gap for p in found)
    assert [p.interval for p in found] == sorted({p.interval for p in found})
    assert [p.total for p in found] == sorted({p.total for p in found}, reverse=True)


def test_a_latency_is_kept_or_refused(demo_graph: Graph) -> None:
    search = Search(demo_graph, BOARD, PlanRequest())
    loose, shortest = search.within_latency(1 << 40)
    assert loose is not None and 0 < shortest < loose.whole.latency
    middle = (shortest + loose.whole.latency) // 2
    found, _ = search.within_latency(middle)
    assert found is not None and found.whole.latency <= middle
    assert found.whole.cost.weight > loose.whole.cost.weight
    assert search.within_latency(shortest - 1) == (None, shortest)


def test_a_latency_is_asked_of_the_first_that_fit(demo_graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the FIFOs of the fastest do not fit, the next ones are tried, each once."""
    search, asked = Search(demo_graph, BOARD, PlanRequest()), list[int]()
    at = search.at

    def fits_from_64_on(_: Search, clocks: int) -> Optimum | None:
        asked.append(clocks)
        return at(clocks) if clocks >= 64 else None

    monkeypatch.setattr(Search, "at", fits_from_64_on)
    found, shortest = search.within_latency(1 << 40)
    assert found is not None and found.whole.interval >= 64 and 0 < shortest <= found.whole.latency
    assert asked[0] < 64 and len(asked) == len(set(asked))


def test_a_plan_is_read_back_as_it_is(graph: Graph, tmp_path: Path) -> None:
    request = PlanRequest(interval=4000)
    found = Search(graph, KRIA, request, "lut").best()
    assert found is not None
    (tmp_path / "plan.toml").write_text(print_plan(found.plan))
    again = plan_for(graph, KRIA, replace(request, layers=read_plan(tmp_path / "plan.toml").layers), whole_design)
    assert {n: (v.cost, v.clocks) for n, v in again.layers.items()} == {
        n: (v.cost, v.clocks) for n, v in found.plan.layers.items()
    }
    assert whole_design(graph, again, request) == found.whole


def test_what_the_user_fixes_stays(demo_graph: Graph) -> None:
    name = next(n.name for n in demo_graph.nodes if isinstance(n, Linear))
    fixed = LayerChoice(pe=2, simd=4, memory="bram")
    found = Search(demo_graph, BOARD, PlanRequest(layers={name: fixed}, interval=10_000)).best()
    assert found is not None
    layer = found.plan.layers[name]
    assert (layer.pe, layer.simd, layer.memory) == (2, 4, "bram")
    with pytest.raises(IsobitError, match="E503"):
        Search(demo_graph, BOARD, PlanRequest(layers={name: LayerChoice(pe=7)}))


def test_energy_falls_where_less_is_read(demo_graph: Graph) -> None:
    found = {goal: Search(demo_graph, KRIA, PlanRequest(interval=10_000), goal).choice(10_000) for goal in GOALS}
    energies = {goal: sum(w.femtojoules for w in c.ways.values()) for goal, c in found.items() if isinstance(c, Choice)}
    assert len(energies) == len(GOALS)
    assert all(energies["energy"] <= e for e in energies.values()) and energies["energy"] < energies["area"]


def test_a_latency_and_a_target_are_both_kept(demo_graph: Graph) -> None:
    fastest = Search(demo_graph, BOARD, PlanRequest()).fastest_interval()
    assert fastest is not None
    for asked in (3 * fastest, fastest):
        found, _ = Search(demo_graph, BOARD, PlanRequest(interval=asked)).within_latency(1 << 40)
        assert found is not None and found.whole.interval <= asked
    search = Search(demo_graph, BOARD, PlanRequest(interval=2))
    assert search.within_latency(1 << 40)[0] is None
    assert "clocks per frame" in str(latency_refusal(search, 0, 1 << 40))


def test_the_ports_keep_up_with_the_samples_too() -> None:
    net = Net(4, 16, 5, bits=8)
    graph = net.graph(net.conv(net.head, 5, (1, 1)))
    request = PlanRequest(samples=4)
    own = whole_design(graph, plan_for(graph, KRIA, request, whole_design), request)
    search = Search(graph, KRIA, request)
    found = search.at(search.fastest_interval() or 0)
    assert found is not None and found.whole.interval <= own.interval
    assert found.plan.samples >= 4 and found.plan.port_words == 16


def test_an_energy_beyond_64_bits_is_no_refusal(demo_graph: Graph) -> None:
    ways = Search(demo_graph, KRIA, PlanRequest()).ways
    large = {name: [replace(w, femtojoules=w.femtojoules << 32) for w in points] for name, points in ways.items()}
    usual, found = (cheapest(v, 10_000, NO_LIMIT, "energy") for v in (ways, large))
    assert usual is not None and found is not None and found.total == usual.total << 32
