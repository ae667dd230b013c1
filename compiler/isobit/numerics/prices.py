"""What the searches weigh against each other, without a board: LUTs of a lane, and what a DSP counts for.

Prices decide between forms that are equal, never an integer. Whoever knows the board makes its own :class:`Prices` and
hands it to the passes; :data:`DEFAULT_PRICES` serves without one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Prices:
    """All in LUTs.

    Args:
        dsp: what a DSP counts for.
        dsp_ports: bits of the two operands that one DSP multiplies.
        few_levels: levels up to which a step may be built as thresholds.
        small_domain: input values up to which a step may be built as a table.
    """

    dsp: int = 60
    dsp_ports: tuple[int, int] = (25, 17)
    few_levels: int = 255
    small_domain: int = 1 << 16

    def lane(self, in_bits: int, m_bits: int, shifts: int) -> int:
        """One lane: a product of ``in_bits`` and ``m_bits``, then one of ``shifts`` different shifts of the sum.

        The product costs ``in_bits * m_bits`` LUTs or DSPs, whichever is less. A 6-input LUT selects one bit of four,
        so that the selection costs half a LUT per bit of the sum and doubling.
        """
        wide, narrow = self.dsp_ports
        product = min(in_bits * m_bits, self.dsp * -(-in_bits // wide) * -(-m_bits // narrow))
        return product + (in_bits + m_bits) * (shifts - 1).bit_length() // 2

    def constant(self, bits: int, coefficient: int) -> int:
        """The product of so many bits and a constant; only its significant bits count, a power of two is wiring."""
        odd = abs(coefficient) // (abs(coefficient) & -abs(coefficient))
        return 0 if odd == 1 else self.lane(bits, odd.bit_length(), 1)

    def thresholds(self, bits: int, levels: int) -> int:
        """Comparisons of so many bits, half a LUT a bit, and their sum."""
        return levels * (bits + 1) // 2 + levels

    def table(self, entries: int, bits: int) -> int:
        """A table in LUTs of 64 bits."""
        return -(-entries // 64) * bits


DEFAULT_PRICES = Prices()
