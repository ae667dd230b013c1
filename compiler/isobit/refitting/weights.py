"""Choosing the scale of a layer's weights for a k-bit multiplicand, and how far that moves them.

Everything is per output channel; a channel's step is its old scale, after folding what follows the layer into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.errors import printable
from isobit.frontend.onnx.model import SourceModel
from isobit.numerics import exact, plain_multiplicand
from isobit.refitting.layers import Layer, limits

Floats = NDArray[Any]


@dataclass(frozen=True)
class LayerMove:
    """How far a layer's weights moved, in steps of their old scale; ``changed`` of ``weights`` integers are others."""

    layer: str
    weights: int
    changed: int
    mean: float
    most: float


@dataclass(frozen=True, eq=False)
class IntegerWeights:
    """The quantiser of a layer's weights; ``lo`` and ``hi`` are 1 apart from 0 and ``signs`` set where it is a sign."""

    layer: Layer
    lo: int
    hi: int
    signs: bool

    @classmethod
    def of(cls, model: SourceModel, layer: Layer) -> IntegerWeights:
        """The quantiser that ``layer`` has."""
        quant = layer.quant
        if quant.op == "BipolarQuant":
            return cls(layer, -1, 1, True)
        bits = int(model.constants[quant.inputs[3]].reshape(-1)[0])
        ends = limits(bits, bool(quant.attrs.get("signed", 1)), bool(quant.attrs.get("narrow", 0)))
        return cls(layer, *ends, False)

    def __call__(self, weights: Floats, scale: Floats) -> Floats:
        """The integers of float weights at a scale per channel, as float64."""
        if self.signs:
            return np.where(weights >= 0, 1.0, -1.0)
        return np.clip(np.round(weights / self.layer.along(scale)), self.lo, self.hi)


def chosen_scale(integers: IntegerWeights, weights: Floats, target: Floats, odd: int, bits: int) -> Floats:
    """Per channel ``m * odd * 2**e`` with m of ``bits`` bits: nearest to ``target``, or its neighbour on the other side
    where the weights' squared error is less there."""
    pairs = [_neighbours(exact(t) / odd, bits) for t in target.tolist()]
    first, second = (np.array([float(p[i] * odd) for p in pairs]) for i in (0, 1))
    errors = [_error(integers, weights, target, scale) for scale in (first, second)]
    return np.where(errors[1] < errors[0], second, first)


def _neighbours(target: Fraction, bits: int) -> tuple[Fraction, Fraction]:
    """The nearest ``m * 2**e`` to ``target``, and the nearest on its other side."""
    m, s = plain_multiplicand(target, bits)
    step = Fraction(2) ** -s
    if m * step > target:
        return m * step, m * step - (step if m > 1 << (bits - 1) else step / 2)
    return m * step, (m + 1) * step


def _error(integers: IntegerWeights, weights: Floats, target: Floats, scale: Floats) -> Floats:
    """The squared error per channel: of the float weights, or of what stands for them where they are signs."""
    layer = integers.layer
    wanted = integers(weights, target) * layer.along(target) if integers.signs else weights
    apart = integers(weights, scale) * layer.along(scale) - wanted
    total: Floats = (np.moveaxis(apart, layer.axis, 0).reshape(layer.channels, -1) ** 2).sum(axis=1)
    return total


def moved(integers: IntegerWeights, weights: Floats, before: Floats, after: Floats) -> LayerMove:
    """What a scale of ``after`` in place of ``before`` does to the quantised weights."""
    layer = integers.layer
    old, new = integers(weights, before), integers(weights, after)
    apart = np.abs(new * layer.along(after / before) - old)
    name = printable(layer.node.name or layer.node.outputs[0])
    return LayerMove(name, weights.size, int(np.count_nonzero(old != new)), float(apart.mean()), float(apart.max()))
