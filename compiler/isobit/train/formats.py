"""Weights and activations in any number format: quantisers for Brevitas layers, for PTQ and QAT, and their export.

    qnn.QuantConv2d(8, 16, 3, weight_quant=FormatWeight(parse_format("tapered:4")))
    qnn.QuantIdentity(act_quant=FormatActivation(parse_format("tapered:5")))

Where several formats are given, one is chosen with the scale, by least squared error
(:func:`isobit.numerics.formats.choose.choose`): that of a weight from its values, that of an activation from what goes
through it on calibration data (:func:`calibrate`). A module keeps one format from then on; its scale is a parameter and
is trained unless it is a power of two. Gradients go straight through the rounding, and not through what is clipped.

In a file a tapered quantiser is ``isobit.custom_op::TaperedQuant``, an integer one QONNX's ``Quant``, a float one
QONNX's ``FloatQuant``; :func:`isobit.frontend.brevitas.export_module` writes them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import brevitas.nn as qnn
import numpy as np
import torch
from brevitas.proxy.parameter_quant import WeightQuantProxyFromInjectorBase
from brevitas.proxy.runtime_quant import ActQuantProxyFromInjectorBase
from torch import Tensor, nn

from isobit.errors import IsobitError
from isobit.numerics.formats import TabulatedFormat, parse_format
from isobit.numerics.formats.choose import Choice, Scales, choose
from isobit.train.rounding import Rounded, exported

_LEAST_SCALE = 2.0**-100
_TRAINED = 8.0
"""How far training may take a scale from the best one, as a factor: steps of Adam are longer than many a scale."""
_MOST_CALIBRATED = 1 << 18


class FormatQuantiser(nn.Module):
    """A format, once it is chosen, and its scale: what weights and activations have in common."""

    format: TabulatedFormat | None
    scale: nn.Parameter

    def __init__(self, formats: Sequence[TabulatedFormat] | str, scales: Scales = "free") -> None:
        super().__init__()
        self.formats = parse_format(formats) if isinstance(formats, str) else tuple(formats)
        self.scales: Scales = scales
        self.format = None
        self.scale = nn.Parameter(torch.ones(()), requires_grad=False)
        self.register_buffer("chosen", torch.tensor(-1))  # which of the formats: a part of the module's state
        self.register_buffer("first", torch.ones(()), persistent=False)
        # What Brevitas asks of a quantiser's proxy.
        self.is_quant_enabled, self.is_signed, self.is_narrow_range, self.rounding_mode = True, True, False, "ROUND"
        self.requires_quant_input = self.requires_export_handler = False
        self.is_groupwise = self.export_mode = self.disable_quant = False

    def take(self, found: Choice, shape: Sequence[int]) -> None:
        """A choice becomes the module's; the scale gets ``shape``."""
        self.format = found.format
        scale = torch.as_tensor(np.maximum(found.scale, _LEAST_SCALE)).reshape(tuple(shape))
        self.scale = nn.Parameter(scale, requires_grad=self.scales == "free")
        self.first, self.chosen = scale.clone(), torch.tensor(self.formats.index(found.format))

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *given: Any) -> None:
        """The state of a float layer, which Brevitas loads into the one in its place, has no scale."""
        if prefix + "scale" in state_dict:
            super()._load_from_state_dict(state_dict, prefix, *given)
            self.first = self.scale.detach().clone()
            self.format = None if self.chosen < 0 else self.formats[int(self.chosen)]

    def kept_scale(self) -> Tensor:
        """The scale, held near the one that was chosen: it is a parameter, and what a file gets is the same number."""
        if not torch.onnx.is_in_onnx_export():
            self.scale.data.clamp_(self.first / _TRAINED, self.first * _TRAINED)
        return self.scale

    def forward(self, x: Tensor) -> Tensor:
        """The quantised values; before a format is chosen, or where Brevitas wants to see the floats, ``x`` itself."""
        value = getattr(x, "value", x)  # a Brevitas QuantTensor will do
        if self.format is None or self.disable_quant:
            return value
        if torch.compiler.is_exporting():
            return exported(value, self.scale, self.format)
        made: Tensor = Rounded.apply(value, self.kept_scale(), self.format)  # type: ignore[no-untyped-call]
        return made


class FormatWeight(FormatQuantiser):
    """A ``weight_quant`` of a Brevitas layer; the choice is made when the layer is, and again by :meth:`choose`.

    Args:
        formats: the candidates, or their name (:func:`isobit.numerics.formats.parse_format`).
        scales: any, or powers of two.
        per_channel: one scale for each output, in one format.
    """

    def __init__(
        self, formats: Sequence[TabulatedFormat] | str, scales: Scales = "free", per_channel: bool = False
    ) -> None:  # fmt: skip
        super().__init__(formats, scales)
        self.per_channel = per_channel
        self.layers: list[nn.Module] = []  # a plain list: the layer owns this module

    def add_tracked_module(self, module: nn.Module) -> None:
        """Brevitas names the layer whose weight this is."""
        self.layers = [module]
        self.init_tensor_quant()

    def init_tensor_quant(self) -> None:
        """Brevitas says that the layer has another weight; one without numbers yet is looked at when it is used."""
        weight = getattr(self.layers[0], "weight", None) if self.layers else None
        if weight is not None and not weight.is_meta:
            self.choose()

    def forward(self, x: Tensor) -> Tensor:
        """The quantised weight."""
        if self.format is None and self.layers:
            self.choose()
        return super().forward(x)

    def choose(self) -> None:
        """The best format and scale for the layer's weight as it is."""
        weight: Any = self.layers[0].weight.detach()  # type: ignore[operator]
        found = choose(weight.cpu().numpy(), self.formats, self.scales, self.per_channel)
        self.take(found, (-1, *(1,) * (weight.dim() - 1)) if self.per_channel else ())


