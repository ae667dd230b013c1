"""Movements and sums as isobit's layers: reordering, padding with a value, joins with integer coefficients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isobit.backends.hls4ml.constants import alias, array, as_array, function, integer
from isobit.backends.hls4ml.design import Body
from isobit.backends.hls4ml.steps import elementwise
from isobit.backends.ports import IntType
from isobit.ir.ops import Pad, Select
from isobit.ir.types import IntArray, ValueType


def reorder_body(index: IntArray, size: int, fill: int = 0) -> Body:
    """``out[i] = in[index[i]]`` of ``size`` elements, ``fill`` where the index is -1."""
    line, definition = array("index", "int", index.reshape(-1), IntType(32, True))
    members = (
        integer("SIZE_IN", size),
        integer("SIZE", index.size),
        function("fill", fill, IntType.of(fill, fill)),
        line,
    )
    return Body("isobit_reorder.h", "isobit::reorder", members, (definition,))


def pad_index(node: Pad, shape: Sequence[int]) -> IntArray:
    """Where each element of a padded map comes from, -1 for the padding."""
    positions = np.arange(np.prod(shape, dtype=np.int64)).reshape(shape)
    ends = [*zip(node.before, node.after, strict=True), (0, 0)]
    return np.pad(positions, ends, constant_values=-1)


def broadcast_index(shape: Sequence[int], wanted: Sequence[int]) -> IntArray:
    """Where each element of a value that numpy would broadcast to ``wanted`` comes from."""
    return np.broadcast_to(np.arange(np.prod(shape, dtype=np.int64)).reshape(shape), wanted)


def select_body(node: Select, x: ValueType) -> Body:
    """The largest of every position."""
    members = (
        integer("POSITIONS", x.size // x.channels), integer("CHANNELS", x.channels), integer("K", node.k),
    )  # fmt: skip
    return Body("isobit_select.h", "isobit::select", members)


def sum_body(
    coefficients: Sequence[IntArray], bias: IntArray, operands: Sequence[tuple[int, int]], size: int, out: IntType
) -> Body:  # fmt: skip
    """``m x + c`` or ``m x + n y + c``.

    Args:
        coefficients: of one or two operands, each with one element or one per channel.
        bias: likewise.
        operands: the interval of each operand.
    """
    count = max(len(bias), *(len(c) for c in coefficients))
    factors = [as_array(np.broadcast_to(c, (count,)).tolist()) for c in coefficients]
    constants = as_array(np.broadcast_to(bias, (count,)).tolist())
    terms = [
        (min(int(k) * v for k in f for v in span), max(int(k) * v for k in f for v in span))
        for f, span in zip(factors, operands, strict=True)
    ]
    terms.append((int(constants.min()), int(constants.max())))
    total = IntType.of(sum(min(lo, 0) for lo, _ in terms) - 1, sum(max(hi, 0) for _, hi in terms))
    types = [IntType.holding(values) for values in (*factors, constants)]
    names = (*("first", "second")[: len(factors)], "bias")
    arrays = [
        array(name, f"{name}_t", values, kind)
        for name, values, kind in zip(names, (*factors, constants), types, strict=True)
    ]
    members = [alias(f"{name}_t", kind) for name, kind in zip(names, types, strict=True)]
    members += [alias("total_t", total), alias("out_t", out)]
    operation = "affine" if len(factors) == 1 else "weighted_sum"
    return elementwise("isobit_sum.h", operation, size, count, members, arrays, len(factors))
