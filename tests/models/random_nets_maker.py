"""What random networks are made of: quantised tensors, random quantisers and weights, the choice of a source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.onnx_builder import Net

MOST_CHANNELS, MOST_ELEMENTS = 14, 700
_INT64: Any = np.int64


@dataclass(frozen=True)
class Value:
    """A quantised tensor: its shape without the batch and roughly how large its real values become.

    ``channel_scales`` says that its channels may have scales of their own.
    """

    name: str
    shape: tuple[int, ...]
    reach: float
    channel_scales: bool = False

    @property
    def channels(self) -> int:
        return self.shape[0]

    @property
    def spatial(self) -> tuple[int, ...]:
        return self.shape[1:]

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))


@dataclass
class Maker:
    """A network in the making: every tensor in ``values`` can be read by what follows."""

    rng: np.random.Generator
    net: Net
    values: list[Value] = field(default_factory=list)

    def pick(self, *choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def between(self, first: int, last: int) -> int:
        """A random integer; both ends are possible."""
        return int(self.rng.integers(first, last + 1))

    def ints(self, *values: int) -> str:
        """An int64 constant."""
        return self.net.const(values, _INT64)

    def source(self, channels: bool = False) -> Value:
        """A value made so far, the newest more often than the others; with ``channels`` any scales will do."""
        found = self.values if channels else [v for v in self.values if not v.channel_scales]
        if not found:
            x, scale = self.values[-1], self.scale(self.values[-1].reach, 5, True)
            found = [Value(self.net.quant(x.name, scale, 0.0, 5), x.shape, scale * 16)]
            self.values += found
        return found[-1] if self.chance(0.6) else self.pick(*found)

    def scale(self, reach: float, bits: int, signed: bool) -> float:
        """A scale with which integers of that width about cover ``reach``: a power of two or any float32."""
        free = reach / 2 ** (bits - signed) * self.rng.uniform(0.5, 1.2)
        return float(2.0 ** np.round(np.log2(free))) if self.chance(0.3) else float(np.float32(free))

    def quantise(self, name: str, shape: tuple[int, ...], reach: float, *, keep: bool = True) -> Value:
        """A random quantiser (also bipolar, shifted, per channel) on a tensor."""
        if self.chance(0.08):
            made = Value(self.net.bipolar(name, self.scale(reach, 2, True)), shape, reach)
        else:
            bits, signed = self.between(2, 6), self.chance(0.6)
            scale: Any = self.scale(reach, bits, signed)
            spread = len(shape) > 1 and self.chance(0.1)
            if spread:
                scale = (scale * self.rng.uniform(0.6, 1.5, (1, shape[0], *(1,) * len(shape[1:])))).astype(np.float32)
            zero = float(self.between(-2, 2)) if self.chance(0.15) and not spread else 0.0
            mode = self.pick("ROUND", "ROUND", "ROUND", "FLOOR", "CEIL", "HALF_UP", "DOWN")
            quantised = self.net.quant(name, scale, zero, bits, signed=int(signed), rounding_mode=mode)
            made = Value(quantised, shape, float(np.max(scale)) * 2 ** (bits - signed), spread)
        if keep:
            self.values.append(made)
        return made

    def activate(self, name: str, shape: tuple[int, ...], reach: float, *, keep: bool = True) -> Value:
        """Perhaps BatchNormalization, perhaps an activation function, then a quantiser."""
        if self.chance(0.4):
            name = self.normalise(name, shape[0], reach, negative=0.2)
        kind = self.pick("", "", "Relu", "Relu", "Relu", "LeakyRelu", "Clip", "Tanh", "Sigmoid")
        limits = (-0.3 * reach, 0.6 * reach) if kind == "Clip" else ()
        slope: dict[str, Any] = {"alpha": 0.125} if kind == "LeakyRelu" else {}
        name = self.net.op(kind, name, *limits, **slope) if kind else name
        return self.quantise(name, shape, min(reach, 1.0) if kind in ("Tanh", "Sigmoid") else reach, keep=keep)

    def normalise(self, name: str, channels: int, reach: float, *, negative: float) -> str:
        """BatchNormalization; ``negative`` is the share of channels that it turns over."""
        gamma = self.rng.uniform(0.5, 1.5, channels) * np.where(self.rng.random(channels) < negative, -1, 1)
        beta, mean = self.rng.normal(0, reach / 3, (2, channels))
        return self.net.op("BatchNormalization", name, gamma, beta, mean, self.rng.uniform(0.5, 2, channels))

    def weights(self, *shape: int) -> str:
        """Random quantised weights, outputs first."""
        if self.chance(0.12):
            return self.net.bipolar(self.rng.normal(size=shape), 0.25)
        bits = self.between(2, 6)
        scale: Any = 1.0 / 2 ** (bits - 1)
        if self.chance(0.5):
            scale = (scale * self.rng.uniform(0.5, 1.5, (shape[0], *(1,) * (len(shape) - 1)))).astype(np.float32)
        return self.net.quant(self.rng.normal(0, 0.5, shape), scale, 0.0, bits, narrow=int(self.chance(0.5)))

    def keep(self, name: str, like: Value, shape: tuple[int, ...]) -> None:
        """``name`` holds some of the elements of ``like``."""
        if 0 < int(np.prod(shape)) <= MOST_ELEMENTS:
            self.values.append(Value(name, shape, like.reach, like.channel_scales))
