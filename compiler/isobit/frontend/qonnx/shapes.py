"""Reshape-like operators, transposes, concatenation, selection at the end, and the graph's outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.model import SourceNode, TensorInfo
from isobit.frontend.qonnx import movement
from isobit.frontend.qonnx.builder import Builder, attribute_ints
from isobit.frontend.qonnx.symbolic import Function, HostReal, QuantisedConstant, Rationals, Real, Tensor, rationals
from isobit.ir.ops import Add, Concat, HostOp, Output, Select, frozen_ints
from isobit.numerics import bit_width, rational_gcd

_MAX_ALIGNED_BITS = 63


def import_reshape(b: Builder, node: SourceNode) -> Tensor:
    """Reshape, Flatten, Squeeze, Unsqueeze: the element order of the source is kept."""
    x = b.tensor(node.inputs[0])
    if not isinstance(x, HostReal):
        return movement.import_reshape(b, node)
    shape = b.model.shapes[node.outputs[0]][1:]
    return x if x.shape == shape else x.then(HostOp("reshape", shape=shape), shape)


def import_transpose(b: Builder, node: SourceNode) -> Tensor:
    """Transposes of activations only change the layout; nothing moves."""
    x = b.tensor(node.inputs[0])
    rank = len(b.model.shapes[node.inputs[0]])
    permutation = attribute_ints(node, "perm", tuple(reversed(range(rank))))
    if isinstance(x, QuantisedConstant):
        return x.transpose(permutation)
    if permutation[0] != 0:
        raise b.unsupported(node, "the batch axis is moved", "keep axis 0 first")
    axes = tuple(p - 1 for p in permutation[1:])
    if isinstance(x, Function):
        return replace(x, layout=tuple(axes.index(a) for a in x.layout))
    if isinstance(x, HostReal):
        return x.then(HostOp("transpose", shape=axes), tuple(x.shape[a] for a in axes))
    real = b.real(node)
    return replace(real, layout=tuple(axes.index(a) for a in real.layout))


def import_concat(b: Builder, node: SourceNode) -> Tensor:
    """Concatenation: along the channels every part keeps its own exact scale, along others they must have one."""
    parts = [b.affine(node, i) for i in range(len(node.inputs))]
    axis = int(str(node.attrs.get("axis", 1)))
    source_axis = (axis + len(parts[0].layout) + 1 if axis < 0 else axis) - 1
    if source_axis < 0:
        raise b.unsupported(node, "the batch axis is concatenated")
    if source_axis == 0 and len({(*p.scale, *p.offset) for p in parts}) > 1:
        parts = [movement.channels_last(b, node, p) for p in parts]
    parts = movement.one_layout(b, node, parts)
    layout = parts[0].layout
    along_channels = layout[-1] == source_axis
    scale, offset = (_joined(b, node, parts, name, along_channels) for name in ("scale", "offset"))
    source = (printable(node.name or node.outputs[0]),)
    inputs = tuple(p.value for p in parts)
    name = b.emit(Concat(name=b.fresh(b.hint(node)), inputs=inputs, axis=layout.index(source_axis), source=source))
    made = Real.of(name, layout, scale, offset)
    return made.just_quantised if all(p.reading is not None and p.reading.grid for p in parts) else made.unread


def _joined(b: Builder, node: SourceNode, parts: Sequence[Real], name: str, along_channels: bool) -> Rationals:
    """The scales or offsets of a concatenation's channels."""
    values = [np.broadcast_to(getattr(p, name), (b.types[p.value].channels,)) for p in parts]
    if not along_channels and any((v != values[0]).any() for v in values):
        raise IsobitError(
            "E208", f"parts that differ in {name} would share a channel", where=b.where(node),
            hint="send them through one quantiser",
        )  # fmt: skip
    joined = np.concatenate(values) if along_channels else values[0]
    return rationals(joined[:1] if (joined == joined[0]).all() else joined)


def import_select(b: Builder, node: SourceNode) -> Tensor:
    """ArgMax and the indices of TopK along any axis, on integers aligned to one exact scale."""
    x = b.affine(node)
    axis = _selected(node) % (len(x.layout) + 1)
    if axis == 0:
        raise b.unsupported(node, "selection among the samples of a batch")
    x = movement.channels_last(b, node, x, axis - 1)
    if node.attrs.get("select_last_index", 0) or not node.attrs.get("largest", 1):
        raise b.unsupported(node, "only the first of the largest elements can be selected")
    k = 1 if node.op == "ArgMax" else int(b.constant(node, 1, "k").reshape(-1)[0])
    source = (printable(node.name or node.outputs[0]),)
    name = b.emit(Select(name=b.fresh(b.hint(node)), inputs=(_aligned(b, node, x),), k=k, source=source))
    return Real.of(name, x.layout, rationals([1]), rationals([0]))


