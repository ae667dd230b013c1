"""ADD, SUB, MUL and CONCATENATION: two tensors meet, or a tensor and a constant.

The kernels bring both summands to 20 more bits, round each, add, and round the sum (TensorFlow Lite
``reference/integer_ops/add.h``). Where one sum ``a x + b y`` with a staircase behind gives the same integer for every
reachable pair, that is what the graph holds; otherwise the rounded summands come from tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import numpy as np

from isobit.errors import printable
from isobit.frontend.tflite.builder import TfliteBuilder, Value, exact_scale
from isobit.frontend.tflite.model import TfliteOperator, TfliteTensor
from isobit.frontend.tflite.requantise import (
    activation_limits,
    multiplier,
    refuse_overflow,
    requantizer,
    rescaled,
    rounded,
)
from isobit.ir.ops import Add, Concat, Product, Table, frozen_ints
from isobit.ir.types import IntArray
from isobit.numerics import Interval, joint_sums
from isobit.numerics.tflite import rounded_twice

Pair = Callable[[IntArray, IntArray], IntArray]
_MOST_ROWS = 1 << 14  # tables of one constant, one per element
_MOST_PAIRS = 512  # of coefficients that serve: from the shortest to the scales' own


def import_sum(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """ADD and SUB of two tensors, or of a tensor and a constant."""
    constant = [b.tensor(op, i).data is not None for i in (0, 1)]
    scaled = Summands.of(b, op)
    if any(constant):
        return with_constant(b, op, constant.index(False), scaled.of_pair)
    if op.inputs[0] == op.inputs[1]:
        return _with_itself(b, op, scaled.of_pair)
    x, y = (b.spread(op, b.centred(op, b.value(op, i)), i) for i in (0, 1))
    found = _one_sum(b, op, x, y, scaled)
    return found if found is not None else _tabled_sum(b, op, x, y, scaled)


def import_product(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """MUL of two tensors, of which one may be a factor per channel; of a tensor and a constant; or with itself."""
    first, second, third = (np.float32(b.grid(op, t)[0]) for t in (b.tensor(op, 0), b.tensor(op, 1), b.output(op)))
    lo, hi = activation_limits(b, op)

    def made(x: IntArray, y: IntArray) -> IntArray:
        return np.clip(rescaled(op, x * y, float(first * second / third)), lo, hi)

    constant = [b.tensor(op, i).data is not None for i in (0, 1)]
    if any(constant):
        return with_constant(b, op, constant.index(False), made)
    if op.inputs[0] == op.inputs[1]:
        return _with_itself(b, op, made)
    x, y = map_first(b, op)
    name = b.emit(Product(name=b.named(op, "_product"), inputs=(x.name, y.name), source=b.source(op)))
    q, shift = multiplier(float(first * second / third))
    refuse_overflow(op, b.types[name].bounds, shift)
    return b.step(op, name, [requantizer(q, shift, lo, hi)])


def import_concatenation(b: TfliteBuilder, op: TfliteOperator) -> Value:
    """CONCATENATION: int8 tensors have one scale; uint8 tensors are brought to the output's in float32."""
    if op.option("fused_activation_function"):
        raise op.refusal("a fused activation")
    output = b.output(op)
    rank = len(output.shape)
    axis = op.option("axis") % rank if rank else 0
    parts = [_regridded(b, op, i, output) for i in range(len(op.inputs))]
    if len(parts) == 1:
        return parts[0]
    batched = rank > 1 and all(b.tensor(op, i).shape[:1] == (1,) for i in range(len(op.inputs)))
    if axis == 0 and batched:
        return b.side_by_side(op, parts, np.concatenate)
    node = Concat(
        name=b.named(op), inputs=tuple(p.name for p in parts), axis=axis - batched, source=b.source(op)
    )  # fmt: skip
    return Value(b.emit(node))


