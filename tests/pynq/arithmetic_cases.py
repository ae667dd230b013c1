"""Inputs and outputs with every rounding and host function that the frontend can make, and values at the edges."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from isobit.ir.ops import HostOp, Input, Output, Quantiser, frozen_ints
from isobit.numerics import Rounding

SHAPE = (2, 3)
PER_CHANNEL = (0.1, 0.30000001192092896, 7.0)
FUNCTIONS = (
    HostOp("add", (0.1, -0.2, 3.5), (3,)),
    HostOp("sub", (0.7,), ()),
    HostOp("mul", (1 / 3, 2.5, -1.1), (3,)),
    HostOp("div", (0.3,), ()),
    HostOp("leaky", (0.1,), ()),
    HostOp("relu"),
    HostOp("clip", (-1.5, 2.25)),
    HostOp("transpose", (), (1, 0)),
    HostOp("reshape", (), (6,)),
)
INEXACT = (HostOp("sigmoid"), HostOp("tanh"), HostOp("softmax"), HostOp("logsoftmax"))
"""What rests on the machine's ``exp``: equal on one machine only."""


def quantisers() -> Iterator[Input]:
    """Inputs of shape :data:`SHAPE` with every rounding, per tensor and per channel."""
    for name in (*(r.name for r in Rounding), "SIGN"):
        lo, hi = (-1, 1) if name == "SIGN" else (-128, 127)
        for scale, zero in (((0.05,), (0.0,)), (PER_CHANNEL, (0.0, 3.0, -7.5))):
            exact = tuple(float(np.float32(s)) for s in scale)
            yield given(quantiser=Quantiser(exact, zero, name, lo, hi))
    yield given(quantiser=Quantiser((0.05,), (0.0,), "ROUND", -127, 128, -1))
    for function in FUNCTIONS[:5]:
        yield given(quantiser=Quantiser((0.05,), (0.0,), "ROUND", -128, 127), host=(function,))
    transposed = Quantiser((0.05,), (0.0,), "ROUND", -128, 127)
    yield given(quantiser=transposed, host=(HostOp("transpose", (), (1, 0)),), outside_shape=(3, 2))
    yield given(scale=(Fraction(1, 255),), lo=0, hi=255)


def outputs() -> Iterator[Output]:
    """Outputs with every host function and scales that need rounding."""
    scale = (Fraction(1, 3), Fraction(7, 10), Fraction(22, 7))
    for host in ((), *((f,) for f in FUNCTIONS), FUNCTIONS[:7]):
        yield Output(
            name="out",
            inputs=("x",),
            scale=scale,
            offset=(Fraction(1, 7),),
            outside="y",
            outside_shape=SHAPE,
            host=host,
        )


def inexact_outputs() -> Iterator[Output]:
    for function in INEXACT:
        yield Output(name="out", inputs=("x",), scale=(Fraction(1, 33),), outside="y", host=(function,))


def given(lo: int = -128, hi: int = 127, outside_shape: tuple[int, ...] = SHAPE, **fields: Any) -> Input:
    return Input(
        name="x",
        shape=SHAPE,
        lo=frozen_ints(lo),
        hi=frozen_ints(hi),
        outside="x",
        outside_shape=outside_shape,
        **fields,
    )


def floats(node: Input, count: int = 4000) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Samples that fall on rounding edges, beside them, far outside, and anywhere."""
    rng = np.random.default_rng(2)
    shape = (count, *node.outside_shape)
    if node.quantiser is None:
        return (rng.integers(0, 256, shape) / 255).astype(np.float32)
    step = np.float32(node.quantiser.scale[0])
    edges = (rng.integers(-300, 300, shape) * np.float32(0.5)).astype(np.float32) * step
    beside = np.nextafter(edges, np.where(rng.random(shape) < 0.5, np.float32(9), np.float32(-9)).astype(np.float32))
    wild = (rng.standard_normal(shape) * 10.0 ** rng.integers(-42, 30, shape)).astype(np.float32)
    choice = rng.integers(0, 4, shape)
    anywhere = (rng.standard_normal(shape) * 3).astype(np.float32)
    return np.choose(choice, [edges, beside, wild, anywhere]).astype(np.float32)


def integers(count: int = 2000) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Output integers from one bit to beyond what float32 and 32-bit integers hold."""
    rng = np.random.default_rng(3)
    return rng.integers(-128, 128, (count, *SHAPE)) << rng.integers(0, 40, (count, *SHAPE))
