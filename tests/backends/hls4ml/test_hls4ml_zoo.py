"""The zoo of Brevitas networks as hls4ml projects, many in one: every layer holds the interpreter's integers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from backends.hls4ml.projects import side_by_side, simulated, wrong_values

from isobit.backends.hls4ml.design import IoType
from isobit.backends.hls4ml.plan import Request
from isobit.flow import import_source
from isobit.frontend.brevitas import export_module
from isobit.ir import Graph
from isobit.passes import optimise
from tests.ir.random_graphs import random_inputs

pytest.importorskip("brevitas")
FRAMES = 16


def graphs(nets: Sequence[Any], folder: Path) -> list[Graph]:
    """The networks' graphs after all passes."""
    found = []
    for net in nets:
        file, shape = folder / f"{net.name}.onnx", getattr(net, "input_shape", None) or (net.sizes[0],)
        export_module(net.build(), shape, file, "torchscript")
        found.append(optimise(import_source(file)))
    return found


def compare(nets: Sequence[Any], io_type: IoType, folder: Path) -> None:
    """All networks in one project."""
    graph = side_by_side(graphs(nets, folder))
    integers = random_inputs(graph, Random(1), FRAMES)
    assert wrong_values(graph, integers, simulated(graph, Request(io_type=io_type), integers, folder)) == []


@pytest.mark.slow
@pytest.mark.parametrize("family", ["small", "jet", "tfc"])
def test_dense_networks(family: str, tmp_path: Path) -> None:
    from models.brevitas_nets import CASES

    compare([net for net in CASES if net.name.startswith(f"{family}_")], "io_parallel", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_convolutional_networks(part: int, tmp_path: Path) -> None:
    from models.brevitas_conv_nets import FAST_CASES

    compare(FAST_CASES[part::4], "io_stream", tmp_path)
