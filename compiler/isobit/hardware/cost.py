"""First cost model: what a template instance takes, in LUTs, DSPs and 36-kbit block RAMs.

Formulas (documented in docs/cost.md; first order, meant to rank implementations and to refuse what is far too big):

* a product of ``a`` and ``b`` bits: ``a * b`` LUTs, or one DSP48 where both fit its multiplier and ``a * b`` is large;
* an adder or comparator of ``w`` bits: ``w`` LUTs, a comparator against a constant ``w / 2``;
* a ROM of ``depth`` words of ``width`` bits: distributed, ``ceil(depth / 64) * width`` LUTs, or the fewest 36-kbit
  block RAMs in any of their shapes (512 x 72 to 32768 x 1).

The multiply-shift figures agree with open synthesis of a 32-bit accumulator (multiplicand 8 bits: 262 LUTs) to about
a third.
"""

from __future__ import annotations

from dataclasses import dataclass

from isobit.hardware.board import Board

LUTS_PER_DSP = 60
LUTS_PER_BRAM = 240
_DSP_PORTS = {"DSP48E1": (25, 18), "DSP48E2": (27, 18)}
_MIN_DSP_PRODUCT = 40
_LUTRAM_DEPTH = 256
_BRAM_SHAPES = ((72, 512), (36, 1024), (18, 2048), (9, 4096), (4, 8192), (2, 16384), (1, 32768))


@dataclass(frozen=True)
class Cost:
    """Resource estimate; ``bram36`` in 36-kbit blocks."""

    lut: int = 0
    dsp: int = 0
    bram36: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.lut + other.lut, self.dsp + other.dsp, self.bram36 + other.bram36)

    def times(self, count: int) -> Cost:
        return Cost(self.lut * count, self.dsp * count, self.bram36 * count)

    @property
    def weight(self) -> int:
        """One number for ranking: LUTs, a DSP as :data:`LUTS_PER_DSP`, a block RAM as :data:`LUTS_PER_BRAM` of them.

        (A PYNQ-Z1 has 242 LUTs to a DSP and 380 to a block RAM; the weights leave some of either for the layers.)
        """
        return self.lut + LUTS_PER_DSP * self.dsp + LUTS_PER_BRAM * self.bram36

    def fits(self, board: Board, share: float = 1.0) -> bool:
        limits = (board.lut, board.dsps, board.bram36)
        return all(used <= share * limit for used, limit in zip((self.lut, self.dsp, self.bram36), limits, strict=True))


def product(a: int, b: int, dsp: str) -> Cost:
    """A multiplier of two signed operands of ``a`` and ``b`` bits."""
    wide, narrow = _DSP_PORTS[dsp]
    if min(a, b) <= 1:
        return Cost(lut=max(a, b))
    if a * b >= _MIN_DSP_PRODUCT:
        return Cost(dsp=-(-max(a, b) // wide) * -(-min(a, b) // narrow))
    return Cost(lut=a * b)


def rom(depth: int, width: int) -> Cost:
    """A constant memory: distributed when shallow, block RAM otherwise."""
    if depth <= _LUTRAM_DEPTH:
        return Cost(lut=-(-depth // 64) * width)
    return Cost(bram36=min(-(-width // w) * -(-depth // d) for w, d in _BRAM_SHAPES))


def line_buffer(depth: int, width: int) -> Cost:
    """A memory of ``depth`` words of ``width`` bits with one write and one read port, and its control."""
    return rom(max(depth, 1), width) + Cost(lut=80)


def dense(pe: int, simd: int, rows: int, x_bits: int, w_bits: int, acc_bits: int, dsp: str) -> Cost:
    """A matrix-vector unit with ``rows`` weight words of ``pe * simd`` weights."""
    adders = Cost(lut=(simd + 1) * acc_bits // 2)
    mac = product(x_bits, w_bits, dsp).times(simd)
    if mac.dsp:
        adders = Cost(lut=acc_bits // 2)
    return (mac + adders).times(pe) + rom(rows, pe * simd * w_bits) + Cost(lut=120)


def thresholds(pe: int, levels: int, channels: int, in_bits: int) -> Cost:
    """``levels`` comparators per lane and their constants."""
    compare = Cost(lut=levels * (in_bits + 1) // 2 + levels)
    return compare.times(pe) + rom(-(-channels // pe), pe * levels * in_bits) + Cost(lut=40)


def multiply_shift(pe: int, channels: int, in_bits: int, m_bits: int, c_bits: int, out_bits: int, dsp: str) -> Cost:
    """One multiplier, adder and clamp per lane, and the constants."""
    lane = product(in_bits, m_bits + 1, dsp) + Cost(lut=c_bits + 2 * out_bits)
    return lane.times(pe) + rom(-(-channels // pe), pe * (m_bits + c_bits)) + Cost(lut=40)


def round_shift(pe: int, channels: int, in_bits: int, m_bits: int, c_bits: int, out_bits: int, dsp: str) -> Cost:
    """A multiply-shift and, per lane, the detection of a tie and the increment."""
    tie = Cost(lut=in_bits // 4 + out_bits)
    return multiply_shift(pe, channels, in_bits, m_bits, c_bits, out_bits, dsp) + tie.times(pe)


def lookup(pe: int, rows: int, size: int, out_bits: int) -> Cost:
    """One ROM of ``size`` words per lane and channel row."""
    return rom(size * max(1, rows // pe), out_bits).times(pe) + Cost(lut=40)
