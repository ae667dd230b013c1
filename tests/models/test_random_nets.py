"""Random networks through import, passes and interpreter: every output equals exact rational arithmetic."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from isobit.backends.dataflow.catalogue import CATALOGUE
from isobit.check.source.exact.evaluate import evaluate_exact
from isobit.frontend.qonnx.importer import import_onnx
from isobit.interp import quantise, run
from isobit.ir.ops import OPS
from isobit.passes import optimise
from tests.frontend.qonnx_oracle import real_output
from tests.models.random_nets import random_images, random_network
from tests.models.random_nets_census import census
from tests.onnx_builder import save


def check(seed: int, folder: Path) -> None:
    """The imported and the optimised graph against the file."""
    model = random_network(seed)
    path = save(model, folder)
    x = random_images(model, seed)
    wanted = evaluate_exact(path, x)
    graph = import_onnx(path)
    for candidate in (graph, optimise(graph)):
        integers = run(candidate, {node.name: quantise(node, x[node.outside]) for node in candidate.inputs})
        for node in candidate.outputs:
            got, exact = real_output(node, integers[node.name]), wanted[node.outside]
            assert got.shape == exact.shape, (seed, node.outside)
            for index in product(*(range(n) for n in got.shape)):
                assert got[index] == exact[index], (seed, node.outside, index)


@pytest.mark.parametrize("seed", range(30))
def test_a_random_network_is_exact(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30, 530))
def test_many_random_networks_are_exact(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path)


SOURCE = """
Add ArgMax AveragePool BatchNormalization BipolarQuant Clip Concat Conv ConvTranspose Flatten Gather GlobalMaxPool
LeakyRelu MatMul MaxPool Neg Pad Quant ReduceMean Relu Reshape Resize Sigmoid Slice Split Sub Tanh TopK Transpose
""".split()
GRAPH = tuple(op for op in OPS if op != "product")  # gates have networks of their own (test_gated_nets.py)
KINDS = (
    "1-D convolution", "2-D convolution", "dense", "grouped convolution", "depthwise convolution",
    "depthwise convolution with a multiplier", "dilated convolution", "strided convolution", "sum of a window",
    "sum of unrelated scales", "sum with scales per channel", "difference", "concat of channels", "concat of pixels",
    "channel concat of three or more", "pixel concat of three or more", "reshape", "slice", "reordering",
    "two inputs", "two outputs", "image one pixel wide",
)  # fmt: skip
RARE = ("DepthToSpace", "GlobalAveragePool", "SpaceToDepth", "upsampling", "upsample.hpp")
# Rows of several samples come from the plans of test_random_nets_samples.py, weights on a stream from those of a head,
# ties to even from 16-bit sums (test_half_even.py).
_ELSEWHERE = ("parallel", "product", "streamed", "upsample", "half_even")
TEMPLATES = tuple(f"{name}.hpp" for name in CATALOGUE if not any(word in name for word in _ELSEWHERE))


@pytest.mark.parametrize(
    ("seeds", "least", "wanted"),
    [
        (range(30), 1, (*SOURCE, *GRAPH, *KINDS, *TEMPLATES)),
        pytest.param(range(30, 530), 5, (*SOURCE, *GRAPH, *KINDS, *TEMPLATES, *RARE), marks=pytest.mark.slow),
    ],
)
def test_the_seeds_reach_every_operator_kind_and_template(seeds: range, least: int, wanted: tuple[str, ...]) -> None:
    found = census(seeds)
    assert {name: found[name] for name in wanted if found[name] < least} == {}


def test_the_same_seed_makes_the_same_network() -> None:
    assert random_network(5).SerializeToString() == random_network(5).SerializeToString()
    first, second = (random_images(random_network(5), seed)["x"] for seed in (1, 2))
    assert not np.array_equal(first, second)
