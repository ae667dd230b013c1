"""Random graphs of all thirteen operations as files: whoever runs one computes the interpreter's integers."""

from __future__ import annotations

import io
from pathlib import Path
from random import Random

import numpy as np
import onnx
import pytest

from isobit.frontend.qonnx.importer import import_onnx
from isobit.interchange.arrays import npz_bytes, run_arrays
from isobit.interchange.border import outside
from isobit.interchange.c99 import c_header
from isobit.interchange.execute import ORT_LEVELS, run_ort, run_qonnx, run_reference
from isobit.interchange.execute_c import c_compiler, run_c
from isobit.interchange.onnx_file import onnx_model, read_exported
from isobit.interchange.qonnx_file import qonnx_model
from isobit.interp import quantise, run
from isobit.ir import OPS, Graph, print_graph
from isobit.ir.types import IntArray
from isobit.passes import optimise
from tests.ir.random_graphs import random_graph, random_inputs
from tests.models.random_nets import random_images, random_network
from tests.onnx_builder import save

SAMPLES = 3


def check(graph: Graph, integers: dict[str, IntArray], in_c: bool) -> None:
    given, wanted = outside(graph, integers), outside(graph, run(graph, integers))
    plain, domain, npz = onnx_model(graph), qonnx_model(graph), npz_bytes(graph)
    onnx.checker.check_model(plain)
    data = plain.SerializeToString()
    assert {node.domain for node in plain.graph.node} == {""}
    found = {level: run_ort(data, given, level) for level in ORT_LEVELS}
    found["reference"] = run_reference(data, given)
    found["qonnx"] = run_qonnx(domain.SerializeToString(), given)
    with np.load(io.BytesIO(npz)) as file:
        found["npz"] = run_arrays(file, given)
    if in_c:
        found["c"] = run_c(graph, c_header(graph), "isobit_net", given, c_compiler())
    for by, outputs in found.items():
        assert outputs.keys() == wanted.keys()
        for name, array in wanted.items():
            assert outputs[name].shape == array.shape and np.array_equal(outputs[name], array), (by, name)


def graph_of(seed: int) -> tuple[Graph, dict[str, IntArray]]:
    graph = random_graph(Random(seed), 6)
    return graph, random_inputs(graph, Random(seed), SAMPLES)


@pytest.mark.parametrize("seed", range(40))
def test_every_program_computes_the_same(seed: int) -> None:
    check(*graph_of(seed), in_c=seed < 16)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40, 400))
def test_every_program_computes_the_same_of_many(seed: int) -> None:
    check(*graph_of(seed), in_c=True)


def test_the_seeds_reach_every_operation() -> None:
    """Those that are compiled as C, too."""
    assert {node.op for seed in range(16) for node in graph_of(seed)[0].nodes} == set(OPS)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("raw", [True, False], ids=["imported", "optimised"])
def test_networks_keep_the_layout_of_their_source(seed: int, raw: bool, tmp_path: Path) -> None:
    model = random_network(seed)
    imported = import_onnx(save(model, tmp_path))
    graph, images = imported if raw else optimise(imported), random_images(model, seed)
    integers = {node.name: quantise(node, images[node.outside]) for node in graph.inputs}
    check(graph, {name: x[:SAMPLES] for name, x in integers.items()}, in_c=seed < 3 and not raw)


@pytest.mark.parametrize("seed", range(20))
def test_an_exported_file_is_read_back(seed: int, tmp_path: Path) -> None:
    graph, _ = graph_of(seed)
    path = tmp_path / "out.onnx"
    path.write_bytes(onnx_model(graph).SerializeToString())
    again = read_exported(path)
    assert again.digest == graph.digest and print_graph(again) == print_graph(graph)


def test_the_same_graph_makes_the_same_bytes() -> None:
    graph, _ = graph_of(3)
    for make in (onnx_model, qonnx_model):
        assert make(graph).SerializeToString() == make(graph).SerializeToString()
    assert npz_bytes(graph) == npz_bytes(graph) and c_header(graph) == c_header(graph)
