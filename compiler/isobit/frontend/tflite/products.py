"""BATCH_MATMUL: a tensor times weights, a fixed graph's matrix times a tensor, or a tensor times a tensor.

Of two tensors the right one's columns are the weights of a ``linear`` that come at run time, a matrix for each of the
leading axes (the heads of an attention).
"""

from __future__ import annotations

import numpy as np

from isobit.frontend.tflite.builder import TfliteBuilder, Value
from isobit.frontend.tflite.functions import output_limits
from isobit.frontend.tflite.model import TfliteOperator
from isobit.frontend.tflite.requantise import multiplier, refuse_overflow, requantizer
from isobit.frontend.tflite.windows import linear
from isobit.ir.ops import Concat, Linear
from isobit.ir.types import IntArray

_ADJOINT = ("adj_x", "adj_y")


def import_batch_matmul(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """The constant operand's rows or columns are the weights, the tensor's columns or rows what they stand against.

    Raises:
        IsobitError: E106 for shapes that do not fit, E202 for several constant matrices.
    """
    constant = [b.tensor(op, i).data is not None for i in (0, 1)]
    if not any(constant):
        return _of_two(b, op)
    right = constant.index(True)
    x = b.value(op, 1 - right)
    weights = _matrix(b, op, right)
    index = b.positions(op, 1 - right)
    # the axis that is summed over goes last: (..., rows, K) of the left operand, (..., K, columns) of the right one
    if bool(op.option(_ADJOINT[1 - right])) == bool(right):
        index = index.swapaxes(-1, -2)
    if weights.shape[1] != index.shape[-1]:
        raise op.refusal(f"{list(weights.shape)} weights against {list(index.shape)}", code="E106")
    rows = b.moved(op, x, index.reshape(-1, index.shape[-1]), "_rows")
    sums = linear(b, op, rows.name, weights[:, np.newaxis], (1,), (1,), 1)
    y = _requantised(b, op, sums, -x.zero * weights.sum(axis=1))
    made = b.flat(y).reshape(*index.shape[:-1], len(weights))
    return b.shaped(op, y, made if right else made.swapaxes(-1, -2))


def _of_two(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """Matrix by matrix: rows of the left operand against columns of the right one, around their zero points."""
    x, y = (b.centred(op, b.value(op, i)) for i in (0, 1))
    left, right = (b.positions(op, i) for i in (0, 1))
    if left.ndim < 2 or right.ndim < 2:
        raise op.refusal(f"shapes {list(left.shape)} and {list(right.shape)}", code="E106")
    left = left.swapaxes(-1, -2) if op.option("adj_x") else left
    columns = right if op.option("adj_y") else right.swapaxes(-1, -2)
    try:
        lead = np.broadcast_shapes(left.shape[:-2], columns.shape[:-2])
    except ValueError as error:
        raise op.refusal(f"shapes {list(left.shape)} and {list(right.shape)}", code="E106") from error
    if left.shape[-1] != columns.shape[-1]:
        raise op.refusal(f"{left.shape[-1]} columns against {columns.shape[-1]} rows", code="E106")
    sides = [np.broadcast_to(s, (*lead, *s.shape[-2:])).reshape(-1, *s.shape[-2:]) for s in (left, columns)]
    sums = []
    for rows, weights in zip(*sides, strict=True):
        inputs = (b.moved(op, x, rows, "_rows").name, b.moved(op, y, weights, "_columns").name)
        sums.append(b.emit(Linear(name=b.named(op, "_product"), inputs=inputs, source=b.source(op))))
    whole = sums[0]
    if len(sums) > 1:
        whole = b.emit(Concat(name=b.named(op, "_products"), inputs=tuple(sums), axis=0, source=b.source(op)))
    made = _requantised(b, op, whole, np.zeros(columns.shape[-2], np.int64))
    return b.shaped(op, made, b.flat(made))


def _matrix(b: TfliteBuilder, op: TfliteOperator, place: int) -> IntArray:
    """The constant's integers around zero as weights ``(outputs, K)``."""
    data, (_, zero, _) = b.constant(op, place, "matrix").astype(np.int64), b.grid(op, b.tensor(op, place))
    if data.ndim < 2 or any(n != 1 for n in data.shape[:-2]):
        raise op.refusal(f"matrices of shape {list(data.shape)}", "multiply by one matrix")
    matrix = data.reshape(data.shape[-2:]) - zero
    return np.asarray(matrix.T if bool(op.option(_ADJOINT[place])) != bool(place) else matrix)


def _requantised(b: TfliteBuilder, op: TfliteOperator, sums: str, bias: IntArray) -> Value:
    first, second, third = (b.grid(op, t)[0] for t in (b.tensor(op, 0), b.tensor(op, 1), b.output(op)))
    q, shift = multiplier(first * second / third)
    kind, curve = b.types[sums], requantizer(q, shift, *output_limits(b, op))
    for c in range(kind.channels):
        refuse_overflow(op, (int(kind.lo[c]) + int(bias[c]), int(kind.hi[c]) + int(bias[c])), shift)
    return b.step(op, sums, [curve.shift(int(add)) for add in bias])
