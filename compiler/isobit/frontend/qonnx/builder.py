"""The state of one import: the symbolic value of every source tensor and the integer graph built so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.frontend.graph_builder import GraphBuilder
from isobit.frontend.onnx.model import SourceModel, SourceNode
from isobit.frontend.qonnx.float_arithmetic import FloatArithmetic
from isobit.frontend.qonnx.staircases import Bound
from isobit.frontend.qonnx.symbolic import Function, HostReal, QuantisedConstant, Rationals, Real, Tensor, rationals
from isobit.ir.channels import Curves
from isobit.ir.ops import HostOp, Step
from isobit.numerics import Rounded, Rounding, bit_width

_SPATIAL = frozenset(
    "Conv ConvTranspose MaxPool AveragePool GlobalAveragePool GlobalMaxPool QuantAvgPool2d Resize Upsample".split()
)

_MAX_CLAMPED_BITS = 64


@dataclass(frozen=True)
class Origin:
    """Where a step came from: the real tensor it quantised and, per channel and level, the boundary on that real."""

    quantised: Real
    boundary: Callable[[int, int], Bound]


Level = Callable[[int, Fraction], int]
"""The integer of a real value in a channel; it never falls."""


@dataclass(frozen=True)
class FunctionOrigin:
    """What a step or table was made from entry by entry: the function, and the quantiser's level of a real value."""

    function: Function
    level: Level