WeightQuantProxyFromInjectorBase.register(FormatWeight)
"""Brevitas' bias correction looks at the floats of what is one of these."""


class FormatActivation(FormatQuantiser):
    """An ``act_quant`` of a Brevitas layer; it quantises nothing until :func:`calibrate` has shown it some values.

    Args:
        formats, scales: those of :class:`FormatWeight`.
        function: what is done to the values before, such as the layer's ReLU.
    """

    def __init__(
        self, formats: Sequence[TabulatedFormat] | str, scales: Scales = "free", function: nn.Module | None = None
    ) -> None:
        super().__init__(formats, scales)
        self.is_signed, self.seen = True, list[Tensor]()
        self.watching, self.function = False, function

    def add_tracked_module(self, module: nn.Module) -> None:
        """Brevitas names the layer; nothing hangs on it."""

    def forward(self, x: Tensor) -> Tensor:
        """The quantised values."""
        value: Tensor = getattr(x, "value", x)
        value = value if self.function is None else self.function(value)
        if self.watching:
            self.seen.append(value.detach().cpu().reshape(-1))
        return super().forward(value)

    def choose(self) -> None:
        """The best format and scale for what has been seen, of which at most 2^18 values count, evenly taken."""
        values = torch.cat(self.seen) if self.seen else torch.zeros(1)
        values = values[:: -(-len(values) // _MOST_CALIBRATED)]
        self.take(choose(values.numpy(), self.formats, self.scales), ())
        self.seen = []


ActQuantProxyFromInjectorBase.register(FormatActivation)
"""Bias correction switches it off."""


def calibrate(model: nn.Module, inputs: Tensor, batch: int = 256) -> None:
    """The formats and scales of every :class:`FormatActivation`, each from what the ones before it let through.

    Args:
        inputs: samples [N, ...]; the model runs on them once for every activation.
    """
    was = model.training
    model.eval()
    with torch.no_grad():
        for part in [m for m in model.modules() if isinstance(m, FormatActivation)]:
            with _watching(part):
                for some in torch.split(inputs, batch):
                    model(some)
            part.choose()
    model.train(was)


@contextmanager
def _watching(part: FormatActivation) -> Iterator[None]:
    part.watching, part.format = True, None
    try:
        yield
    finally:
        part.watching = False


_LAYERS: dict[type[nn.Module], Any] = {
    nn.Linear: qnn.QuantLinear, nn.Conv1d: qnn.QuantConv1d, nn.Conv2d: qnn.QuantConv2d,
}  # fmt: skip


def with_weights(
    model: nn.Module, formats: Sequence[TabulatedFormat] | str, scales: Scales = "free", per_channel: bool = False
) -> nn.Module:  # fmt: skip
    """A copy of ``model`` whose dense and convolutional layers have weights of a format: post-training quantisation.

    Brevitas layers keep all but their weight quantiser, layers of torch become Brevitas layers. Train the copy for
    quantisation-aware training.

    Raises:
        IsobitError: E302 when there is no such layer; those of :func:`isobit.numerics.formats.parse_format`.
    """
    chosen = parse_format(formats) if isinstance(formats, str) else tuple(formats)
    made, count = copy.deepcopy(model), 0
    for name, layer in list(made.named_modules()):
        if not isinstance(layer, tuple(_LAYERS)):
            continue
        count += 1
        new: Any = layer if hasattr(layer, "weight_quant") else _as_brevitas(layer)
        quantiser = FormatWeight(chosen, scales, per_channel)
        quantiser.add_tracked_module(new)
        new.weight_quant = quantiser
        if new is not layer:
            parent, _, last = name.rpartition(".")
            setattr(made.get_submodule(parent), last, new)
            made = new if not name else made
    if not count:
        raise IsobitError("E302", "there is no dense or convolutional layer", where=type(model).__name__)
    return made


def _as_brevitas(layer: Any) -> nn.Module:
    kind = next(k for k in _LAYERS if isinstance(layer, k))
    names = ("in_features", "out_features") if kind is nn.Linear else ("in_channels", "out_channels", "kernel_size")
    more = () if kind is nn.Linear else ("stride", "padding", "dilation", "groups")
    given = {name: getattr(layer, name) for name in (*names, *more)}
    new: nn.Module = _LAYERS[kind](**given, bias=layer.bias is not None, weight_quant=None)
    new.load_state_dict(layer.state_dict(), strict=False)
    return new.train(layer.training)
