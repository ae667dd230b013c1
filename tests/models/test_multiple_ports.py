"""Several inputs and outputs through the whole flow: exact, and the end of a batch marked on every output."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

import isobit
from isobit.errors import IsobitError
from tests.onnx_builder import Net


def two_by_three(folder: Path) -> Path:
    """Inputs ``x`` (4) and ``y`` (3); outputs of a join, of one branch alone, and the selected class."""
    rng = np.random.default_rng(3)
    net = Net([1, 4])
    net.inputs.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3]))
    a = net.op("MatMul", net.quant("x", 0.1), net.quant(rng.normal(size=(4, 6)), 0.3, 0.0, 4))
    b = net.op("MatMul", net.quant("y", 0.7, 0.0, 4), net.quant(rng.normal(size=(3, 6)), 0.21, 0.0, 4))
    left, right = net.quant(a, 0.37, 0.0, 6), net.quant(net.op("Relu", b), 0.53, 0.0, 5, signed=0)
    joined = net.quant(net.op("Add", left, right), 0.9, 0.0, 6)
    best = net.op("ArgMax", joined, axis=1, keepdims=1)
    return net.save(folder, joined, right, best)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> isobit.Build:
    folder = tmp_path_factory.mktemp("ports")
    return isobit.compile(two_by_three(folder), folder / "build")


def test_every_output_is_exact(build: isobit.Build) -> None:
    assert [p.is_input for p in build.ports] == [True, True, False, False, False]
    result = isobit.csim(build, vectors=300)
    assert result.equal and result.source is not None and result.source.exact_outputs == 32 * 13
    assert [(r.outputs, r.mismatches) for r in result.runs] == [(300 * 13, 0)] * 2


def test_own_vectors_come_by_name(build: isobit.Build) -> None:
    rng = np.random.default_rng(0)
    vectors = {"x": rng.normal(size=(20, 4)), "y": rng.normal(size=(20, 3))}
    assert isobit.csim(build, vectors).equal
    with pytest.raises(IsobitError, match="one array for each input is needed: x, y"):
        isobit.csim(build, vectors["x"])
    with pytest.raises(IsobitError, match="needed: x, y; the file holds label, x"):
        isobit.csim(build, {"x": vectors["x"], "label": np.zeros(20)})
    with pytest.raises(IsobitError, match="different numbers of samples"):
        isobit.csim(build, vectors | {"y": vectors["y"][:5]})


def test_frames_overlap_in_the_bounded_simulation(build: isobit.Build) -> None:
    from isobit.check.csim.bounded import bounded_csim

    assert bounded_csim(build, 5).equal
