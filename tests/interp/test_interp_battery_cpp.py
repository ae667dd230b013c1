"""The battery's graphs as C++ and as RTL: many small ones, side by side in one design, so that a compiler runs once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from isobit.backends.dataflow import lower, size_fifos
from isobit.backends.dataflow.backend import DATAFLOW
from isobit.backends.dataflow.planner import PlanRequest, plan_for
from isobit.build.folder import Build, Origin, write_build
from isobit.check.cosim.run import cosim
from isobit.errors import IsobitError
from isobit.hardware import load_board
from isobit.interp import run
from isobit.interp.reference import evaluate
from isobit.ir import Const, Graph, Input, Output, verify
from isobit.ir.types import IntArray
from isobit.passes import optimise
from tests.check.cosim.test_cosim import needs_verilator
from tests.interp import test_interp_battery as batteries
from tests.interp.battery import SEEDS, Battery
from tests.ir.random_graphs import random_inputs

BOARD, WHOLE = load_board("zcu104"), PlanRequest(share=1.0)
FRAMES = 4
BATTERIES: Mapping[str, type[Battery]] = {
    b.__name__: b
    for b in vars(batteries).values()
    if isinstance(b, type) and issubclass(b, Battery) and b is not Battery
}
BUILT = sorted(BATTERIES)


def renamed(graph: Graph, prefix: str) -> Graph:
    """The same graph with every name behind ``prefix``."""
    nodes = (replace(n, name=prefix + n.name, inputs=tuple(prefix + i for i in n.inputs)) for n in graph.nodes)
    return verify(Graph(tuple(nodes)))


def side_by_side(graphs: Iterable[Graph]) -> Graph:
    """One graph that holds them all, none of which reads another: inputs first, outputs last."""
    nodes = [n for i, g in enumerate(graphs) for n in renamed(g, f"g{i}_").nodes]
    return verify(Graph(tuple(sorted(nodes, key=lambda n: isinstance(n, Output) - isinstance(n, Input)))))


def buildable(battery: type[Battery], seeds: Iterable[int]) -> list[Graph]:
    """The battery's graphs, optimised, that the dataflow has templates for: the others are refused with E504."""
    made = []
    for seed in seeds:
        graph = optimise(battery().graph(seed))
        if any(isinstance(graph.by_name[i], Const) for n in graph.nodes if isinstance(n, Output) for i in n.inputs):
            continue
        try:
            lower(graph, plan_for(graph, BOARD, WHOLE))
        except IsobitError as error:
            assert error.code == "E504", error
            continue
        made.append(graph)
    return made


def built(graph: Graph, folder: Path, wanted: Mapping[str, IntArray]) -> Build:
    """A build of ``graph`` as it is; ``wanted`` becomes its golden vectors."""
    plan = plan_for(graph, BOARD, WHOLE)
    return write_build(
        folder / "build", graph, BOARD, plan, size_fifos(lower(graph, plan)), b"", Origin("battery"), wanted
    )


def simulated(graph: Graph, folder: Path) -> None:
    """The C++ of ``graph`` gives what interpreter and reference give, output by output, on random frames."""
    inputs = random_inputs(graph, Random(0), FRAMES)
    wanted = run(graph, inputs)
    for frame in range(FRAMES):
        meant = evaluate(graph, {name: array[frame] for name, array in inputs.items()})
        assert {n: v[frame].tolist() for n, v in wanted.items()} == {n: meant[n].tolist() for n in wanted}
    build = built(graph, folder, inputs | wanted)
    (folder / "scratch").mkdir()
    simulator = DATAFLOW.simulator(build.path, graph, build.design, "native", folder / "scratch", None)
    made = simulator.run(inputs, 120.0).outputs
    assert {n: v.tolist() for n, v in made.items()} == {n: v.tolist() for n, v in wanted.items()}


def test_graphs_side_by_side_compute_what_each_does_alone() -> None:
    graphs = [batteries.TestAdd().graph(0), batteries.TestTable().graph(1)]
    both = side_by_side(graphs)
    inputs = random_inputs(both, Random(1), FRAMES)
    values = run(both, inputs)
    for i, graph in enumerate(graphs):
        alone = run(graph, {n.name: inputs[f"g{i}_{n.name}"] for n in graph.inputs})
        assert {n: v.tolist() for n, v in alone.items()} == {n: values[f"g{i}_{n}"].tolist() for n in alone}


def test_one_graph_of_every_operation_is_its_cpp(tmp_path: Path) -> None:
    """The first graph of each battery that has a template, all in one program."""
    firsts = [buildable(BATTERIES[name], SEEDS)[:1] for name in BUILT]
    assert all(firsts), [name for name, found in zip(BUILT, firsts, strict=True) if not found]
    simulated(side_by_side(g for found in firsts for g in found), tmp_path)


@needs_verilator
def test_one_graph_of_every_operation_is_its_rtl(tmp_path: Path) -> None:
    """The same graphs as SystemVerilog, clock by clock."""
    firsts = [buildable(BATTERIES[name], SEEDS)[:1] for name in BUILT]
    graph = side_by_side(g for found in firsts for g in found)
    inputs = random_inputs(graph, Random(0), FRAMES)
    result = cosim(built(graph, tmp_path, inputs | run(graph, inputs)), FRAMES)
    assert (result.mismatches, result.mismatch) == (0, None)
    assert result.outputs == FRAMES * sum(graph.types[n.name].size for n in graph.outputs)


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILT)
def test_every_graph_of_an_operation_is_its_cpp(name: str, tmp_path: Path) -> None:
    graphs = buildable(BATTERIES[name], range(48))
    assert len(graphs) >= 8, f"{len(graphs)} of 48 graphs have templates"
    simulated(side_by_side(graphs[:24]), tmp_path)
