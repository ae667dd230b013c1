"""Random legal QONNX networks: branching, every operator, odd shapes, prime channel counts, images one pixel wide.

:func:`random_network` is a function of its seed alone. Every tensor that is kept for later has passed a quantiser whose
range fits what reaches it, so that integers vary all the way to the outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx

from tests.onnx_builder import Net

_CHANNELS = (1, 2, 3, 4, 5, 7)
_SIDES = (1, 2, 3, 4, 5, 6, 7, 9)
_MOST_CHANNELS, _MOST_ELEMENTS = 14, 700
_INT64: Any = np.int64


@dataclass(frozen=True)
class _Value:
    """A quantised tensor: its shape without the batch and roughly how large its real values become."""

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


@dataclass
class _Maker:
    rng: np.random.Generator
    net: Net
    values: list[_Value] = field(default_factory=list)

    def pick(self, *choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def ints(self, *values: int) -> str:
        return self.net.const(values, _INT64)

    def source(self, channels: bool = False) -> _Value:
        """A value made so far, the newest more often than the others."""
        found = self.values if channels else [v for v in self.values if not v.channel_scales] or self.values
        return found[-1] if self.chance(0.6) else found[int(self.rng.integers(len(found)))]

    # ------------------------------------------------------------------------------------------------- quantisers

    def scale(self, reach: float, bits: int, signed: bool) -> float:
        free = reach / 2 ** (bits - signed) * self.rng.uniform(0.5, 1.2)
        return float(2.0 ** np.round(np.log2(free))) if self.chance(0.3) else float(np.float32(free))

    def quantise(self, name: str, shape: tuple[int, ...], reach: float, *, keep: bool = True) -> _Value:
        """A random quantiser (also bipolar, shifted, per channel) on a tensor."""
        if self.chance(0.08):
            made = _Value(self.net.bipolar(name, self.scale(reach, 2, True)), shape, reach)
        else:
            bits, signed = int(self.rng.integers(2, 7)), self.chance(0.6)
            scale: Any = self.scale(reach, bits, signed)
            spread = len(shape) > 1 and self.chance(0.1)
            if spread:
                scale = (scale * self.rng.uniform(0.6, 1.5, (1, shape[0], *(1,) * len(shape[1:])))).astype(np.float32)
            zero = float(self.rng.integers(-2, 3)) if self.chance(0.15) and not spread else 0.0
            mode = self.pick("ROUND", "ROUND", "ROUND", "FLOOR", "CEIL", "HALF_UP", "DOWN")
            quantised = self.net.quant(name, scale, zero, bits, signed=int(signed), rounding_mode=mode)
            made = _Value(quantised, shape, float(np.max(scale)) * 2 ** (bits - signed), spread)
        if keep:
            self.values.append(made)
        return made

    def weights(self, *shape: int) -> str:
        if self.chance(0.12):
            return self.net.bipolar(self.rng.normal(size=shape), 0.25)
        bits = int(self.rng.integers(2, 7))
        scale: Any = 1.0 / 2 ** (bits - 1)
        if self.chance(0.5):
            scale = (scale * self.rng.uniform(0.5, 1.5, (shape[0], *(1,) * (len(shape) - 1)))).astype(np.float32)
        return self.net.quant(self.rng.normal(0, 0.5, shape), scale, 0.0, bits, narrow=int(self.chance(0.5)))

    # -------------------------------------------------------------------------------------------------- operators

    def convolution(self) -> None:
        x = self.source(channels=True)
        depthwise = self.chance(0.3)
        groups = x.channels if depthwise else self.pick(1, 1, *(g for g in (2, 3) if x.channels % g == 0))
        outputs = groups * int(self.rng.integers(1, max(2, 8 // groups) + 1))
        if x.spatial == () or outputs > _MOST_CHANNELS:
            return
        dilations = [self.pick(1, 1, 2) for _ in x.spatial]
        pads = [int(self.rng.integers(0, 3)) if not x.channel_scales or self.chance(0.5) else 0 for _ in 2 * x.spatial]
        pads = pads if self.chance(0.6) else [0] * len(pads)
        before, after = pads[: len(x.spatial)], pads[len(x.spatial) :]
        room = [n + p + q for n, p, q in zip(x.spatial, before, after, strict=True)]
        kernel = [int(self.rng.integers(1, min(4, (n - 1) // d + 1) + 1)) for n, d in zip(room, dilations, strict=True)]
        strides = [self.pick(1, 1, 2, 3) for _ in kernel]
        fan_in = x.channels // groups * int(np.prod(kernel))
        w = self.weights(outputs, x.channels // groups, *kernel)
        bias = [self.rng.normal(0, x.reach / 4, outputs)] if self.chance(0.4) else []
        y = self.net.op("Conv", x.name, w, *bias, group=groups, strides=strides, dilations=dilations, pads=pads)
        shape = tuple(
            (n - (k - 1) * d - 1) // s + 1 for n, k, d, s in zip(room, kernel, dilations, strides, strict=True)
        )
        self.activate(y, (outputs, *shape), x.reach * 0.5 * fan_in**0.5)

    def transposed(self) -> None:
        x = self.source()
        outputs = int(self.rng.integers(1, 5))
        kernel = [int(self.rng.integers(1, 5)) for _ in x.spatial]
        strides = [int(self.rng.integers(1, 4)) for _ in kernel]
        shape = tuple(s * (n - 1) + k for s, n, k in zip(strides, x.spatial, kernel, strict=True))
        if x.spatial == () or outputs * int(np.prod(shape)) > _MOST_ELEMENTS:
            return
        y = self.net.op("ConvTranspose", x.name, self.weights(x.channels, outputs, *kernel), strides=strides)
        self.activate(y, (outputs, *shape), x.reach * 0.5 * (x.channels * 2) ** 0.5)

    def activate(self, name: str, shape: tuple[int, ...], reach: float) -> None:
        """Perhaps BatchNormalization, perhaps an activation function, then a quantiser."""
        channels = shape[0]
        if self.chance(0.4):
            gamma = self.rng.uniform(0.5, 1.5, channels) * np.where(self.rng.random(channels) < 0.2, -1, 1)
            beta, mean = self.rng.normal(0, reach / 3, (2, channels))
            name = self.net.op("BatchNormalization", name, gamma, beta, mean, self.rng.uniform(0.5, 2, channels))
        kind = self.pick("", "", "Relu", "Relu", "Relu", "LeakyRelu", "Clip")
        limits = (-0.3 * reach, 0.6 * reach) if kind == "Clip" else ()
        slope: dict[str, Any] = {"alpha": 0.125} if kind == "LeakyRelu" else {}
        name = self.net.op(kind, name, *limits, **slope) if kind else name
        self.quantise(name, shape, reach)

    def pool(self) -> None:
        kind = self.pick("MaxPool", "MaxPool", "AveragePool")
        x = self.source(channels=True)
        if x.spatial == ():
            return
        kernel = [int(self.rng.integers(1, min(3, n) + 1)) for n in x.spatial]
        strides = [self.pick(1, 2, 2) for _ in kernel]
        padded = kind == "MaxPool" or not x.channel_scales
        before = [int(self.rng.integers(0, k)) if padded else 0 for k in kernel]
        shape = tuple((n + p - k) // s + 1 for n, p, k, s in zip(x.spatial, before, kernel, strides, strict=True))
        extra: dict[str, Any] = {} if kind == "MaxPool" else {"count_include_pad": 1}
        pads = [*before, *[0] * len(before)]
        y = self.net.op(kind, x.name, kernel_shape=kernel, strides=strides, pads=pads, **extra)
        self.quantise(y, (x.channels, *shape), x.reach)

    def global_pool(self) -> None:
        x = self.source(channels=True)
        if x.spatial == ():
            return
        kind = self.pick("GlobalAveragePool", "GlobalMaxPool", "ReduceMean")
        axes: dict[str, Any] = {"axes": list(range(2, 2 + len(x.spatial)))} if kind == "ReduceMean" else {}
        self.quantise(self.net.op(kind, x.name, **axes), (x.channels, *(1,) * len(x.spatial)), x.reach)

    def pad(self) -> None:
        x = self.source()
        amounts = [int(self.rng.integers(0, 3)) for _ in 2 * x.spatial]
        half = len(x.spatial)
        y = self.net.op("Pad", x.name, self.ints(0, 0, *amounts[:half], 0, 0, *amounts[half:]))
        shape = tuple(n + p + q for n, p, q in zip(x.spatial, amounts[:half], amounts[half:], strict=True))
        self.keep(y, x, (x.channels, *shape))

    def cut(self) -> None:
        x = self.source(channels=True)
        axis = int(self.rng.integers(len(x.shape)))
        size = x.shape[axis]
        start, step = int(self.rng.integers(size)), self.pick(1, 1, 2, -1)
        taken = range(size)[start::step]
        end = size if step > 0 else -size - 1
        y = self.net.op("Slice", x.name, *(self.ints(v) for v in (start, end, axis + 1, step)))
        self.keep(y, x, (*x.shape[:axis], len(taken), *x.shape[axis + 1 :]))

    def split(self) -> None:
        x = self.source(channels=True)
        axis = int(self.rng.integers(len(x.shape)))
        if x.shape[axis] < 2:
            return
        first = int(self.rng.integers(1, x.shape[axis]))
        outputs = [f"part{len(self.net.nodes)}_{i}" for i in range(2)]
        widths = (first, x.shape[axis] - first)
        self.net.op("Split", x.name, self.ints(*widths), outputs=outputs, axis=axis + 1)
        for name, width in zip(outputs, widths, strict=True):
            self.keep(name, x, (*x.shape[:axis], width, *x.shape[axis + 1 :]))

    def enlarge(self) -> None:
        x = self.source(channels=True)
        out = [int(self.rng.integers(1, 2 * n + 1)) for n in x.spatial]
        if x.channels * int(np.prod(out)) > _MOST_ELEMENTS:
            return
        attrs = {
            "nearest_mode": self.pick("floor", "ceil", "round_prefer_floor", "round_prefer_ceil"),
            "coordinate_transformation_mode": self.pick("asymmetric", "half_pixel", "align_corners"),
        }
        y = self.net.op("Resize", x.name, "", "", self.ints(1, x.channels, *out), mode="nearest", **attrs)
        self.keep(y, x, (x.channels, *out))

    def sub_pixel(self) -> None:
        x = self.source()
        if len(x.spatial) != 2:
            return
        c, h, w = x.shape
        if c % 4 == 0:
            y = self.net.op("DepthToSpace", x.name, blocksize=2, mode=self.pick("DCR", "CRD"))
            self.keep(y, x, (c // 4, 2 * h, 2 * w))
        elif h % 2 == 0 and w % 2 == 0 and 4 * c <= _MOST_CHANNELS:
            self.keep(self.net.op("SpaceToDepth", x.name, blocksize=2), x, (4 * c, h // 2, w // 2))

    def join(self) -> None:
        """A sum of values of one shape; where there is none, a convolution makes a partner."""
        x = self.source(channels=True)
        partners = [v for v in self.values if v.shape == x.shape]
        y = partners[int(self.rng.integers(len(partners)))]
        if y is x and x.spatial and not x.channel_scales:
            ones = (1,) * len(x.spatial)
            made = self.net.op("Conv", x.name, self.weights(x.channels, x.channels, *ones))
            y = self.quantise(made, x.shape, x.reach * 0.5 * x.channels**0.5, keep=False)
        name = self.net.op(self.pick("Add", "Add", "Sub"), x.name, y.name)
        self.quantise(name, x.shape, x.reach + y.reach)

    def concat(self) -> None:
        x = self.source(channels=True)
        y = self.pick(*[v for v in self.values if v.spatial == x.spatial])
        if x.channels + y.channels <= _MOST_CHANNELS:
            name = self.net.op("Concat", x.name, y.name, axis=1)
            shape = (x.channels + y.channels, *x.spatial)
            self.values.append(_Value(name, shape, max(x.reach, y.reach), channel_scales=True))

    def requantise(self) -> None:
        x = self.source(channels=True)
        self.quantise(x.name, x.shape, x.reach)

    def turn(self) -> None:
        """A quantiser between two transposes."""
        x = self.source()
        rank = len(x.shape) + 1
        there, back = [0, *range(2, rank), 1], [0, rank - 1, *range(1, rank - 1)]
        scale = self.scale(x.reach, 4, True)
        y = self.net.quant(self.net.op("Transpose", x.name, perm=there), scale, 0.0, 4)
        self.values.append(_Value(self.net.op("Transpose", y, perm=back), x.shape, scale * 8))

    def keep(self, name: str, like: _Value, shape: tuple[int, ...]) -> None:
        if 0 < int(np.prod(shape)) <= _MOST_ELEMENTS:
            self.values.append(_Value(name, shape, like.reach, like.channel_scales))

    # ---------------------------------------------------------------------------------------------------- the end

    def finish(self) -> str:
        """One output: an image as it is, a classifier, or the index of the largest."""
        x = self.source(channels=True)
        kind = self.pick("image", "classifier", "classifier", "index")
        if kind == "image" or x.channel_scales:
            return self.quantise(x.name, x.shape, x.reach, keep=False).name
        classes, features = int(self.rng.integers(2, 6)), int(np.prod(x.shape))
        w = self.net.quant(self.rng.normal(0, 0.5, (features, classes)), 0.125, 0.0, 4)
        y = self.net.op("MatMul", self.net.op("Flatten", x.name), w)
        if kind == "index":
            y = self.net.quant(y, self.scale(x.reach * features**0.5, 6, True), 0.0, 6)
            return self.net.op("ArgMax", y, axis=1)
        return self.net.op("Add", y, self.rng.normal(size=classes)) if self.chance(0.5) else y


_OPERATORS: tuple[tuple[Callable[[_Maker], None], int], ...] = (
    (_Maker.convolution, 6), (_Maker.transposed, 1), (_Maker.pool, 3),
    (_Maker.global_pool, 1), (_Maker.pad, 1), (_Maker.cut, 1), (_Maker.split, 1), (_Maker.enlarge, 1),
    (_Maker.sub_pixel, 1), (_Maker.join, 3), (_Maker.concat, 2), (_Maker.requantise, 1), (_Maker.turn, 1),
)  # fmt: skip


def random_network(seed: int, operators: int = 7) -> onnx.ModelProto:
    """A legal QONNX model with input ``x`` (float32, batch of one); the same for the same seed.

    Args:
        seed: any integer.
        operators: how many random operators are tried between the input's quantiser and the outputs.
    """
    rng = np.random.default_rng(seed)
    rank = 2 if rng.random() < 0.75 else 1
    shape = tuple(int(v) for v in (rng.choice(_CHANNELS), *(rng.choice(_SIDES) for _ in range(rank))))
    maker = _Maker(rng, Net([1, *shape]))
    maker.quantise("x", shape, 2.0)
    weights = np.array([w for _, w in _OPERATORS], dtype=float)
    for index in rng.choice(len(_OPERATORS), operators, p=weights / weights.sum()):
        _OPERATORS[index][0](maker)
    maker.convolution()
    outputs = [maker.finish() for _ in range(1 + int(rng.random() < 0.3))]
    return maker.net.model(*dict.fromkeys(outputs))


def random_images(model: onnx.ModelProto, seed: int, count: int = 4) -> np.ndarray:
    """Float32 inputs [count, ...] of the model, some of them beyond the quantiser's range."""
    dims = model.graph.input[0].type.tensor_type.shape.dim
    return np.random.default_rng(seed).normal(0, 1, (count, *(d.dim_value for d in dims[1:]))).astype(np.float32)
