"""Random networks: whatever the importer accepts, it computes exactly; whatever it refuses has a code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from isobit.errors import IsobitError
from isobit.frontend.qonnx.importer import import_onnx
from isobit.numerics import Rounding
from tests.frontend.qonnx_oracle import assert_exact
from tests.onnx_builder import QONNX, Net

MODES = [mode.name for mode in Rounding]


class Maker:
    """Appends random operators to a network of shape (1, channels)."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.channels = rng.randint(1, 4)
        self.net = Net([1, self.channels])
        self.inputs = self.channels
        self.quantised: list[tuple[str, int]] = []

    def number(self) -> float:
        return self.rng.choice([0.0, -0.5, 1.0, -1.25, 0.3, 2.0, self.rng.uniform(-2, 2)])

    def numbers(self) -> list[float]:
        return [self.number() for _ in range(self.rng.choice([1, self.channels]))]

    def positives(self, least: float, most: float) -> list[float]:
        return [
            self.rng.choice([0.25, self.rng.uniform(least, most)]) for _ in range(self.rng.choice([1, self.channels]))
        ]

    def arithmetic(self, x: str) -> str:
        kind = self.rng.choice(["Add", "Sub", "Mul"])
        operands = (x, self.numbers()) if self.rng.random() < 0.7 else (self.numbers(), x)
        return self.net.op(kind, *operands)

    def divide(self, x: str) -> str:
        return self.net.op("Div", x, [v or 1.0 for v in self.numbers()])

    def clamp(self, x: str) -> str:
        if self.rng.random() < 0.5:
            return self.net.op("Relu", x)
        return self.net.op("Clip", x, *self.rng.choice([(self.number(),), (self.number(), self.number()), ("", 0.75)]))

    def leaky(self, x: str) -> str:
        if self.rng.random() < 0.5:
            return self.net.op("LeakyRelu", x, alpha=abs(self.number()))
        return self.net.op("PRelu", x, [abs(v) for v in self.numbers()])

    def smooth(self, x: str) -> str:
        return self.net.op(self.rng.choice(["Tanh", "Sigmoid"]), x)

    def normalise(self, x: str) -> str:
        rows = [[self.number() for _ in range(self.channels)] for _ in range(3)]
        variance = [self.rng.choice([1.0, 0.25, self.rng.uniform(0.1, 3)]) for _ in range(self.channels)]
        return self.net.op("BatchNormalization", x, *rows, variance)

    def quant(self, x: str) -> str:
        y = self.net.quant(
            x, self.positives(0.1, 0.9), self.rng.choice([0.0, 0.0, 1.0, -0.5]), self.rng.randint(1, 7),
            signed=self.rng.randint(0, 1), narrow=self.rng.randint(0, 1), rounding_mode=self.rng.choice(MODES),
        )  # fmt: skip
        self.quantised.append((y, self.channels))
        return y

    def threshold(self, x: str) -> str:
        rows = np.sort([[self.number() for _ in range(5)] for _ in range(self.rng.choice([1, self.channels]))], axis=1)
        return self.net.op("MultiThreshold", x, rows, domain=QONNX, out_scale=0.5, out_bias=self.number())

    def binarise(self, x: str) -> str:
        return self.net.bipolar(x, self.positives(0.1, 2)) if self.rng.random() < 0.5 else self.net.op("Sign", x)

    def dense(self, x: str) -> str:
        fan_in, self.channels = self.channels, self.rng.randint(1, 4)
        data = [[self.number() for _ in range(self.channels)] for _ in range(fan_in)]
        weights = self.net.quant(
            data, self.positives(0.1, 0.6), self.rng.choice([0.0, 0.0, 1.0]), self.rng.randint(1, 5)
        )
        return self.net.op("MatMul", x, weights)

    def join(self, x: str) -> str:
        others = [name for name, channels in self.quantised if channels == self.channels]
        return self.net.op(self.rng.choice(["Add", "Sub"]), x, self.rng.choice(others)) if others else self.quant(x)

    def concat(self, x: str) -> str:
        other, channels = self.rng.choice(self.quantised)
        self.channels += channels
        return self.net.op("Concat", x, other, axis=1)


STEPS: tuple[Callable[[Maker, str], str], ...] = (
    Maker.arithmetic, Maker.divide, Maker.clamp, Maker.leaky, Maker.smooth, Maker.normalise, Maker.quant,
    Maker.threshold, Maker.binarise, Maker.dense, Maker.join, Maker.concat,
)  # fmt: skip


def random_net(rng: Random) -> tuple[Net, int]:
    """A network that starts and ends with a quantiser, and its number of inputs."""
    m = Maker(rng)
    x = m.quant("x")
    for _ in range(rng.randint(1, 8)):
        x = rng.choice(STEPS)(m, x)
        if rng.random() < 0.3:
            x = m.quant(x)
    m.quant(x)
    return m.net, m.inputs


@settings(max_examples=150)
@given(st.integers(0, 2**32))
def test_random_networks(tmp_path_factory: object, seed: int) -> None:
    folder = tmp_path_factory.mktemp("net")  # type: ignore[attr-defined]
    check(folder, seed)


def check(folder: Path, seed: int) -> bool:
    """True when the network was accepted (and is exact)."""
    net, inputs = random_net(Random(seed))
    x = np.random.default_rng(seed).normal(0, 2, (24, inputs))
    try:
        import_onnx(net.save(folder))
    except IsobitError as error:
        assert error.code in {"E203", "E204"}
        return False
    assert_exact(net, folder, x)
    return True


def test_most_random_networks_are_accepted(tmp_path: Path) -> None:
    assert sum(check(tmp_path, seed) for seed in range(60)) > 30
