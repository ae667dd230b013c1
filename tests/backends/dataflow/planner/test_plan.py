"""The plan: legal foldings, targets, choices of the user, the plan file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isobit import demo
from isobit.backends.dataflow.geometry import block_lanes, geometry, keeps_order, upsampling
from isobit.backends.dataflow.lower import lower
from isobit.backends.dataflow.planner import LayerChoice, PlanRequest, plan_for, print_plan, read_plan
from isobit.backends.dataflow.planner.foldings import divisors, foldings
from isobit.backends.dataflow.planner.points import points
from isobit.errors import DoesNotFit, IsobitError
from isobit.flow import import_source
from isobit.hardware import board_names, load_board
from isobit.ir import Graph
from isobit.ir.ops import Const, Input, Linear, Output, Pad, Reindex, frozen_ints
from isobit.passes import optimise

BOARD = load_board("pynq-z1")


@pytest.fixture(scope="module")
def graph() -> Graph:
    return optimise(import_source(demo.MODEL))


def test_foldings_divide_and_count_every_multiply_accumulate(graph: Graph) -> None:
    for node in (n for n in graph.nodes if isinstance(n, Linear)):
        g = geometry(graph, node)
        for cycles, pe, simd, *_ in foldings(graph, node):
            assert g.outputs % pe == 0 and g.fan_in % simd == 0
            assert cycles * pe * simd == g.positions * g.outputs * g.fan_in


@pytest.mark.parametrize("name", board_names())
def test_the_default_plan_stays_inside_its_share_of_every_board(graph: Graph, name: str) -> None:
    board = load_board(name)
    assert plan_for(graph, board).cost.fits(board, 0.6)


def test_a_smaller_share_is_never_faster(graph: Graph) -> None:
    intervals = [plan_for(graph, BOARD, PlanRequest(share=s)).interval for s in (0.05, 0.1, 0.3, 1.0)]
    assert intervals == sorted(intervals, reverse=True)


@pytest.mark.parametrize("interval", [16, 50, 1000, 10_000])
def test_a_target_is_met_and_no_layer_could_be_cheaper(graph: Graph, interval: int) -> None:
    plan = plan_for(graph, BOARD, PlanRequest(interval=interval))
    assert plan.clocks <= interval
    for node in (n for n in graph.nodes if isinstance(n, Linear)):
        ways = points(graph, node, BOARD, LayerChoice())
        fast_enough = [p.cost.weight + p.wires for p in ways if p.clocks <= interval]
        (taken,) = (p for p in ways if p.layers[0][1] == plan.layers[node.name])
        assert taken.cost.weight + taken.wires == min(fast_enough)


@pytest.mark.parametrize("interval", [4608, 9216])
def test_a_border_hands_its_window_the_words_that_it_reads(interval: int) -> None:
    weights = frozen_ints(np.random.default_rng(0).integers(-7, 8, (16, 3, 3, 16)))
    graph = Graph((
        Input(name="x", shape=(8, 8, 16), lo=frozen_ints(0), hi=frozen_ints(15)),
        Const(name="w", value=weights),
        Pad(name="border", inputs=("x",), before=(1, 1), after=(1, 1)),
        Linear(name="conv", inputs=("border", "w"), strides=(1, 1), dilations=(1, 1)),
        Output(name="y", inputs=("conv",)),
    ))  # fmt: skip
    plan = plan_for(graph, BOARD, PlanRequest(interval=interval))
    assert plan.layers["border"].lanes[1] == plan.layers["conv"].simd > 1
    design = lower(graph, plan)
    (made,) = (p.outputs for p in design.processes if p.template == "pad")
    (taken,) = (p.inputs for p in design.processes if p.template == "sliding_window")
    assert made == taken


def test_a_target_out_of_reach_names_the_layer(graph: Graph) -> None:
    large = load_board("zcu104")
    assert plan_for(graph, large, PlanRequest(share=1.0, interval=4)).clocks <= 4  # ten outputs in three words of four
    layers = {"n_4_MatMul": LayerChoice(pe=1, simd=1)}
    with pytest.raises(IsobitError, match=r"n_4_MatMul takes at least 2048 clocks per frame; 15 were asked for"):
        plan_for(graph, BOARD, PlanRequest(interval=15, layers=layers))


def test_a_target_beyond_the_share_shows_the_board_the_share_and_the_layers(graph: Graph) -> None:
    with pytest.raises(DoesNotFit) as caught:
        plan_for(graph, BOARD, PlanRequest(share=0.01, interval=21))
    text = str(caught.value)
    assert "of 53200 LUT, of which a share of 1% is 532" in text
    first, *rows = text.splitlines()[1:-1]
    assert first.split() == ["layer", "built", "as", "PE", "x", "SIMD", "clocks", "LUT", "DSP", "BRAM36"]
    assert [row.split()[0] for row in rows][:2] == ["n_1_MatMul", "n_4_MatMul"] and rows[-1].split()[0] == "FIFOs"


def test_the_plan_file_comes_back_as_the_same_plan(graph: Graph, tmp_path: Path) -> None:
    plan = plan_for(graph, BOARD)
    path = tmp_path / "plan.toml"
    path.write_text(print_plan(plan), encoding="utf-8")
    assert plan_for(graph, BOARD, PlanRequest(layers=read_plan(path).layers)).layers == plan.layers


def test_a_choice_is_taken(graph: Graph) -> None:
    choice = {"n_1_MatMul": LayerChoice(pe=2, simd=4), "n_3_Quant": LayerChoice(implementation="thresholds")}
    plan = plan_for(graph, BOARD, PlanRequest(layers=choice))
    assert (plan.layers["n_1_MatMul"].pe, plan.layers["n_1_MatMul"].simd) == (2, 4)
    assert plan.layers["n_3_Quant"].implementation == "thresholds"


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({"n_1_MatMul": LayerChoice(pe=3)}, "pe = 3: no such folding"),
        ({"nowhere": LayerChoice(pe=1)}, "no planned layer"),
        ({"n_1_MatMul": LayerChoice(implementation="thresholds")}, "implementation = thresholds: it cannot"),
    ],
)
def test_an_illegal_choice_is_located(graph: Graph, layers: dict[str, LayerChoice], message: str) -> None:
    with pytest.raises(IsobitError, match=message) as caught:
        plan_for(graph, BOARD, PlanRequest(layers=layers))
    assert caught.value.code == "E503"


@pytest.mark.parametrize("text", ["board = ", "[layers.a]\npe = -1\n", "[layers.a]\nspeed = 3\n", "layers = 4\n"])
def test_a_broken_plan_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(IsobitError) as caught:
        read_plan(path)
    assert caught.value.code == "E503"


def test_divisors() -> None:
    for n in range(1, 200):
        assert divisors(n) == [d for d in range(1, n + 1) if n % d == 0]


def moved(shape: tuple[int, ...], index: np.ndarray) -> tuple[Graph, Reindex]:
    image = Input(name="x", shape=shape, lo=frozen_ints(0), hi=frozen_ints(1))
    node = Reindex(name="m", inputs=("x",), index=index)
    return Graph((image, node)), node


def test_movements_are_recognised() -> None:
    order = np.arange(4 * 6 * 8).reshape(4, 6, 8)
    assert keeps_order(*moved(order.shape, order.reshape(-1)))
    assert not keeps_order(*moved(order.shape, order[::-1]))
    assert upsampling(*moved(order.shape, order.repeat(2, 0).repeat(3, 1))) == (2, 3)
    assert upsampling(*moved(order.shape, np.concatenate([order, order], 0))) is None
    assert block_lanes(*moved(order.shape, order.transpose(1, 0, 2))) == 8
    assert block_lanes(*moved(order.shape, order[..., [4, 5, 6, 7, 0, 1, 2, 3]])) == 4
    assert block_lanes(*moved(order.shape, order.transpose(2, 0, 1))) == 1
