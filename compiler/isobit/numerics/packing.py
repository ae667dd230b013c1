"""Two products that share an operand, by one multiplication: which operands admit it, and how they come apart.

**The law.** Let pairs ``(a0, a1)`` and what both share, ``x``, be given, several of them, and let ``L`` be the sum of
the products ``a0 * x`` and ``H`` that of the products ``a1 * x``. By distributivity ``(a1 * 2^S + a0) * x`` sums to
``T = H * 2^S + L``. Where ``-2^(S-1) <= L < 2^(S-1)``, ``L + 2^(S-1)`` lies in ``0 .. 2^S - 1``, so that it is the
remainder and ``H`` the quotient of ``T + 2^(S-1)`` by ``2^S``, rounded down: ``H = (T + 2^(S-1)) >> S``, and ``L`` is
its low S bits less ``2^(S-1)``.

The half that is added is the correction of the borrow: without it ``T >> S`` is ``H - 1`` wherever ``L`` is negative.
Added once for a whole sum it costs nothing: a DSP48 adds a constant at its post-adder, and ``2^(S-1)`` taken off S bits
again turns their highest one over.

**What fits.** A DSP48 multiplies one signed operand of ``wide`` bits by one of ``narrow`` and adds up 48 bits. With
``a`` of W bits, ``a1 * 2^S + a0`` needs exactly S + W + 1 signed ones, whether ``a`` is signed (``a1 = a0 = -2^(W-1)``
borrows) or not (the sign). So ``S = wide - W - 1`` is the largest S, with the most room for sums: 18 for 8 bits on a
DSP48E2 (27 x 18), 16 on a DSP48E1 (25 x 18). The extremes of a sum of n products are n times those of one, so n is at
most what fits S signed bits.
"""

from __future__ import annotations

from dataclasses import dataclass

ACCUMULATOR_BITS = 48
"""Bits of a DSP48's sum."""


@dataclass(frozen=True)
class Operand:
    """An integer of ``bits`` bits."""

    bits: int
    signed: bool

    @property
    def extremes(self) -> tuple[int, int]:
        """The least and the greatest."""
        if self.signed:
            return -(1 << self.bits - 1), (1 << self.bits - 1) - 1
        return 0, (1 << self.bits) - 1

    @property
    def signed_bits(self) -> int:
        """Bits as a signed number."""
        return self.bits + (not self.signed)


@dataclass(frozen=True)
class Packing:
    """The upper operand lies ``shift`` bits above the lower one; up to ``chain`` pairs of products may be summed so."""

    shift: int
    chain: int


def packing(own: Operand, shared: Operand, ports: tuple[int, int], most: int) -> Packing | None:
    """How two products ``own * shared`` of one ``shared`` fit a multiplier, summed in chains of at most ``most`` pairs.

    Args:
        ports: bits of the multiplier's operands, signed, the wider one first.

    Returns:
        The packing of the longest chain; None where not even one pair fits.
    """
    wide, narrow = ports
    shift = wide - own.bits - 1
    if shift < 1 or shared.signed_bits > narrow:
        return None
    corners = [a * x for a in own.extremes for x in shared.extremes]
    half, limit = 1 << shift - 1, 1 << ACCUMULATOR_BITS - 1
    unit = (1 << shift) + 1  # what a product adds to the sum, where both of a pair are alike
    chain = most
    if min(corners) < 0:
        chain = min(chain, half // -min(corners), (limit + half) // -(min(corners) * unit))
    if max(corners) > 0:
        chain = min(chain, (half - 1) // max(corners), (limit - half - 1) // (max(corners) * unit))
    return Packing(shift, chain) if chain > 0 else None


def packed(low: int, high: int, shift: int) -> int:
    """Two operands as one."""
    return (high << shift) + low


def unpacked(total: int, shift: int) -> tuple[int, int]:
    """The sums of the lower and of the upper products, from the sum of the packed ones."""
    half = 1 << shift - 1
    return (total + half) % (1 << shift) - half, (total + half) >> shift


def shares_weight(samples: int, outputs: int) -> bool:
    """Do two samples that meet in a weight share a multiplier, or two outputs that meet in an input?

    Of ``samples * outputs`` products whichever leaves fewer without a partner; on a tie the outputs.
    """
    return outputs * -(-samples // 2) < samples * -(-outputs // 2)


def multipliers(samples: int, outputs: int) -> tuple[int, int]:
    """Pairs among ``samples * outputs`` products, and what is left alone."""
    if shares_weight(samples, outputs):
        return outputs * (samples // 2), outputs * (samples % 2)
    return samples * (outputs // 2), samples * (outputs % 2)
