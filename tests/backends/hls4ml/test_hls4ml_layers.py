"""Every layer of an hls4ml project holds the interpreter's integers: random graphs of all operations, both io types."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from backends.hls4ml.projects import expressible, side_by_side, simulated, varied, wrong_values

from isobit.backends.hls4ml.design import IoType
from isobit.backends.hls4ml.plan import Request
from isobit.passes import optimise
from tests.ir.random_graphs import random_graph, random_inputs

FRAMES = 8
OPERATIONS = {"linear", "add", "step", "table", "maxpool", "concat", "reindex", "select"}
"""What every project of many graphs has at the least."""


def compare(io_type: IoType, seeds: range, folder: Path) -> None:
    """Graphs of these seeds in one project, as they are and after all passes, built in every way at random."""
    request = Request(io_type=io_type)
    graphs = [random_graph(Random(seed)) for seed in seeds]
    chosen = [g for g in (*graphs, *map(optimise, graphs[::3])) if expressible(g, request)]
    graph = side_by_side(chosen)
    integers = random_inputs(graph, Random(seeds[0]), FRAMES)
    done = simulated(graph, varied(graph, request, Random(seeds[0])), integers, folder)
    traced = {graph.by_name[name].op for name in done.taps}
    assert traced >= OPERATIONS
    assert wrong_values(graph, integers, done) == []


def test_parallel(tmp_path: Path) -> None:
    compare("io_parallel", range(32, 48), tmp_path)


def test_stream(tmp_path: Path) -> None:
    compare("io_stream", range(32, 48), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(100, 1000, 50))
@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_many(io_type: IoType, first: int, tmp_path: Path) -> None:
    compare(io_type, range(first, first + 50), tmp_path)
