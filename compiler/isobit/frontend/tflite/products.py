"""BATCH_MATMUL with a constant on either side: a tensor times weights, or a fixed graph's matrix times a tensor."""

from __future__ import annotations

import numpy as np

from isobit.frontend.tflite.builder import TfliteBuilder, Value
from isobit.frontend.tflite.functions import output_limits
from isobit.frontend.tflite.model import TfliteOperator
from isobit.frontend.tflite.requantise import multiplier, refuse_overflow, requantizer
from isobit.frontend.tflite.windows import linear
from isobit.ir.types import IntArray

_ADJOINT = ("adj_x", "adj_y")


def import_batch_matmul(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """The constant operand's rows or columns are the weights, the tensor's columns or rows what they stand against.

    Raises:
        IsobitError: E201 for a product of two tensors, E106 for shapes that do not fit, E202 for several matrices.
    """
    constant = [b.tensor(op, i).data is not None for i in (0, 1)]
    if not any(constant):
        raise op.refusal("a product of two tensors is not supported", "multiply by a constant", "E201")
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
