"""The state of one TFLite import: which graph value holds every tensor's integers, and where zero lies among them.

A tensor's integer is ``q``, its real value ``scale * (q - zero_point)``. The graph holds ``r = q - zero_point``: zero
is zero, padding is by zero, and the sign that the kernels round by is the sign of ``r``. Only an integer input is held
as the user gives it, as ``q``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import prod

import numpy as np
from numpy.typing import NDArray

from isobit.errors import IsobitError, printable
from isobit.frontend.graph_builder import GraphBuilder
from isobit.frontend.tflite.model import FIXED_BATCH, LIMITS, Array, TfliteModel, TfliteOperator, TfliteTensor
from isobit.ir.channels import Curves
from isobit.ir.ops import Add, Concat, HostOp, Reindex, Step, Table, frozen_ints
from isobit.ir.types import IntArray, ValueType
from isobit.numerics import Curve, Cuts

# What converters put behind a layer's name.
_KIND = re.compile(r"(BiasAdd|BatchNorm|Conv2D|MatMul|Relu|ReadVariableOp|resource|biases)\w*|depthwise\d*")


@dataclass(frozen=True)
class Value:
    """A tensor in the graph: ``real = scale * (v - zero)`` for the integers ``v`` of ``name``.

    ``host`` is float32 work behind it; nothing of the network may follow.
    """

    name: str
    zero: int = 0
    host: tuple[HostOp, ...] = ()


@dataclass
class TfliteBuilder(GraphBuilder):
    """Grows the integer graph of a TFLite model; ``values`` maps a tensor's index to its value.

    ``floats`` has the float tensors that only move an input's elements: that input, and their flat positions in it.
    ``reals`` has those that a DEQUANTIZE makes, or element-wise floats behind it: the value it reads, and the float32
    of every integer of its hull.
    """

    model: TfliteModel
    values: dict[int, Value] = field(default_factory=dict)
    floats: dict[int, tuple[int, IntArray]] = field(default_factory=dict)
    reals: dict[int, tuple[Value, NDArray[np.float32]]] = field(default_factory=dict)

    # ------------------------------------------------------------------ looking at tensors

    def tensor(self, op: TfliteOperator, position: int = 0) -> TfliteTensor:
        """The operator's input at ``position``.

        Raises:
            IsobitError: E102 when the operator has no such input.
        """
        if position >= len(op.inputs) or op.inputs[position] < 0:
            raise op.refusal(f"input {position} is missing", code="E102")
        return self.model.tensors[op.inputs[position]]

    def output(self, op: TfliteOperator) -> TfliteTensor:
        """The operator's first output."""
        return self.model.tensors[op.outputs[0]]

    def value(self, op: TfliteOperator, position: int = 0) -> Value:
        """The graph value of the operator's input at ``position``.

        Raises:
            IsobitError: E202 for a constant or what comes behind a Softmax, E203 for a tensor that is not quantised.
        """
        tensor, index = self.tensor(op, position), op.inputs[position]
        if index not in self.values:
            if tensor.data is not None:
                raise op.refusal(f"input {position} is a constant", "fold constants when converting")
            if index in self.reals:
                why = (
                    "it reads float32 behind a DEQUANTIZE, where only element-wise functions up to a QUANTIZE are read"
                )
                raise op.refusal(why, "quantise this operator too, or end the network at the DEQUANTIZE", "E203")
            raise op.refusal(
                f"{self.model.place(index)} is not quantised", "convert with full integer quantisation", "E203"
            )
        if self.values[index].host:
            raise op.refusal("it follows a Softmax, which only the host can compute", "end the network there")
        return self.values[index]

    def behind_softmax(self, op: TfliteOperator) -> Value | None:
        """The value that the operator gives on unchanged: the host leaves out what rounds a Softmax to 8 bits."""
        value = self.values.get(op.inputs[0]) if op.inputs else None
        return value if value is not None and value.host else None

    def constant(self, op: TfliteOperator, position: int, what: str) -> Array:
        """The operator's constant input at ``position``.

        Raises:
            IsobitError: E206 when it is computed at run time.
        """
        tensor = self.tensor(op, position)
        if tensor.data is None:
            raise op.refusal(f"its {what} is computed at run time", "convert with fixed shapes", "E206")
        return tensor.data

    def integers(self, op: TfliteOperator, position: int, what: str, count: int | None = None) -> tuple[int, ...]:
        """A constant list of integers, ``count`` of them."""
        found = tuple(int(v) for v in self.constant(op, position, what).reshape(-1))
        if count is not None and len(found) != count:
            raise op.refusal(f"{len(found)} numbers for its {what}, {count} needed")
        return found

    def grid(self, op: TfliteOperator, tensor: TfliteTensor) -> tuple[float, int, tuple[int, int]]:
        """Scale, zero point and limits of an activation.

        Raises:
            IsobitError: E203 when it is not quantised, E205 when not to 8 or 16 bits, E204 for a zero point outside its
                type, or one of 16 bits, which have none.
        """
        where = op.where
        if len(tensor.scale) != 1:
            raise IsobitError(
                "E203", f"'{printable(tensor.name)}' has {len(tensor.scale)} scales, one is needed", where=where,
                hint="convert with full integer quantisation",
            )  # fmt: skip
        if tensor.dtype not in LIMITS:
            raise IsobitError(
                "E205", f"'{printable(tensor.name)}' is {tensor.dtype}", where=where, hint="quantise to int8 or uint8"
            )
        lo, hi = LIMITS[tensor.dtype]
        if not lo <= tensor.zero_point[0] <= hi:
            raise IsobitError("E204", f"a zero point of {tensor.zero_point[0]} in {tensor.dtype}", where=where)
        if tensor.dtype == "int16" and tensor.zero_point[0]:
            hint = "16-bit kernels take symmetric activations: convert again"
            raise IsobitError("E204", f"a zero point of {tensor.zero_point[0]} in int16", where=where, hint=hint)
        return tensor.scale[0], tensor.zero_point[0], (lo, hi)

    def type(self, value: Value) -> ValueType:
        """The graph type of a value."""
        return self.types[value.name]

    # ------------------------------------------------------------------ emitting

    def named(self, op: TfliteOperator, suffix: str = "") -> str:
        """A fresh name for what ``op`` makes."""
        return self.fresh(_stem(self.output(op).name) + suffix)

    def source(self, op: TfliteOperator) -> tuple[str, ...]:
        """What a node says of where it comes from."""
        return (printable(self.output(op).name),)

    def step(self, op: TfliteOperator, x: str, curves: list[Curve], suffix: str = "") -> Value:
        """A step with one curve, or one per channel."""
        shared = all(curve is curves[0] for curve in curves)
        kept = Curves(curves[:1] if shared else curves)
        return Value(self.emit(Step(name=self.named(op, suffix), inputs=(x,), curves=kept, source=self.source(op))))

    def function(self, op: TfliteOperator, x: Value, rows: IntArray) -> Value:
        """``rows[c, v - lo]`` of every integer ``v`` of ``x``'s hull: a step where it rises, a table otherwise."""
        lo, hi = self.type(x).bounds
        if (np.diff(rows, axis=1) >= 0).all():
            places = np.arange(lo + 1, hi + 1)
            return self.step(op, x.name, [Cuts(int(r[0]), np.repeat(places, np.diff(r))) for r in rows])
        table = Table(
            name=self.named(op), inputs=(x.name,), lo=frozen_ints([lo] * len(rows)), values=frozen_ints(rows),
            source=self.source(op),
        )  # fmt: skip
        return Value(self.emit(table))

    def centred(self, op: TfliteOperator, x: Value) -> Value:
        """``x`` with zero at zero."""
        if not x.zero:
            return x
        one, zero = frozen_ints(1), self.const(x.name + "_zero", [-x.zero] * self.type(x).channels)
        made = Add(name=self.fresh(x.name + "_centred"), inputs=(x.name, zero), coefficients=(one, one))
        return Value(self.emit(made))

    def moved(self, op: TfliteOperator, x: Value, index: IntArray, suffix: str = "") -> Value:
        """The value whose element ``i`` is ``x``'s element at flat position ``index[i]``."""
        kind = self.type(x)
        index = index.reshape(index.shape or (1,))
        if index.shape == kind.shape and np.array_equal(index.reshape(-1), np.arange(kind.size)):
            return x
        node = Reindex(
            name=self.named(op, suffix), inputs=(x.name,), index=frozen_ints(index), source=self.source(op)
        )  # fmt: skip
        return Value(self.emit(node), x.zero)

    def shaped(self, op: TfliteOperator, x: Value, index: IntArray, output: int = 0) -> Value:
        """:meth:`moved` in the shape that the file declares for an output.

        Raises:
            IsobitError: E106 when it holds another number of elements.
        """
        tensor = self.model.tensors[op.outputs[output]]
        shape = sample_shape(tensor, op.where)
        if index.size != prod(shape):
            why = f"{index.size} elements, its output of shape {list(tensor.shape)} has others"
            raise op.refusal(why, FIXED_BATCH, "E106")
        return self.moved(op, x, index.reshape(shape))

    def declared(self, op: TfliteOperator, shape: Sequence[int]) -> None:
        """That the file declares this shape for the output: what a constant asks for is as large as its tensor.

        Raises:
            IsobitError: E106 when it declares another.
        """
        if tuple(shape) != self.output(op).shape:
            raise op.refusal(f"it makes {list(shape)}, the file declares {list(self.output(op).shape)}", code="E106")

    def spread(self, op: TfliteOperator, x: Value, position: int) -> Value:
        """The operator's input ``x`` repeated along the axes in which the output is larger.

        Raises:
            IsobitError: E106 when the shapes do not broadcast.
        """
        wanted = self.output(op).shape
        try:
            index = np.broadcast_to(self.positions(op, position), wanted)
        except ValueError as error:
            given = list(self.tensor(op, position).shape)
            raise op.refusal(f"shapes {given} and {list(wanted)}", code="E106") from error
        return self.moved(op, x, index.reshape(sample_shape(self.output(op), op.where)), "_spread")

    def positions(self, op: TfliteOperator, position: int = 0) -> IntArray:
        """The flat position of every element of an input, along the axes that the file says."""
        shape = self.tensor(op, position).shape
        return np.arange(prod(shape)).reshape(shape)

    def flat(self, x: Value) -> IntArray:
        """The flat positions of a value's elements in their order."""
        return np.arange(self.type(x).size)

    def side_by_side(self, op: TfliteOperator, values: Sequence[Value], stack: Callable[..., IntArray]) -> Value:
        """Values behind one another and moved: ``stack`` of the positions of every part's elements, in file's axes."""
        flat = [self.moved(op, self.centred(op, v), self.flat(v), "_flat") for v in values]
        joined = flat[0]
        if len(flat) > 1:
            inputs = tuple(v.name for v in flat)
            joined = Value(
                self.emit(Concat(name=self.named(op, "_all"), inputs=inputs, axis=0, source=self.source(op)))
            )
        starts = np.cumsum([0, *(self.type(v).size for v in flat)])
        parts = [self.positions(op, i) + int(start) for i, start in zip(range(len(flat)), starts, strict=False)]
        return self.shaped(op, joined, stack(parts))


def sample_shape(tensor: TfliteTensor, where: str) -> tuple[int, ...]:
    """A tensor's shape in the graph: without a first axis of 1, which is the batch's.

    Where the file moves the one sample's other axes to the front (as rows of a dense layer, steps of time), all stay.

    Raises:
        IsobitError: E106 for an empty tensor.
    """
    shape = tensor.shape or (1,)
    if len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
    if 0 in shape:
        raise IsobitError("E106", f"an empty tensor of shape {list(tensor.shape)}", where=where)
    return shape


def exact_scale(tensor: TfliteTensor) -> Fraction:
    """The scale as the rational that its float32 is."""
    return Fraction(tensor.scale[0]) if tensor.scale else Fraction(1)


def _stem(name: str) -> str:
    """Of the names that a converter joined with semicolons the shortest, without the operators' kinds."""
    names = [n for n in name.split(";") if not n.startswith("unknown")] or [name]
    parts = min(names, key=len).split(":")[0].split("/")
    return "/".join(p for p in parts if not _KIND.fullmatch(p)) or name
