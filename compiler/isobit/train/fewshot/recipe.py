"""Pre-training of a backbone as EASY does it: manifold mixup, half of the loss for rotations, cosine with restarts.

Source: Bendou et al., arXiv 2201.09699. ``fit(recipe, data, loss=recipe.loss, optimiser=sgd(), schedule=restarts())``
trains it; the checkpoints of ``fit`` hold all there is.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from isobit.train.data import Data
from isobit.train.fewshot.backbones import Backbone
from isobit.train.fewshot.splits import Part
from isobit.train.loop import OptimiserOf, ScheduleOf

ROTATIONS = 4
_ALPHA = 2.0


class Recipe(nn.Module):
    """A backbone with a classifier of the base classes and one of four rotations, for training only.

    Without ``mixup``, for runs of a few minutes, nothing is mixed.
    In training mode every image of a batch is turned by a multiple of 90 degrees and, at a random place of the
    backbone, mixed with another of the batch; :attr:`loss` reads what was mixed and turned. In evaluation it gives
    scores.
    """

    def __init__(self, backbone: Backbone, classes: int, *, mixup: bool = True) -> None:
        super().__init__()
        self.mixup = mixup
        self.backbone = backbone
        self.classes = nn.Linear(backbone.features, classes)
        self.rotations = nn.Linear(backbone.features, ROTATIONS)
        self._turns = self._order = torch.zeros(0, dtype=torch.int64)
        self._share = 1.0

    def forward(self, x: Tensor) -> Tensor:
        """[N, channels, H, W] to scores [N, classes], in training [N, classes + 4]."""
        if not self.training:
            return self.classes(self.backbone(x))  # type: ignore[no-any-return]
        self._turns = torch.randint(ROTATIONS, (len(x),))
        self._order = torch.randperm(len(x))
        self._share = float(torch.distributions.Beta(_ALPHA, _ALPHA).sample()) if self.mixup else 1.0
        place = int(torch.randint(len(self.backbone.blocks) + 1, ()))
        value = torch.stack([torch.rot90(image, int(turn), (1, 2)) for image, turn in zip(x, self._turns, strict=True)])
        for number, block in enumerate(self.backbone.blocks):
            value = block(self._mixed(value) if number == place else value)
        value = self._mixed(value) if place == len(self.backbone.blocks) else value
        features = torch.flatten(self.backbone.mean(value), 1)
        return torch.cat([self.classes(features), self.rotations(features)], 1)

    def loss(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Half of it for the class, half for the rotation, each of either image by its share."""
        found = torch.split(scores, [self.classes.out_features, ROTATIONS], 1)
        wanted = (labels, self._turns.to(labels.device))
        halves = [self._share * nn.functional.cross_entropy(s, y)
                  + (1 - self._share) * nn.functional.cross_entropy(s, y[self._order])
                  for s, y in zip(found, wanted, strict=True)]  # fmt: skip
        return (halves[0] + halves[1]) / 2

    def _mixed(self, x: Tensor) -> Tensor:
        return self._share * x + (1 - self._share) * x[self._order]


def sgd(rate: float = 0.1) -> OptimiserOf:
    """Nesterov momentum 0.9, weight decay 5e-4."""

    def made(parameters: Iterable[nn.Parameter]) -> Optimizer:
        return SGD(parameters, lr=rate, momentum=0.9, nesterov=True, weight_decay=5e-4)

    return made


def restarts(period: int = 100, fall: float = 0.9) -> ScheduleOf:
    """Along half a cosine to zero, again and again every ``period`` epochs, each peak ``fall`` times the last."""

    def factor(epoch: int) -> float:
        turn, place = divmod(epoch, period)
        return fall**turn * float(0.5 + 0.5 * torch.cos(torch.tensor(torch.pi * place / period)))

    def made(optimiser: Optimizer, epochs: int) -> LRScheduler:
        return LambdaLR(optimiser, factor)

    return made


def training_data(base: Part, held_out: int = 10) -> Data:
    """The base classes as ``fit`` takes them; every ``held_out``-th sample is kept back to test with."""
    kept = torch.arange(len(base.labels)) % held_out == 0
    x = base.inputs()
    return Data(x[~kept], base.labels[~kept], x[kept], base.labels[kept])
