"""Brevitas modules exported as QONNX and as QCDQ. Run: ``python brevitas_exports.py OUT``."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import numpy as np
import torch
from brevitas.export import export_onnx_qcdq, export_qonnx
from brevitas.quant import Int8WeightPerChannelFloat, Uint8ActPerTensorFloat
from floats import SHAPES, Weights, onnxruntime_answers, samples, written
from torch import nn


class Network(nn.Module):
    """The network with ``bits`` for weights and activations, and a quantised output of 8 bits."""

    def __init__(self, network: str, bits: int, per_channel: bool) -> None:
        super().__init__()
        self.network = network
        weight = {"weight_bit_width": bits} | ({"weight_quant": Int8WeightPerChannelFloat} if per_channel else {})

        def conv(i: int, o: int, **more: int) -> nn.Module:
            return qnn.QuantConv2d(i, o, 3, padding=1, bias=True, **weight, **more)

        def relu() -> nn.Module:
            return qnn.QuantReLU(act_quant=Uint8ActPerTensorFloat, bit_width=bits, return_quant_tensor=True)

        self.given = qnn.QuantIdentity(bit_width=8, return_quant_tensor=True)
        if network == "mlp":
            self.body = nn.Sequential(
                qnn.QuantLinear(16, 32, True, **weight), relu(), qnn.QuantLinear(32, 32, True, **weight), relu()
            )
        else:
            self.c1, self.r1 = conv(3, 8), relu()
            self.c2, self.r2, self.c3 = conv(8, 8), relu(), conv(8, 8)
            self.left, self.right, self.r3 = qnn.QuantIdentity(bit_width=8), qnn.QuantIdentity(bit_width=8), relu()
            self.c4, self.r4, self.pool = conv(8, 16, stride=2), relu(), nn.MaxPool2d(2)
        self.last = qnn.QuantLinear(32 if network == "mlp" else 144, 10, True, **weight)
        self.answer = qnn.QuantIdentity(bit_width=8)

    def forward(self, x: Any) -> Any:
        """The answers for a batch."""
        x = self.given(x)
        if self.network == "mlp":
            return self.answer(self.last(self.body(x)))
        a = self.r1(self.c1(x))
        x = self.r3(self.left(a) + self.right(self.c3(self.r2(self.c2(a)))))
        x = self.r4(self.c4(self.pool(x)))
        return self.answer(self.last(x.flatten(1)))


def prepared(network: str, bits: int, per_channel: bool) -> Network:
    """The module with seeded weights and calibrated scales, in evaluation mode."""
    torch.manual_seed(0)
    module, weights = Network(network, bits, per_channel), Weights(7)
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, qnn.QuantLinear | qnn.QuantConv2d):
                layer.weight.copy_(torch.from_numpy(weights(*layer.weight.shape)))
                layer.bias.copy_(torch.from_numpy(weights.bias(len(layer.bias))))
        module.train()
        for chunk in np.split(samples(network, 1, 64), 8):
            module(torch.from_numpy(chunk))
    return module.eval()


MODES = {
    "qonnx-w8a8": (8, False),
    "qonnx-w4a4-per-channel": (4, True),
    "qcdq-w8a8": (8, False),
    "qcdq-w4a4-per-channel": (4, True),
}


def main(out: Path) -> None:
    """Every mode of both networks."""
    for network in ("mlp", "cnn"):
        for mode, (bits, per_channel) in MODES.items():
            module = prepared(network, bits, per_channel)
            example = torch.zeros(1, *SHAPES[network])

            def make(folder: Path, mode: str = mode, module: Network = module, example: Any = example) -> Path:
                path = folder / "model.onnx"
                export = export_qonnx if mode.startswith("qonnx") else export_onnx_qcdq
                export(module, example, str(path), dynamo=False)
                return path

            def runs(path: Path, x: np.ndarray, mode: str = mode, module: Network = module) -> dict[str, np.ndarray]:
                with torch.no_grad():
                    mine = np.concatenate([module(torch.from_numpy(s[None])).numpy() for s in x])
                return {"Brevitas": mine} | (onnxruntime_answers(path, x) if mode.startswith("qcdq") else {})

            written(out, mode, network, make, runs, tool=f"brevitas {version('brevitas')}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
