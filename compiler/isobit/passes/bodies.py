"""What the bodies of a step cost, roughly and without a board: enough to decide whether two steps become one.

All figures are LUTs per lane, at the :class:`isobit.numerics.Prices` that the pass was given. The plan prices the
bodies again, folded and for its board.
"""

from __future__ import annotations

from isobit.ir.ops import Step
from isobit.ir.types import ValueType
from isobit.numerics import DEFAULT_PRICES, Prices, bit_width, layer_multiply_shift, shared_round_shift


def body_luts(node: Step, x: ValueType, prices: Prices = DEFAULT_PRICES) -> dict[str, int]:
    """LUTs of one lane for every body that can build a step whose input has type ``x``.

    ``multiply_shift`` and ``round_shift``: a product and a shift; ``thresholds``: half a LUT per input bit and level,
    and its sum; ``lookup``: 64 bits to a LUT.
    """
    los, his = node.curves.reach(x)
    lo, hi = node.curves.bounds(x)
    found: dict[str, int] = {}
    scaled = layer_multiply_shift(node.curves, los, his, (lo, hi), x.bits, None, prices)
    if isinstance(scaled, tuple):
        m_bits, shifts = max(s.m for s in scaled).bit_length(), len({s.k for s in scaled})
        found["multiply_shift"] = prices.lane(x.bits, m_bits, shifts)
    dyadic = shared_round_shift(node.curves, los, his, (lo, hi))
    if dyadic is not None:
        found["round_shift"] = prices.lane(x.bits, max(dyadic.m).bit_length(), 1) + x.bits // 4
    levels = max(c.levels for c in node.curves)
    if levels <= prices.few_levels:
        found["thresholds"] = prices.thresholds(x.bits, levels)
    size = x.bounds[1] - x.bounds[0] + 1
    if size <= prices.small_domain:
        found["lookup"] = prices.table(size * len(node.curves), bit_width(lo, hi))
    return found
