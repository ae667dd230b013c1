"""What the planner promises: the printed interval keeps the target and the estimate the share, or it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import Random

import pytest
from backends.dataflow.sampled_nets import Net, cnv, every_unit, peak_detector, radioml, residual

from isobit.backends.dataflow import lower, size_fifos, whole_design
from isobit.backends.dataflow.fifo_figures import fifo_cost
from isobit.backends.dataflow.network import Network
from isobit.backends.dataflow.planner import LayerChoice, Plan, PlanRequest, plan_for
from isobit.backends.dataflow.planner.foldings import planned
from isobit.backends.dataflow.planner.front import Front
from isobit.backends.dataflow.planner.points import points
from isobit.backends.dataflow.planner.search import Keeps, Whole, port_words
from isobit.backends.dataflow.planner.units import least_clocks, units
from isobit.errors import DoesNotFit, IsobitError
from isobit.hardware import Board, load_board
from isobit.ir import Graph

NETS = (peak_detector, radioml, cnv, residual, every_unit)
BOARDS = tuple(load_board(name) for name in ("pynq-z1", "zcu104"))
NONE = PlanRequest()


def random_net(seed: int) -> Graph:
    """A few layers of random sizes: convolutions, pools, requantizers, and dense layers behind them."""
    rng = Random(seed)
    net = Net(*((rng.choice([4, 6, 8]),) * 2), rng.choice([1, 2, 3, 4]), bits=rng.choice([2, 4]), seed=seed)
    x = net.head
    for _ in range(rng.randint(1, 3)):
        kind = rng.choice(["conv", "conv", "depthwise", "pool"])
        if kind == "pool" and net._of(x)[0] % 2 == 0:
            x = net.pool(x, (2, 2))
        elif kind == "depthwise":
            x = net.relu(net.depthwise(x, (3, 3)))
        else:
            x = net.relu(net.conv(x, rng.choice([2, 4, 6]), (rng.choice([1, 3]),) * 2))
    return net.graph(net.relu(net.dense(x, rng.choice([3, 8, 10]))))


@pytest.mark.parametrize("seed", range(16))
def test_the_printed_interval_keeps_the_target_or_the_target_is_refused(seed: int) -> None:
    """The property that users rely on, with the whole design and from what it prints."""
    graph, rng = random_net(seed), Random(seed)
    board, met = BOARDS[seed % 2], 0
    for interval in (*(rng.randint(1, 60) for _ in range(3)), *(rng.randint(60, 3000) for _ in range(3)), 1 << 20):
        request = PlanRequest(share=rng.choice([0.3, 1.0]), interval=interval)
        try:
            plan = plan_for(graph, board, request, whole_design)
        except IsobitError as error:
            assert error.code in ("E502", "E503") and error.hint
            continue
        design = size_fifos(lower(graph, plan))
        assert design.interval <= interval
        assert (plan.cost + fifo_cost(design, board)).fits(board, request.share)
        met += 1
    assert met


@pytest.mark.parametrize("net", NETS)
def test_the_planners_clocks_are_those_of_the_processes(net: Callable[[], Graph]) -> None:
    """Every folding of every node: the clocks that the planner counts are those of the loops that are made."""
    graph = net()
    ways = {n.name: points(graph, n, BOARDS[1], LayerChoice()) for n in graph.nodes if planned(graph, n)}
    front = Front(ways)
    for interval in front.intervals():
        layers = front.layers(front.at(interval)[-1])
        design = lower(graph, Plan(BOARDS[1], {n.name: layers[n.name] for n in graph.nodes if n.name in layers}))
        network = Network(design)
        clocks = {name: layer.clocks for name, layer in layers.items()}
        for name, counted in clocks.items():
            if layers[name].implementation == "in_window":
                continue
            loops = [network.busy(p.name) for p in design.processes if name in (p.node, p.name.removesuffix("_window"))]
            assert counted == max(loops)
        ports = [network.busy(p.name) for p in design.processes if p.template in ("read_frame", "write_frame")]
        assert max(network.busy(p.name) for p in design.processes) == max(*clocks.values(), *ports)


@pytest.mark.parametrize("net", [*NETS, *(partial(random_net, seed) for seed in range(8))])
def test_points_that_are_left_out_are_none_that_a_choice_takes(net: Callable[[], Graph]) -> None:
    """Of more samples than the slowest matrix unit lets anyone use."""
    graph = net()
    least, made = least_clocks(graph), list(units(graph))
    front, whole = (Front({u.node.name: u.points(graph, BOARDS[1], {}, k) for u in made}) for k in (least, 0))
    assert least <= whole.fastest == front.fastest and whole.slowest_node() == front.slowest_node()
    assert front.intervals() == whole.intervals()
    for interval in whole.intervals():
        pairs = zip(front.at(interval), whole.at(interval), strict=True)
        assert all(one == other and front.layers(one) == whole.layers(other) for one, other in pairs)


def test_some_points_are_left_out() -> None:
    graph = cnv()
    least, made = least_clocks(graph), list(units(graph))
    assert any(len(u.points(graph, BOARDS[1], {}, least)) < len(u.points(graph, BOARDS[1], {})) for u in made)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.name)
def test_the_default_is_what_its_own_interval_as_a_target_gives(seed: int, board: Board) -> None:
    """No plan is cheaper and as fast: asking for the speed of the default brings nothing else."""
    graph = random_net(seed)
    plan = plan_for(graph, board, NONE, whole_design)
    again = plan_for(graph, board, PlanRequest(interval=whole_design(graph, plan, NONE).interval), whole_design)
    assert whole_design(graph, again, NONE) == whole_design(graph, plan, NONE)
    assert again.layers == plan.layers


@pytest.mark.parametrize("net", [cnv, *(partial(random_net, seed) for seed in (7, 13, 18))])
def test_a_rate_takes_no_more_than_a_higher_one(net: Callable[[], Graph]) -> None:
    """FIFOs and converters included: what keeps a target keeps every looser one."""
    graph, board = net(), BOARDS[0]
    intervals = Front({u.node.name: u.points(graph, board, {}) for u in units(graph)}).intervals()
    weights = list[int]()
    for interval in intervals[:: -(-len(intervals) // 16)]:
        plan = plan_for(graph, board, PlanRequest(share=1.0, interval=interval), whole_design)
        weights.append(whole_design(graph, plan, NONE).cost.weight)
    assert weights == sorted(weights, reverse=True) and weights[0] > weights[-1]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("share", [0.05, 0.2])
def test_a_design_whose_fifos_were_not_sized_would_not_have_been_taken(seed: int, share: float) -> None:
    graph, request = random_net(seed), PlanRequest(share=share)

    def sized(graph: Graph, plan: Plan, request: PlanRequest, keeps: Keeps | None = None) -> Whole:
        least, whole = whole_design(graph, plan, request, keeps), whole_design(graph, plan, request)
        assert least.interval == whole.interval and all(
            a <= b for (_, a, _), (_, b, _) in zip(least.cost.used(BOARDS[0]), whole.cost.used(BOARDS[0]), strict=True)
        )
        return whole

    assert plan_for(graph, BOARDS[0], request, whole_design) == plan_for(graph, BOARDS[0], request, sized)


@pytest.mark.parametrize("seed", range(8))
def test_the_default_is_the_fastest_inside_the_share(seed: int) -> None:
    graph, board = random_net(seed), BOARDS[0]
    plan = plan_for(graph, board, NONE, whole_design)
    whole = whole_design(graph, plan, NONE)
    assert whole.cost.fits(board, NONE.share) and not plan.beyond
    ports = max(port_words(graph, n) for n in (*graph.inputs, *graph.outputs))
    if plan.port_words is None and ports < whole.interval:  # a target makes ports wider, the default leaves them
        with pytest.raises((DoesNotFit, IsobitError)):
            plan_for(graph, board, PlanRequest(interval=whole.interval - 1), whole_design)


def test_a_layer_that_cannot_go_faster_relaxes_all_others() -> None:
    """A reversal of the whole frame takes its clocks whatever is done: nothing else is unrolled beyond them."""
    net = Net(8, 8, 4)
    slow = net.reversed(net.head)
    graph = net.graph(net.relu(net.conv(net.relu(net.conv(slow, 8, (3, 3))), 8, (3, 3))))
    plan = plan_for(graph, BOARDS[1], NONE, whole_design)
    assert plan.layers[slow].clocks == plan.clocks
    for node in (n for n in graph.nodes if planned(graph, n) and plan.layers[n.name].implementation != "in_window"):
        ways = points(graph, node, BOARDS[1], LayerChoice())
        (taken,) = (p for p in ways if p.layers[0][1] == plan.layers[node.name])
        alike = [p for p in ways if p.samples == taken.samples and p.clocks <= plan.clocks]
        assert taken.cost.weight + taken.wires == min(p.cost.weight + p.wires for p in alike)


def small_board(**limits: int) -> Board:
    return Board.model_validate(BOARDS[0].model_dump() | limits)


def test_a_share_that_cannot_be_kept_is_said_and_only_that_resource_exceeds_it() -> None:
    """Weights of 16,000 bits in block RAM: 60 % of one block is none, and the design is still a fast one."""
    net = Net(64, bits=4)
    graph = net.graph(net.relu(net.dense(net.relu(net.dense(net.head, 256)), 64)))
    usual = plan_for(graph, BOARDS[0], NONE, whole_design)
    needed = min(
        whole_design(graph, plan_for(graph, BOARDS[0], PlanRequest(interval=t, share=1.0)), NONE).cost.bram36
        for t in (whole_design(graph, usual, NONE).interval, 1 << 20)
    )
    board = small_board(bram36=max(needed, 1)) if needed else small_board(lut=2 * usual.cost.lut)
    plan = plan_for(graph, board, NONE, whole_design)
    whole = whole_design(graph, plan, NONE)
    assert whole.cost.fits(board)
    assert bool(plan.beyond) == (not whole.cost.fits(board, NONE.share))
    over = [name for name, used, limit in whole.cost.used(board) if used > NONE.share * limit]
    assert all(name in plan.beyond for name in over) and len(over) <= 1
    slowest = max(p.clocks for n in graph.nodes if planned(graph, n) for p in points(graph, n, board, LayerChoice()))
    assert whole.interval < slowest


@pytest.mark.parametrize("seed", range(4))
def test_a_larger_share_never_refuses_and_never_slows(seed: int) -> None:
    graph, speeds = random_net(seed), []
    for share in (0.02, 0.1, 0.3, 0.6, 1.0):
        request = replace(NONE, share=share)
        plan = plan_for(graph, BOARDS[0], request, whole_design)
        speeds.append((bool(plan.beyond), whole_design(graph, plan, request).interval))
    kept = [interval for beyond, interval in speeds if not beyond]
    assert kept == sorted(kept, reverse=True)


def test_what_does_not_fit_the_board_is_refused_with_its_layers() -> None:
    graph = random_net(0)
    with pytest.raises(DoesNotFit) as caught:
        plan_for(graph, small_board(lut=100), NONE, whole_design)
    assert "of 100 LUT" in str(caught.value) and "FIFOs" in str(caught.value)
