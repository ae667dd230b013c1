"""Rescale-aware networks: after training, the compiled network makes the integers of the torch forward pass."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

import isobit
from isobit.frontend.brevitas import export_module
from isobit.interp import dequantise, quantise, run
from isobit.ir.ops import Step
from isobit.numerics import MultiplyShift, Rounded
from isobit.train import Data, digits, finish, fit, multiplicands, rescale_aware
from isobit.train.short import Shift, short_multiplicand
from tests.train.nets import NETS, calibrated, compare_layers, first_difference, widths


@pytest.fixture(scope="module")
def data() -> Data:
    return digits()


@cache
def ordinary(name: str) -> nn.Module:
    """The network after an epoch of ordinary quantisation-aware training."""
    model = calibrated(name, digits().train_inputs)
    fit(model, digits(), epochs=1, seed=1, progress=False)
    return model


def trained(name: str, data: Data, bits: int, keep_batchnorm: bool = False) -> nn.Module:
    """The rescale-aware network after a few steps."""
    aware = rescale_aware(ordinary(name), bits, data.test_inputs[:1], keep_batchnorm=keep_batchnorm)
    part = Data(data.train_inputs[:512], data.train_labels[:512], data.test_inputs[:64], data.test_labels[:64])
    fit(aware, part, epochs=1, seed=2, progress=False)
    return aware


def check(aware: nn.Module, data: Data, folder: Path, bits: int, simulate: bool = False) -> isobit.Build:
    """Per layer and at the outputs, on the whole test set: torch, interpreter and C++ make the same integers."""
    path = export_module(aware, tuple(data.test_inputs.shape[1:]), folder / "net.onnx")
    build = isobit.compile(path, folder / "build")
    assert compare_layers(aware, path, build.graph, data.test_inputs) > 2
    (entry,), (exit_,) = build.graph.inputs, build.graph.outputs
    got = run(build.graph, {entry.name: quantise(entry, data.test_inputs.numpy())})[exit_.name]
    with torch.no_grad():
        first_difference("output", dequantise(exit_, got), aware(data.test_inputs).numpy())
    if simulate:
        result = isobit.csim(build, data.test_inputs.numpy(), source=False)
        assert result.equal and result.runs[0].vectors == len(data.test_inputs)
    found = widths(build.graph)
    assert found and max(found.values()) <= bits, found
    return build


@pytest.mark.slow
@pytest.mark.parametrize("bits", [8, 4, 2])
@pytest.mark.parametrize("name", NETS)
def test_a_trained_network_is_simulated_as_it_was_trained(name: str, bits: int, data: Data, tmp_path: Path) -> None:
    check(trained(name, data, bits), data, tmp_path, bits, simulate=True)


@pytest.mark.parametrize("bits", [8, 4, 2])
@pytest.mark.parametrize("name", NETS)
def test_a_trained_network_is_built_as_it_was_trained(name: str, bits: int, data: Data, tmp_path: Path) -> None:
    build = check(trained(name, data, bits), data, tmp_path, bits, simulate=bits == 4)
    for node in build.graph.nodes:
        if isinstance(node, Step):  # nothing fell back to cut points or unfolded pairs
            assert all(isinstance(c, MultiplyShift | Rounded) for c in node.curves), node.name


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_a_kept_batchnorm_is_folded_without_a_change(name: str, data: Data, tmp_path: Path) -> None:
    aware = trained(name, data, 4, keep_batchnorm=True)
    state = [
        b.clone() for key, b in rescale_aware(ordinary(name), 4, keep_batchnorm=True).named_buffers() if "mean" in key
    ]
    moved = [b for key, b in aware.named_buffers() if "mean" in key]
    assert moved and all(bool((a != b).any()) for a, b in zip(moved, state, strict=True)), "the statistics follow"
    with torch.no_grad():
        kept = aware(data.test_inputs)
        first_difference("folded", finish(aware)(data.test_inputs).numpy(), kept.numpy())
    assert not [key for key, _ in aware.named_buffers() if "mean" in key]
    check(aware, data, tmp_path, 4)


def test_a_kept_batchnorm_compiles_as_it_stands(data: Data, tmp_path: Path) -> None:
    build = check(trained("mlp", data, 4, keep_batchnorm=True), data, tmp_path, 4)
    result = isobit.csim(build, data.test_inputs[:50].numpy())  # both verdicts
    assert result.equal and result.source is not None and result.source.exact_mismatches == 0


@pytest.mark.parametrize("name", NETS)
def test_with_long_multiplicands_only_roundings_change(name: str, data: Data) -> None:
    """The rewriting itself keeps the network's meaning: at 16 bits nearly all test samples keep their answer."""
    aware = rescale_aware(ordinary(name), 16, data.test_inputs[:1])
    with torch.no_grad():
        before, after = ordinary(name)(data.test_inputs), aware(data.test_inputs)
    same = float((before.argmax(1) == after.argmax(1)).float().mean())
    assert same > (0.9 if name == "resnet8" else 0.98), same  # scales that meet in a sum move


