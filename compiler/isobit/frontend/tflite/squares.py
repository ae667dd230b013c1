"""SQUARED_DIFFERENCE: both operands on 7 more bits, their difference squared, one multiplier behind it.

Source: TensorFlow Lite ``kernels/squared_difference.cc``. Of two tensors the square is a table of their difference;
with one scale the difference is that of the integers themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from isobit.frontend.tflite.builder import TfliteBuilder, Value
from isobit.frontend.tflite.joins import with_constant
from isobit.frontend.tflite.model import TfliteOperator
from isobit.frontend.tflite.requantise import activation_limits, multiplier
from isobit.ir.ops import Add, Table, frozen_ints
from isobit.ir.types import IntArray
from isobit.numerics.tflite import rounded_twice

_SHIFT = 7


def import_squared_difference(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """SQUARED_DIFFERENCE of two tensors, or of a tensor and a constant."""
    first, second, third = (b.grid(op, t)[0] for t in (b.tensor(op, 0), b.tensor(op, 1), b.output(op)))
    twice = 2.0 * max(first, second)
    parts = [multiplier(first / twice), multiplier(second / twice)]
    whole = multiplier(twice * twice / ((1 << 2 * _SHIFT) * third))
    limits = activation_limits(b, op)

    def part(place: int, r: IntArray) -> IntArray:
        return rounded_twice(np.asarray(r, np.int64) << _SHIFT, *parts[place])

    def squared(difference: IntArray) -> IntArray:
        return np.clip(rounded_twice(difference**2, *whole), *limits)

    constant = [b.tensor(op, i).data is not None for i in (0, 1)]
    if any(constant):
        return with_constant(b, op, constant.index(False), lambda x, y: squared(part(0, x) - part(1, y)))
    x, y = (b.spread(op, b.centred(op, b.value(op, i)), i) for i in (0, 1))
    if first == second:  # both shifted by 6 bits, with nothing to round
        return _table(b, op, _difference(b, op, x, y), lambda d: squared(d << (_SHIFT - 1)))
    wide = [_table(b, op, v, partial(part, place)) for place, v in enumerate((x, y))]
    return _table(b, op, _difference(b, op, *wide), squared)


def _difference(b: TfliteBuilder, op: TfliteOperator, x: Value, y: Value) -> Value:
    signs = frozen_ints(1), frozen_ints(-1)
    node = Add(name=b.named(op, "_less"), inputs=(x.name, y.name), coefficients=signs, source=b.source(op))
    return Value(b.emit(node))


def _table(b: TfliteBuilder, op: TfliteOperator, x: Value, function: Callable[[IntArray], IntArray]) -> Value:
    """``function`` of every integer that ``x`` may be."""
    lo, hi = b.type(x).bounds
    rows = function(np.arange(lo, hi + 1))[np.newaxis]
    name = b.named(op, "_wide")
    return Value(
        b.emit(Table(name=name, inputs=(x.name,), lo=frozen_ints(lo), values=frozen_ints(rows), source=b.source(op)))
    )
