"""What the bodies of a step cost, enough to decide whether two steps become one.

All figures are those of the :class:`isobit.hardware.Prices` that the pass was given, of a body with one lane. The
planner prices the bodies by the same model, folded and for its board.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from isobit.hardware import Cost
from isobit.hardware.prices import MOST_ENTRIES, MOST_LEVELS, Prices
from isobit.ir.ops import Step
from isobit.ir.types import ValueType
from isobit.numerics import (
    HalfEven,
    MultiplyShift,
    Price,
    Rounding,
    RoundShift,
    bit_width,
    layer_multiply_shift,
    shared_half_even,
    shared_round_shift,
)
from isobit.numerics.layer_shift import admits_multiply_shift


def multiplicand_price(prices: Prices, curves: int, in_bits: int) -> Price:
    """What a multiplicand of so many bits and these shifts cost where so many curves have an input of ``in_bits``."""

    def price(bits: int, shifts: Collection[int]) -> int:
        return prices.weigh(prices.multiply_shift(1, curves, in_bits, bits, in_bits + bits, shifts))

    return price


def has_product(node: Step, x: ValueType) -> bool:
    """Is one of the bodies of a step whose input has type ``x`` a product and a shift?"""
    reach = (node.curves, *node.curves.reach(x), node.curves.bounds(x))
    return admits_multiply_shift(*reach) or any(f(*reach) is not None for f in (shared_round_shift, shared_half_even))


def body_luts(node: Step, x: ValueType, prices: Prices) -> dict[str, int]:
    """What every body that can build a step costs whose input has type ``x``, in LUTs."""
    los, his = node.curves.reach(x)
    clamp, count = node.curves.bounds(x), len(node.curves)
    found: dict[str, int] = {}
    scaled = layer_multiply_shift(node.curves, los, his, clamp, None, multiplicand_price(prices, count, x.bits))
    if isinstance(scaled, tuple):
        found["multiply_shift"] = multiply_shift_luts(scaled, x.bits, prices, clamp)
    dyadic = shared_round_shift(node.curves, los, his, clamp)
    if dyadic is not None:
        m_bits, c_bits = max(dyadic.m).bit_length(), bit_width(min(dyadic.c), max(dyadic.c))
        found["round_shift"] = prices.weigh(
            prices.round_shift(1, count, x.bits, m_bits, c_bits, clamp, looks_below(dyadic), dyadic.m)
        )  # fmt: skip
    even = shared_half_even(node.curves, los, his, clamp) if not found else None
    if even is not None:
        found["half_even"] = prices.weigh(half_even_cost(even, 1, x.bits, prices))
    levels = max(c.levels for c in node.curves)
    if levels <= MOST_LEVELS:
        found["thresholds"] = prices.weigh(prices.thresholds(1, count, x.bits, max(levels, 1)))
    size = x.bounds[1] - x.bounds[0] + 1
    if size <= MOST_ENTRIES:
        found["lookup"] = prices.weigh(prices.lookup(1, count, size, bit_width(*clamp)))
    return found


def half_even_cost(even: HalfEven, pe: int, in_bits: int, prices: Prices) -> Cost:
    """What ``pe`` lanes of this body cost whose input has ``in_bits`` bits."""
    m_bits, gap_bits = max(even.m).bit_length(), max(max(even.gaps).bit_length(), 1)
    c_bits = bit_width(min(even.down), max(even.down))
    return prices.half_even(pe, len(even.m), in_bits, m_bits, c_bits, gap_bits, (even.lo, even.hi), even.m)


def looks_below(shift: RoundShift) -> int:
    """Bits of the remainder that decide the rounding: none where it floors, one where halves go one way, else all."""
    if shift.rounding in (Rounding.FLOOR, Rounding.HALF_UP):
        return 0
    return shift.k


def multiply_shift_luts(
    scaled: Sequence[MultiplyShift], in_bits: int, prices: Prices, clamp: tuple[int, int] = (0, 0)
) -> int:
    """What these products and shifts of ``in_bits`` bits cost, in LUTs; without ``clamp`` but for its clamp."""
    m_bits = max(s.m for s in scaled).bit_length()
    c_bits = bit_width(min(s.c for s in scaled), max(s.c for s in scaled))
    shifts = {s.k for s in scaled}
    line = prices.multiply_shift(
        1, len(scaled), in_bits, m_bits, c_bits, shifts, clamp=clamp, multiplicands=[s.m for s in scaled]
    )
    return prices.weigh(line)
