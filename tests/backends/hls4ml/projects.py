"""Many graphs in one hls4ml project, so that the compiler runs once, and what its trace says of every value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np

from isobit.backends.base import TAPPED, Simulation
from isobit.backends.hls4ml.backend import HLS4ML
from isobit.backends.hls4ml.design import IoType
from isobit.backends.hls4ml.plan import LayerRequest, Request, bodies, resource_factors
from isobit.backends.hls4ml.windows import is_separate
from isobit.errors import IsobitError
from isobit.hardware import Board, load_board
from isobit.interp import run
from isobit.ir import Graph, verify
from isobit.ir.ops import Linear, Step
from isobit.ir.types import IntArray

BOARD = load_board("pynq-z1")
IO_TYPES: tuple[IoType, ...] = ("io_parallel", "io_stream")


def side_by_side(graphs: Iterable[Graph]) -> Graph:
    """All graphs as one, with names of their own."""
    nodes = [
        replace(node, name=f"g{i}_{node.name}", inputs=tuple(f"g{i}_{name}" for name in node.inputs))
        for i, graph in enumerate(graphs)
        for node in graph.nodes
    ]
    return verify(Graph(tuple(nodes)))


def expressible(graph: Graph, request: Request, board: Board = BOARD) -> bool:
    """Can the back end build the graph? If not it says so by name, and names the layer."""
    try:
        HLS4ML.lower(graph, HLS4ML.plan(graph, board, request), request)
    except IsobitError as error:
        assert error.code == "E504" and error.where in graph.by_name
        return False
    return True


def varied(graph: Graph, request: Request, rng: Random, board: Board = BOARD) -> Request:
    """The request with strategies, reuse factors and bodies of steps at random among those that are possible."""
    layers = {}
    io_type = HLS4ML.plan(graph, board, request).io_type
    for node in graph.nodes:
        if isinstance(node, Step):
            found = [c.implementation for c in bodies(graph, node, 1, board) if c.possible]
            layers[node.name] = LayerRequest(implementation=rng.choice(found))
        elif isinstance(node, Linear) and not is_separate(graph, node, io_type) and rng.random() < 0.5:
            layers[node.name] = LayerRequest("Resource", rng.choice(resource_factors(graph, node, io_type)))
    return replace(request, layers=layers)


def simulated(
    graph: Graph, request: Request, integers: Mapping[str, IntArray], folder: Path, board: Board = BOARD
) -> Simulation:
    """A traced run of the project that the back end writes."""
    plan = HLS4ML.plan(graph, board, request)
    design = HLS4ML.lower(graph, plan, request)
    vectors = {name: array[:2] for name, array in (dict(integers) | run(graph, integers)).items()}
    for name, content in HLS4ML.write(plan, design, "a test", vectors).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    simulator = HLS4ML.simulator(folder, graph, design, TAPPED, folder, None)
    try:
        return simulator.run(integers, 300)
    finally:
        simulator.stop()


def wrong_values(graph: Graph, integers: Mapping[str, IntArray], done: Simulation) -> list[str]:
    """The values of the graph of which the run has other integers than the interpreter."""
    wanted = run(graph, integers, taps=True)
    assert {node.name for node in graph.outputs} == done.outputs.keys()
    got = {**done.taps, **done.outputs}
    return [name for name in got if not np.array_equal(got[name], wanted[name])]
