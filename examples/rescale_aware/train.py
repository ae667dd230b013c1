"""Trains a small 8-bit CNN, shortens its rescale multiplicands to a few bits, trains on, compiles and simulates it.

    python examples/rescale_aware/train.py [--bits 4] [--build FOLDER] [--data PATH]

The network sees 8x8 digits, grey levels 0..16 (scikit-learn's 1797 images), or with ``--data`` what
:func:`isobit.train.load_data` reads (images of one size, at least 8x8). Both training runs keep a checkpoint beside the
build, so that an interrupted script goes on where it was. The result depends on the seed only.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import brevitas.quant as q
import torch
from torch import nn

import isobit
from isobit.ir.ops import Step
from isobit.numerics import MultiplyShift
from isobit.train import Data, accuracy, adam, digits, fit, load_data, rescale_aware

EPOCHS, FINE_TUNE = 12, 4
SEED = 1


def network(data: Data) -> nn.Module:
    """Two convolutions with BatchNorm and a dense layer; 8-bit weights and activations with free scales."""
    channels, classes = data.train_inputs.shape[1], data.classes
    return nn.Sequential(
        qnn.QuantIdentity(act_quant=q.Int8ActPerTensorFloat, bit_width=8),
        *_block(channels, 8), nn.MaxPool2d(2),
        *_block(8, 16), nn.AdaptiveMaxPool2d(4), nn.Flatten(),
        qnn.QuantLinear(256, classes, bias=True, **_weights()),
        qnn.QuantIdentity(act_quant=q.Int8ActPerTensorFloat, bit_width=8),
    )  # fmt: skip


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    convolution = qnn.QuantConv2d(inputs, outputs, 3, padding=1, bias=False, **_weights())
    return [convolution, nn.BatchNorm2d(outputs), qnn.QuantReLU(act_quant=q.Uint8ActPerTensorFloat, bit_width=8)]


def _weights() -> dict[str, Any]:
    return {"weight_quant": q.Int8WeightPerChannelFloat, "weight_bit_width": 8}


def multiplicand_bits(build: isobit.Build) -> int:
    """The bits of the widest multiplicand in a build."""
    steps = [node for node in build.graph.nodes if isinstance(node, Step)]
    return max(curve.m.bit_length() for step in steps for curve in step.curves if isinstance(curve, MultiplyShift))


def report(name: str, model: nn.Module, data: Data, folder: Path) -> isobit.Build:
    """Compiles ``model``, prints its accuracy and its widest multiplicand, and returns the build."""
    build = isobit.compile(model, folder, input_shape=tuple(data.test_inputs.shape[1:]))
    right = accuracy(model, data.test_inputs, data.test_labels)
    print(f"{name:24} accuracy {right:.4f}, multiplicands of at most {multiplicand_bits(build):2} bits")
    return build


def run(data: Data, bits: int, folder: Path, epochs: int = EPOCHS, fine_tune: int = FINE_TUNE) -> isobit.CsimResult:
    """The whole way; the two verdicts of the C simulation on the test set."""
    torch.manual_seed(SEED)
    model = network(data)
    fit(model, data, epochs=epochs, optimiser=adam(3e-3), seed=SEED, checkpoint=folder / "trained.pt")
    report("trained", model, data, folder / "trained")

    short = rescale_aware(model, bits, data.test_inputs[:1])
    report(f"shortened to {bits} bits", short, data, folder / "shortened")
    fit(short, data, epochs=fine_tune, seed=SEED, checkpoint=folder / f"short{bits}.pt")
    build = report(f"{fine_tune} epochs later", short, data, folder / "build")

    result = isobit.csim(build, data.test_inputs.numpy(), source=False)
    print(f"C simulation of {result.runs[0].vectors} test images: {'equal' if result.equal else result.mismatch}")
    return result


def main() -> None:
    """The command line; see the module's docstring."""
    arguments = argparse.ArgumentParser(description="rescale-aware training on digits")
    arguments.add_argument("--bits", type=int, default=4, help="of the rescale multiplicands (4)")
    arguments.add_argument("--build", type=Path, metavar="FOLDER", help="keep builds and checkpoints here")
    arguments.add_argument("--data", type=Path, metavar="PATH", help="an npz file or a folder of images per class")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    data = digits() if given.data is None else load_data(given.data)
    with tempfile.TemporaryDirectory() as scratch:
        run(data, given.bits, given.build or Path(scratch))


if __name__ == "__main__":
    main()
