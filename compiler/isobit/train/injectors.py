"""Formats by their names, as Brevitas' graph mode takes them: injectors that make a quantiser for each layer."""

from __future__ import annotations

from typing import Any

from brevitas.inject import ExtendedInjector
from torch import nn

from isobit.numerics.formats import TabulatedFormat, parse_format
from isobit.numerics.formats.choose import Scales
from isobit.train.formats import FormatActivation, FormatWeight


def named(name: str) -> tuple[TabulatedFormat, ...]:
    """The formats of a name; ``float:e2m1`` is ``e2m1``. Raises what :func:`parse_format` does."""
    return parse_format(name.removeprefix("float:"))


def injector(name: str, scales: Scales = "free", per_channel: bool = False) -> type[Any]:
    """A Brevitas quantiser (an injector class) of weights, for whoever makes the layers: see :class:`FormatWeight`."""

    class Proxy(FormatWeight):
        """Made by Brevitas for one layer."""

        def __init__(self, quant_layer: nn.Module, quant_injector: Any) -> None:
            super().__init__(named(name), scales, per_channel)
            self.add_tracked_module(quant_layer)

    made: type[Any] = type("FormatWeightQuant", (ExtendedInjector,), {"proxy_class": Proxy})
    return made


def activation_injector(name: str, scales: Scales = "free") -> type[Any]:
    """The same for activations: see :class:`FormatActivation`; the layer's own function comes first."""

    class Proxy(FormatActivation):
        """Made by Brevitas for one activation."""

        def __init__(self, quant_layer: nn.Module, quant_injector: Any) -> None:
            super().__init__(named(name), scales, quant_injector.act_impl)

    made: type[Any] = type("FormatActivationQuant", (ExtendedInjector,), {"proxy_class": Proxy})
    return made
