"""The thirteen operations of the integer graph: immutable records, no behaviour.

Meaning lives in one place (:mod:`isobit.interp`), ranges in one place (:mod:`isobit.ir.ranges`). Values are integer
arrays, channels last, without the batch axis. Array fields are read-only; ``source`` and ``rules`` are provenance,
``facts`` what passes found out (:mod:`isobit.ir.facts`); they take no part in a node's content.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

import numpy as np

from isobit.ir.channels import Curves
from isobit.ir.facts import Fact
from isobit.ir.types import IntArray
from isobit.numerics import as_int_array

Scalars = tuple[Fraction, ...]


def frozen_ints(values: Any) -> IntArray:
    """A read-only integer array (int64, or object beyond 64 bits) with at least one axis."""
    array = np.array(as_int_array(np.atleast_1d(np.asarray(values))))
    array.flags.writeable = False
    return array


@dataclass(frozen=True)
class HostOp:
    """One float32 operation that stays on the host, before the first or after the last integer.

    ``kind`` is ``add``, ``sub``, ``mul``, ``div`` (with the float32 constant ``values`` of shape ``shape``), ``leaky``
    (likewise: the slope below zero), ``reshape``, ``transpose`` (``shape`` is the new shape or the permutation, batch
    axis excluded), ``relu``, ``clip`` (two values), ``sigmoid``, ``tanh``, ``softmax`` or ``logsoftmax``.
    """

    kind: str
    values: tuple[float, ...] = ()
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Quantiser:
    """The quantiser the host runs in float32, as QONNX defines it: ``clamp(round(x / scale + zero_point)) + shift``.

    ``scale`` and ``zero_point`` are float32 values, one or one per channel; ``lo`` and ``hi`` the integer limits;
    ``rounding`` a QONNX rounding name, or ``SIGN`` for a bipolar quantiser (``x >= 0`` gives ``hi``, else ``lo``).
    ``shift`` is an integer, with which the limits may need a bit less.
    """

    scale: tuple[float, ...]
    zero_point: tuple[float, ...]
    rounding: str
    lo: int
    hi: int
    shift: int = 0


@dataclass(frozen=True, eq=False, kw_only=True)
class Node:
    """A named value and the operation that makes it. ``inputs`` are names of earlier values."""

    name: str
    inputs: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()

    @property
    def op(self) -> str:
        return type(self).__name__.lower()

    def attributes(self) -> dict[str, Any]:
        """The fields that carry meaning, beyond name, inputs and provenance."""
        skip = {"name", "inputs", "source", "rules", "facts"}
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in skip}


@dataclass(frozen=True, eq=False, kw_only=True)
class Input(Node):
    """A graph input: integers in ``[lo, hi]`` (per channel or one for all) of the given shape.

    ``scale * integer + offset`` is the real value, exactly; ``outside`` the tensor's raw name in the user's file,
    ``outside_shape`` its shape there and ``dtype`` its integer type there ("" for a tensor of floats). ``host`` and
    ``quantiser`` say how the host makes the integers from floats; without a quantiser the integers are taken as they
    come.
    """

    shape: tuple[int, ...]
    lo: IntArray
    hi: IntArray
    scale: Scalars = (Fraction(1),)
    offset: Scalars = (Fraction(0),)
    outside: str = ""
    outside_shape: tuple[int, ...] = ()
    host: tuple[HostOp, ...] = ()
    quantiser: Quantiser | None = None
    dtype: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Const(Node):
    """A constant integer array."""

    value: IntArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Output(Node):
    """A graph output: ``scale * integer + offset`` is its real value; ``host`` what the host still does to it."""

    scale: Scalars = (Fraction(1),)
    offset: Scalars = (Fraction(0),)
    outside: str = ""
    outside_shape: tuple[int, ...] = ()
    host: tuple[HostOp, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Linear(Node):
    """Every multiply-accumulate: inputs ``(x, weights)``.

    Dense weights have shape ``(out, in)``, convolutions ``(out, *kernel, in / groups)``. No padding (that is
    :class:`Pad`). ``strides`` and ``dilations`` have one entry per spatial axis and are empty for dense layers.
    """

    strides: tuple[int, ...] = ()
    dilations: tuple[int, ...] = ()
    groups: int = 1


@dataclass(frozen=True, eq=False, kw_only=True)
class Add(Node):
    """``sum_i coefficients[i] * inputs[i]``; each coefficient array has shape ``(1,)`` or ``(channels,)``."""

    coefficients: tuple[IntArray, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Product(Node):
    """``inputs[0] * inputs[1]``, element by element: two activations of one shape, or a map times a factor per channel.

    The factor is the second operand, of shape ``(1, .., 1, channels)``.
    """


@dataclass(frozen=True, eq=False, kw_only=True)
class Step(Node):
    """A monotone staircase for all channels, or one for each."""

    curves: Curves

    def __post_init__(self) -> None:
        if isinstance(self.curves, tuple):
            object.__setattr__(self, "curves", Curves(self.curves))


@dataclass(frozen=True, eq=False, kw_only=True)
class Table(Node):
    """``values[c, x - lo[c]]``: any function of one integer on a finite interval; rows 1 or the channel count."""

    lo: IntArray
    values: IntArray


@dataclass(frozen=True, eq=False, kw_only=True)
class MaxPool(Node):
    """Maximum over windows of the spatial axes; no padding."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Pad(Node):
    """Constant padding of the spatial axes (all but the last), ``before[i]`` and ``after[i]`` elements."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    value: int = 0


@dataclass(frozen=True, eq=False, kw_only=True)
class Concat(Node):
    """Concatenation along ``axis`` (of the shape without batch)."""

    axis: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Reindex(Node):
    """``out[i] = flat(x)[index[i]]``: transpose, reshape, slice and nearest upsampling in one form.

    ``index`` has the output's shape and holds flat positions in the (channels last) input.
    """

    index: IntArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Select(Node):
    """Indices of the ``k`` largest elements of the last axis, largest first, ties to the lower index."""

    k: int = 1


OPS: dict[str, type[Node]] = {
    cls.__name__.lower(): cls
    for cls in (Input, Const, Output, Linear, Add, Product, Step, Table, MaxPool, Pad, Concat, Reindex, Select)
}

__all__ = [
    "OPS", "Add", "Concat", "Const", "HostOp", "Input", "Linear", "MaxPool", "Node", "Output", "Pad", "Product",
    "Quantiser", "Reindex", "Scalars", "Select", "Step", "Table", "frozen_ints",
]  # fmt: skip
