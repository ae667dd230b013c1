"""A float network in, a quantised one out: what ``isobit quantize`` does, as one function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from isobit.errors import IsobitError
from isobit.kinds import coded
from isobit.train.conversion import Rule, quantised
from isobit.train.data import Data, data_of
from isobit.train.loop import accuracy, adam, fit
from isobit.train.post_training import calibrated, refuse_samples
from isobit.train.rescale import rescale_aware
from isobit.train.schemes import Format, Formats, Scaled
from isobit.train.short import refuse_bits

Method = Literal["ptq", "qat"]
CALIBRATION_SAMPLES = 512


@dataclass(frozen=True)
class Request:
    """How a network is quantised; the switches of :func:`isobit.train.conversion.quantised` and
    :func:`isobit.train.post_training.calibrated`, and for QAT those of :func:`isobit.train.fit`.

    ``scores`` false: the network gives features, so that there is no accuracy, and no training here. ``rescale_bits``:
    behind calibration comes :func:`isobit.train.rescale_aware`, before the weights' integers are chosen and trained.
    """

    formats: Formats
    method: Method = "ptq"
    rule: Rule | None = None
    merge_batchnorm: bool = False
    fit_range: bool = True
    equalise: int = 0
    gptq: bool = False
    bias_correction: bool = False
    epochs: int = 5
    rate: float = 1e-3
    seed: int = 0
    checkpoint: str | Path | None = None
    scores: bool = True
    learned_rounding: int = 0
    rescale_bits: int | None = None


@dataclass(frozen=True)
class Stage:
    """Top-1 on the test data behind one stage: ``float``, ``ptq``, ``rescale`` (with short multiplicands) ``qat``."""

    name: str
    accuracy: float


@dataclass(frozen=True)
class Quantising:
    """The quantised network, and the accuracy of every stage; none where the data has no labels that fit."""

    model: nn.Module
    stages: tuple[Stage, ...] = field(default=())


@coded
def quantise(
    model: nn.Module, data: Any, request: Request, progress: Callable[[str], None] = lambda _: None
) -> Quantising:
    """Quantise ``model`` after training, and for ``qat`` train it on in the formats; ``model`` is left alone.

    Calibration sees the first :data:`CALIBRATION_SAMPLES` training samples.

    Raises:
        IsobitError: E311 for a network or samples that do not fit, E305 for labels that are no outputs of the network,
            E310 and E304 for formats and networks that short multiplicands do not go with, and those of ``fit``.
    """
    short = request.rescale_bits
    if short is not None:
        _refuse_given_scales(request)
        refuse_bits(short)
    data = data_of(data)
    if request.scores:
        _refuse_labels(model, data)
    elif request.method == "qat":
        hint = "train the backbone with its classifier, by isobit.train.quantised and fit"
        raise IsobitError("E311", "features cannot be trained against labels", hint=hint)
    progress("quantising the network")
    given, formats = data.train_inputs[:CALIBRATION_SAMPLES], request.formats
    made = quantised(
        model, formats, rule=request.rule, merge_batchnorm=request.merge_batchnorm, fit_range=request.fit_range,
        equalise=request.equalise,
    )  # fmt: skip
    stages = [Stage("float", _accuracy(model, data))] if request.scores else []
    if short is not None:
        calibrated(made, given, progress=progress)
        if request.scores:
            stages.append(Stage("ptq", _accuracy(made, data)))
        progress("shortening multiplicands")
        made = rescale_aware(made, short, given[:1])
    calibrated(
        made, given, gptq=request.gptq, bias_correction=request.bias_correction,
        learned_rounding=request.learned_rounding, progress=progress,
    )  # fmt: skip
    if not request.scores:
        return Quantising(made.eval())
    progress("measuring the accuracy")
    stages.append(Stage("ptq" if short is None else "rescale", _accuracy(made, data)))
    if request.method == "qat":
        progress("training in the formats")
        fit(
            made, data, epochs=request.epochs, optimiser=adam(request.rate), seed=request.seed,
            checkpoint=request.checkpoint,
        )  # fmt: skip
        stages.append(Stage("qat", _accuracy(made, data)))
    return Quantising(made.eval(), tuple(stages))


def _refuse_given_scales(request: Request) -> None:
    """Formats that say the scales themselves."""
    rule = request.rule
    own = list(rule.values()) if isinstance(rule, Mapping) else []
    if rule is not None and not own:
        raise IsobitError("E310", "a rule that is a function, with short multiplicands", hint="give a mapping")
    formats: list[Format] = [request.formats.weights, request.formats.acts, *own]
    for found in formats:
        if not isinstance(found, Scaled) or not found.per_channel:
            what = f"short multiplicands choose a scale for each output channel, {found} has its own"
            hint = "--format int8; where all scales are powers of two and BatchNorms merged, none is longer than a bit"
            raise IsobitError("E310", what, hint=hint)


def _accuracy(model: nn.Module, data: Data) -> float:
    training = model.training
    found = accuracy(model, data.test_inputs, data.test_labels)
    model.train(training)
    return found


@torch.no_grad()
def _refuse_labels(model: nn.Module, data: Data) -> None:
    """Asked of the float network, before minutes of work."""
    training = model.training
    try:
        refuse_samples(model, data.train_inputs[:1])
        shape = tuple(model(data.train_inputs[:1]).shape[1:])
    finally:
        model.train(training)
    if len(shape) != 1 or data.classes > shape[0]:
        what = f"labels up to {data.classes - 1} for a network that gives {shape}"
        raise IsobitError("E305", what, hint="one score for each class, counted from 0")
