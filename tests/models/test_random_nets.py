"""Random networks through import, passes and interpreter: every output equals exact rational arithmetic."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from isobit.check.source_exact import evaluate_exact
from isobit.frontend.onnx_file import load_onnx
from isobit.frontend.qonnx import import_onnx
from isobit.interp import quantise, run
from isobit.passes import optimise
from tests.frontend.qonnx_oracle import real_output
from tests.models.random_nets import random_images, random_network
from tests.onnx_builder import save


def check(seed: int, folder: Path) -> set[str]:
    """The imported and the optimised graph against the file; the operators of the file that were there."""
    model = random_network(seed)
    path = save(model, folder)
    x = random_images(model, seed)
    wanted = evaluate_exact(load_onnx(path), {"x": x})
    graph = import_onnx(path)
    for candidate in (graph, optimise(graph)):
        integers = run(candidate, {node.name: quantise(node, x) for node in candidate.inputs})
        for node in candidate.outputs:
            got, exact = real_output(node, integers[node.name]), wanted[node.outside]
            assert got.shape == exact.shape, (seed, node.outside)
            for index in product(*(range(n) for n in got.shape)):
                assert got[index] == exact[index], (seed, node.outside, index)
    return {node.op_type for node in model.graph.node}


@pytest.mark.parametrize("seed", range(30))
def test_a_random_network_is_exact(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30, 530))
def test_many_random_networks_are_exact(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path)


def test_the_fast_seeds_reach_every_operator_and_shape() -> None:
    models = [random_network(seed) for seed in range(30)]
    found = {node.op_type for model in models for node in model.graph.node}
    wanted = "Add ArgMax AveragePool BatchNormalization BipolarQuant Concat Conv ConvTranspose MaxPool Pad Quant Relu"
    wanted += " Resize Slice Split Transpose"
    assert set(wanted.split()) <= found
    sides = {d.dim_value for model in models for d in model.graph.input[0].type.tensor_type.shape.dim[2:]}
    assert {1, 7} <= sides


def test_the_same_seed_makes_the_same_network() -> None:
    assert random_network(5).SerializeToString() == random_network(5).SerializeToString()
    assert not np.array_equal(random_images(random_network(5), 1), random_images(random_network(5), 2))
