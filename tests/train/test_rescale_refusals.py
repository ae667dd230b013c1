"""Networks without an exact form with short multiplicands are refused by name; those with one are taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import brevitas.quant as q
import pytest
import torch
from brevitas.inject.enum import FloatToIntImplType
from torch import Tensor, nn

from isobit.errors import IsobitError
from isobit.flow import import_source
from isobit.interp import dequantise, quantise, run
from isobit.passes import optimise
from isobit.train import rescale_aware
from tests.train.nets import BITS, first_difference, relu, signed, widths


def dense(inputs: int = 6, outputs: int = 6, **options: Any) -> nn.Module:
    return qnn.QuantLinear(inputs, outputs, bias=True, **(BITS | options))  # type: ignore[no-any-return]


def conv(**options: Any) -> nn.Module:
    return qnn.QuantConv2d(1, 1, 3, bias=False, **(BITS | options))  # type: ignore[no-any-return]


def chain(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(signed(), *layers)


class Calls(nn.Module):
    """A forward pass given as a function of the module and the quantised input."""

    def __init__(self, forward: Callable[[Any, Any], Any], **parts: nn.Module) -> None:
        super().__init__()
        self.entry, self.body = signed(), forward
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Any:
        return self.body(self, self.entry(x))


def fork(m: Any, x: Any) -> Any:
    y = m.one(x)
    return m.two(m.act(y)) + m.three(m.other(y))


def both(m: Any, x: Any) -> Any:
    y = m.one(x)
    return y, m.act(y)


def joined(m: Any, x: Any) -> Any:
    return m.last(torch.cat([m.act(m.one(x)), x], 1))


def reshaped(m: Any, x: Any) -> Any:
    return m.one(m.act(m.conv(x)).view(x.size(0), -1))


def functional(m: Any, x: Any) -> Any:
    y = nn.functional.max_pool2d(nn.functional.relu(m.conv(x)), 2)
    return m.one(torch.flatten(m.act(y), 1))


torch.manual_seed(4)  # the weights of the networks below are the same in every run
SCALED = {"scaling_impl_type": "const", "min_val": -1.0, "max_val": 1.0}
FLAT, IMAGE = (4, 6), (4, 1, 8, 8)
REFUSED: dict[str, tuple[nn.Module, tuple[int, ...], str]] = {
    "softmax": (chain(dense(), nn.Softmax(1)), FLAT, "Softmax is not supported"),
    "transposed": (chain(qnn.QuantConvTranspose2d(1, 1, 3, **BITS)), IMAGE, "QuantConvTranspose2d is not supported"),
    "sigmoid": (Calls(lambda m, x: torch.sigmoid(m.one(x)), one=dense()), FLAT, "sigmoid is not supported"),
    "mean": (Calls(lambda m, x: m.one(x).mean(1), one=dense()), FLAT, "mean is not supported"),
    "twice": (Calls(lambda m, x: m.one(m.act(m.one(x))), one=dense(), act=relu()), FLAT, "called twice"),
    "branch": (Calls(lambda m, x: x if x.sum() > 0 else -x), FLAT, "cannot be traced"),
    "raw input": (nn.Sequential(dense()), FLAT, "input is not quantised"),
    "raw hidden": (chain(dense(), nn.ReLU(), dense()), FLAT, "input is not quantised"),
    "raw sum": (Calls(lambda m, x: m.one(x) + m.two(x), one=dense(), two=dense()), FLAT, "not quantised"),
    "average of nine": (chain(conv(), relu(), nn.AvgPool2d(3)), IMAGE, "average over 9 values"),
    "raw average": (chain(conv(), nn.AvgPool2d(2), relu()), IMAGE, "not quantised"),
    "uneven average": (chain(conv(), relu(), nn.AdaptiveAvgPool2d(4)), IMAGE, "differ in size"),
    "scales": (
        Calls(fork, one=dense(), act=relu(4), two=dense(), three=dense(), other=signed(8)),
        FLAT,
        "different scales",
    ),
    "output": (Calls(both, one=dense(), act=relu()), FLAT, "an output"),
    "lone norm": (chain(nn.BatchNorm1d(6), dense()), FLAT, "BatchNorm must follow"),
    "zero point": (chain(dense(), qnn.QuantIdentity(act_quant=q.ShiftedUint8ActPerTensorFloat)), FLAT, "zero point"),
    "rounding": (
        chain(dense(), qnn.QuantReLU(float_to_int_impl_type=FloatToIntImplType.FLOOR)),
        FLAT,
        "rounding is FLOOR",
    ),
    "no quantiser": (chain(dense(), qnn.QuantReLU(act_quant=None)), FLAT, "not quantised once"),
    "input quantiser": (chain(dense(input_quant=q.Int8ActPerTensorFloat)), FLAT, "quantises its input"),
    "sign": (chain(dense(weight_quant=q.SignedBinaryWeightPerTensorConst)), FLAT, "integers of 2 bits"),
    "float weights": (chain(dense(weight_quant=None)), FLAT, "integers of 2 bits"),
}


def prepared(model: nn.Module, shape: tuple[int, ...]) -> tuple[nn.Module, Tensor]:
    """The model after a few passes in train mode, and an input."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        for _ in range(4):
            model.train()(torch.randn(8, *shape[1:]))
        return model.eval(), torch.randn(shape)


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_by_name(name: str) -> None:
    model, shape, message = REFUSED[name]
    example = prepared(model, shape)[1] if name not in ("branch", "lone norm") else torch.zeros(shape)
    with pytest.raises(IsobitError, match=message) as refusal:
        rescale_aware(model, 4, example)
    assert refusal.value.code == "E304" and refusal.value.where


