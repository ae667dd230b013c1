"""Learned rounding of weights (AdaRound: Nagel et al., arXiv 2004.10568), layer by layer on calibration data.

The nearest number is not the best for a layer's outputs. Each weight may take either of the two numbers of its format
around it, by a share ``h`` between 0 and 1 that is trained so that the layer's outputs are those of its float weights,
on the inputs that the quantised layers before it give, while a term that grows pushes ``h`` to one of its ends. What is
found replaces the layer's weight, a number of the format already, where the layer's outputs on all of the data are
closer than by rounding to the nearest. The result depends on model, data, iterations and seed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from isobit.train.conversion import LAYERS
from isobit.train.formats import FormatWeight
from isobit.train.layers import Exact
from isobit.train.rounding import tables

BATCH, TRAVEL, LEAST_RATE, WEIGHT = 64, 4.0, 1e-2, 1e-2
"""A weight can go as far as ``TRAVEL`` in all iterations, about from one end to the other."""
_WARM, _FIRST, _LAST = 0.2, 20.0, 2.0
"""The share of iterations without the term, and the exponents it begins and ends with."""
_LOOKS = 20
"""How often the weights are rounded and measured on all samples; the best are kept."""
_STRETCH = 1.2
"""The sigmoid reaches beyond 0 and 1, where it is cut off, so that a share can be an end."""


def learn_rounding(
    model: nn.Module, inputs: Tensor, iterations: int, *, seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> None:  # fmt: skip
    """Replace the weights of every quantised layer of ``model``, in its order of execution, in place.

    Args:
        inputs: calibration samples [N, ...].
        iterations: steps of Adam for each layer.
        seed: which samples a step sees.
    """
    model.eval()
    layers = _in_order(model, inputs[:1])
    for number, layer in enumerate(layers):
        progress(f"learned rounding: layer {number + 1} of {len(layers)}")
        given = _inputs_of(model, layer, inputs)
        _learn(layer, given, iterations, torch.Generator().manual_seed(seed))


def _in_order(model: nn.Module, sample: Tensor) -> list[Any]:
    """Layers with a weight quantizer, each once, as the network runs them."""
    found: dict[nn.Module, None] = {}
    kinds = tuple(LAYERS.values())
    hooks = [
        m.register_forward_hook(lambda layer, *_: found.setdefault(layer))
        for m in model.modules()
        if isinstance(m, kinds) and m.weight_quant.is_quant_enabled  # type: ignore[union-attr]
    ]
    with torch.no_grad():
        model(sample)
    for hook in hooks:
        hook.remove()
    return list(found)


def _inputs_of(model: nn.Module, layer: nn.Module, inputs: Tensor) -> Tensor:
    seen: list[Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, given: seen.append(getattr(given[0], "value", given[0]).detach()))
    with torch.no_grad():
        for part in torch.split(inputs, BATCH):
            model(part)
    hook.remove()
    return torch.cat(seen)


def _learn(layer: Any, given: Tensor, iterations: int, generator: torch.Generator) -> None:
    weight: Tensor = layer.weight.detach()
    low, high, nearest = _around(layer, weight)
    width = high - low
    share = torch.where(width > 0, (weight - low) / width.clamp(min=torch.finfo(width.dtype).tiny), 0.5).clamp(0, 1)
    inner = (share * (1 - 2e-3) + 1e-3 + (_STRETCH - 1) / 2) / _STRETCH
    hidden = torch.log(inner / (1 - inner)).requires_grad_()
    best, kept = _error(layer, given, nearest), None
    linear, looks = _linear(layer), max(1, iterations // _LOOKS)
    optimiser = torch.optim.Adam([hidden], lr=max(TRAVEL / iterations, LEAST_RATE))
    with torch.enable_grad():
        for step in range(iterations):
            x = given[torch.randint(len(given), (min(BATCH, len(given)),), generator=generator)]
            h = _opened(hidden)
            error = linear(x, low + h * width, None) - linear(x, weight, None)
            loss = error.pow(2).flatten(1).sum(1).mean()
            done = (step / iterations - _WARM) / (1 - _WARM)
            if done > 0:
                exponent = _FIRST + (_LAST - _FIRST) * done
                loss = loss + WEIGHT * (1 - (2 * h - 1).abs().pow(exponent)).sum()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if (iterations - 1 - step) % looks == 0:
                candidate = torch.where(_opened(hidden) >= 0.5, high, low).detach()
                error_now = _error(layer, given, candidate)
                if error_now < best:
                    best, kept = error_now, candidate
    if kept is not None:
        with torch.no_grad():
            layer.weight.copy_(kept)


def _linear(layer: Any) -> Callable[[Tensor, Tensor, None], Tensor]:
    """The layer as a function of its inputs and weights."""
    return layer.plain if isinstance(layer, Exact) else layer.inner_forward_impl


def _opened(hidden: Tensor) -> Tensor:
    return (torch.sigmoid(hidden) * _STRETCH - (_STRETCH - 1) / 2).clamp(0, 1)


@torch.no_grad()
def _error(layer: Any, given: Tensor, weight: Tensor) -> float:
    """Squared error of the layer's outputs over all samples."""
    difference, linear = weight - layer.weight, _linear(layer)
    parts = (linear(x, difference, None) for x in torch.split(given, BATCH))
    return float(sum(part.double().pow(2).sum() for part in parts))


def _around(layer: Any, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of each weight the numbers of its format below and above it, and the one that it is rounded to."""
    quantizer = layer.weight_quant
    with torch.no_grad():
        made = quantizer(weight)
        nearest = getattr(made, "value", made)
        if isinstance(quantizer, FormatWeight):
            assert quantizer.format is not None
            _, numbers = tables(quantizer.format, weight.device)
            place = torch.bucketize((weight / quantizer.scale).double(), numbers.double(), right=True) - 1
            place = place.clamp(0, len(numbers) - 2)
            low, high = (numbers[place + up] * quantizer.scale for up in (0, 1))
        else:
            half = 2 ** (int(made.bit_width) - 1)
            place = (weight / made.scale).floor().clamp(-half + quantizer.is_narrow_range, half - 2)
            low, high = place * made.scale, (place + 1) * made.scale
    return low, high, nearest
