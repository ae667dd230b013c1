"""Several samples per clock: which are legal, when the planner takes them, and what it says where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from backends.dataflow.sampled_nets import BOARD, Net, cnv, every_unit, peak_detector, radioml, residual

from isobit.backends.dataflow.planner import LayerChoice, PlanRequest, plan_for, print_plan, read_plan
from isobit.backends.dataflow.planner.blocks import block, border_of, port_lanes, sample_counts, width_of
from isobit.backends.dataflow.planner.foldings import foldings, planned
from isobit.backends.dataflow.planner.points import joined, points
from isobit.backends.dataflow.planner.search import layers_alone
from isobit.errors import IsobitError
from isobit.ir import Graph
from isobit.ir.ops import Linear, MaxPool, Select

NETS = (peak_detector, radioml, cnv, residual, every_unit)
RATES = [(net, PlanRequest(share=1.0, samples=8)) for net in NETS[:4]]
RATES += [(every_unit, PlanRequest(share=1.0, interval=200))]


@pytest.mark.parametrize("net", NETS)
def test_a_word_of_several_samples_divides_every_row(net: Callable[[], Graph]) -> None:
    graph = net()
    wide = [(n, f) for n in graph.nodes if planned(graph, n) for f in foldings(graph, n) if f.wide]
    assert wide
    for node, f in wide:
        kind, source = graph.types[node.name], graph.types[node.inputs[0]]
        assert 1 <= f.samples <= 16 and width_of(kind.shape) % f.samples == 0
        if not isinstance(node, Linear | MaxPool | Select):
            assert (width_of(source.shape) % f.samples == 0 and f.pe == f.simd == kind.channels) or node.op == "concat"


@pytest.mark.parametrize("net", NETS)
def test_a_block_holds_whole_rows_and_no_more_words_leave_than_come(net: Callable[[], Graph]) -> None:
    graph = net()
    for node in graph.nodes:
        if isinstance(node, Linear | MaxPool):
            for found in filter(None, (block(graph, node, samples) for samples in range(1, 17))):
                assert found.blocks * found.samples == width_of(graph.types[node.name].shape)
                assert found.blocks <= found.words and found.width % found.words == 0


@pytest.mark.parametrize("samples", [1, 2, 4, 8, 16])
def test_a_one_dimensional_network_takes_length_over_samples_clocks(samples: int) -> None:
    plan = plan_for(peak_detector(64), BOARD, PlanRequest(share=1.0, samples=samples))
    assert plan.interval == 64 // samples
    convolutions = [layer for layer in plan.layers.values() if layer.implementation.endswith("dense")]
    assert {layer.samples for layer in convolutions} == {samples}


def test_samples_shrink_with_the_map() -> None:
    """After a pool of two half the samples are enough: the interval is the same."""
    graph = radioml(64)
    plan = plan_for(graph, BOARD, PlanRequest(share=1.0, samples=16))
    pools = [plan.layers[n.name].samples for n in graph.nodes if isinstance(n, MaxPool)]
    assert pools == [8, 4, 2] and plan.interval == 4


@pytest.mark.parametrize("interval", [256, 512, 1024])
def test_a_rate_raises_the_samples_where_unrolling_is_not_enough(interval: int) -> None:
    graph, around = peak_detector(1024), 40  # clocks that fill and empty a loop, at most
    plan = plan_for(graph, BOARD, PlanRequest(share=1.0, interval=interval + around))
    assert plan.clocks <= interval + around
    assert plan.samples == 1024 // interval


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("interval", [None, 200, 400, 5000])
def test_samples_are_taken_only_where_nothing_else_is_fast_enough(
    net: Callable[[], Graph], interval: int | None
) -> None:
    graph = net()
    plan = plan_for(graph, BOARD, PlanRequest(interval=interval))
    clocks = interval or layers_alone(graph, plan, PlanRequest()).interval
    for node in graph.nodes:
        layer = plan.layers.get(node.name)
        if layer is not None and layer.samples > 1:
            pad = border_of(graph, node) if isinstance(node, Linear | MaxPool) else None
            free = LayerChoice()
            ways = joined(graph, pad, node, (free, free), BOARD) if pad else points(graph, node, BOARD, free)
            assert all(p.clocks > clocks for p in ways if p.samples[0] < layer.samples)


def test_whole_windows_lift_the_limit_of_the_first_layer() -> None:
    """25 taps of one channel: the window unit alone would take 25 clocks for every position."""
    net = Net(12, 12, 1)
    graph = net.graph(net.relu(net.conv(net.head, 4, (5, 5))))
    plan = plan_for(graph, BOARD, PlanRequest(share=1.0, interval=200))
    (layer,) = (layer for layer in plan.layers.values() if layer.implementation == "parallel_dense")
    assert (layer.samples, layer.simd, layer.pe, plan.interval) == (1, 25, 4, 144)


@pytest.mark.parametrize(("net", "request_"), RATES)
def test_the_plan_file_brings_samples_back(net: Callable[[], Graph], request_: PlanRequest, tmp_path: Path) -> None:
    graph = net()
    plan = plan_for(graph, BOARD, request_)
    path = tmp_path / "plan.toml"
    path.write_text(print_plan(plan), encoding="utf-8")
    again = plan_for(graph, BOARD, PlanRequest(share=1.0, layers=read_plan(path).layers))
    assert plan.samples > 1 and again.layers == plan.layers


def refused(graph: Graph, **request: int) -> IsobitError:
    with pytest.raises(IsobitError) as caught:
        plan_for(graph, BOARD, PlanRequest(share=1.0, **request))  # type: ignore[arg-type]
    assert caught.value.code == "E503"
    return caught.value


def test_samples_that_do_not_divide_the_input_are_refused() -> None:
    error = refused(peak_detector(60), samples=16)
    assert "16 samples per clock of an input 60 wide" in str(error)
    assert "1, 2, 3, 4, 5, 6, 10, 12, 15" in str(error)


def test_a_width_that_stops_the_rate_is_named() -> None:
    net = Net(64, 2)
    graph = net.graph(net.conv(net.head, 2, (5,), pad=0))
    error = refused(graph, samples=16)
    assert "takes at least" in str(error) and "it makes 60 positions in a row from 64" in str(error)


def test_a_layer_that_moves_the_whole_frame_is_named() -> None:
    net = Net(16, 16, 2)
    reversal = net.reversed(net.head)
    graph = net.graph(net.relu(reversal))
    assert reversal in str(refused(graph, samples=2))


def test_ports_that_are_too_slow_are_named() -> None:
    net = Net(64, 16, bits=8)
    error = refused(net.graph(net.pool(net.head, (4,))), samples=16)
    assert "its 1024 elements take 16 clocks in AXI words of at most 512 bits; 4 were asked for" in str(error)


def test_no_word_is_wider_than_the_tools_take() -> None:
    net = Net(64, 64, bits=8)
    graph = net.graph(net.relu(net.conv(net.head, 32, (3,)), bits=8))
    for node in (n for n in graph.nodes if planned(graph, n)):
        for f in foldings(graph, node):
            kind = graph.types[node.name]
            lanes = f.samples * (kind.channels if f.wide else f.pe)
            assert lanes * kind.bits <= 4096
    (linear,) = (n for n in graph.nodes if isinstance(n, Linear))
    assert max(f.samples for f in foldings(graph, linear)) == 4  # (4 + 2) * 64 channels of 8 bits


def test_ports_grow_only_as_far_as_the_interval_asks() -> None:
    assert [port_lanes(1024, 8, interval) for interval in (1 << 60, 128, 127, 64, 32, 1)] == [8, 8, 16, 16, 32, 64]
    assert port_lanes(1020, 8, 1) == 4
    assert port_lanes(1024, 64, 1) == 8


def test_sample_counts_divide_every_width() -> None:
    assert sample_counts(24, 36) == [1, 2, 3, 4, 6, 12]
    assert sample_counts(17) == [1]