def map_first(b: TfliteBuilder, op: TfliteOperator) -> tuple[Value, Value]:
    """The operands of a product around zero, the one of the output's shape first.

    The other has that shape too, or is a factor per channel: whatever else it is, it is repeated.
    """
    places = sorted((0, 1), key=lambda place: b.tensor(op, place).shape != b.output(op).shape)
    whole, other = (b.centred(op, b.value(op, place)) for place in places)
    x, index = b.spread(op, whole, places[0]), b.positions(op, places[1])
    shape = b.type(x).shape
    if index.size != shape[-1] or index.shape[-1:] != shape[-1:]:
        return x, b.spread(op, other, places[1])
    return x, b.moved(op, other, index.reshape((*(1 for _ in shape[:-1]), shape[-1])), "_factor")


class Summands:
    """The arithmetic of one ADD or SUB: ``(q, shift)`` of both summands and of the sum, and the limits.

    ``left`` is how many bits finer the summands are.
    """

    def __init__(self, scales: tuple[float, float, float], sign: int, limits: tuple[int, int], left: int) -> None:
        twice = 2.0 * max(scales[:2])
        self.parts = [multiplier(scale / twice) for scale in scales[:2]]
        self.whole = multiplier(twice / ((1 << left) * scales[2]))
        self.sign, self.limits, self.left = sign, limits, left

    @classmethod
    def of(cls, b: TfliteBuilder, op: TfliteOperator) -> Summands:
        first, second, third = (b.grid(op, t)[0] for t in (b.tensor(op, 0), b.tensor(op, 1), b.output(op)))
        left = 15 if b.output(op).dtype == "int16" else 20
        made = cls((first, second, third), -1 if op.op == "SUB" else 1, activation_limits(b, op), left)
        if made.whole[1] > 0:
            raise op.refusal(f"an output scale {1 << left} times finer than its inputs'", code="E204")
        return made

    def part(self, index: int, r: IntArray) -> IntArray:
        """One summand, with its sign, for integers around zero."""
        scaled = rounded_twice(np.asarray(r, np.int64) << self.left, *self.parts[index])
        return scaled * (self.sign if index else 1)

    def of_pair(self, x: IntArray, y: IntArray) -> IntArray:
        """The output, around zero."""
        return np.clip(rounded_twice(self.part(0, x) + self.part(1, y), *self.whole), *self.limits)


def _with_itself(b: TfliteBuilder, op: TfliteOperator, function: Pair) -> Value:
    """A function of one tensor, given twice."""
    x = b.value(op)
    lo, hi = b.type(x).bounds
    every = np.arange(lo, hi + 1) - x.zero
    return b.function(op, x, function(every, every)[np.newaxis])


def with_constant(b: TfliteBuilder, op: TfliteOperator, position: int, function: Pair) -> Value:
    """A function of the input at ``position`` and a constant: of the channel, or of every element on its own.

    Raises:
        IsobitError: E106 when the shapes do not fit, E208 for more elements of their own than tables can hold.
    """
    other = Constant.of(b, op, position)
    lo, hi = b.type(other.x).bounds
    r, c = np.arange(lo, hi + 1)[np.newaxis] - other.x.zero, other.rows.reshape(-1, 1)
    return other.together(b.function(op, other.x, function(r, c) if position == 0 else function(c, r)))


@dataclass(frozen=True)
class Constant:
    """A constant operand around zero beside the tensor ``x``: ``rows`` has one number, or one for each of its channels.

    Where it differs from element to element ``x`` is laid flat, every element a channel, and later put together.
    """

    b: TfliteBuilder
    op: TfliteOperator
    x: Value
    rows: IntArray
    shape: tuple[int, ...]

    @classmethod
    def of(cls, b: TfliteBuilder, op: TfliteOperator, position: int) -> Constant:
        """The constant that stands beside the operator's input at ``position``; raises as :func:`with_constant`."""
        x, other = b.spread(op, b.value(op, position), position), b.tensor(op, 1 - position)
        data, (_, zero, _) = b.constant(op, 1 - position, "constant"), b.grid(op, other)
        kind = b.type(x)
        try:
            wide = np.broadcast_to(data.astype(np.int64) - zero, b.output(op).shape).reshape(-1, kind.channels)
        except ValueError as error:
            raise op.refusal(f"a constant of shape {list(data.shape)}", code="E106") from error
        rows = wide[:1] if (wide == wide[0]).all() else wide
        if rows.size > _MOST_ROWS and len(rows) > 1:
            raise op.refusal(f"a constant of {rows.size} elements that all differ", "at most 16384", "E208")
        if (rows == rows[0, 0]).all():
            rows = rows[:1, :1]
        if len(rows) > 1:
            x = b.moved(op, x, b.flat(x), "_apart")
        return cls(b, op, x, rows, kind.shape)

    def together(self, y: Value) -> Value:
        """What was made of ``x``, in the shape that the operator's tensor had."""
        if len(self.rows) == 1:
            return y
        return self.b.moved(self.op, y, self.b.flat(y).reshape(self.shape), "_together")


