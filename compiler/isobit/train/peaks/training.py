"""Training peak detectors: the same seeded loop for every width and for the float twin, minutes of one core.

The loss is a cross-entropy over the marks of a profile and "there is no peak", with the levels of the map before they
are clipped as logits (:data:`SHARPNESS` over the whole range, "no peak" at level 0), so that a mark above 0 means more
likely than not; and a smooth absolute error of the centre of mass of the map. Nothing is calibrated: the first values
come from the weights alone (:meth:`isobit.train.Requantizer.behind`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from isobit.errors import IsobitError
from isobit.train.peaks.networks import Design, LineNet, ProfileNet, network
from isobit.train.peaks.signals import Profiles, Signal, generate

SHARPNESS = 12.0
"""Logits of the full range of the map."""
WINDOW = 6.0
"""Marks further than so many samples from a labelled centre take no part in its centre of mass."""
_BETA = 0.3
Nets = Mapping[int, LineNet | ProfileNet]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: ``steps`` as the float twin, then ``more`` as what it shall be. ``profiles`` are drawn
    once from ``signal`` and seen in random order.

    ``rate`` is Adam's highest, and ``later`` of it where a network is trained on. It rises over the share ``rising`` of
    the steps and falls with a cosine. Gradients are scaled down to a norm of ``steepest``: without, a few profiles at
    the edge of a clip throw a network without rounding off.
    """

    steps: int = 4000
    more: int = 2000
    batch: int = 256
    rate: float = 3e-3
    later: float = 1 / 3
    rising: float = 0.05
    steepest: float = 1.0
    profiles: int = 100_000
    seed: int = 1
    signal: Signal = Signal()  # noqa: RUF009 (immutable)


RECIPES: Mapping[str, Recipe] = MappingProxyType({
    "profile": Recipe(),
    "line": Recipe(4000, 600, rate=1e-2, later=1 / 10),
})  # fmt: skip
"""By the design's name: those of the shipped networks."""


def train(design: Design, widths: Sequence[int], recipe: Recipe | None = None, data: Profiles | None = None) -> Nets:
    """Trained networks in eval mode, by width; on one machine the result depends on the arguments only.

    The float twin comes first. Every width starts from its parameters and is trained on with its own roundings; the
    twin itself is trained on for as many steps, on the same profiles.

    Args:
        widths: each 2 to 8 bits, or 0 for the float twin.
        recipe: that of the design's name in :data:`RECIPES`, or ``Recipe()``, without.
        data: profiles of your own instead of generated ones (:func:`isobit.train.peaks.load_profiles`).

    Raises:
        IsobitError: E304 for a width that there is not, E305 for data of another length than the design's, E307 when
        the
            loss is no longer a number.
    """
    recipe = recipe or RECIPES.get(design.name, Recipe())
    profiles = generate(recipe.profiles, recipe.seed, recipe.signal) if data is None else data
    _check(design, profiles)
    nets: dict[int, Any] = {bits: network(design, bits, recipe.seed) for bits in widths}
    twin: Any = network(design, 0, recipe.seed)
    _optimise(twin, profiles, recipe, recipe.steps, recipe.rate)
    for bits, net in nets.items():
        net.adopt(twin) if bits else net.load_state_dict(twin.state_dict())
        _optimise(net, profiles, recipe, recipe.more, recipe.rate * recipe.later)
    return nets


def _optimise(model: Any, profiles: Profiles, recipe: Recipe, steps: int, rate: float) -> None:
    inputs, centres = tensors(profiles)
    places = model.design.places(inputs.shape[-1]).float()
    optimiser = torch.optim.Adam(model.parameters(), rate)
    schedule = _schedule(optimiser, steps, recipe.rising)
    order = np.random.default_rng(recipe.seed)
    model.train()
    for step in range(steps):
        chosen = torch.from_numpy(order.integers(0, len(inputs), recipe.batch))
        loss = peak_loss(model, inputs[chosen], centres[chosen], places)
        if not bool(torch.isfinite(loss)):
            raise IsobitError("E307", f"step {step}", hint="lower the learning rate")
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.steepest)
        optimiser.step()
        schedule.step()
    model.eval()


def _schedule(optimiser: torch.optim.Optimizer, steps: int, rising: float) -> torch.optim.lr_scheduler.LRScheduler:
    if not rising:
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(steps, 1))
    first = int(steps * rising) + 1

    def share(step: int) -> float:
        return min(1.0, (step + 1) / first) * (1 + math.cos(math.pi * step / max(steps, 1))) / 2

    return torch.optim.lr_scheduler.LambdaLR(optimiser, share)


def peak_loss(model: LineNet | ProfileNet, x: Tensor, centres: Tensor, places: Tensor) -> Tensor:
    """The loss of profiles [n, 1, N] with ``centres`` [n] (NaN: none) and marks at ``places``."""
    levels, mapped = model.judged(x)
    valid = ~centres.isnan()
    away = (places - centres.nan_to_num()[:, None]).abs()
    nothing = torch.zeros_like(levels[:, :1])
    logs = functional.log_softmax(torch.cat([(levels - model.design.nothing) * SHARPNESS, nothing], 1), 1)
    spacing = float(places[1] - places[0])
    shares = (1 - away / spacing).clamp(min=0) * valid[:, None]
    shares = torch.cat([shares, (~valid)[:, None].float()], 1)
    named = -(shares * logs).sum(1).mean()
    inside = mapped * (away <= WINDOW)
    found = (inside * places).sum(1) / (inside.sum(1) + 1e-3)
    seen = valid & (inside.sum(1) > 0)
    placed = functional.smooth_l1_loss(found[seen], centres[seen], beta=_BETA) if bool(seen.any()) else 0.0
    return named + 2 * placed + _whole(model, mapped, centres)


def _whole(model: LineNet | ProfileNet, mapped: Tensor, centres: Tensor) -> Tensor | float:
    """The error of the ratio that a dense head gives."""
    if isinstance(model, LineNet):
        return 0.0
    sums: Any = model.head(mapped)
    sums = sums if isinstance(sums, Tensor) else sums.value
    seen = ~centres.isnan() & (sums[:, 1] > 0.05)
    if not bool(seen.any()):
        return 0.0
    middle = (model.design.samples - 1) / 2
    error: Tensor = functional.smooth_l1_loss(middle + sums[seen, 0] / sums[seen, 1], centres[seen], beta=_BETA)
    return error


def tensors(profiles: Profiles) -> tuple[Tensor, Tensor]:
    """Samples [n, 1, N] and centres [n], float32."""
    samples = torch.from_numpy(profiles.samples.astype(np.float32))[:, None]
    return samples, torch.from_numpy(profiles.centre.astype(np.float32))


def _check(design: Design, profiles: Profiles) -> None:
    length = profiles.samples.shape[1]
    if not len(profiles) or length % design.stride or not (design.line or length == design.samples):
        raise IsobitError("E305", f"{len(profiles)} profiles of {length} samples for {design.name!r}",
                          hint=f"profiles of {design.samples} samples")  # fmt: skip
