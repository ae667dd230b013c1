"""``--samples-per-clock`` and ``--target-ii`` on a one-dimensional network, through to both verdicts."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from isobit.build.folder import load_build
from tests.cli.runner import isobit
from tests.onnx_builder import Net

LENGTH = 64


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two padded convolutions of five taps with a ReLU between, on one channel."""
    rng = np.random.default_rng(4)
    net = Net((1, 1, LENGTH))
    x = net.quant("x", 0.1, bits=4)
    for inputs, outputs in ((1, 3), (3, 1)):
        weights = net.quant(rng.integers(-3, 4, (outputs, inputs, 5)), 1.0, bits=3)
        x = net.op("Conv", x, weights, kernel_shape=[5], pads=[2, 2])
        x = net.quant(net.op("Relu", x) if outputs > 1 else x, 0.5, bits=4, signed=int(outputs == 1))
    return net.save(tmp_path_factory.mktemp("samples"))


@pytest.mark.parametrize(("options", "interval", "samples"), [
    (("--samples-per-clock", "16"), 4, 16), (("--target-ii", "16"), 16, 4),
])  # fmt: skip
def test_a_rate_raises_the_samples(
    model: Path, tmp_path: Path, options: tuple[str, ...], interval: int, samples: int
) -> None:
    build = tmp_path / "build"
    done = isobit("compile", model, "-o", build, "--board", "zcu104", *options)
    assert done.status == 0, done.err
    plan = tomllib.loads((build / "plan.toml").read_text())
    assert plan["interval"] == interval
    assert max(layer.get("samples", 1) for layer in plan["layers"].values()) == samples
    assert isobit("csim", build, "-n", "50", "--checked").status == 0
    assert isobit("csim", build, "--bounded").status == 0


def test_the_plan_file_alone_brings_the_samples_back(model: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    isobit("compile", model, "-o", first, "--board", "zcu104", "--samples-per-clock", "8")
    isobit("compile", model, "-o", second, "--board", "zcu104", "--plan", first / "plan.toml")
    assert (first / "hls" / "top.cpp").read_text() == (second / "hls" / "top.cpp").read_text()
    assert {port.word_bits for port in load_build(second).ports} == {64}


def test_samples_need_not_divide_the_input(model: Path, tmp_path: Path) -> None:
    """64 samples at 12 a clock are six clocks at most; there is no more than 32 a clock."""
    done = isobit("compile", model, "-o", tmp_path / "build", "--board", "zcu104", "--samples-per-clock", "12")
    assert done.status == 0 and load_build(tmp_path / "build").manifest.estimate.interval <= 6
    refused = isobit("compile", model, "-o", tmp_path / "other", "--samples-per-clock", "33")
    assert refused.status == 2 and "32" in refused.err
    assert not (tmp_path / "other").exists()