def _one_sum(b: TfliteBuilder, op: TfliteOperator, x: Value, y: Value, scaled: Summands) -> Value | None:
    """``f(a x + c y)``, with the scales' own ratio where that serves."""
    boxes = [Interval(*b.type(v).bounds) for v in (x, y)]
    values = np.arange(boxes[0].lo, boxes[0].hi + 1)[:, np.newaxis], np.arange(boxes[1].lo, boxes[1].hi + 1)
    # a difference is a sum with the second operand turned around
    turned = Interval(-boxes[1].hi, -boxes[1].lo) if scaled.sign < 0 else boxes[1]
    table = scaled.of_pair(*values)[:, :: scaled.sign]
    ratio = exact_scale(b.tensor(op, 1)) / exact_scale(b.tensor(op, 0))
    sums = list(islice(joint_sums(ratio.denominator, ratio.numerator, table, boxes[0], turned), _MOST_PAIRS))
    if not sums:
        return None
    short = sums[-1]
    (edges,), coefficients = short.edges, (short.a, scaled.sign * short.b)
    node = Add(
        name=b.named(op, "_sum"), inputs=(x.name, y.name), coefficients=tuple(map(frozen_ints, coefficients)),
        source=b.source(op),
    )  # fmt: skip
    return b.step(op, b.emit(node), [edges.staircase()])


def _tabled_sum(b: TfliteBuilder, op: TfliteOperator, x: Value, y: Value, scaled: Summands) -> Value:
    """``f(g(x) + h(y))`` with both roundings in tables."""
    parts = []
    for index, value in enumerate((x, y)):
        lo, hi = b.type(value).bounds
        rows = scaled.part(index, np.arange(lo, hi + 1))[np.newaxis]
        name = b.named(op, "_wide")
        table = Table(
            name=name, inputs=(value.name,), lo=frozen_ints(lo), values=frozen_ints(rows), source=b.source(op)
        )
        parts.append(b.emit(table))
    one = frozen_ints(1)
    total = Add(name=b.named(op, "_sum"), inputs=tuple(parts), coefficients=(one, one), source=b.source(op))
    return b.step(op, b.emit(total), [requantizer(*scaled.whole, *scaled.limits)])


def _regridded(b: TfliteBuilder, op: TfliteOperator, position: int, output: TfliteTensor) -> Value:
    """An input of a concatenation on the output's grid, with zero at zero."""
    tensor, x = b.tensor(op, position), b.value(op, position)
    scale_in, zero_in, _ = b.grid(op, tensor)
    scale, zero, (lo, hi) = b.grid(op, output)
    if tensor.dtype != output.dtype:
        raise op.refusal(f"'{printable(tensor.name)}' is {tensor.dtype}, the output {output.dtype}", code="E108")
    if (scale_in, zero_in) == (scale, zero):
        return b.centred(op, x)
    if tensor.dtype != "uint8":
        raise op.refusal(f"'{printable(tensor.name)}' has another scale than the output", "convert again", "E208")
    least, greatest = b.type(x).bounds
    q = np.arange(least, greatest + 1) - x.zero + zero_in
    factor = np.float32(scale_in) * (np.float32(1) / np.float32(scale))
    real = q.astype(np.float32) * factor + np.float32(-zero_in) * factor
    made = np.clip(np.array([rounded(v) for v in real]) + zero, lo, hi) - zero
    return b.function(op, x, made[np.newaxis])
