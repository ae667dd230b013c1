"""Weights that were multiplied to fill a fixed range, trained as what they were before.

:func:`isobit.train.quantised` multiplies a channel's weights by a power of two f and divides in the BatchNorm behind.
The network stays what it is; its training would not: a step of Adam is as long as the learning rate, so it turns
weights f times as large by 1/f of the angle, and one of SGD by 1/f^2. Q(8.8) would all but stand still. So the
optimiser is given ``u = w / f``, and does to the filled network what it does to the one that was given.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn.utils import parametrize

_FACTOR = "filled_by"


def remember(layer: nn.Module, factor: Tensor) -> None:
    """``layer.weight`` was multiplied by ``factor``, one number for each of its first axis."""
    weight = layer.get_parameter("weight")
    layer.register_buffer(_FACTOR, factor.reshape(-1, *[1] * (weight.dim() - 1)), persistent=False)


class _Times(nn.Module):
    """u -> f u."""

    factor: Tensor

    def __init__(self, factor: Tensor) -> None:
        super().__init__()
        self.register_buffer("factor", factor.clone(), persistent=False)

    def forward(self, u: Tensor) -> Tensor:
        """The weights."""
        return u * self.factor

    def right_inverse(self, w: Tensor) -> Tensor:
        """The parameters behind them."""
        return w / self.factor


@contextmanager
def as_given(model: nn.Module) -> Iterator[None]:
    """Inside, the parameters of ``model`` are the weights as they were before they filled a range."""
    layers = [m for m in model.modules() if hasattr(m, _FACTOR)]
    for layer in layers:
        parametrize.register_parametrization(layer, "weight", _Times(getattr(layer, _FACTOR)))
    try:
        yield
    finally:
        for layer in layers:
            parametrize.remove_parametrizations(layer, "weight")
