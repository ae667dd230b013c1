"""The one model of what the bodies of steps and the coefficients of sums take; and what is too large to be built.

Passes weigh equal forms of a graph with it, the planner chooses bodies with it, and the report shows it: whoever asks
gets a :class:`Prices` as an argument. Prices decide between forms that are equal, never an integer.

A lane of a requantizer is what open synthesis made of it (:mod:`isobit.hardware.requantizer`), a memory what
:mod:`isobit.hardware.memory` says; how the two and the control of a process come together is fitted
(:mod:`isobit.hardware.fitted`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from isobit.hardware import fitted, requantizer
from isobit.hardware.board import Board, Dsp
from isobit.hardware.memory import different_bits, rom
from isobit.hardware.resources import USUAL, Cost, Dearer
from isobit.numerics import bit_width

MOST_LEVELS = 255
"""Thresholds of a step that is built as comparisons, at most."""
MOST_ENTRIES = 1 << 16
"""Entries a channel of a step that is built as a table, at most."""
_MEAN_DIGITS = 1 / 3
"""Signed digits that a number has, on average, for each of its bits."""
Bounds = tuple[int, int]
MOST_ROW_BITS = 1 << 16
"""Bits of one word of a reshaped array, at most: beyond that HLS refuses to reshape."""


@dataclass(frozen=True)
class Prices:
    """What hardware takes on parts with this kind of DSP, and what each resource is worth there.

    Every method gives the cost of a body with ``pe`` lanes and one row of constants per curve: ``curves`` is 1 where
    all channels share one, which then is a constant of the logic.
    """

    dsp: Dsp = "DSP48E1"
    dearer: Dearer = USUAL

    @classmethod
    def of(cls, board: Board) -> Prices:
        """The usual prices on ``board``."""
        return cls(board.dsp)

    def weigh(self, cost: Cost) -> int:
        """One number for ranking, in LUTs."""
        return cost.priced(self.dearer)

    def multiply_shift(
        self, pe: int, curves: int, in_bits: int, m_bits: int, c_bits: int, shifts: Collection[int] = (), *,
        clamp: Bounds = (0, 0), multiplicands: Sequence[int] = (),
    ) -> Cost:  # fmt: skip
        """A multiplier, an adder and a clamp per lane, and the constants; a chosen shift where there are several.

        ``clamp`` are the ends of the result, ``multiplicands`` those of the curves as far as they are known: in a
        single row each is a constant of the logic, an adder less than it has signed digits.
        """
        rows = -(-curves // pe)
        lane = self.line(in_bits, m_bits, constant=rows == 1).times(pe)
        memory = _constants(pe, curves, m_bits) + _constants(pe, curves, c_bits)
        ends = pe * bit_width(*clamp) * (2 if clamp[0] < 0 else 1)
        terms: dict[str, float] = {"unit": 1, "place": (rows - 1).bit_length(), "ends": ends}
        selection = Cost()
        if len(set(shifts)) > 1 and rows > 1:  # of one row every lane has its own
            doublings = (len(set(shifts)) - 1).bit_length()
            selection = fitted.fabric("selection", bits=pe * (in_bits + m_bits) * doublings)
            memory += _constants(pe, curves, max(shifts).bit_length())
        terms["memory"] = different_bits(rows, memory.lut)
        rest = selection + Cost(dsp=lane.dsp, bram18=memory.bram18)
        if lane.dsp:  # the block takes in the sum and the registers
            return fitted.fabric("dsp_line", **terms) + rest
        terms["sum"] = pe * (in_bits + m_bits)
        if rows == 1:
            digits = _digits(pe, multiplicands) if multiplicands else max(_MEAN_DIGITS * m_bits - 1, 0) * pe
            terms["digits"] = digits * (in_bits + 2)
        else:
            terms["product"] = pe * (m_bits - 1) * in_bits
        return fitted.fabric("line", **terms) + rest

    def round_shift(
        self, pe: int, curves: int, in_bits: int, m_bits: int, c_bits: int, clamp: Bounds, below: int = 0,
        multiplicands: Sequence[int] = (),
    ) -> Cost:  # fmt: skip
        """A multiply-shift and, per lane, the increment; its rounding looks at ``below`` bits of the remainder."""
        rounded = fitted.fabric("tie", out=pe * bit_width(*clamp), below=pe * below)
        line = self.multiply_shift(pe, curves, in_bits, m_bits, c_bits, clamp=clamp, multiplicands=multiplicands)
        return line + rounded

    def half_even(
        self, pe: int, curves: int, in_bits: int, m_bits: int, c_bits: int, gap_bits: int, clamp: Bounds = (0, 0),
        multiplicands: Sequence[int] = (),
    ) -> Cost:  # fmt: skip
        """A multiply-shift and, per lane, a second sum and the choice between both; the gaps between their offsets."""
        gaps = _constants(pe, curves, gap_bits)
        rows = -(-curves // pe)
        second = fitted.fabric("second_sum", out=pe * bit_width(*clamp), memory=different_bits(rows, gaps.lut))
        line = self.multiply_shift(pe, curves, in_bits, m_bits, c_bits, clamp=clamp, multiplicands=multiplicands)
        return line + second + Cost(bram18=gaps.bram18)

    def thresholds(self, pe: int, curves: int, in_bits: int, levels: int) -> Cost:
        """A bisection per lane: a comparison a stage, each with a memory in LUTs of twice the cuts of the one before.

        A single cut is no memory, but a constant of its comparison.
        """
        depths = [-(-curves // pe) << stage for stage in range(levels.bit_length())]
        memories = sum(different_bits(depth, rom(depth, in_bits, "lutram").lut) for depth in depths)
        lane = requantizer.thresholds_lane(in_bits, levels, self.dsp).lut
        place = (-(-curves // pe) - 1).bit_length()
        return fitted.fabric("thresholds", place=place, lanes=pe * lane, memory=pe * memories)

    def lookup(self, pe: int, curves: int, entries: int, out_bits: int) -> Cost:
        """One ROM of ``entries`` words per lane and row of channels, both filled up to powers of two."""
        rows = max(1, -(-curves // pe))
        memory = rom(1 << max((entries - 1).bit_length(), 1) + (rows - 1).bit_length(), out_bits).times(pe)
        index = pe * (entries - 1).bit_length()
        return fitted.fabric("lookup", unit=1, memory=memory.lut, index=index) + Cost(bram18=memory.bram18)

    def scaled(self, pe: int, operands: Sequence[tuple[int, Sequence[int]]]) -> Cost:
        """The products of a sum's operands, each its bits, with their coefficients; powers of two are wiring.

        All are in LUTs or all with DSPs, as a module says it once.
        """
        ways = (Cost(), Cost())
        for in_bits, coefficients in operands:
            row = _row(pe, coefficients)
            factors = [_odd(c).bit_length() for c in row] if row else [_bits(coefficients)] * pe
            for bits in (b for b in factors if b > 1 or not row):
                lane = requantizer.multiply_shift_lane(in_bits, bits, bool(row), self.dsp)
                ways = (ways[0] + lane[0], ways[1] + lane[1])
        return min(ways, key=self.weigh)

    def joined(self, pe: int, operands: Sequence[tuple[int, Sequence[int]]], out_bits: int) -> Cost:
        """A sum of ``operands``, their bits and coefficients: products as in a multiply-shift, an adder a lane."""
        dsp, memory, most, word, digits, product = self.scaled(pe, operands).dsp, Cost(), 1, 0, 0.0, 0
        for in_bits, coefficients in operands:
            row, bits = _row(pe, coefficients), _bits(coefficients)
            if row:
                digits += _digits(pe, row) * (in_bits + 2)
                word += 2 * pe * in_bits + sum(_odd(c).bit_length() for c in row)
            else:
                rows = -(-len(coefficients) // pe)
                memory, most = memory + rom(rows, pe * bits), max(most, rows)
                product += pe * (bits - 1) * in_bits
                word += pe * (2 * in_bits + bits)
        rest, place = Cost(dsp=dsp, bram18=memory.bram18), (most - 1).bit_length()
        words = different_bits(most, memory.lut)
        if dsp:
            return fitted.fabric("dsp_line", unit=1, place=place, memory=words) + rest
        products = fitted.fabric("line", digits=digits, product=product, memory=words)
        return products + fitted.fabric("joined", unit=1, place=place, adders=pe * out_bits, word=word) + rest

    def line(self, in_bits: int, m_bits: int, *, constant: bool) -> Cost:
        """One lane, in LUTs or with DSPs, whichever weighs less."""
        ways = requantizer.multiply_shift_lane(in_bits, m_bits, constant, self.dsp)
        return min(ways, key=self.weigh)


PRICES = Prices()
"""What the passes weigh with; the same for all boards, so that a model's graph is the same on all of them."""


def _constants(pe: int, curves: int, bits: int) -> Cost:
    """The memory of ``bits`` bits per curve, read in rows of ``pe``."""
    return rom(-(-curves // pe), pe * bits)


def _digits(pe: int, factors: Sequence[int]) -> float:
    """Adders of ``pe`` constant products: of each factor one less than it has signed digits."""
    return pe / len(factors) * sum(max((abs(m) ^ 3 * abs(m)).bit_count() - 1, 0) for m in factors)


def _row(pe: int, coefficients: Sequence[int]) -> Sequence[int]:
    """The coefficient of every lane where it is a constant, all rows being alike; nothing where it is none."""
    if any(c != before for c, before in zip(coefficients[pe:], coefficients, strict=False)):
        return ()
    return [coefficients[lane % len(coefficients)] for lane in range(pe)]


def _bits(coefficients: Sequence[int]) -> int:
    """Bits of the widest coefficient without its sign."""
    return max(abs(c) for c in coefficients).bit_length()


def _odd(coefficient: int) -> int:
    """The significant bits of a coefficient."""
    magnitude = abs(coefficient)
    return magnitude // (magnitude & -magnitude) if magnitude else 0
