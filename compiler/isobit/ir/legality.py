"""What one node may say: the rules of every operation that need no ranges, each a sentence when it is broken.

:mod:`isobit.ir.verify` asks here before any type is inferred, so that inference and interpreter meet no stride of zero
and no empty interval. The rules are those of ``docs/graph.md``, section *Well-formed graphs*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import isfinite, prod
from typing import Any

import numpy as np

from isobit.ir.ops import (
    Add,
    Concat,
    Const,
    HostOp,
    Input,
    Linear,
    MaxPool,
    Node,
    Output,
    Pad,
    Product,
    Quantiser,
    Reindex,
    Select,
    Step,
    Table,
)
from isobit.numerics import MultiplyShift, Rounding

MOST_ELEMENTS, MOST_AXES, MOST_SHIFT = 1 << 28, 8, 4096
"""Of one value per sample; of a shape; bits that a multiply-shift may shift."""
HOST_KINDS: Mapping[str, int | None] = {
    "add": None, "sub": None, "mul": None, "div": None, "leaky": None, "reshape": 0, "transpose": 0, "relu": 0,
    "clip": 2, "sigmoid": 0, "tanh": 0, "softmax": 0, "logsoftmax": 0,
}  # fmt: skip
"""The host's operations and how many constants each has; None for as many as its shape has elements."""


def broken_rule(node: Node) -> str:
    """The first rule that a node breaks, or ""."""
    return next(_RULES[type(node)](node), "") or next(_provenance(node), "")


def too_large(shape: tuple[int, ...]) -> str:
    """Why a shape is refused, or ""."""
    if len(shape) > MOST_AXES or prod(shape) > MOST_ELEMENTS:
        return f"the shape {list(shape)} has more than {MOST_AXES} axes or {MOST_ELEMENTS} elements"
    return ""


def _whole(values: Any, least: int, what: str) -> Iterator[str]:
    """Is it a tuple of integers of at least ``least``?"""
    if not isinstance(values, tuple) or not all(isinstance(v, int) and not isinstance(v, bool) for v in values):
        yield f"{what} must be a list of integers"
    elif any(v < least for v in values):
        yield f"{what} {list(values)} must be {least} or more"


def _number(value: Any, what: str) -> Iterator[str]:
    if not isinstance(value, int) or isinstance(value, bool):
        yield f"{what} must be an integer"


def _array(value: Any, axes: int, what: str) -> Iterator[str]:
    """Is it an array of this many axes (any number for 0) that holds something?"""
    if not isinstance(value, np.ndarray) or value.size == 0 or (axes and value.ndim != axes):
        yield f"{what} must be an array of integers" + (f" with {axes} axes" if axes else "") + ", not empty"


def _shape(shape: Any, what: str) -> Iterator[str]:
    yield from _whole(shape, 1, what)
    if problem := too_large(shape):
        yield problem


def _provenance(node: Node) -> Iterator[str]:
    for what in ("source", "rules"):
        if not isinstance(getattr(node, what), tuple) or not all(isinstance(v, str) for v in getattr(node, what)):
            yield f"{what} must be a list of texts"


def _port(node: Input | Output) -> Iterator[str]:
    for what in ("scale", "offset"):
        if not isinstance(getattr(node, what), tuple) or not getattr(node, what):
            yield f"{what} must be a list of rationals, not empty"
    if not isinstance(node.outside, str):
        yield "outside must be a name"
    yield from _shape(node.outside_shape, "outside_shape")
    for op in node.host:
        yield from _host(op)


def _host(op: HostOp) -> Iterator[str]:
    if not isinstance(op.kind, str) or op.kind not in HOST_KINDS:
        yield f"the host has no operation {op.kind!r}"
        return
    yield from _whole(op.shape, 0 if op.kind == "transpose" else 1, f"the shape of the host's {op.kind}")
    wanted = HOST_KINDS[op.kind]
    if len(op.values) != (prod(op.shape) if wanted is None else wanted):
        yield f"the host's {op.kind} has {len(op.values)} constants"
    if op.kind == "transpose" and sorted(op.shape) != list(range(len(op.shape))):
        yield f"{list(op.shape)} is no order of axes"
    if op.kind == "clip" and not op.values[0] <= op.values[1]:
        yield f"no number lies in {list(op.values)}"