@pytest.mark.parametrize("bits", [0, 17])
def test_widths_out_of_range_are_refused(bits: int) -> None:
    with pytest.raises(IsobitError, match=f"{bits} bits"):
        rescale_aware(chain(dense()), bits)


def test_an_average_needs_an_example() -> None:
    model, _ = prepared(chain(conv(), relu(), nn.AvgPool2d(2)), IMAGE)
    with pytest.raises(IsobitError, match="window") as refusal:
        rescale_aware(model, 4)
    assert "example" in refusal.value.hint


def shared_act(m: Any, x: Any) -> Any:
    return m.last(m.act(m.one(x)) + m.act(m.two(x)))


TAKEN: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "wide accumulators": (chain(dense(300, 4, weight_bit_width=16), relu(), dense(4, 3)), (4, 300)),
    "narrow": (chain(dense(), qnn.QuantIdentity(bit_width=5, narrow_range=True, **SCALED), dense()), FLAT),
    "per tensor": (chain(dense(weight_quant=q.Int8WeightPerTensorFloat), relu(3), dense()), FLAT),
    "ternary": (chain(dense(weight_quant=q.SignedTernaryWeightPerTensorConst, weight_bit_width=2), relu(3)), FLAT),
    "two bits": (chain(dense(weight_bit_width=2), relu(2), dense()), FLAT),
    "floor weights": (chain(dense(weight_float_to_int_impl_type=FloatToIntImplType.FLOOR), relu(), dense()), FLAT),
    "integer bias": (
        nn.Sequential(qnn.QuantIdentity(return_quant_tensor=True), dense(bias_quant=q.Int32Bias), relu()), FLAT
    ),
    "hardtanh": (chain(dense(), qnn.QuantHardTanh(min_val=-0.25, max_val=1.0, bit_width=6), dense()), FLAT),
    "shared activation": (
        Calls(shared_act, one=dense(), two=dense(), act=signed(), last=relu()), FLAT
    ),
    "concatenation": (
        Calls(joined, one=dense(), act=relu(), last=dense(12, 3)), FLAT
    ),
    "reshape": (Calls(reshaped, conv=conv(), act=relu(), one=dense(36, 5)), IMAGE),
    "functions": (Calls(functional, conv=conv(), act=signed(), one=dense(9, 5)), IMAGE),
    "chained quantisers": (chain(dense(), relu(), signed(3), dense()), FLAT),
    "a join of a chain": (chain(dense(), signed(4), nn.ReLU(), relu(4), dense()), FLAT),
    "one dimension": (
        chain(
            qnn.QuantConv1d(2, 3, 3, padding=1, **BITS), nn.BatchNorm1d(3), relu(),
            nn.AvgPool1d(2), nn.Flatten(), dense(12, 4),
        ),
        (4, 2, 8),
    ),
    "same padding": (chain(qnn.QuantConv2d(1, 2, 3, stride=2, padding="same", bias=False, **BITS), relu()), IMAGE),
    "average": (
        chain(conv(padding=1), relu(), nn.AvgPool2d(2), signed(), conv(), nn.AdaptiveMaxPool2d(1), signed()), IMAGE
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN)
def test_it_is_taken_and_exact(name: str, tmp_path: Path) -> None:
    model, x = prepared(*TAKEN[name])
    aware = rescale_aware(model, 3, x[:1])
    graph = optimise(import_source(aware, input_shape=tuple(x.shape[1:])))
    (entry,), (exit_,) = graph.inputs, graph.outputs
    got = run(graph, {entry.name: quantise(entry, x.numpy())})[exit_.name]
    with torch.no_grad():
        first_difference(name, dequantise(exit_, got).reshape(-1), aware(x).numpy().reshape(-1))
    assert max(widths(graph).values(), default=0) <= 3
    assert len(set(got.reshape(-1).tolist())) > 1


def test_a_dead_channel_stays_dead() -> None:
    norm = nn.BatchNorm1d(6)
    model, x = prepared(chain(dense(), norm, relu(), dense()), FLAT)
    norm.weight.data[2] = 0
    for keep in (False, True):
        aware = rescale_aware(model, 4, keep_batchnorm=keep)
        hidden = dict(aware.named_modules())["1"]
        assert bool((hidden.quant_weight().value[2] == 0).all()) and bool(hidden.quant_weight().value.any())
        before = aware(x)
        assert bool(torch.isfinite(before).all()) and bool(torch.isfinite(aware.train()(x)).all())
