"""Random legal QONNX networks: branching, every operator, odd shapes, prime channel counts, images one pixel wide.

:func:`random_network` is a function of its seed alone. Every tensor that is kept for later has passed a quantiser whose
range fits what reaches it, so that integers vary all the way to the outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from tests.models import random_nets_moves as moves
from tests.models.random_nets_maker import MOST_CHANNELS, MOST_ELEMENTS, Maker, Value
from tests.onnx_builder import Net

_CHANNELS = (1, 2, 3, 4, 5, 7)
_SIDES = (1, 2, 3, 4, 5, 6, 7, 9)


def convolution(m: Maker) -> None:
    """Any kernel, stride, dilation and border; dense, grouped or depthwise."""
    x = m.source(channels=True)
    groups = x.channels if m.chance(0.3) else m.pick(1, 1, *(g for g in (2, 3) if x.channels % g == 0))
    outputs = groups * m.between(1, max(2, 8 // groups))
    if outputs > MOST_CHANNELS:
        return
    dilations = [m.pick(1, 1, 2) for _ in x.spatial]
    bordered = m.chance(0.5 if x.channel_scales else 0.6)
    pads = [m.between(0, 2) if bordered else 0 for _ in 2 * x.spatial]
    before, after = pads[: len(x.spatial)], pads[len(x.spatial) :]
    room = [n + p + q for n, p, q in zip(x.spatial, before, after, strict=True)]
    kernel = [m.between(1, min(4, (n - 1) // d + 1)) for n, d in zip(room, dilations, strict=True)]
    strides = [m.pick(1, 1, 2, 3) for _ in kernel]
    fan_in = x.channels // groups * int(np.prod(kernel))
    w = m.weights(outputs, x.channels // groups, *kernel)
    bias = [m.rng.normal(0, x.reach / 4, outputs)] if m.chance(0.4) else []
    y = m.net.op("Conv", x.name, w, *bias, group=groups, strides=strides, dilations=dilations, pads=pads)
    sizes = zip(room, kernel, dilations, strides, strict=True)
    m.activate(y, (outputs, *((n - (k - 1) * d - 1) // s + 1 for n, k, d, s in sizes)), x.reach * 0.5 * fan_in**0.5)


def transposed(m: Maker) -> None:
    """ConvTranspose, also with a stride above its kernel (rows of zeros) and with cut borders."""
    x = m.source()
    outputs = m.between(1, 4)
    kernel = [m.between(1, 4) for _ in x.spatial]
    strides = [m.between(1, 3) for _ in kernel]
    full = [s * (n - 1) + k for s, n, k in zip(strides, x.spatial, kernel, strict=True)]
    pads = [m.between(0, 1) if n > 3 else 0 for n in (*full, *full)]
    shape = tuple(n - p - q for n, p, q in zip(full, pads[: len(full)], pads[len(full) :], strict=True))
    if outputs * int(np.prod(shape)) <= MOST_ELEMENTS:
        w = m.weights(x.channels, outputs, *kernel)
        y = m.net.op("ConvTranspose", x.name, w, strides=strides, pads=pads)
        m.activate(y, (outputs, *shape), x.reach * 0.5 * (x.channels * 2) ** 0.5)


def dense(m: Maker) -> None:
    """Every element of an image from every element of another."""
    x = m.source()
    shape = tuple(m.pick(1, 2, 3, 5) for _ in x.shape)
    w = m.net.quant(m.rng.normal(0, 0.5, (x.size, int(np.prod(shape)))), 0.125, 0.0, 4)
    y = m.net.op("MatMul", m.net.op("Flatten", x.name), w)
    made = m.activate(y, (int(np.prod(shape)),), x.reach * 0.5 * x.size**0.5, keep=False)
    m.keep(m.net.op("Reshape", made.name, m.ints(1, *shape)), made, shape)


def pool(m: Maker) -> None:
    kind = m.pick("MaxPool", "MaxPool", "AveragePool")
    x = m.source(channels=True)
    kernel = [m.between(1, min(3, n)) for n in x.spatial]
    strides = [m.pick(1, 2, 2) for _ in kernel]
    padded = kind == "MaxPool" or not x.channel_scales
    before = [m.between(0, k - 1) if padded else 0 for k in kernel]
    shape = tuple((n + p - k) // s + 1 for n, p, k, s in zip(x.spatial, before, kernel, strides, strict=True))
    extra: dict[str, Any] = {} if kind == "MaxPool" else {"count_include_pad": 1}
    pads = [*before, *[0] * len(before)]
    y = m.net.op(kind, x.name, kernel_shape=kernel, strides=strides, pads=pads, **extra)
    m.quantise(y, (x.channels, *shape), x.reach)


def global_pool(m: Maker) -> None:
    x = m.source(channels=True)
    kind = m.pick("GlobalAveragePool", "GlobalMaxPool", "ReduceMean")
    axes: dict[str, Any] = {"axes": list(range(2, 2 + len(x.spatial)))} if kind == "ReduceMean" else {}
    m.quantise(m.net.op(kind, x.name, **axes), (x.channels, *(1,) * len(x.spatial)), x.reach)


def join(m: Maker) -> None:
    """A sum or difference of values of one shape; where there is none, a convolution makes a partner."""
    x = m.source(channels=True)
    y = m.pick(*[v for v in m.values if v.shape == x.shape])
    if y is x and not x.channel_scales:
        made = m.net.op("Conv", x.name, m.weights(x.channels, x.channels, *(1,) * len(x.spatial)))
        y = m.quantise(made, x.shape, x.reach * 0.5 * x.channels**0.5, keep=False)
    name = m.net.op(m.pick("Add", "Add", "Sub"), x.name, y.name)
    m.quantise(name, x.shape, x.reach + y.reach)


def flip(m: Maker) -> None:
    """A falling function of a quantised value: no weights before it can take its sign."""
    x = m.source(channels=True)
    y = m.net.op("Neg", x.name) if m.chance(0.5) else m.normalise(x.name, x.channels, x.reach, negative=0.7)
    m.quantise(y, x.shape, x.reach)


def requantise(m: Maker) -> None:
    x = m.source(channels=True)
    m.quantise(x.name, x.shape, x.reach)


def finish(m: Maker, x: Value) -> str:
    """One output: an image as it is, a classifier, or the index of the largest (for an image of every pixel)."""
    kind = m.pick("image", "classifier", "classifier", "index", "map")
    if kind == "image" or x.channel_scales:
        return m.quantise(x.name, x.shape, x.reach, keep=False).name
    if kind == "map":
        return m.net.op("ArgMax", x.name, axis=1)
    return _classifier(m, x, kind == "index")


def _classifier(m: Maker, x: Value, index: bool) -> str:
    classes = m.between(2, 5)
    w = m.net.quant(m.rng.normal(0, 0.5, (x.size, classes)), 0.125, 0.0, 4)
    y = m.net.op("MatMul", m.net.op("Flatten", x.name), w)
    if not index:
        return m.net.op("Add", y, m.rng.normal(size=classes)) if m.chance(0.5) else y
    y = m.net.quant(y, m.scale(x.reach * x.size**0.5, 6, True), 0.0, 6)
    if m.chance(0.5):
        return m.net.op("ArgMax", y, axis=1)
    largest, indices = f"largest{len(m.net.nodes)}", f"indices{len(m.net.nodes)}"
    m.net.op("TopK", y, m.ints(m.between(1, classes)), outputs=[largest, indices], axis=1)
    return indices


_OPERATORS: tuple[tuple[Callable[[Maker], None], int], ...] = (
    (convolution, 6), (transposed, 1), (dense, 1), (pool, 3), (global_pool, 1), (join, 3), (flip, 1), (requantise, 1),
    (moves.pad, 1), (moves.cut, 1), (moves.shuffle, 1), (moves.split, 1), (moves.enlarge, 1), (moves.sub_pixel, 2),
    (moves.turn, 1), (moves.concat, 2), (moves.stack, 1),
)  # fmt: skip


def random_network(seed: int, operators: int = 8) -> onnx.ModelProto:
    """A legal QONNX model with inputs ``x`` and sometimes ``y`` (float32, batch of one); the same for the same seed.

    Args:
        seed: any integer.
        operators: how many random operators are tried between the inputs' quantisers and the outputs.
    """
    rng = np.random.default_rng(seed)
    rank = 2 if rng.random() < 0.75 else 1
    shape = _shape(rng, rank)
    maker = Maker(rng, Net([1, *shape]))
    maker.quantise("x", shape, 2.0)
    if maker.chance(0.2):
        _second_input(maker, shape if maker.chance(0.5) else _shape(rng, rank))
    weights = np.array([w for _, w in _OPERATORS], dtype=float)
    for index in rng.choice(len(_OPERATORS), operators, p=weights / weights.sum()):
        _OPERATORS[index][0](maker)
    convolution(maker)
    outputs = [finish(maker, maker.values[-1])]
    if maker.chance(0.3):
        outputs.append(finish(maker, maker.source(channels=True)))
    read = _behind(maker.net, outputs)
    entries = zip(maker.net.inputs, maker.values, strict=False)
    outputs += [_classifier(maker, value, False) for entry, value in entries if entry.name not in read]
    model = maker.net.model(*dict.fromkeys(outputs))
    indices = {name for node in model.graph.node if node.op_type in ("ArgMax", "TopK") for name in node.output}
    for output in model.graph.output:
        if output.name in indices:
            output.type.tensor_type.elem_type = TensorProto.INT64
    return model


def random_images(model: onnx.ModelProto, seed: int, count: int = 4) -> dict[str, NDArray[np.float32]]:
    """Float32 arrays [count, ...] for every input of the model, some values beyond the quantiser's range."""
    rng = np.random.default_rng(seed)
    shapes = {i.name: [d.dim_value for d in i.type.tensor_type.shape.dim[1:]] for i in model.graph.input}
    return {name: rng.normal(0, 1, (count, *shape)).astype(np.float32) for name, shape in shapes.items()}


def _shape(rng: np.random.Generator, rank: int) -> tuple[int, ...]:
    return tuple(int(v) for v in (rng.choice(_CHANNELS), *(rng.choice(_SIDES) for _ in range(rank))))


def _behind(net: Net, outputs: Iterable[str]) -> set[str]:
    """The tensors that the outputs depend on."""
    found = set(outputs)
    for node in reversed(net.nodes):
        if found & set(node.output):
            found |= set(node.input)
    return found


def _second_input(m: Maker, shape: tuple[int, ...]) -> None:
    m.net.inputs.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, *shape]))
    m.quantise("y", shape, 2.0)
