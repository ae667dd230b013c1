"""Random networks at the highest rate that is legal for them: several samples per clock, exact in C++."""

from __future__ import annotations

from pathlib import Path

import pytest

from isobit.backends.dataflow import lower, size_fifos
from isobit.backends.dataflow.planner import Plan, PlanRequest, plan_for
from isobit.build.folder import Origin, write_build
from isobit.check.csim.bounded import bounded_csim
from isobit.check.csim.stimuli import vectors_for
from isobit.errors import IsobitError
from isobit.frontend.onnx.file import load_onnx
from isobit.frontend.qonnx.importer import import_model
from isobit.hardware import load_board
from isobit.interp import run
from isobit.ir import Graph
from isobit.passes import optimise
from tests.models.random_nets import random_network
from tests.onnx_builder import save

BOARD = load_board("zcu104")


def fastest(graph: Graph) -> Plan:
    """The plan at the least power of two clocks per frame that is legal and fits."""
    interval = 1
    while True:
        try:
            return plan_for(graph, BOARD, PlanRequest(share=1.0, interval=interval))
        except IsobitError:
            interval *= 2


def check(seed: int, folder: Path) -> None:
    graph = optimise(import_model(load_onnx(save(random_network(seed), folder)), None))
    plan = fastest(graph)
    vectors = vectors_for(graph, 2, seed)
    expected = vectors | run(graph, vectors)
    design = size_fifos(lower(graph, plan))
    build = write_build(folder / "build", graph, plan.board, plan, design, b"", Origin("random"), expected)
    assert bounded_csim(build, 3).equal


@pytest.mark.parametrize("seed", range(4))
def test_a_random_network_is_exact_at_its_highest_rate(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4, 60))
def test_many_random_networks_are_exact_at_their_highest_rate(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path)
