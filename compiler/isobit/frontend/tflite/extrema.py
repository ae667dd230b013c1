"""MAXIMUM, MINIMUM, REDUCE_MAX and REDUCE_MIN: the greater of stored integers, the lesser as its mirror image."""

from __future__ import annotations

import numpy as np

from isobit.frontend.tflite.builder import TfliteBuilder, Value
from isobit.frontend.tflite.joins import with_constant
from isobit.frontend.tflite.model import TfliteOperator
from isobit.frontend.tflite.pools import gathered
from isobit.ir.ops import Add, Concat, MaxPool, frozen_ints


def import_extremum(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """MAXIMUM and MINIMUM of two tensors, or of a tensor and a constant."""
    _same_grid(b, op, (0, 1))
    constant = [b.tensor(op, i).data is not None for i in (0, 1)]
    if any(constant):
        return with_constant(b, op, constant.index(False), np.maximum if op.op == "MAXIMUM" else np.minimum)
    shape = b.type(b.spread(op, b.value(op), 0)).shape
    rows = [b.spread(op, _turned(b, op, b.centred(op, b.value(op, i))), i) for i in (0, 1)]
    flat = [b.moved(op, x, b.flat(x).reshape(1, -1, shape[-1]), "_row") for x in rows]
    both = Concat(name=b.named(op, "_both"), inputs=tuple(x.name for x in flat), axis=0, source=b.source(op))
    greater = _greatest(b, op, Value(b.emit(both)), (2, 1))
    return b.moved(op, _turned(b, op, greater), b.flat(greater).reshape(shape))


def import_reduced_extremum(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """REDUCE_MAX and REDUCE_MIN over any axes."""
    _same_grid(b, op, (0,))
    x = gathered(b, op, _turned(b, op, b.centred(op, b.value(op))))
    y = _turned(b, op, _greatest(b, op, x, b.type(x).shape[:-1]))
    return b.shaped(op, y, b.flat(y))


def _greatest(b: TfliteBuilder, op: TfliteOperator, x: Value, kernel: tuple[int, ...]) -> Value:
    ones = (1,) * len(kernel)
    node = MaxPool(
        name=b.named(op, "_max"), inputs=(x.name,), kernel=kernel, strides=ones, dilations=ones, source=b.source(op)
    )
    return Value(b.emit(node))


def _turned(b: TfliteBuilder, op: TfliteOperator, x: Value) -> Value:
    """``-x`` for the lesser: the greatest of the negatives is the negative of the least."""
    if op.op not in ("MINIMUM", "REDUCE_MIN"):
        return x
    node = Add(name=b.named(op, "_turned"), inputs=(x.name,), coefficients=(frozen_ints(-1),), source=b.source(op))
    return Value(b.emit(node))


def _same_grid(b: TfliteBuilder, op: TfliteOperator, places: tuple[int, ...]) -> None:
    """The kernels compare stored integers: on other grids those mean other numbers.

    Raises:
        IsobitError: E202.
    """
    grids = {b.grid(op, t) for t in (*(b.tensor(op, i) for i in places), b.output(op))}
    if len(grids) > 1:
        raise op.refusal("its tensors have different scales or zero points", "convert the model again")
