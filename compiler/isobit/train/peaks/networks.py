"""Peak detectors of three kinds of integer layers: convolutions, a dense head, and Requantizers.

A body of strided convolutions, each behind it a Requantizer, turns a line of 8-bit samples into a map of marks: zero
where there is no peak, a bump of a few levels where there is one, whose centre of mass is the sub-pixel position. It
knows no place, so it runs on an endless line. A last convolution of stride s with s channels makes a mark for every
sample: its channels, last in hardware, follow each other as the samples do.

:class:`LineNet` gives the map. :class:`ProfileNet` has a dense head behind it that sums the map up for a whole profile:
``sum(place * map)`` and ``sum(map)``, whose ratio is the position and whose second says whether there is a peak.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import brevitas.nn as qnn
import brevitas.quant as q
import torch
from brevitas.quant_tensor import IntQuantTensor
from torch import Tensor, nn

from isobit.errors import IsobitError
from isobit.train.accumulator import Accumulator
from isobit.train.requantizer import Requantizer

DARK = (0, 64)
"""Grey levels that most samples have: what a first Requantizer is laid out for."""


_LEAST_GAIN = 2.0**-8
"""As in the Requantizer."""


@dataclass(frozen=True)
class Layer:
    """A convolution: output channels, taps, stride, and the least width of its weights and of what follows it."""

    channels: int
    kernel: int
    stride: int = 1
    weight_bits: int = 2
    bits: int = 2


@dataclass(frozen=True)
class Design:
    """The convolutions of a body; ``line`` for marks per sample, otherwise with the dense head for ``samples``.

    ``pool`` samples are summed before the first layer, without overlap. ``nothing`` is the level of the map, from 0 to
    1, at which a mark is as likely as none. ``multiplicand_bits`` is the width of every Requantizer's a, and
    ``per_channel`` says whether each channel has its own.
    """

    name: str
    layers: tuple[Layer, ...]
    line: bool
    samples: int = 64
    pool: int = 1
    nothing: float = 0.0
    multiplicand_bits: int = 8
    per_channel: bool = True

    @property
    def stride(self) -> int:
        """Samples from one position of the map to the next."""
        return self.pool * math.prod(layer.stride for layer in self.layers)

    def places(self, samples: int) -> Tensor:
        """[marks], float64: the sample that each mark of a line of ``samples`` stands for."""
        marks = self.layers[-1].channels
        count = samples // self.stride * marks
        return (torch.arange(count, dtype=torch.float64) + 0.5) * (self.stride / marks) - 0.5


LINE = Design(
    "line", (Layer(2, 8, 2, weight_bits=6, bits=5), Layer(4, 5, bits=4)), line=True, pool=2, nothing=0.4,
    multiplicand_bits=2,
)  # fmt: skip
"""Small enough for 4 GSa/s: 16 samples per clock. A mark sees 32 samples, those of a peak and as many beside it, which
tell it from the background; marks that are less likely than none have the lower levels to themselves."""
PROFILE = Design("profile", (Layer(8, 8, 2), Layer(8, 7), Layer(1, 5, bits=4)), line=False)
"""One position and one validity per profile of 64 samples."""
DESIGNS = {design.name: design for design in (LINE, PROFILE)}


class LineNet(nn.Module):
    """Marks of a line: [n, 1, samples] grey levels to [n, channels, samples / stride] of 0 to 1 (exclusive).

    Args:
        bits: of weights and hidden activations, 2 to 8; 0 for the float twin, which has the same layers, parameters and
            clips as the 8-bit network and rounds nothing.

    Raises:
        IsobitError: E304 for other widths.
    """

    def __init__(self, design: Design, bits: int) -> None:
        super().__init__()
        if bits not in (0, *range(2, 9)):
            raise IsobitError("E304", f"a peak detector of {bits} bits", hint="2 to 8, or 0 for the float twin")
        self.design, self.bits = design, bits
        self.entry = _entry() if bits else nn.Identity()
        self.convolutions, self.requantizers = nn.ModuleList(), nn.ModuleList()
        self.pool = _Pool(design.pool)
        inputs, span, unit = 1, (DARK[0], DARK[1] * design.pool), design.pool
        for layer in design.layers:
            last = layer is design.layers[-1]
            width = max(bits or 8, layer.bits)
            sums: nn.Module = Accumulator(_convolution(inputs, layer, max(bits or 8, layer.weight_bits)))
            requantizer: nn.Module = Requantizer.behind(
                sums, width, inputs=span, per_channel=design.per_channel,
                multiplicand_bits=design.multiplicand_bits, return_quant_tensor=not (last and design.line),
            )  # fmt: skip
            if not bits:
                sums, requantizer = _FloatSums(sums, unit), _FloatClip(requantizer)
            self.convolutions.append(sums)
            self.requantizers.append(requantizer)
            inputs, span, unit = layer.channels, (0, (1 << width) - 1), 1 << width

    @torch.no_grad()
    def adopt(self, twin: LineNet) -> None:
        """Takes over weights, slopes and offsets of a float twin of the same design, in the units of these layers."""
        entering = 0
        parts: Any = zip(self.convolutions, self.requantizers, twin.convolutions, twin.requantizers, strict=True)
        for sums, requantizer, other, clip in parts:
            sums.layer.weight.copy_(other.weight)
            scales = (sums.layer.quant_weight().scale / other.scale).flatten()
            levels = 2.0 ** (requantizer.bits - clip.bits + entering)  # of what comes out, over those of what goes in
            slope = clip.initial * clip.gain.clamp(min=_LEAST_GAIN) * scales * levels
            requantizer.gain.copy_(slope / requantizer.initial)
            requantizer.lift.copy_(clip.lift)
            entering = clip.bits - requantizer.bits

    def sums(self, x: Tensor) -> Any:
        """What the last Requantizer reads."""
        y: Any = self.pool(self.entry(x))
        for conv, requantizer in zip(self.convolutions[:-1], self.requantizers[:-1], strict=True):
            y = requantizer(conv(y))
        return self.convolutions[-1](y)

    def judged(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[n, marks]: the levels of the map before they are rounded and clipped, from 0 to 1, and the map itself."""
        sums: Any = self.sums(x)
        last: Any = self.requantizers[-1]
        levels = last.levels(sums) * 2.0**-last.bits
        return in_order(levels.float()), in_order(_value(last(sums)))

    def forward(self, x: Tensor) -> Any:
        """The map, [n, channels, samples / stride]."""
        return self.requantizers[-1](self.sums(x))


