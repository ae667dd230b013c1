"""Number formats as the quantising of a network sees them: quantizers of weights, activations and biases.

A format is any object with the members of :class:`Format`; ``isobit quantize --format NAME`` looks it up in
:data:`FORMATS`. To add one, write a class and its line there: nothing else knows what formats there are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import brevitas.quant as q
from brevitas.core.function_wrapper import CeilSte
from brevitas.inject.enum import RestrictValueType, ScalingImplType

from isobit.errors import IsobitError, did_you_mean, printable
from isobit.numerics.formats.choose import Scales
from isobit.train.fixed_point import parse_fixed
from isobit.train.injectors import activation_injector, injector, named


class Format(Protocol):
    """Quantizers (Brevitas injectors) of one format."""

    @property
    def weight(self) -> type[Any]:
        """Of weights."""

    @property
    def signed(self) -> type[Any]:
        """Of activations of either sign."""

    @property
    def unsigned(self) -> type[Any]:
        """Of activations that are never negative."""

    @property
    def bias(self) -> type[Any] | None:
        """Of biases; None leaves them floats, which fold into the requantizer behind them."""

    @property
    def reach(self) -> float | None:
        """The greatest weight that it holds; None where a scale is found for every tensor."""


@dataclass(frozen=True)
class Scaled:
    """Plain integers, symmetric, calibrated: a scale for each output channel of the weights or for the tensor, one for
    each tensor of activations; any, or powers of two, which are never below what is calibrated: nothing more saturates.
    """

    bits: int = 8
    scales: Scales = "free"
    per_channel: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.bits, bool) or not isinstance(self.bits, int) or not 2 <= self.bits <= 16:
            raise IsobitError("E310", f"integers of {printable(self.bits)} bits", hint="2 to 16")

    def __str__(self) -> str:
        return f"int{self.bits}{_said(self.scales, self.per_channel)}"

    @property
    def weight(self) -> type[Any]:
        """The scale is a parameter that starts at the greatest weight.

        GPTQ asks for the weights column by column; Brevitas' other scales are then those of the column, which fits them
        without an error to make up for.
        """
        kind = q.Int8WeightPerChannelFloat if self.per_channel else q.Int8WeightPerTensorFloat
        return self._width(kind, scaling_impl_type=ScalingImplType.PARAMETER_FROM_STATS)

    @property
    def signed(self) -> type[Any]:
        """One scale for the tensor."""
        return self._width(q.Int8ActPerTensorFloat)

    @property
    def unsigned(self) -> type[Any]:
        """One scale for the tensor."""
        return self._width(q.Uint8ActPerTensorFloat)

    bias: type[Any] | None = None
    reach: float | None = None

    def _width(self, quantizer: Any, **further: Any) -> type[Any]:
        if self.scales == "power-of-two":
            restricted = RestrictValueType.POWER_OF_TWO
            further |= {"restrict_scaling_type": restricted, "restrict_value_float_to_int_impl": CeilSte}
        made: type[Any] = quantizer.let(bit_width=self.bits, **further)
        return made


@dataclass(frozen=True)
class Free:
    """Weights in any format of :mod:`isobit.numerics.formats` by its name, with a scale for each output channel or for
    the tensor, the best of all or of the powers of two.

    Where the name stands for several (``tapered:4``, any run) every layer takes its best. Activations in tapered fixed
    point alone, with a scale for the tensor; their codes have a sign, whatever comes.
    """

    name: str
    scales: Scales = "free"
    per_channel: bool = True

    def __post_init__(self) -> None:
        named(self.name)

    def __str__(self) -> str:
        return self.name + _said(self.scales, self.per_channel)

    @property
    def weight(self) -> type[Any]:
        """One format for a layer."""
        return injector(self.name, self.scales, self.per_channel)

    @property
    def signed(self) -> type[Any]:
        """One format and scale for the tensor. Raises E310 where the format is no tapered one."""
        if not self.name.startswith("tapered:"):
            hint = "a number of bits, or tapered:n"
            raise IsobitError("E310", f"activations of a network in {self.name}", hint=hint)
        return activation_injector(self.name, self.scales)

    unsigned = signed
    bias: type[Any] | None = None
    reach: float | None = None


@dataclass(frozen=True)
class Formats:
    """The formats of a network: ``bias`` None takes that of the weights' format, ``entry`` None the activations'.

    A network's input is never tapered: there ``entry`` None is plain integers of 8 bits.
    """

    weights: Format
    acts: Format
    bias: Format | None = None
    entry: Format | None = None

    def __str__(self) -> str:
        return f"weights {self.weights}, activations {self.acts}"

    @property
    def plain(self) -> Formats:
        """With plain integers for activations that are in a format of :class:`Free`, and for the input before them."""
        if not isinstance(self.acts, Free):
            return self
        own = Scaled(scales=self.acts.scales)
        return replace(self, acts=own, entry=self.entry or own)

    def scaled(self, scales: Scales, per_channel: bool) -> Formats:
        """With such scales: all of them powers of two, the weights' one for a tensor.

        Raises:
            IsobitError: E310 where fixed point gives the weights' scale.
        """
        if (scales, per_channel) == ("free", True):
            return self
        if not isinstance(self.weights, (Scaled, Free)):
            hint = "leave --scales and --per-tensor out; --format int, tapered and float have scales to choose"
            raise IsobitError("E310", "fixed point says its scale itself, a power of two for the tensor", hint=hint)
        weights = replace(self.weights, scales=scales, per_channel=per_channel)
        acts = replace(self.acts, scales=scales) if isinstance(self.acts, (Scaled, Free)) else self.acts
        return replace(self, weights=weights, acts=acts)


def _said(scales: Scales, per_channel: bool) -> str:
    """What a name says of scales that are not the usual ones."""
    said = [*(["powers of two"] if scales == "power-of-two" else []), *([] if per_channel else ["per tensor"])]
    return f" ({', '.join(said)})" if said else ""


def _fixed(weights: str, acts: str) -> Formats:
    w, a = parse_fixed(weights), parse_fixed(acts)
    # a bias on the accumulator's grid costs nothing there, and saturates no sooner than the activations
    bias = parse_fixed(f"{min(a.integer + 2, 16)}.{min(w.fraction + a.fraction, 16)}")
    return Formats(w, a, bias)


def _scaled(weights: str, acts: str) -> Formats:
    return Formats(Scaled(_bits(weights)), _activations(acts))


def _free(family: str) -> Callable[[str, str], Formats]:
    return lambda weights, acts: Formats(Free(f"{family}:{weights}"), _activations(acts))


def _activations(text: str) -> Format:
    return Free(text) if text.startswith("tapered:") else Scaled(_bits(text))


def _bits(text: str) -> int:
    if not text.strip().isdecimal():
        raise IsobitError("E310", f"{printable(text)!r} is no width", hint="a number of bits, such as 8")
    return int(text)


FORMATS: dict[str, tuple[Callable[[str, str], Formats], str, str]] = {
    "fixed": (_fixed, "1.7", "4.4"),
    "int": (_scaled, "8", "8"),
    "tapered": (_free("tapered"), "4", "8"),
    "float": (_free("float"), "e2m1", "8"),
}
"""By name: what reads the widths of weights and activations, and the widths where none are given."""


def parse_formats(name: str, weights: str | None = None, acts: str | None = None, entry: str | None = None) -> Formats:
    """The formats that ``--format``, ``--weights``, ``--acts`` and ``--input`` name; ``int8`` is ``int`` of 8 bits.

    Behind a colon stands the width of weights alone: ``tapered:4`` is ``tapered`` with weights of 4 bits. Activations
    beside any weights with free scales may be ``tapered:5`` too.

    Raises:
        IsobitError: E310 for a name or widths that mean nothing.
    """
    family, colon, given = name.partition(":")
    digits = "" if colon else name[len(name.rstrip("0123456789")) :]
    family = family if colon else name.rstrip("0123456789")
    if family not in FORMATS:
        raise IsobitError("E310", f"no format {printable(name)!r}", hint=did_you_mean(name, FORMATS))
    read, own_weights, own_acts = FORMATS[family]
    found = read(weights or (given if colon else digits) or own_weights, acts or digits or own_acts)
    return found if entry is None else replace(found, entry=parse_fixed(entry))