def import_softmax(b: Builder, node: SourceNode) -> Tensor:
    """Softmax (and LogSoftmax) as the network's last operation stays on the host; its greatest is its input's."""
    real = b.affine(node)
    rank = len(real.layout) + 1
    axis = int(str(node.attrs.get("axis", -1 if node.opset >= 13 else 1))) % rank
    shown = node.outputs[0] in {o.name for o in b.model.outputs}
    readers = [reader for reader in b.model.nodes if node.outputs[0] in reader.inputs]
    if not shown and node.opset >= 13 and readers and all(_selected(r) % rank == axis for r in readers):
        return real
    if axis - 1 != real.layout[-1] or (node.opset < 13 and axis != rank - 1):
        raise b.unsupported(node, "only Softmax over the channels is supported")
    if not shown:
        raise b.unsupported(
            node, "Softmax inside the network is not supported", "only a final Softmax can stay on the host"
        )
    return real.apply(node.op.lower())


def _selected(node: SourceNode) -> int:
    """The axis along which a node looks for its input's greatest elements; the batch's where it does not."""
    return int(str(node.attrs.get("axis", 0 if node.op == "ArgMax" else -1))) if node.op in ("ArgMax", "TopK") else 0


def import_output(b: Builder, info: TensorInfo) -> None:
    """Emit the output node of one graph output: integers, their exact scale, and what the host still does."""
    value = b.tensor(info.name)
    if not isinstance(value, Real):
        raise IsobitError(
            "E203",
            f"the output {printable(info.label)!r} does not depend on a quantised value",
            where=printable(info.label),
            hint="leave it out of the outputs; Brevitas adds scale and zero point of a last layer with"
            " return_quant_tensor=True"
            if isinstance(value, np.ndarray)
            else "",
        )
    first, host = value.segments[0], _host_tail(b, info, value)
    b.emit(
        Output(
            name=b.fresh(info.label), inputs=(value.value,), scale=tuple(first.scale), offset=tuple(first.offset),
            outside=info.label, outside_shape=info.shape[1:], host=host, source=(printable(info.label),),
        )
    )  # fmt: skip


def _host_tail(b: Builder, info: TensorInfo, value: Real) -> tuple[HostOp, ...]:
    """The float operations after ``scale * integer + offset``, then the source's own layout."""
    ops: list[HostOp] = []
    for number, segment in enumerate(value.segments):
        if segment.after == "leaky":
            assert segment.slope is not None
            ops.append(HostOp("leaky", values=tuple(map(float, segment.slope)), shape=(len(segment.slope),)))
        elif segment.after not in ("", "identity"):
            ops.append(HostOp(segment.after))
        if number and not ((segment.scale == 1).all() and (segment.offset == 0).all()):
            ops.extend(
                HostOp(k, tuple(map(float, v)), (len(v),)) for k, v in (("mul", segment.scale), ("add", segment.offset))
            )
        if segment.lo is not None or segment.hi is not None:
            ops.append(
                HostOp(
                    "clip", values=tuple(_one(b, info, v, s) for v, s in ((segment.lo, -np.inf), (segment.hi, np.inf)))
                )
            )
    inverse = tuple(int(a) for a in np.argsort(value.layout))
    if inverse != tuple(range(len(inverse))):
        ops.append(HostOp("transpose", shape=inverse))
    if tuple(b.types[value.value].shape[a] for a in inverse) != info.shape[1:]:
        ops.append(HostOp("reshape", shape=info.shape[1:]))
    return tuple(ops)


def _one(b: Builder, info: TensorInfo, values: object, default: float) -> float:
    if values is None:
        return default
    distinct = set(np.asarray(values, dtype=object).reshape(-1))
    if len(distinct) > 1:
        raise IsobitError(
            "E203", "the output is clipped per channel and nothing quantises it", where=printable(info.label)
        )
    return float(distinct.pop())


def _aligned(b: Builder, node: SourceNode, x: Real) -> str:
    """Integers whose order over the channels is the order of the real values."""
    if len(x.offset) == 1 and len(x.scale) == 1 and x.scale[0] > 0:
        return x.value
    kind = b.types[x.value]
    scale, offset = (np.broadcast_to(a, (kind.channels,)) for a in (x.scale, x.offset))
    unit = rational_gcd(*scale, *(o for o in offset if o != 0)) or Fraction(1)
    factors, constants = (frozen_ints(np.array([int(v / unit) for v in a], dtype=object)) for a in (scale, offset))
    bias = b.const(b.hint(node) + "_bias", constants)
    name = b.emit(
        Add(name=b.fresh(b.hint(node) + "_align"), inputs=(x.value, bias), coefficients=(factors, frozen_ints(1)))
    )
    if bit_width(*b.types[name].bounds) > _MAX_ALIGNED_BITS:
        raise IsobitError(
            "E208", f"comparing channels of unrelated scales would take {b.types[name].bits} bits", where=b.where(node),
            hint="add an output quantiser (QuantIdentity) before the selection",
        )  # fmt: skip
    return name
