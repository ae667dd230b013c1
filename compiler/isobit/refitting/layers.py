"""The layers with weights of a model, each with the constants and the normalisation behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.frontend.onnx.model import SourceModel, SourceNode
from isobit.numerics import Rounding
from isobit.numerics.float_quantise import quantise_float, sign_float
from isobit.refitting.groups import LINEAR

Floats = NDArray[Any]
_WEIGHT_QUANTISERS = frozenset({"Quant", "BipolarQuant"})


@dataclass(frozen=True, eq=False)
class Layer:
    """``y = gain * (W x) + shift`` per output channel: a linear node and the additions and BatchNormalization after it.

    ``quant`` quantises the float weights, ``axis`` is the output channels' axis there; ``weights`` and ``scale`` are
    theirs (float64, the scale one per channel). ``absorbed`` are the nodes that ``gain`` and ``shift`` stand for,
    ``output`` the last one's tensor. ``problem`` says why the layer must stay as it is ("" when it need not).
    """

    node: SourceNode
    quant: SourceNode
    axis: int
    weights: Floats
    scale: Floats
    gain: Floats
    shift: Floats
    absorbed: tuple[SourceNode, ...]
    output: str

    @property
    def channels(self) -> int:
        """Output channels."""
        return int(self.weights.shape[self.axis])

    def along(self, values: Floats) -> Floats:
        """Per-channel values, shaped to broadcast against the weights."""
        return values.reshape([-1 if a == self.axis else 1 for a in range(self.weights.ndim)])


def find_layers(model: SourceModel) -> tuple[list[Layer], list[str]]:
    """The layers whose weights may be refitted, and why the others may not."""
    readers: dict[str, list[SourceNode]] = {}
    for node in model.nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    maker = {name: node for node in model.nodes for name in node.outputs}
    layers, left = [], []
    for node in model.nodes:
        if node.op in (*LINEAR, "ConvTranspose"):
            found = _layer(model, node, maker, readers)
            if isinstance(found, Layer):
                layers.append(found)
            else:
                left.append(f"{node.op} {node.name}: {found}")
    return layers, left


def _layer(
    model: SourceModel, node: SourceNode, maker: Mapping[str, SourceNode], readers: Mapping[str, list[SourceNode]]
) -> Layer | str:
    if node.op == "ConvTranspose" or len(node.inputs) < 2:
        return "transposed convolutions are left as they are"
    axis = 0 if node.op == "Conv" or node.attrs.get("transB", 0) else 1
    quant, axis = _weight_quant(node.inputs[1], axis, maker)
    if quant is None or len(readers[quant.outputs[0]]) != 1:
        return "its weights have no quantiser of their own"
    weights = model.constants.get(quant.inputs[0])
    plain = [n in model.constants for n in quant.inputs[1:]]
    if weights is None or not all(plain) or weights.ndim <= axis or node.attrs.get("alpha", 1.0) != 1.0:
        return "its weights are no constants"
    scale = _per_channel(model.constants[quant.inputs[1]], weights, axis)
    zero = model.constants[quant.inputs[2]] if quant.op == "Quant" else np.zeros(1)
    if scale is None or np.any(zero != 0):
        return "its weights' scale varies along another axis, or has a zero point"
    gain, shift, absorbed, output = _behind(model, node, readers, weights.shape[axis])
    if gain is None:
        return "what is added to it varies along another axis than the channels"
    return Layer(node, quant, axis, weights.astype(np.float64), scale, gain, shift, absorbed, output)


def _weight_quant(
    name: str, axis: int, maker: Mapping[str, SourceNode]
) -> tuple[SourceNode | None, int]:  # fmt: skip
    """The quantiser of a linear node's weights and the channels' axis there, through transpositions."""
    node = maker.get(name)
    while node is not None and node.op == "Transpose":
        axis = int(np.asarray(node.attrs["perm"])[axis])
        node = maker.get(node.inputs[0])
    return (node, axis) if node is not None and node.op in _WEIGHT_QUANTISERS else (None, axis)


def _per_channel(scale: Any, weights: Any, axis: int) -> Floats | None:
    full = np.broadcast_to(scale, weights.shape) if np.ndim(scale) <= weights.ndim else None
    if full is None:
        return None
    rows = np.moveaxis(full, axis, 0).reshape(weights.shape[axis], -1).astype(np.float64)
    return rows[:, 0] if bool((rows == rows[:, :1]).all()) else None


def _behind(
    model: SourceModel, node: SourceNode, readers: Mapping[str, list[SourceNode]], channels: int
) -> tuple[Any, Any, tuple[SourceNode, ...], str]:
    """Gain, shift, the nodes they stand for, and the tensor behind them; gain is None where there are no such."""
    gain, shift = np.ones(channels), np.zeros(channels)
    rank = len(model.shapes[node.outputs[0]])
    axis = 1 if node.op == "Conv" else rank - 1
    if len(node.inputs) > 2 and node.inputs[2]:
        bias = _constant(model, node.inputs[2])
        place = (rank, rank - 1) if node.op == "Gemm" else (1, 0)
        first = None if bias is None else _channel_values(bias, *place, channels)
        if first is None or node.attrs.get("beta", 1.0) != 1.0:
            return None, None, (), ""
        shift = first
    absorbed: list[SourceNode] = []
    output = node.outputs[0]
    outputs = {info.name for info in model.outputs}
    while output not in outputs and len(readers.get(output, [])) == 1:
        reader = readers[output][0]
        found = _affine(model, reader, output, (rank, axis, channels))
        if found is None:
            break
        gain, shift = found[0] * gain, found[0] * shift + found[1]
        absorbed.append(reader)
        output = reader.outputs[0]
    return gain, shift, tuple(absorbed), output


def _affine(
    model: SourceModel, node: SourceNode, name: str, place: tuple[int, int, int]
) -> tuple[Floats, Floats] | None:
    rank, axis, channels = place
    if node.op == "BatchNormalization" and axis == 1:
        if not all(n in model.constants for n in node.inputs[1:5]):
            return None
        gamma, beta, mean, var = (model.constants[n].astype(np.float64) for n in node.inputs[1:5])
        gain = gamma / np.sqrt(var + float(np.float32(node.number("epsilon", 1e-5))))
        return gain, beta - gain * mean
    if node.op != "Add":
        return None
    other = [n for n in node.inputs if n != name]
    constant = _constant(model, other[0]) if len(other) == 1 else None
    values = None if constant is None else _channel_values(constant, rank, axis, channels)
    return None if values is None else (np.ones(channels), values)


def _constant(model: SourceModel, name: str) -> Floats | None:
    """A constant, or the value of a quantised one."""
    if name in model.constants:
        return np.asarray(model.constants[name], np.float64)
    node = next((n for n in model.nodes if name in n.outputs), None)
    if node is None or node.op not in _WEIGHT_QUANTISERS or not all(n in model.constants for n in node.inputs):
        return None
    return quantised(model, node)[1]


def quantised(model: SourceModel, node: SourceNode) -> tuple[NDArray[Any], Floats]:
    """The integers of a quantised constant, and their real values in float64."""
    x, scale, *rest = (np.asarray(model.constants[n], np.float32) for n in node.inputs)
    if node.op == "BipolarQuant":
        integers = sign_float(x, np.ones(1, np.float32), np.zeros(1, np.float32), -1, 1)
        return integers, integers * scale.astype(np.float64)
    zero, bits = rest[0], int(rest[1].reshape(-1)[0])
    lo, hi = limits(bits, bool(node.attrs.get("signed", 1)), bool(node.attrs.get("narrow", 0)))
    rounding = Rounding.parse(str(node.attrs.get("rounding_mode", "ROUND")))
    integers = quantise_float(x, scale, zero, rounding, lo, hi)
    return integers, (integers - zero.astype(np.float64)) * scale.astype(np.float64)


def limits(bits: int, signed: bool, narrow: bool) -> tuple[int, int]:
    """The least and greatest integer of a quantiser."""
    if signed:
        return -(1 << (bits - 1)) + narrow, (1 << (bits - 1)) - 1
    return 0, (1 << bits) - 1 - narrow


def _channel_values(constant: Floats, rank: int, axis: int, channels: int) -> Floats | None:
    """A constant that varies along the channels only, one value per channel."""
    if constant.ndim > rank:
        return None
    shape = (1,) * (rank - constant.ndim) + constant.shape
    if constant.size != shape[axis] or constant.size not in (1, channels):
        return None
    return np.broadcast_to(constant.reshape(-1), (channels,)).copy()
