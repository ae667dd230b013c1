"""Weights that fill a fixed range are trained as those that were given: the same numbers, times a power of two."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from isobit.train import Data, fit, parse_formats, quantised
from isobit.train.filled import remember
from isobit.train.loop import OptimiserOf


class Divided(nn.Module):
    """What a BatchNorm does behind filled weights."""

    def __init__(self, factor: Tensor) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x / self.factor


def _data() -> Data:
    x = torch.randn(96, 6, generator=torch.Generator().manual_seed(1))
    y = (x[:, 0] > x[:, 1]).long() + (x[:, 2] > 0).long()
    return Data(x[:64], y[:64], x[64:], y[64:])


@pytest.mark.parametrize(
    "optimiser",
    [lambda p: torch.optim.Adam(p, lr=0.05), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True)],
    ids=["adam", "sgd"],
)
def test_every_optimiser_does_to_filled_weights_what_it_does_to_the_given_ones(optimiser: OptimiserOf) -> None:
    factor = torch.tensor([1.0, 64.0, 1024.0])
    given, filled = nn.Linear(6, 3, bias=False), nn.Linear(6, 3, bias=False)
    with torch.no_grad():
        filled.weight.copy_(given.weight * factor[:, None])
    remember(filled, factor)
    start = given.weight.detach().clone()
    for model in (nn.Sequential(given), nn.Sequential(filled, Divided(factor))):
        fit(model, _data(), epochs=3, optimiser=optimiser, batch=16, progress=False)
    assert not torch.equal(given.weight, start)
    assert torch.equal(filled.weight, given.weight * factor[:, None])


def test_a_fixed_format_learns_as_fast_at_any_range() -> None:
    """Q(8.8) multiplies these weights by 256 and more: without that being known a step would hardly turn them."""
    torch.manual_seed(0)
    float_net = nn.Sequential(nn.Linear(6, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    made = quantised(float_net, parse_formats("fixed", "8.8", "8.8", "8.8"))
    layer = made.get_submodule("0")
    before, names = layer.weight.detach().clone(), set(made.state_dict())
    assert before.abs().max() > 32
    fit(made, _data(), epochs=3, optimiser=lambda p: torch.optim.Adam(p, lr=0.02), batch=16, progress=False)
    turned = torch.nn.functional.cosine_similarity(before.flatten(), layer.weight.detach().flatten(), dim=0)
    assert turned < 0.99
    assert set(made.state_dict()) == names and isinstance(layer.weight, nn.Parameter)