class ProfileNet(nn.Module):
    """Position and validity of profiles: [n, 1, samples] grey levels to [n, 2], ``sum(place * map)`` and ``sum(map)``.

    Places count from the middle of the profile. The dense head begins as just that and learns on. The last convolution
    of the design has one channel. Arguments and errors are those of :class:`LineNet`.
    """

    def __init__(self, design: Design, bits: int) -> None:
        super().__init__()
        self.body = LineNet(design, bits)
        self.design, self.bits = design, bits
        places = design.places(design.samples) - (design.samples - 1) / 2
        self.head: Any = _dense(len(places)) if bits else nn.Linear(len(places), 2, bias=False)
        with torch.no_grad():
            self.head.weight.copy_(torch.stack([places, torch.ones_like(places)]))

    @torch.no_grad()
    def adopt(self, twin: ProfileNet) -> None:
        """As :meth:`LineNet.adopt`."""
        self.body.adopt(twin.body)
        self.head.weight.copy_(twin.head.weight)

    def judged(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As :meth:`LineNet.judged`."""
        return self.body.judged(x)

    def forward(self, x: Tensor) -> Tensor:
        """The two sums."""
        y: Any = self.body(x)
        return _value(self.head(y.flatten(1)))


def network(design: Design, bits: int, seed: int = 0) -> LineNet | ProfileNet:
    """A network with seeded first weights; torch's own generator is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LineNet(design, bits) if design.line else ProfileNet(design, bits)


def in_order(mapped: Tensor) -> Tensor:
    """[n, channels, positions] as marks in the order of the line, [n, positions * channels]."""
    return mapped.transpose(1, 2).flatten(1)


class _Pool(nn.Module):
    """Means of ``size`` samples each, with a scale in which they are whole sums."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Any) -> Any:
        if self.size == 1:
            return x
        mean = nn.functional.avg_pool1d(_value(x), self.size)
        if isinstance(x, Tensor):
            return mean
        bits = torch.ceil(torch.log2((2.0**x.bit_width - 1) * self.size + 1))
        return IntQuantTensor(mean, x.scale / self.size, x.zero_point, bits, x.signed, x.training)


class _FloatSums(nn.Module):
    """A convolution in the units of an Accumulator, without its rounding: ``unit`` levels make an input of 1."""

    scale: Tensor

    def __init__(self, sums: Any, unit: int) -> None:
        super().__init__()
        layer = sums.layer
        self.stride, self.padding, self.unit = layer.stride, layer.padding, float(unit)
        self.weight = nn.Parameter(layer.weight.detach().clone())
        self.register_buffer("scale", layer.quant_weight().scale.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight / self.scale
        return nn.functional.conv1d(x * self.unit, weight, None, self.stride, self.padding)


class _FloatClip(nn.Module):
    """A Requantizer that does not round."""

    initial: Tensor

    def __init__(self, like: Any) -> None:
        super().__init__()
        self.bits = like.bits
        self.register_buffer("initial", like.initial.clone())
        self.gain = nn.Parameter(like.gain.detach().clone())
        self.lift = nn.Parameter(like.lift.detach().clone())

    def levels(self, x: Tensor) -> Tensor:
        slope = self.initial * self.gain.clamp(min=_LEAST_GAIN)
        made: Tensor = x * slope[:, None] + (self.lift * 2.0**self.bits)[:, None]
        return made

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.levels(x).clamp(0, (1 << self.bits) - 1) * 2.0**-self.bits
        return made


def _entry() -> Any:
    return qnn.QuantIdentity(
        act_quant=q.Uint8ActPerTensorFloat, bit_width=8, scaling_impl_type="const", min_val=0.0, max_val=255.0,
        return_quant_tensor=True,
    )  # fmt: skip


def _convolution(inputs: int, layer: Layer, bits: int) -> Any:
    return qnn.QuantConv1d(
        inputs, layer.channels, layer.kernel, stride=layer.stride, padding=(layer.kernel - layer.stride + 1) // 2,
        bias=False, weight_quant=q.Int8WeightPerChannelFloat, weight_bit_width=bits,
    )  # fmt: skip


def _dense(inputs: int) -> Any:
    return qnn.QuantLinear(inputs, 2, bias=False, weight_quant=q.Int8WeightPerChannelFloat, weight_bit_width=8)


def _value(x: Any) -> Tensor:
    value: Tensor = x if isinstance(x, Tensor) else x.value
    return value