@pytest.mark.parametrize("shift", ["layer", "channel"])
def test_the_compiler_can_be_held_to_the_width(shift: Shift, data: Data, tmp_path: Path) -> None:
    aware = rescale_aware(ordinary("cnn"), 3, shift=shift)
    path = export_module(aware, (1, 8, 8), tmp_path / "net.onnx")
    build = isobit.compile(path, tmp_path / "build", rescale_bits=3)
    assert compare_layers(aware, path, build.graph, data.test_inputs) > 2
    assert 0 < max(widths(build.graph).values()) <= 3
    shifts = [s for _, s in multiplicands(aware).values()]
    assert all(len(set(s)) == 1 for s in shifts) is (shift == "layer")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here: its forward pass is not compared")
def test_a_gpu_makes_the_same_integers(data: Data) -> None:
    aware = rescale_aware(ordinary("cnn"), 4)
    fit(aware, data, epochs=1, seed=2, device="cuda", progress=False)
    with torch.no_grad():
        on_gpu = aware(data.test_inputs.cuda()).cpu()
        first_difference("on a GPU", on_gpu.numpy(), aware.cpu()(data.test_inputs).numpy())


def test_training_and_evaluation_are_one_function(data: Data) -> None:
    aware = trained("mlp", data, 2, keep_batchnorm=True)
    with torch.no_grad():
        evaluated = aware(data.test_inputs)
        trained_mode = aware.train()(data.test_inputs)
    first_difference("train mode", trained_mode.numpy(), evaluated.numpy())


def test_the_original_is_not_touched(data: Data) -> None:
    model = ordinary("cnn")
    before = {key: value.clone() for key, value in model.state_dict().items()}
    trained("cnn", data, 2)
    assert all(bool((value == before[key]).all()) for key, value in model.state_dict().items())


def test_everything_is_trained(data: Data) -> None:
    aware = rescale_aware(ordinary("mlp"), 4)
    nn.functional.cross_entropy(aware(data.train_inputs[:64]), data.train_labels[:64]).backward()
    grads = {key: p.grad for key, p in aware.named_parameters()}
    assert {key.split(".")[-1] for key in grads} == {"weight", "bias", "gain"}
    assert all(g is not None and bool((g != 0).any()) for g in grads.values())


@pytest.mark.parametrize("shift", ["layer", "channel"])
@pytest.mark.parametrize("bits", [1, 2, 3, 5, 8, 16])
def test_the_rule_is_the_plain_one(bits: int, shift: Shift) -> None:
    scales = torch.logspace(-4, 1, 64)
    m, s = short_multiplicand(scales, bits, shift)
    shared = plain(float(scales.max()), bits)[1]
    for scale, found in zip(scales.tolist(), zip(m.int().tolist(), s.tolist(), strict=True), strict=True):
        one = plain(scale, bits)
        same_shift = min(max(int(scale * 2.0**shared + 0.5), 1), 2**bits - 1), shared
        assert found == (one if shift == "channel" else same_shift)


def plain(scale: float, bits: int) -> tuple[int, int]:
    """``f, e = frexp(M); m = floor(f * 2**k + 1/2)``, in Python's numbers."""
    fraction, exponent = math.frexp(scale)
    m = int(fraction * 2**bits + 0.5)
    return (m // 2, bits - exponent - 1) if m == 2**bits else (m, bits - exponent)


def test_the_multiplicands_are_told() -> None:
    found = multiplicands(rescale_aware(ordinary("mlp"), 3))
    assert [len(m) for m, _ in found.values()] == [32, 24, 10]
    assert all(1 <= v <= 7 for m, _ in found.values() for v in m)
    assert all(len(set(s)) == 1 for _, s in found.values())
