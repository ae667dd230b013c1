"""A small training loop: seeded, resumable, on CPU or GPU."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler

from isobit.errors import IsobitError, printable
from isobit.kinds import Count, Positive, coded
from isobit.train import checkpoint as files
from isobit.train.data import Data, data_of, samples_of
from isobit.train.filled import as_given

OptimiserOf = Callable[[Iterable[nn.Parameter]], Optimizer]
ScheduleOf = Callable[[Optimizer, int], LRScheduler]
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training data gave: its mean loss, and the share of test samples that were right."""

    number: int
    loss: float
    accuracy: float


def adam(rate: float = 1e-3) -> OptimiserOf:
    """Adam with a learning rate."""
    return lambda parameters: torch.optim.Adam(parameters, lr=rate)


ADAM = adam()
"""The default optimiser: Adam with a rate of 0.001."""


def cosine(optimiser: Optimizer, epochs: int) -> LRScheduler:
    """The learning rate falls to zero over all epochs along half a cosine."""
    return CosineAnnealingLR(optimiser, epochs)


@coded
def fit(
    model: nn.Module,
    data: Any,
    *,
    epochs: Count,
    optimiser: OptimiserOf = ADAM,
    schedule: ScheduleOf = cosine,
    batch: Positive = 64,
    loss: Loss = nn.functional.cross_entropy,
    seed: int = 0,
    device: str = "cpu",
    checkpoint: str | Path | None = None,
    progress: bool = True,
) -> tuple[Epoch, ...]:
    """Trains ``model`` in place and leaves it in eval mode, on ``device``.

    Args:
        model: gives scores [N, classes]; a Brevitas QuantTensor will do.
        data: a :class:`Data`, ``(x, y)``, a DataLoader ... (:func:`isobit.train.data.data_of`), held on ``device``.
        epochs: passes over the training data; zero only measures nothing.
        optimiser, schedule: made from the parameters, and from the optimiser and ``epochs``.
        batch: samples per step; a last batch of one sample is left out, as BatchNorm has no variance for it.
        seed: of the order of the samples and of everything random in the model; torch's own generator is left alone.
        checkpoint: a file written after every epoch. If it exists, training goes on behind its last epoch, and on a CPU
            the result is that of an uninterrupted run, bit for bit.
        progress: a bar on stderr, if that is a terminal.

    Raises:
        IsobitError: E305 for data without samples, E306 for a checkpoint of another run, E601 for one that cannot be
            written, E307 when the loss is no longer a number.
    """
    place, data = torch.device(device), data_of(data)
    model.to(place)
    facts = {"epochs": epochs, "batch": batch, "seed": seed, "samples": len(data.train_labels)}
    on = data.to(place)
    with as_given(model):
        run = _Run(model, optimiser, schedule, epochs, place)
        done = run.resume(checkpoint, facts)
        with _bar(progress, epochs, len(done)) as step:
            for number in range(len(done) + 1, epochs + 1):
                done.append(run.epoch(number, on, batch, loss, seed))
                run.write(checkpoint, facts, done)
                step(done[-1])
    model.eval()
    return tuple(done)


@coded
@torch.no_grad()
def accuracy(model: nn.Module, inputs: Any, labels: Any, batch: Positive = 256) -> float:
    """The share of samples whose greatest score is at their label; the model is put into eval mode.

    Raises:
        IsobitError: E305 for samples that are none.
    """
    model.eval()
    inputs, labels = samples_of(inputs, labels, "accuracy")
    parts = zip(torch.split(inputs, batch), torch.split(labels, batch), strict=True)
    right = sum(int((_scores(model, x).argmax(1) == y).sum()) for x, y in parts)
    return right / len(labels)


def _misfit(error: Exception, data: Data) -> IsobitError:
    """What torch says of samples that a model or its loss does not take."""
    shape, most = tuple(data.train_inputs.shape[1:]), int(data.train_labels.max())
    hint = f"the samples are of shape {shape}, the labels 0 to {most}: does the model take the one and score the other?"
    return IsobitError("E305", printable(str(error).strip().split("\n")[0] or type(error).__name__), hint=hint)


class _Run:
    """A model with its optimiser and schedule: what a checkpoint holds."""

    def __init__(
        self, model: nn.Module, optimiser: OptimiserOf, schedule: ScheduleOf, epochs: int, place: torch.device
    ) -> None:
        self.model, self.place = model, place
        self.optimiser = optimiser(model.parameters())
        self.schedule = schedule(self.optimiser, max(epochs, 1))

    def epoch(self, number: int, data: Data, batch: int, loss: Loss, seed: int) -> Epoch:
        """Everything random in an epoch follows from the seed and its number, so that a run can go on anywhere."""
        self.model.train()
        devices = [self.place] if self.place.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed((seed << 20) + number)
            order = torch.randperm(len(data.train_labels)).to(self.place)
            try:
                losses = [self._step(data, chosen, loss) for chosen in torch.split(order, batch) if len(chosen) > 1]
            except (RuntimeError, ValueError, TypeError, IndexError) as error:
                raise _misfit(error, data) from error
        self.schedule.step()
        mean = float(torch.stack(losses).mean()) if losses else 0.0
        if not math.isfinite(mean):
            raise IsobitError("E307", f"epoch {number}", hint="lower the learning rate")
        return Epoch(number, mean, accuracy(self.model, data.test_inputs, data.test_labels))

    def _step(self, data: Data, chosen: Tensor, loss: Loss) -> Tensor:
        found = loss(_scores(self.model, data.train_inputs[chosen]), data.train_labels[chosen])
        self.optimiser.zero_grad()
        found.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return found.detach()

    def write(self, path: str | Path | None, facts: dict[str, Any], done: list[Epoch]) -> None:
        """The checkpoint after the epochs in ``done``."""
        if path is not None:
            parts = {"optimiser": self.optimiser.state_dict(), "schedule": self.schedule.state_dict()}
            state = {"run": facts, "done": [asdict(e) for e in done], "model": files.module_state(self.model)}
            files.save(Path(path), state | parts)

    def resume(self, path: str | Path | None, facts: dict[str, Any]) -> list[Epoch]:
        """Takes up the state of a checkpoint; the epochs it has seen."""
        state = None if path is None else files.load(Path(path), facts, self.place)
        if state is None:
            return []
        files.load_module_state(self.model, state["model"], str(path))
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        return [Epoch(**e) for e in state["done"]]


def _scores(model: nn.Module, x: Tensor) -> Tensor:
    made = model(x)
    return made if isinstance(made, Tensor) else made.value


class _bar:  # noqa: N801 (used like a function)
    """A progress bar on stderr; entering it gives the function that an epoch is told to."""

    def __init__(self, wanted: bool, epochs: int, done: int) -> None:
        console = Console(stderr=True)
        self.progress = Progress(console=console, disable=not (wanted and console.is_terminal), transient=True)
        self.task = self.progress.add_task("training", total=epochs, completed=done)

    def __enter__(self) -> Callable[[Epoch], None]:
        self.progress.start()
        return lambda e: self.progress.update(
            self.task, advance=1, description=f"loss {e.loss:.3f}, accuracy {e.accuracy:.3f}"
        )

    def __exit__(self, *_: object) -> None:
        self.progress.stop()
