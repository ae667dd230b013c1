"""Convolutional Brevitas networks through both exporters, import, passes and interpreter, against exact arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from models.brevitas_conv_nets import CASES, FAST_CASES, ConvNet, Exporter

from isobit.check.source.exact.evaluate import evaluate_exact
from isobit.frontend.brevitas import export_module
from isobit.frontend.onnx.file import load_onnx
from isobit.frontend.qonnx.importer import import_onnx
from isobit.interp import quantise, run
from isobit.passes import optimise
from tests.frontend.qonnx_oracle import real_output


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Layers as small as these only wait for threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def check(net: ConvNet, exporter: Exporter, folder: Path, samples: int = 2) -> None:
    """The imported and the optimised graph give exactly the file's numbers, and not one number for all inputs."""
    path = export_module(net.build(), net.input_shape, folder / "net.onnx", exporter)
    x = net.inputs(samples, seed=5)
    model = load_onnx(path)
    (wanted,) = evaluate_exact(model.path, {model.inputs[0].name: x}).values()
    graph = import_onnx(path)
    for candidate in (graph, optimise(graph)):
        (node,), (output,) = candidate.inputs, candidate.outputs
        got = real_output(output, run(candidate, {node.name: quantise(node, x)})[output.name])
        assert got.shape == wanted.shape
        for index in np.ndindex(*got.shape):
            assert got[index] == wanted[index], index
    assert len(set(wanted.num.flat)) > 1


def test_names_are_unique() -> None:
    names = [net.name for net in CASES]
    assert sorted(set(names)) == sorted(names)


def test_a_network_is_always_the_same() -> None:
    net = FAST_CASES[5]
    first, second = (net.build().state_dict() for _ in range(2))
    assert all(bool((first[key] == second[key]).all()) for key in first)


@pytest.mark.parametrize("net", FAST_CASES, ids=lambda net: net.name)
def test_a_small_network_is_exact(net: ConvNet, tmp_path: Path) -> None:
    check(net, "torchscript", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("net", FAST_CASES, ids=lambda net: net.name)
def test_a_small_network_is_exact_by_the_other_exporter(net: ConvNet, tmp_path: Path) -> None:
    check(net, "dynamo", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("net", CASES, ids=lambda net: net.name)
def test_a_network_is_exact(net: ConvNet, tmp_path: Path) -> None:
    check(net, "torchscript", tmp_path, samples=1)