def _input(node: Input) -> Iterator[str]:
    yield from _shape(node.shape, "shape")
    if not node.shape:
        yield "shape must have at least one axis"
    for what in ("lo", "hi"):
        yield from _array(getattr(node, what), 1, what)
    channels = node.shape[-1]
    for values, what in ((node.lo, "lo"), (node.hi, "hi")):
        if len(values) not in (1, channels):
            yield f"{what} has {len(values)} entries for {channels} channels"
    empty = np.broadcast_to(node.lo > node.hi, channels)
    if empty.any():
        yield f"lo is above hi in channel {int(np.argmax(empty))}"
    yield from _port(node)
    yield from _scales(node, channels)
    if node.quantiser is not None:
        yield from _quantiser(node.quantiser, channels)


def _scales(node: Input | Output, channels: int) -> Iterator[str]:
    for what in ("scale", "offset"):
        if len(getattr(node, what)) not in (1, channels):
            yield f"{what} has {len(getattr(node, what))} entries for {channels} channels"
    if any(s == 0 for s in node.scale):
        yield "a scale is zero"


def _quantiser(q: Quantiser, channels: int) -> Iterator[str]:
    if q.rounding not in ["SIGN", *Rounding.__members__]:
        yield f"no rounding is called {q.rounding!r}"
    if not {len(q.scale), len(q.zero_point)} <= {1, channels}:
        yield f"the quantiser has {len(q.scale)} scales and {len(q.zero_point)} zero points for {channels} channels"
    if not all(isfinite(v) for v in q.zero_point) or not all(isfinite(s) and s > 0 for s in q.scale):
        yield "the quantiser's scales must be positive, its zero points numbers"
    for value, what in ((q.lo, "a limit"), (q.hi, "a limit"), (q.shift, "the shift")):
        yield from _number(value, f"{what} of the quantiser")
    if q.lo > q.hi:
        yield f"no integer lies in the quantiser's [{q.lo}, {q.hi}]"


def _const(node: Const) -> Iterator[str]:
    yield from _array(node.value, 0, "value")
    if problem := too_large(node.value.shape):
        yield problem


def _linear(node: Linear) -> Iterator[str]:
    yield from _whole(node.strides, 1, "strides")
    yield from _whole(node.dilations, 1, "dilations")
    yield from _whole((node.groups,), 1, "groups")


def _add(node: Add) -> Iterator[str]:
    if not isinstance(node.coefficients, tuple) or len(node.coefficients) != len(node.inputs):
        yield "needs one coefficient per input"
    for values in node.coefficients:
        yield from _array(values, 1, "coefficients")


def _step(node: Step) -> Iterator[str]:
    if not isinstance(node.curves, tuple) or not node.curves:
        yield "needs a curve"
    for curve in node.curves:
        if isinstance(curve, MultiplyShift) and curve.k > MOST_SHIFT:
            yield f"a shift of {curve.k} bits is more than {MOST_SHIFT}"


def _table(node: Table) -> Iterator[str]:
    yield from _array(node.lo, 1, "lo")
    yield from _array(node.values, 2, "values")


def _maxpool(node: MaxPool) -> Iterator[str]:
    for what in ("kernel", "strides", "dilations"):
        yield from _whole(getattr(node, what), 1, what)
    if not len(node.kernel) == len(node.strides) == len(node.dilations) != 0:
        yield "kernel, strides and dilations must have one entry per spatial axis"


def _pad(node: Pad) -> Iterator[str]:
    for what in ("before", "after"):
        yield from _whole(getattr(node, what), 0, what)
    if len(node.before) != len(node.after):
        yield "before and after must have one entry per spatial axis"
    yield from _number(node.value, "value")


def _reindex(node: Reindex) -> Iterator[str]:
    yield from _array(node.index, 0, "index")
    if problem := too_large(node.index.shape):
        yield problem


_RULES: dict[type[Node], Callable[[Any], Iterator[str]]] = {
    Input: _input,
    Const: _const,
    Output: _port,
    Linear: _linear,
    Add: _add,
    Product: lambda node: iter(()),
    Step: _step,
    Table: _table,
    MaxPool: _maxpool,
    Pad: _pad,
    Concat: lambda node: _number(node.axis, "axis"),
    Reindex: _reindex,
    Select: lambda node: _number(node.k, "k"),
}
