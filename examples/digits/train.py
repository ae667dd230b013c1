"""Trains a 4-bit multilayer perceptron on scikit-learn's 8x8 digits and exports it to QONNX.

    python examples/digits/train.py [--demo FOLDER]

trains, prints the accuracies and writes ``weights.npz`` beside this file, and with ``--demo`` also ``model.onnx`` and
``samples.npz`` (the test images) into FOLDER. :func:`build_model` returns the trained network from ``weights.npz``.

The network is 64-64-32-10. The grey levels 0..16 enter as unsigned 5-bit integers (scale 1); weights have 4 bits and
one free scale per output channel; each hidden layer is followed by BatchNorm and a 4-bit ReLU with a free scale; the
ten scores leave with 8 bits. The result depends on the seed only: one thread, a fixed order of the samples.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import brevitas.nn as qnn
import numpy as np
import torch
from brevitas.quant import Int8ActPerTensorFloat, Int8WeightPerChannelFloat, Uint8ActPerTensorFloat
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

from isobit.frontend.brevitas import export_module

SIZES = (64, 64, 32, 10)
SEED = 20
EPOCHS = 60
BATCH = 64
WEIGHTS = Path(__file__).with_name("weights.npz")


@dataclass(frozen=True)
class Digits:
    """Images as float32 [N, 64] with the grey levels 0..16, labels as int64 [N]."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor


def load_data() -> Digits:
    """The 1797 digits, three quarters to train and one quarter to test, the same ones each time."""
    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(images.astype(np.float32), labels, test_size=0.25, random_state=SEED, stratify=labels)
    train_images, test_images, train_labels, test_labels = (torch.from_numpy(part) for part in parts)
    return Digits(train_images, train_labels, test_images, test_labels)


def quantised_network() -> nn.Sequential:
    """The network, untrained. Input float32 [N, 64] in 0..16, output [N, 10]."""
    layers: list[nn.Module] = [
        qnn.QuantIdentity(
            act_quant=Uint8ActPerTensorFloat, bit_width=5, scaling_impl_type="const", min_val=0.0, max_val=31.0
        )
    ]
    for inputs, outputs in pairwise(SIZES[:-1]):
        layers += [_dense(inputs, outputs), nn.BatchNorm1d(outputs)]
        layers += [qnn.QuantReLU(act_quant=Uint8ActPerTensorFloat, bit_width=4)]
    layers += [_dense(*SIZES[-2:]), nn.BatchNorm1d(SIZES[-1])]
    layers += [qnn.QuantIdentity(act_quant=Int8ActPerTensorFloat, bit_width=8)]
    return nn.Sequential(*layers)


def _dense(inputs: int, outputs: int) -> nn.Module:
    layer: nn.Module = qnn.QuantLinear(
        inputs, outputs, bias=False, weight_quant=Int8WeightPerChannelFloat, weight_bit_width=4
    )
    return layer


def float_network() -> nn.Sequential:
    """The same network without quantisers, to compare the accuracy with."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(SIZES[:-1]):
        layers += [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(*SIZES[-2:], bias=False), nn.BatchNorm1d(SIZES[-1]))


def train(network: nn.Module, data: Digits) -> nn.Module:
    """Trains ``network`` in place with Adam and a cosine schedule; returns it in eval mode."""
    order = torch.Generator().manual_seed(SEED)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    network.train()
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(data.train_labels), generator=order).split(BATCH):
            loss = nn.functional.cross_entropy(_scores(network, data.train_images[chosen]), data.train_labels[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()
    return network.eval()


def accuracy(network: nn.Module, data: Digits) -> float:
    """The share of the test images that ``network``, in eval mode, classifies correctly."""
    with torch.no_grad():
        right = _scores(network, data.test_images).argmax(1) == data.test_labels
    return float(right.float().mean())


def _scores(network: nn.Module, images: Tensor) -> Tensor:
    made = network(images)
    return made if isinstance(made, Tensor) else made.value  # Brevitas' QuantTensor


def save_weights(network: nn.Module, path: Path) -> None:
    """Writes the state of ``network`` as plain arrays (no pickle)."""
    np.savez_compressed(path, **{name: value.numpy() for name, value in network.state_dict().items()})


def build_model() -> nn.Module:
    """The trained network in eval mode, from ``weights.npz`` beside this file."""
    network = quantised_network()
    with np.load(WEIGHTS, allow_pickle=False) as arrays:
        network.load_state_dict({name: torch.from_numpy(arrays[name]) for name in arrays.files})
    return network.eval()


def write_demo(folder: Path, data: Digits) -> None:
    """Writes ``model.onnx`` and ``samples.npz`` (test images ``x`` float32 [N, 64], labels ``y`` int64 [N])."""
    export_module(build_model(), (SIZES[0],), folder / "model.onnx")
    np.savez_compressed(folder / "samples.npz", x=data.test_images.numpy(), y=data.test_labels.numpy())


def main() -> None:
    """The command line; see the module's docstring."""
    arguments = argparse.ArgumentParser(description="trains a 4-bit MLP on scikit-learn's digits")
    arguments.add_argument("--demo", type=Path, metavar="FOLDER", help="also write model.onnx and samples.npz here")
    folder = arguments.parse_args().demo
    torch.set_num_threads(1)
    data = load_data()
    for name, factory in (("float", float_network), ("quantised", quantised_network)):
        torch.manual_seed(SEED)
        network = train(factory(), data)
        print(f"{name:9} accuracy on {len(data.test_labels)} test images: {accuracy(network, data):.4f}")
    save_weights(network, WEIGHTS)
    if folder is not None:
        write_demo(folder, data)


if __name__ == "__main__":
    main()
