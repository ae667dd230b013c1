"""Small Brevitas networks for the digits, and what the tests of the training package compare.

``compare_layers`` is the heart: the integers that every quantiser of the torch module makes are those that the step of
the same place makes in the compiled graph, as the interpreter evaluates it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brevitas.nn as qnn
import brevitas.quant as q
import numpy as np
import torch
from torch import Tensor, nn

from isobit.frontend.qonnx.importer import import_onnx
from isobit.interp import quantise, run
from isobit.ir import Graph
from isobit.ir.ops import Input, Step
from isobit.numerics import MultiplyShift

BITS: dict[str, Any] = {"weight_quant": q.Int8WeightPerChannelFloat, "weight_bit_width": 8}


def relu(bits: int = 8) -> nn.Module:
    return qnn.QuantReLU(act_quant=q.Uint8ActPerTensorFloat, bit_width=bits)  # type: ignore[no-any-return]


def signed(bits: int = 8) -> nn.Module:
    return qnn.QuantIdentity(act_quant=q.Int8ActPerTensorFloat, bit_width=bits)  # type: ignore[no-any-return]


def grey() -> nn.Module:
    """The input quantiser: grey levels 0..16 are the integers."""
    options = {"bit_width": 5, "scaling_impl_type": "const", "min_val": 0.0, "max_val": 31.0}
    return qnn.QuantIdentity(act_quant=q.Uint8ActPerTensorFloat, **options)  # type: ignore[no-any-return]


def conv(inputs: int, outputs: int, stride: int = 1, **options: Any) -> nn.Sequential:
    """3x3, BatchNorm."""
    layer = qnn.QuantConv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False, **BITS, **options)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs))


def mlp() -> nn.Module:
    """64-32-24-10; free scales, an output quantiser, an input scale that is no power of two, [N, 1, 8, 8]."""
    return nn.Sequential(
        nn.Flatten(), signed(),
        qnn.QuantLinear(64, 32, bias=False, **BITS), nn.BatchNorm1d(32), relu(),
        qnn.QuantLinear(32, 24, bias=True, **BITS), qnn.QuantHardTanh(min_val=-1.0, max_val=1.0, bit_width=6),
        qnn.QuantLinear(24, 10, bias=True, **BITS), signed(),
    )  # fmt: skip


def cnn() -> nn.Module:
    """Two convolutions (one depthwise), a max-pool before an activation, a raw output."""
    return nn.Sequential(
        grey(), conv(1, 8), nn.MaxPool2d(2), relu(6), conv(8, 8, groups=8), nn.ReLU(), signed(6),
        nn.Flatten(), nn.Dropout(0.1), qnn.QuantLinear(128, 10, bias=True, **BITS),
    )  # fmt: skip


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut; the branches are quantised before the sum."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(inputs, outputs, stride), relu(), conv(outputs, outputs), signed())
        plain = stride == 1 and inputs == outputs
        short = qnn.QuantConv2d(inputs, outputs, 1, stride=stride, bias=False, **BITS)
        self.short = signed() if plain else nn.Sequential(short, nn.BatchNorm2d(outputs), signed())
        self.after = relu()

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.body(x) + self.short(x))  # type: ignore[no-any-return]


class ResNet8(nn.Module):
    """Three blocks of two convolutions, as ResNet-8, on 8x8 images."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(grey(), conv(1, 4), relu())
        self.blocks = nn.Sequential(Block(4, 4, 1), Block(4, 8, 2), Block(8, 8, 2))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = qnn.QuantLinear(8, 10, bias=True, **BITS)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pool(self.blocks(self.stem(x))).flatten(1))  # type: ignore[no-any-return]


NETS: dict[str, Callable[[], nn.Module]] = {"mlp": mlp, "cnn": cnn, "resnet8": ResNet8}


def calibrated(name: str, inputs: Tensor, seed: int = 0) -> nn.Module:
    """The network after a few forward passes in train mode, in eval mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = NETS[name]().train()
        for part in torch.split(inputs, 64)[:12]:
            model(part)
    return model.eval()


def quantiser_integers(model: nn.Module, x: Tensor) -> list[np.ndarray]:
    """What every activation quantiser of the module makes of ``x``, in the order of the calls, int64 [N, ...]."""
    made: list[np.ndarray] = []
    proxies = [m.act_quant for m in model.modules() if hasattr(m, "act_quant") and m.act_quant.is_quant_enabled]
    hooks = [p.register_forward_hook(lambda _, __, y: made.append(y.int().numpy().astype(np.int64))) for p in proxies]
    with torch.no_grad():
        model(x)
    for hook in hooks:
        hook.remove()
    return made


def compare_layers(model: nn.Module, path: Any, compiled: Graph, x: Tensor) -> int:
    """Every quantiser's integers in torch, in the imported and in the compiled graph; how many compiled steps."""
    imported = import_onnx(path)
    wanted = quantiser_integers(model, x)
    places = [n for n in imported.nodes if isinstance(n, Input | Step)]
    assert len(places) == len(wanted)
    kept = {n.name for n in compiled.nodes if isinstance(n, Input | Step)}
    found = [run(g, {g.inputs[0].name: quantise(g.inputs[0], x.numpy())}, taps=True) for g in (imported, compiled)]
    compared = 0
    for place, integers in zip(places, wanted, strict=True):
        channels_last = np.moveaxis(integers, 1, -1)
        for graph, values in zip(("imported", "compiled"), found, strict=True):
            if graph == "imported" or place.name in kept:
                first_difference(f"{graph} {place.name}", values[place.name].reshape(-1), channels_last.reshape(-1))
                compared += graph == "compiled"
    return compared


def first_difference(what: str, got: np.ndarray, wanted: np.ndarray) -> None:
    """Fails at the first element that differs."""
    assert got.shape == wanted.shape, what
    wrong = np.flatnonzero(got != wanted)
    assert not wrong.size, (
        f"{what}: {wrong.size} of {got.size}, first at {wrong[0]}: {got[wrong[0]]}, {wanted[wrong[0]]}"
    )


def widths(graph: Graph) -> dict[str, int]:
    """The bits of the widest multiplicand of every step; 0 where it needs none."""
    return {
        node.name: max((c.m.bit_length() for c in node.curves if isinstance(c, MultiplyShift)), default=0)
        for node in graph.nodes
        if isinstance(node, Step)
    }
