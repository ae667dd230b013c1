"""Backbones of the published sizes, and what the recipe does to a batch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from isobit.errors import IsobitError
from isobit.train import Data, fit
from isobit.train.fewshot import Recipe, resnet9, resnet12, restarts, sgd


def weights(model: nn.Module) -> int:
    return sum(m.weight.numel() for m in model.modules() if isinstance(m, nn.Conv2d))


def macs(model: nn.Module, x: torch.Tensor) -> int:
    """Multiply-accumulates of one image, counted on the convolutions' outputs."""
    counts: list[int] = []
    for m in model.modules():
        if isinstance(m, nn.Conv2d):
            m.register_forward_hook(lambda m, _, y: counts.append(y[0].numel() * m.weight[0].numel()))
    model.eval()(x)
    return sum(counts)


def test_the_published_size_of_resnet9() -> None:
    model = resnet9(16)
    assert weights(model) == 187_488 and round(macs(model, torch.zeros(1, 3, 32, 32)) / 1e6, 1) == 16.0
    assert model.features == 80 and [b.body[0][0].out_channels for b in model.blocks] == [16, 40, 80]


@pytest.mark.parametrize("size", [32, 84])
@pytest.mark.parametrize(("strided", "slope"), [(True, 0.0), (False, 0.1)])
def test_features_of_every_form(size: int, strided: bool, slope: float) -> None:
    x = torch.rand(2, 3, size, size)
    for model, length in (
        (resnet9(2, strided=strided, slope=slope), 10),
        (resnet12(2, strided=strided, slope=slope), 20),
    ):
        assert model.eval()(x).shape == (2, length)
        assert any(isinstance(m, nn.LeakyReLU) for m in model.modules()) == (slope > 0)
    with pytest.raises(IsobitError, match="E613"):
        resnet9(0)


def test_the_recipe_mixes_turns_and_goes_on_where_it_stopped(tmp_path: object) -> None:
    x, y = torch.rand(24, 1, 8, 8), torch.arange(24) % 3
    data = Data(x, y, x[:6], y[:6])

    def trained(mixup: bool, epochs: int, checkpoint: str | None = None) -> list[float]:
        torch.manual_seed(0)
        recipe = Recipe(resnet9(2, channels=1), 3, mixup=mixup)
        options = {"optimiser": sgd(0.01), "schedule": restarts(2), "batch": 8, "progress": False}
        done = fit(recipe, data, epochs=epochs, loss=recipe.loss, checkpoint=checkpoint, **options)  # type: ignore[arg-type]
        assert recipe.eval()(x[:2]).shape == (2, 3)
        return [e.loss for e in done]

    assert trained(True, 2) == trained(True, 2) != trained(False, 2)


def test_restarts_fall_and_rise_again() -> None:
    parameter = nn.Parameter(torch.zeros(1))
    optimiser = sgd(0.1)([parameter])
    schedule = restarts(4, 0.5)(optimiser, 8)
    rates = []
    for _ in range(8):
        rates.append(schedule.get_last_lr()[0])
        optimiser.step()
        schedule.step()
    assert rates[0] == 0.1 and rates[4] == 0.05 and rates[0] > rates[1] > rates[3] > 0 and rates[5] == rates[1] / 2
