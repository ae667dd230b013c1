"""BatchNormalization: affine in inference mode, exactly or, on the raw input, in float32 on the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isobit.errors import IsobitError
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx.builder import Builder
from isobit.frontend.qonnx.float_reading import float32s
from isobit.frontend.qonnx.function import affine
from isobit.frontend.qonnx.movement import channels_last
from isobit.frontend.qonnx.symbolic import ONE, Function, HostReal, Real, Tensor, rationals
from isobit.ir.ops import HostOp
from isobit.numerics import exact, sqrt_rational


def import_batchnorm(b: Builder, node: SourceNode) -> Tensor:
    """``(x - mean) / sqrt(variance + epsilon) * gamma + beta`` in inference mode (ONNX BatchNormalization)."""
    given = b.tensor(node.inputs[0])
    if isinstance(given, HostReal):
        return _batchnorm_on_host(b, node, given)
    x: Real | Function = channels_last(b, node, given if isinstance(given, Function) else b.real(node))
    behind = (1,) * (len(x.layout) - 1)
    gamma, beta, mean, variance = (
        b.per_channel(node, b.operand(node, i, what).reshape(-1, *behind), x)
        for i, what in enumerate(("gamma", "beta", "mean", "variance"), 1)
    )
    epsilon = exact(node.number("epsilon", 1e-5))
    if (variance + epsilon <= 0).any():
        raise IsobitError("E204", "a variance is negative", where=b.where(node))
    slope = gamma * rationals([sqrt_rational(1 / (v + epsilon)) for v in variance])
    if isinstance(x, Function):
        return affine(affine(x, ONE, -mean), slope, beta)
    factor, summand = _factored([float32s(v) for v in (gamma, beta, mean, variance)], node.number("epsilon", 1e-5))
    made = x.affine(ONE, -mean).affine(slope, beta)
    if not (np.isfinite(factor).all() and np.isfinite(summand).all()):
        return made.unread
    terms = abs(beta) + abs(mean * slope)
    return made.computed(x, ("mul", rationals(factor), None), ("add", rationals(summand), terms))


def _batchnorm_on_host(b: Builder, node: SourceNode, x: HostReal) -> HostReal:
    """In float32 as ONNX Runtime does it: one factor and one summand per channel, made in float32 too."""
    names = ("gamma", "beta", "mean", "variance")
    gamma, beta, mean, variance = (np.asarray(b.operand(node, i, n), np.float32) for i, n in enumerate(names, 1))
    if (variance + node.number("epsilon", 1e-5) <= 0).any():
        raise IsobitError("E204", "a variance is negative", where=b.where(node))
    shape = (-1, *(1,) * (len(x.shape) - 1))
    both = _factored((gamma, beta, mean, variance), node.number("epsilon", 1e-5))
    for kind, values in zip(("mul", "add"), both, strict=True):
        column = values.reshape(shape)
        x = x.then(HostOp(kind, values=tuple(float(v) for v in values), shape=column.shape))
    return x


def _factored(parameters: Sequence[Any], epsilon: np.float32) -> tuple[Any, Any]:
    """The factor and the summand of a BatchNormalization, made in float32 from gamma, beta, mean and variance."""
    gamma, beta, mean, variance = parameters
    factor = gamma / np.sqrt(variance + epsilon)
    return factor, beta - mean * factor