@dataclass
class Builder(GraphBuilder):
    """Grows the integer graph of an ONNX source; ``tensors`` maps a source tensor's raw name to its symbolic value.

    ``origins`` keeps, for every step's name, what it was made from: the source check needs the exact rounding edges.
    ``arithmetic`` chooses the staircases.
    """

    model: SourceModel
    tensors: dict[str, Tensor] = field(default_factory=dict)
    origins: dict[str, Origin | FunctionOrigin] = field(default_factory=dict)
    arithmetic: FloatArithmetic = field(default_factory=FloatArithmetic)

    def hint(self, node: SourceNode) -> str:
        """A short readable stem for the values made from ``node``."""
        return node.name or f"{node.op.lower()}_{node.outputs[0]}"

    # ------------------------------------------------------------------ layout

    def input_layout(self, rank: int, tensor: str) -> tuple[int, ...]:
        """Channels last for an image network's input, the source's own order otherwise (batch axis excluded).

        The channels of ``tensor`` are the axis that the first spatial operator above it takes for them.
        """
        if rank == 1 or not any(node.op in _SPATIAL for node in self.model.nodes):
            return tuple(range(rank))
        channels = self._channel_axis(tensor, tuple(range(rank)))
        return (*(a for a in range(rank) if a != channels), channels)

    def _channel_axis(self, tensor: str, axes: tuple[int, ...]) -> int:
        """``axes[i]`` is the input's axis that is axis ``i`` of ``tensor``; transposes on the way turn them."""
        for node in self.model.nodes:
            if tensor not in node.inputs:
                continue
            if node.op in _SPATIAL or len(self.model.shapes[node.outputs[0]]) != len(axes) + 1:
                break
            if node.op == "Transpose":
                order = attribute_ints(node, "perm", tuple(reversed(range(len(axes) + 1))))
                axes = axes if order[0] else tuple(axes[p - 1] for p in order[1:])
            return self._channel_axis(node.outputs[0], axes)
        return axes[0]

    def host_transpose(self, layout: tuple[int, ...]) -> tuple[HostOp, ...]:
        return () if layout == tuple(range(len(layout))) else (HostOp("transpose", shape=layout),)

    # ------------------------------------------------------------------ looking at tensors

    def tensor(self, name: str) -> Tensor:
        """The symbolic value of a source tensor.

        Raises:
            IsobitError: E202 for an output of an operator that isobit does not compute (the values of a TopK).
        """
        if name in self.model.constants:
            return np.asarray(self.model.constants[name])
        if name not in self.tensors:
            raise IsobitError("E202", "this output of its operator is not supported", where=printable(name))
        return self.tensors[name]

    def constant(self, node: SourceNode, index: int, what: str, default: Any = None) -> Any:
        """Input ``index`` as a plain constant array.

        Raises:
            IsobitError: E206 when it is computed at run time, E204 when it is missing and has no default.
        """
        if index >= len(node.inputs) or not node.inputs[index]:
            if default is None:
                raise IsobitError("E204", f"{node.op} has no {what}", where=self.where(node))
            return np.asarray(default)
        value = self.tensor(node.inputs[index])
        if isinstance(value, QuantisedConstant):
            raise IsobitError("E206", f"the {what} of {node.op} is quantised itself", where=self.where(node))
        if not isinstance(value, np.ndarray):
            raise IsobitError(
                "E206", f"the {what} of {node.op} is computed at run time", where=self.where(node),
                hint="export the model in eval mode with constant quantiser parameters",
            )  # fmt: skip
        return value

    def operand(self, node: SourceNode, index: int, what: str, default: Any = None) -> Any:
        """:meth:`constant`, or the exact rationals (an object array) of a constant behind quantisers of its own."""
        value = self.tensor(node.inputs[index]) if index < len(node.inputs) and node.inputs[index] else None
        return value.values() if isinstance(value, QuantisedConstant) else self.constant(node, index, what, default)

    def real(self, node: SourceNode, index: int = 0) -> Real:
        """Input ``index`` as a real function of an integer value.

        Raises:
            IsobitError: E209 for a raw input that no quantiser has seen, E203 for an unquantised constant.
        """
        value = self.tensor(node.inputs[index])
        if isinstance(value, Real):
            return value
        if isinstance(value, Function):
            raise self._unquantised(node, index)
        if isinstance(value, HostReal):
            raise IsobitError(
                "E209", f"{node.op} reads the float input {printable(value.outside)} before any quantiser",
                where=self.where(node),
                hint="quantise the input in the model (QuantIdentity) or declare it: --input-type UINT8, INT8, BIPOLAR",
            )  # fmt: skip
        raise IsobitError("E201", f"{node.op} on a constant operand is not supported here", where=self.where(node))

    def affine(self, node: SourceNode, index: int = 0) -> Real:
        """Like :meth:`real`, and refuse what is not ``scale * integer + offset`` (E203: no quantiser after it)."""
        value = self.real(node, index)
        if not value.is_affine:
            clamped = self._clamped(node, value)
            if clamped is not None:
                return clamped
            raise self._unquantised(node, index)
        return value

    def _unquantised(self, node: SourceNode, index: int) -> IsobitError:
        return IsobitError(
            "E203", f"input {index} of {node.op} is an activation function's output that nothing quantises",
            where=self.where(node),
            hint="let a quantiser follow the activation: QuantReLU or QuantIdentity in Brevitas, in quantize_static of"
            " ONNX Runtime extra_options={'ForceQuantizeNoInputCheck': True}",
        )  # fmt: skip

    def _clamped(self, node: SourceNode, value: Real) -> Real | None:
        """``clamp(scale * v + offset)`` as a clamp of the integers, where its limits are integers of the tensor."""
        (first, *others), kind = value.segments, self.types[value.value]
        if others or (first.scale == 0).any():
            return None
        rows = max(len(a) for a in (first.scale, first.offset, first.lo, first.hi) if a is not None)
        curves = []
        scales, offsets, _ = np.broadcast_arrays(first.scale, first.offset, np.empty(rows))
        for c, (scale, offset) in enumerate(zip(scales, offsets, strict=True)):
            ends = [None if v is None else (v[c % len(v)] - offset) / scale for v in (first.lo, first.hi)]
            if any(e is not None and e.denominator != 1 for e in ends):
                return None
            lo, hi = ends if scale > 0 else reversed(ends)
            low, high = (bound if e is None else int(e) for bound, e in zip(kind.bounds, (lo, hi), strict=True))
            # an open side moves with the other one where that lies outside the integers' interval
            low, high = (min(low, high), high) if lo is None else (low, max(low, high))
            if bit_width(low, high) > _MAX_CLAMPED_BITS:
                return None
            curves.append(Rounded(Fraction(1), Fraction(0), Rounding.FLOOR, low, high))
        name = self.fresh(value.value + "_clamp")
        source = (printable(node.name or node.outputs[0]),)
        self.emit(Step(name=name, inputs=(value.value,), curves=Curves(curves), source=source))
        return Real.of(name, value.layout, first.scale, first.offset)

    def per_channel(self, node: SourceNode, values: Any, real: Real | Function) -> Rationals:
        """A constant operand as exact rationals along ``real``'s channel axis.

        Raises:
            IsobitError: E208 when it varies along another axis, E204 when it holds NaN or infinity.
        """
        array = np.asarray(values)
        if array.size == 1:
            return rationals(array.reshape(-1))
        rank = len(real.layout) + 1
        padded = array.reshape((1,) * (rank - array.ndim) + array.shape) if array.ndim < rank else array
        channel_axis = real.layout[-1] + 1
        channels = self.types[real.value].channels
        if padded.ndim != rank or padded.size != padded.shape[channel_axis] or padded.size != channels:
            raise IsobitError(
                "E208",
                f"a constant of shape {array.shape} varies along more than the channel axis",
                where=self.where(node),
            )
        return rationals(padded.reshape(-1))

    def where(self, node: SourceNode) -> str:
        name = f" {printable(node.name)!r}" if node.name else ""
        return f"{node.op}{name} -> {printable(node.outputs[0])!r}"

    def unsupported(self, node: SourceNode, why: str, hint: str = "") -> IsobitError:
        return IsobitError("E202", why, where=self.where(node), hint=hint)


def attribute_ints(node: SourceNode, name: str, default: Sequence[int]) -> tuple[int, ...]:
    """An integer-list attribute, or its default.

    Raises:
        IsobitError: E202 where the file has another kind of value there.
    """
    value = node.attrs.get(name, default)
    if not isinstance(value, Sequence) or not all(isinstance(v, int) for v in value):
        where = f"{node.op} -> {printable(node.outputs[0])!r}"
        raise IsobitError("E202", f"attribute {name!r} is no list of integers", where=where)
    return tuple(int(v) for v in value)
