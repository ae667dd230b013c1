"""Weight scales with few significant bits: what makes the multiplicand of a requantizer short.

Where every activation scale is a power of two, the requantizer behind a layer multiplies its accumulators by
``M = S_x * S_w / S_y``, which has the significant bits of the weight scale ``S_w`` alone. So ``S_w`` is kept as
``m * 2**-s`` with an ``m`` of k bits. The rule that picks m and s is the plain one of the project's method notes; the
idea of training with it is that of Mueller et al., arXiv 2510.11484, the formulas are ours.
"""

from __future__ import annotations

from typing import Literal

import torch
from brevitas.quant import Int8WeightPerChannelFloat
from torch import Tensor, nn

from isobit.errors import IsobitError

Shift = Literal["layer", "channel"]
MAX_BITS = 16


def refuse_bits(bits: int, where: str = "") -> None:
    """A width that no multiplicand has. Raises E304."""
    if isinstance(bits, bool) or not 1 <= bits <= MAX_BITS:
        raise IsobitError("E304", f"{bits} bits", where=where, hint=f"multiplicands have 1 to {MAX_BITS} bits")


def short_multiplicand(scale: Tensor, bits: int, shift: Shift) -> tuple[Tensor, Tensor]:
    """``m`` (whole numbers, float32) and ``s`` (int32) with ``m * 2**-s`` near each positive ``scale``, m < 2**bits.

    Per channel: ``f, e = frexp(scale); m = floor(f * 2**bits + 1/2); s = bits - e``, and where m became ``2**bits``
    half of it with ``s - 1``. Per layer all share the s of the greatest scale, and m is at least 1.
    """
    mantissa, exponent = torch.frexp(scale.max() if shift == "layer" else scale)
    carried = torch.floor(mantissa * 2**bits + 0.5) == 2**bits
    s = bits - exponent - carried.to(exponent.dtype)
    m = torch.floor(torch.ldexp(scale, s) + 0.5).clamp(1, 2**bits - 1)
    return m, s.expand_as(scale)


class ShortScale(nn.Module):
    """A weight scale per output channel: ``m * 2**-s`` forwards, the trainable positive number it is near backwards.

    Args:
        scale: [channels], where training starts.
        bits: of m, 1 to 16.
        shift: one s for all channels, or one for each.
        rank: of the weight, 2 for a dense layer.

    Attributes:
        gain: [channels], the parameter: the number itself in units of ``scale``, so that one learning rate fits all.
        limit: the greatest scale allowed; :func:`isobit.train.rescale_aware` sets it so that s is not negative.
    """

    initial: Tensor

    def __init__(self, scale: Tensor, bits: int, shift: Shift, rank: int) -> None:
        super().__init__()
        self.bits, self.shift, self.rank = bits, shift, rank
        self.limit = float("inf")
        self.register_buffer("initial", scale.detach().clone())
        self.gain = nn.Parameter(torch.ones_like(scale))

    def multiplicand(self) -> tuple[Tensor, Tensor]:
        """The m and s in use, each [channels]."""
        return short_multiplicand(self._latent().detach(), self.bits, self.shift)

    def _latent(self) -> Tensor:
        latent: Tensor = self.initial * self.gain.clamp(min=2.0**-8)
        return latent.clamp(max=self.limit)

    def forward(self, x: Tensor | None = None, threshold: Tensor | None = None) -> Tensor:
        """[channels, 1, ...]; Brevitas passes the weight and its integer threshold, which play no part."""
        latent = self._latent()
        m, s = self.multiplicand()
        # the difference is an exact zero: the value is the short one, the gradient that of the latent
        scale = torch.ldexp(m, -s) + (latent - latent.detach())
        return scale.reshape(-1, *[1] * (self.rank - 1))


class ShortScaledWeight(Int8WeightPerChannelFloat):  # type: ignore[misc]
    """A weight quantiser, half-even and per channel, whose scale is the ``weight_scaling_impl`` that it is given."""
