"""Builds to package, compiled once a session: ``compiled(net, board)``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isobit import demo
from isobit.backends.dataflow.planner import PlanRequest
from isobit.flow import compile_model
from tests.cli.runner import small_model
from tests.models.test_multiple_ports import two_by_three
from tests.onnx_builder import Net


def image_model(folder: Path) -> Path:
    """A convolution over channels-first images, a softmax on the host."""
    rng = np.random.default_rng(5)
    net = Net([1, 3, 6, 6], name="image")
    weights = net.quant(rng.normal(size=(4, 3, 3, 3)), 0.11, 0.0, 4)
    x = net.op("Conv", net.quant("image", 0.037, 3.0, 8, signed=0), weights, kernel_shape=[3, 3])
    x = net.quant(net.op("Relu", x), 0.41, 0.0, 4, signed=0)
    x = net.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = net.op("Flatten", x)
    x = net.op("MatMul", x, net.quant(rng.normal(size=(16, 5)), 0.2, 0.0, 4))
    return net.save(folder, net.op("Softmax", net.quant(x, 0.33, 0.0, 8), axis=-1))


def wide_model(folder: Path) -> Path:
    """A pointwise convolution, for several samples a clock: streams wider than 64 bits."""
    rng = np.random.default_rng(6)
    net = Net([1, 4, 4, 8], name="map")
    weights = net.quant(rng.normal(size=(2, 4, 1, 1)), 0.11, 0.0, 4)
    x = net.op("Conv", net.quant("map", 0.037, 3.0, 8, signed=0), weights, kernel_shape=[1, 1])
    return net.save(folder, net.quant(net.op("Relu", x), 0.41, 0.0, 4, signed=0))


def line_model(folder: Path, length: int = 44) -> Path:
    """Two convolutions along a line, the second at every other place; and samples that do not divide a frame."""
    rng = np.random.default_rng(8)
    net = Net([1, 1, length], name="line")
    weights = net.quant(rng.normal(size=(3, 1, 5)), 0.2, 0.0, 4)
    x = net.quant("line", 1.0, 0.0, 8, signed=0)
    x = net.op("Conv", x, weights, kernel_shape=[5], pads=[2, 2])
    x = net.quant(net.op("Relu", x), 40.0, 0.0, 4, signed=0)
    weights = net.quant(rng.normal(size=(2, 3, 4)), 0.2, 0.0, 4)
    x = net.op("Conv", x, weights, kernel_shape=[4], pads=[1, 1], strides=[2])
    return net.save(folder, net.quant(net.op("Relu", x), 60.0, 0.0, 4, signed=0))


def backbone_model(folder: Path) -> Path:
    """A convolution and the mean of its map over height and width: six features."""
    rng = np.random.default_rng(7)
    net = Net([1, 3, 4, 4], name="image")
    weights = net.quant(rng.normal(size=(6, 3, 3, 3)), 0.11, 0.0, 4)
    x = net.op("Conv", net.quant("image", 1 / 16, 0.0, 8, signed=0), weights, kernel_shape=[3, 3])
    x = net.op("GlobalAveragePool", net.quant(net.op("Relu", x), 0.5, 0.0, 4, signed=0))
    return net.save(folder, net.op("Flatten", x))


MODELS: dict[str, Callable[[Path], Path]] = {
    "one": small_model,
    "ports": two_by_three,
    "image": image_model,
    "demo": lambda _: Path(demo.MODEL),
    "wide": wide_model,
    "fewshot": backbone_model,
    "line": line_model,
    "padded": two_by_three,
}
REQUESTS = {"wide": PlanRequest(samples=8), "line": PlanRequest(samples=16), "padded": PlanRequest(interval=2)}
HEADS = {"fewshot": 4}


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The build folder of one of :data:`MODELS` for a board."""
    done: dict[tuple[str, str], Path] = {}

    def compile_once(net: str, board: str = "pynq-z1") -> Path:
        if (net, board) not in done:
            folder = tmp_path_factory.mktemp(net)
            request = REQUESTS.get(net, PlanRequest())
            model = MODELS[net](folder)
            compile_model(model, folder / "build", board=board, plan_request=request, head=HEADS.get(net, 0))
            done[net, board] = folder / "build"
        return done[net, board]

    return compile_once
