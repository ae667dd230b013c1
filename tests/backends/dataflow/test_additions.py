"""Weights that are constants of the logic, as additions: the same integers, no multiplier, a vector a clock."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from backends.dataflow.sampled_nets import Net, peak_detector
from backends.dataflow.sampled_nets import built as built_net

import isobit
from isobit.backends.dataflow.catalogue.additions import additions
from isobit.backends.dataflow.layer import LayerPlan
from isobit.backends.dataflow.planner import LayerChoice, PlanRequest, plan_for
from isobit.backends.dataflow.planner.foldings import MAX_UNROLL
from isobit.check.cosim.run import cosim
from isobit.check.csim.bounded import bounded_csim
from isobit.check.csim.clocks import design_of
from isobit.errors import IsobitError
from isobit.frontend.qonnx.importer import import_onnx
from isobit.hardware import load_board
from isobit.ir import Graph
from isobit.ir.ops import Const, Linear, frozen_ints
from isobit.passes import optimise
from tests.check.cosim.test_cosim import needs_verilator
from tests.onnx_builder import mlp

BOARD = load_board("zcu104")


def network(folder: Path, *sizes: int, bits: int = 5) -> Path:
    """A quantised MLP with negative slopes, so that some rows are negated."""
    scales = [0.25, *[0.2, 0.5] * (len(sizes) - 1)]
    return mlp(np.random.default_rng(1), sizes, scales=scales, bits=bits, batch_norm=True).save(folder)


def graph_of(folder: Path, *sizes: int, bits: int = 5) -> Graph:
    return optimise(import_onnx(network(folder, *sizes, bits=bits)))


def linears(graph: Graph) -> list[Linear]:
    return [n for n in graph.nodes if isinstance(n, Linear)]


def built(graph: Graph, **choice: object) -> LayerPlan:
    """The plan of the first layer under ``choice``."""
    first = linears(graph)[0].name
    return plan_for(graph, BOARD, PlanRequest(layers={first: LayerChoice(**choice)})).layers[first]  # type: ignore[arg-type]


def test_cpp_is_graph_and_source_at_one_clock_a_frame(tmp_path: Path) -> None:
    build = isobit.compile(network(tmp_path, 8, 8, 6, 4), tmp_path / "build", board=BOARD, target_ii=1)
    design = design_of(build)
    assert [p.template for p in design.processes].count("constant_dense") == 3
    assert design.interval == 1
    assert isobit.csim(build, vectors=64, checked=True).equal
    plan = tmp_path / "build" / "plan.toml"
    again = isobit.compile(tmp_path / "model.onnx", tmp_path / "again", board=BOARD, plan=plan)
    assert (tmp_path / "again" / "plan.toml").read_bytes() == plan.read_bytes()
    assert design_of(again).interval == 1


@needs_verilator
def test_rtl_is_graph_at_the_declared_clocks(tmp_path: Path) -> None:
    build = isobit.compile(network(tmp_path, 8, 6, 4), tmp_path / "build", board=BOARD, target_ii=1)
    result = cosim(build, 6)
    assert (result.mismatches, result.interval, result.latency) == (0, 1, result.declared_latency)


def test_additions_are_taken_where_they_cost_less(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, 8, 8, 4)
    whole = built(graph, pe=8, simd=8)
    assert (whole.implementation, whole.multiplier, whole.cost.dsp, whole.memory) == ("constant_dense", "adders", 0, "")
    assert [w.implementation for w in whole.multipliers] == ["adders", "single"]
    assert whole.cost.weight < whole.multipliers[1].cost.weight
    single = built(graph, pe=8, simd=8, multiplier="single")
    assert (single.implementation, single.multiplier) == ("dense", "single")
    assert single.cost == whole.multipliers[1].cost
    assert built(graph, pe=4, simd=8).implementation == "dense"  # two rows of weights are a memory


def test_additions_of_weights_in_a_memory_are_refused(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, 8, 8, 4)
    with pytest.raises(IsobitError, match="at PE 8 and SIMD 8 alone") as caught:
        built(graph, pe=4, simd=8, multiplier="adders")
    assert (caught.value.code, caught.value.where) == ("E503", linears(graph)[0].name)


def test_more_products_than_a_unit_multiplies_are_additions(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, 64, 24, 4, bits=3)
    first = linears(graph)[0]
    pe = graph.types[first.name].channels
    assert 64 * pe > MAX_UNROLL
    layer = built(graph, multiplier="adders")
    assert (layer.implementation, layer.pe, layer.simd, layer.cost.dsp) == ("constant_dense", pe, 64, 0)
    assert [w.implementation for w in layer.multipliers] == ["adders"]
    asked = plan_for(graph, BOARD, PlanRequest(interval=1)).layers[first.name]
    assert asked.implementation == "constant_dense"  # nothing else is as fast
    assert built(graph).implementation == "dense"
    assert built(graph, pe=pe, simd=64) == layer  # unasked
    with pytest.raises(IsobitError, match=f"{64 * pe} products in one unit are more than 1024") as caught:
        built(graph, pe=pe, simd=64, multiplier="single")
    assert (caught.value.code, caught.value.where) == ("E503", first.name)


def test_what_neighbouring_windows_share_is_summed_once() -> None:
    """Four sums of four neighbours: x1 + x2, x3 + x4 and so on are parts of two of them."""
    net = Net(64, 1)
    conv = net.conv(net.head, 1, (4,), pad=0)
    graph = net.graph(conv)
    ones = Const(name=graph.by_name[conv].inputs[1], value=frozen_ints(np.ones((1, 4, 1), dtype=np.int64)))
    graph = Graph(tuple(ones if n.name == ones.name else n for n in graph.nodes))
    (node,) = linears(graph)
    assert len(additions(graph, node).adders) == 3
    assert len(additions(graph, node, 4).adders) < 4 * 3


@pytest.mark.parametrize("samples", [1, 2, 8])
def test_blocks_of_a_line_are_additions(samples: int, tmp_path: Path) -> None:
    """61 samples, which 2 and 8 do not divide."""
    request = PlanRequest(share=1.0, samples=samples, interval=-(-61 // samples))
    build, plan = built_net(peak_detector(61), tmp_path / "build", request)
    found = [n for n in linears(build.graph) if plan.layers[n.name].implementation == "parallel_constant_dense"]
    assert found and all(plan.layers[n.name].cost.dsp == 0 for n in found)
    assert bounded_csim(build, 3).equal


def test_the_matrix_of_a_block_is_that_of_its_windows(tmp_path: Path) -> None:
    """Two dimensions, strides and dilation: what ``block.hpp`` lays side by side."""
    net = Net(9, 12, 2)
    x = net.conv(net.relu(net.conv(net.head, 2, (2, 3), stride=2, pad=0)), 2, (2, 2), dilation=2)
    request = PlanRequest(share=1.0, samples=4)
    build, plan = built_net(net.graph(x), tmp_path / "build", request)
    choices = {n.name: LayerChoice(multiplier="adders") for n in linears(build.graph) if plan.layers[n.name].parallel}
    asked, plan = built_net(build.graph, tmp_path / "asked", replace(request, layers=choices))
    assert {plan.layers[name].implementation for name in choices} == {"parallel_constant_dense"}
    assert bounded_csim(asked, 3).equal


@pytest.mark.slow
def test_a_tagger_of_jets_takes_a_frame_every_clock(tmp_path: Path) -> None:
    """16 features, 64, 32, 32 and 8 outputs, all of 8 bits: 4,352 products, 1,728 DSPs on the board."""
    graph = graph_of(tmp_path, 16, 64, 32, 32, 8, bits=8)
    plan = plan_for(graph, BOARD, PlanRequest(interval=1))
    assert {plan.layers[n.name].implementation for n in linears(graph)} == {"constant_dense"}
    assert plan.interval == 1 and plan.cost.fits(BOARD, 0.6)
    assert sum(len(additions(graph, n).adders) for n in linears(graph)) < 5500
