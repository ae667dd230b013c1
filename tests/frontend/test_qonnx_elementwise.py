"""Arithmetic with constants, BatchNormalization and activation functions in front of a quantiser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isobit.ir.ops import Step
from tests.frontend.qonnx_oracle import assert_exact, every_level
from tests.onnx_builder import Net

SIX = np.tile(every_level(6, 0.25), 3)  # every integer of three features
Change = Callable[[Net, str], str]
FUNCTIONS: dict[str, Change] = {
    "add": lambda net, x: net.op("Add", x, [0.3, -1.0, 0.125]),
    "add from the left": lambda net, x: net.op("Add", 0.3, x),
    "sub": lambda net, x: net.op("Sub", x, [[0.3, -1.0, 0.125]]),
    "sub from a constant": lambda net, x: net.op("Sub", [1.0, 0.0, -2.0], x),
    "mul": lambda net, x: net.op("Mul", x, [0.3, -1.5, 0.0]),
    "mul by a negative number": lambda net, x: net.op("Mul", -0.7, x),
    "div": lambda net, x: net.op("Div", x, [0.3, -1.5, 3.0]),
    "neg": lambda net, x: net.op("Neg", x),
    "relu": lambda net, x: net.op("Relu", x),
    "relu of a fall": lambda net, x: net.op("Relu", net.op("Mul", x, [-1.0, 1.0, -0.3])),
    "fall of a relu": lambda net, x: net.op("Mul", net.op("Relu", x), -0.9),
    "relu, then factors of both signs": lambda net, x: net.op("Mul", net.op("Relu", x), [-1.0, 1.0, 0.0]),
    "leaky": lambda net, x: net.op("LeakyRelu", x, alpha=0.1),
    "leaky of one eighth": lambda net, x: net.op("LeakyRelu", x, alpha=0.125),
    "leaky, default slope": lambda net, x: net.op("LeakyRelu", x),
    "leaky of slope zero": lambda net, x: net.op("LeakyRelu", x, alpha=0.0),
    "leaky steeper than one": lambda net, x: net.op("LeakyRelu", net.op("Mul", x, [1.0, -1.0, -0.3]), alpha=1.7),
    "prelu": lambda net, x: net.op("PRelu", x, [0.25, 0.5, 1.0]),
    "prelu with some slopes zero": lambda net, x: net.op("PRelu", net.op("Mul", x, [1.0, -1.0, -2.0]), [0.0, 0.0, 0.3]),
    "prelu, one slope": lambda net, x: net.op("PRelu", x, [0.2]),
    "clip": lambda net, x: net.op("Clip", x, -1.3, 2.5),
    "clip of quarters": lambda net, x: net.op("Clip", x, -1.25, 2.5),
    "clip of a fall": lambda net, x: net.op("Clip", net.op("Mul", x, -0.7), -1.3, 2.5),
    "clip below only": lambda net, x: net.op("Clip", x, -0.75),
    "clip above only": lambda net, x: net.op("Clip", x, "", 0.75),
    "clip to nothing": lambda net, x: net.op("Clip", x, 2.0, -1.0),
    "clips that do not meet": lambda net, x: net.op("Clip", net.op("Clip", x, 1.0, 2.0), -3.0, 0.25),
    "hard tanh": lambda net, x: net.op("Clip", net.op("Mul", x, 0.5), -1.0, 1.0),
    "hard sigmoid": lambda net, x: net.op("Clip", net.op("Add", net.op("Mul", x, 0.2), 0.5), 0.0, 1.0),
    "relu6": lambda net, x: net.op("Clip", net.op("Relu", x), 0.0, 6.0),
    "sigmoid": lambda net, x: net.op("Sigmoid", x),
    "sigmoid of a fall": lambda net, x: net.op("Sigmoid", net.op("Mul", x, -1.5)),
    "tanh": lambda net, x: net.op("Tanh", x),
    "tanh, scaled": lambda net, x: net.op("Add", net.op("Mul", net.op("Tanh", x), [-3.0, 2.0, 0.5]), 0.1),
    "swish-like chain": lambda net, x: net.op("Tanh", net.op("Relu", net.op("Sub", net.op("Sigmoid", x), 0.3))),
    "leaky, affine, clip": lambda net, x: net.op(
        "Clip", net.op("Add", net.op("Mul", net.op("LeakyRelu", x, alpha=0.2), -0.5), 0.75), -2.0, 1.0
    ),
    "leaky twice": lambda net, x: net.op("LeakyRelu", net.op("Sub", net.op("LeakyRelu", x, alpha=0.5), 1.0), alpha=0.5),
    "no-ops": lambda net, x: net.op("Dropout", net.op("Identity", x)),
}


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_before_a_quantiser(tmp_path: Path, name: str, signed: int) -> None:
    net = Net([1, 3])
    net.quant(FUNCTIONS[name](net, net.quant("x", 0.25, 0.0, 6)), 0.25, 0.0, 5, signed=signed)
    graph = assert_exact(net, tmp_path, SIX)
    assert sum(isinstance(node, Step) for node in graph.nodes) == 1


@pytest.mark.parametrize("name", ["relu of a fall", "leaky", "clip of a fall", "tanh", "prelu"])
@pytest.mark.parametrize("last", ["bipolar", "sign", "thresholds", "narrow"])
def test_function_before_other_quantisers(tmp_path: Path, name: str, last: str) -> None:
    net = Net([1, 3])
    y = net.op("Sub", FUNCTIONS[name](net, net.quant("x", 0.25, 0.0, 6)), [0.25, -0.5, 0.0])
    {
        "bipolar": lambda: net.bipolar(y, 0.4),
        "sign": lambda: net.op("Sign", y),
        "thresholds": lambda: net.op("MultiThreshold", y, [[-1.0, -0.5, 0.0, 1.25]], domain="qonnx.custom_op.general"),
        "narrow": lambda: net.quant(y, 0.3, 1.0, 3, narrow=1, rounding_mode="CEIL"),
    }[last]()
    assert_exact(net, tmp_path, SIX)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("epsilon", [1e-5, 0.0, 0.5])
def test_batch_normalisation(tmp_path: Path, epsilon: float, relu: bool) -> None:
    rng = np.random.default_rng(3)
    gamma, beta, mean = rng.normal(size=(3, 6))
    gamma[:3] = [-1.3, 0.0, -0.0]
    variance = np.array([4.0, 2.0, 0.25, 0.3, 1.0, 0.0625])
    net = Net([1, 6])
    y = net.op("BatchNormalization", net.quant("x", 0.25, 1.0, 6), gamma, beta, mean, variance, epsilon=epsilon)
    net.quant(net.op("Relu", y) if relu else y, 0.3, 0.0, 5, signed=int(not relu))
    assert_exact(net, tmp_path, np.tile(every_level(6, 0.25), 6))


def test_batch_normalisation_of_a_clamped_value(tmp_path: Path) -> None:
    net = Net([1, 3])
    y = net.op("Relu", net.quant("x", 0.25, 0.0, 6))
    y = net.op("BatchNormalization", y, [-1.0, 0.0, 2.0], [1.0, 0.3, -0.5], [0.5, 0.0, 1.0], [1.0, 4.0, 2.0])
    net.quant(net.op("Clip", y, -2.0, 1.5), 0.3, 0.0, 5)
    assert_exact(net, tmp_path, SIX)


def test_batch_normalisation_of_a_sequence_has_its_channels_on_axis_one(tmp_path: Path) -> None:
    net = Net([1, 2, 4])
    y = net.op("Transpose", net.quant("x", 0.25, 0.0, 5), perm=[0, 2, 1])
    y = net.op("BatchNormalization", y, *np.random.default_rng(0).uniform(0.5, 2, (4, 4)))
    net.quant(net.op("Transpose", y, perm=[0, 2, 1]), 0.5, 0.0, 5)
    assert_exact(net, tmp_path, np.random.default_rng(1).normal(0, 3, (20, 2, 4)))


def test_prelu_of_a_sequence(tmp_path: Path) -> None:
    net = Net([1, 2, 4])
    y = net.op("Transpose", net.quant("x", 0.25, 0.0, 5), perm=[0, 2, 1])
    net.quant(net.op("PRelu", y, [[0.1], [0.2], [0.5], [2.0]]), 0.5, 0.0, 5)
    assert_exact(net, tmp_path, np.random.default_rng(1).normal(0, 3, (20, 2, 4)))


def test_batch_normalisation_at_the_output(tmp_path: Path) -> None:
    net = Net([1, 3])
    net.op("BatchNormalization", net.quant("x", 0.1, 0.0, 6), *np.random.default_rng(2).uniform(0.5, 2, (4, 3)))
    assert_exact(net, tmp_path, SIX)


DYADIC = [
    "relu", "relu of a fall", "fall of a relu", "relu, then factors of both signs", "leaky of one eighth", "prelu",
    "clip of quarters", "clip below only", "clip above only", "clip to nothing", "relu6", "add", "mul", "neg",
]  # fmt: skip


@pytest.mark.parametrize("name", DYADIC)
def test_function_at_the_output(tmp_path: Path, name: str) -> None:
    # dyadic numbers, so that what stays on the host is exact in binary floating point
    net = Net([1, 3])
    FUNCTIONS[name](net, net.quant("x", 0.25, 0.0, 6))
    assert_exact(net, tmp_path, SIX)


def test_host_tail_keeps_the_order_of_the_file(tmp_path: Path) -> None:
    net = Net([1, 3])
    y = net.op("LeakyRelu", net.op("Sub", net.quant("x", 0.25, 0.0, 6), [1.0, 0.0, -2.0]), alpha=0.5)
    y = net.op("Add", net.op("Mul", y, [-2.0, 0.5, 4.0]), [0.25, 0.0, 1.0])
    y = net.op("Clip", y, -3.0, 2.75)
    y = net.op("Add", net.op("Mul", y, [-1.0, 0.0, 2.0]), 8.0)
    net.op("Relu", net.op("PRelu", y, [0.5, 1.0, 0.25]))
    graph = assert_exact(net, tmp_path, SIX)
    kinds = [op.kind for op in graph.outputs[0].host]
    assert kinds == ["leaky", "mul", "add", "clip", "mul", "add", "leaky", "clip"]


def test_float_operations_before_the_first_quantiser_stay_on_the_host(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    net = Net([1, 3])
    y = net.op("Div", net.op("Sub", "x", [0.1, 0.2, 0.3]), [0.3, 0.7, 1.1])
    y = net.op("Add", net.op("Mul", y, rng.normal(size=(1, 3))), 0.017)
    y = net.op("Relu", net.op("Clip", y, -4.0, 3.9))
    net.quant(y, 0.013, 3.0, 8)
    graph = assert_exact(net, tmp_path, rng.normal(size=(500, 3)))
    assert [op.kind for op in graph.inputs[0].host] == ["sub", "div", "mul", "add", "clip", "relu"]


@pytest.mark.parametrize("kind", ["Sum", "Mean"])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_sums_and_means_of_any_number(tmp_path: Path, kind: str, count: int) -> None:
    net, rng = Net([1, 4]), np.random.default_rng(1)
    first = net.quant("x", 0.25, 0.0, 6)
    others = [net.quant(net.op("Mul", first, 0.37), 0.3, 1.0, 5), first, net.quant(rng.normal(size=4), 0.1, 0.0, 4)]
    net.quant(net.op(kind, first, *others[: count - 1]), 0.4, 0.0, 7)
    assert_exact(net, tmp_path, rng.normal(size=(40, 4)) * 4)
