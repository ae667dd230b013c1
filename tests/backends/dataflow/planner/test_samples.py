"""Several samples per clock: which are legal, when the planner takes them, and what it says where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from backends.dataflow.sampled_nets import BOARD, Net, cnv, every_unit, peak_detector, radioml, residual

from isobit.backends.dataflow.planner import LayerChoice, PlanRequest, plan_for, print_plan, read_plan
from isobit.backends.dataflow.planner.blocks import MAX_SAMPLES, block, border_of, port_format, sample_counts
from isobit.backends.dataflow.planner.foldings import foldings, planned
from isobit.backends.dataflow.planner.points import joined, points
from isobit.backends.dataflow.planner.search import layers_alone
from isobit.backends.dataflow.rows import frame_words, width_of, words_of
from isobit.errors import IsobitError
from isobit.ir import Graph
from isobit.ir.ops import Concat, Linear, MaxPool, Pad, Reindex, Select
from isobit.ir.types import ValueType

NETS = (peak_detector, radioml, cnv, residual, every_unit)
RATES = [(net, PlanRequest(share=1.0, samples=8)) for net in NETS[:4]]
RATES += [(every_unit, PlanRequest(share=1.0, interval=200))]


@pytest.mark.parametrize("net", NETS)
def test_a_word_of_several_samples_is_part_of_one_row(net: Callable[[], Graph]) -> None:
    graph = net()
    wide = [(n, f) for n in graph.nodes if planned(graph, n) for f in foldings(graph, n) if f.wide]
    assert wide
    for node, f in wide:
        kind, source = graph.types[node.name], graph.types[node.inputs[0]]
        divides = width_of(kind.shape) % f.samples == 0
        assert 1 <= f.samples <= MAX_SAMPLES and (divides or f.samples & (f.samples - 1) == 0)
        if not isinstance(node, Linear | MaxPool | Select):
            assert divides or not isinstance(node, Pad | Reindex)
            assert f.pe == f.simd == kind.channels or isinstance(node, Concat)
            assert f.cycles >= words_of(source, f.samples)


@pytest.mark.parametrize("net", NETS)
def test_blocks_hold_a_row_and_no_more_words_leave_than_come(net: Callable[[], Graph]) -> None:
    graph = net()
    for node in graph.nodes:
        if isinstance(node, Linear | MaxPool):
            for found in filter(None, (block(graph, node, samples) for samples in range(1, 33))):
                made = width_of(graph.types[node.name].shape)
                assert 0 <= found.blocks * found.samples - made < found.samples
                assert found.blocks <= found.words and 0 <= found.words * found.step - found.width < found.step


@pytest.mark.parametrize("samples", [1, 2, 4, 8, 16, 32])
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
    conv = next(n.name for n in graph.nodes if isinstance(n, Linear))
    choices = {conv: LayerChoice(multiplier="single")}  # as additions it has no limit of its own
    plan = plan_for(graph, BOARD, PlanRequest(share=1.0, interval=200, layers=choices))
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


@pytest.mark.parametrize(("length", "samples"), [(60, 16), (61, 16), (61, 7), (33, 32), (100, 31)])
def test_samples_need_not_divide_the_width(length: int, samples: int) -> None:
    plan = plan_for(peak_detector(length), BOARD, PlanRequest(share=1.0, samples=samples))
    assert plan.interval <= -(-length // samples)


def test_what_comes_out_may_be_of_another_width_than_what_goes_in() -> None:
    net = Net(64, 2)
    graph = net.graph(net.conv(net.head, 2, (5,), pad=0))
    assert plan_for(graph, BOARD, PlanRequest(share=1.0, samples=16)).interval == 4


def test_more_samples_than_a_row_has_are_refused() -> None:
    assert "at most 12" in str(refused(peak_detector(12), samples=16))
    assert "at most 32" in str(refused(peak_detector(100), samples=33))


def test_a_width_that_stops_the_rate_is_named() -> None:
    net = Net(37, 2)
    graph = net.graph(net.relu(net.upsample(net.relu(net.conv(net.head, 2, (5,))), 2)))
    error = refused(graph, samples=8)
    assert "takes at least" in str(error) and "it makes 74 positions in a row from 37" in str(error)


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


LINE = ValueType.of((1024, 1), 0, 1)


def test_ports_grow_only_as_far_as_the_interval_asks() -> None:
    assert [port_format(LINE, 8, most)[0] for most in (1 << 60, 128, 127, 64, 32, 1)] == [8, 8, 16, 16, 32, 64]
    assert port_format(LINE, 64, 1) == (8, 0)


@pytest.mark.parametrize("interval", [1 << 60, 255, 128, 40, 16])
def test_a_port_has_slack_only_where_no_word_that_divides_is_wide_enough(interval: int) -> None:
    line = ValueType.of((1020, 1), 0, 1)
    lanes, row = port_format(line, 8, interval)
    assert frame_words(1020, row, lanes) <= interval and (row in (0, 1020)) and (lanes <= 4) == (row == 0)
    assert (row > 0) == (interval < 255)


def test_no_word_of_a_port_by_rows_holds_parts_of_two() -> None:
    image = ValueType.of((10, 10, 1), 0, 1)
    assert port_format(image, 8, 25) == (4, 0)
    assert port_format(image, 8, 30, by_row=True) == (4, 10)
    assert port_format(image, 8, 50, by_row=True) == (2, 0)


def test_sample_counts_divide_every_width_or_are_powers_of_two() -> None:
    assert sample_counts(24, 36, whole=True) == [1, 2, 3, 4, 6, 12]
    assert sample_counts(24, 36) == [1, 2, 3, 4, 6, 8, 12, 16]
    assert sample_counts(17) == [1, 2, 4, 8, 16, 17]
    assert sample_counts(60) == [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 32]
