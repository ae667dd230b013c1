"""What the bodies of a step cost, roughly and without a board: enough to decide whether two steps become one.

All figures are LUTs per lane, with a DSP at the price that :func:`isobit.numerics.lane_luts` gives it. The plan prices
the bodies again, for the board, in :mod:`isobit.backends.dataflow.planner.steps`.
"""

from __future__ import annotations

from isobit.ir.ops import Step
from isobit.ir.types import ValueType
from isobit.numerics import bit_width, lane_luts, layer_multiply_shift, shared_round_shift
from isobit.passes.shrink import FEW_LEVELS, SMALL_DOMAIN, clamp_of, reachable


def body_luts(node: Step, x: ValueType) -> dict[str, int]:
    """LUTs of one lane for every body that can build a step whose input has type ``x``.

    ``multiply_shift`` and ``round_shift``: a product and a shift; ``thresholds``: half a LUT per input bit and level,
    and its sum; ``lookup``: 64 bits to a LUT.
    """
    los, his = reachable(node, x)
    lo, hi = clamp_of(node, x)
    found: dict[str, int] = {}
    scaled = layer_multiply_shift(node.curves, los, his, (lo, hi), x.bits)
    if isinstance(scaled, tuple):
        found["multiply_shift"] = lane_luts(
            x.bits, max(s.m for s in scaled).bit_length(), len({s.k for s in scaled})
        )  # fmt: skip
    dyadic = shared_round_shift(node.curves, los, his, (lo, hi))
    if dyadic is not None:
        found["round_shift"] = lane_luts(x.bits, max(dyadic.m).bit_length(), 1) + x.bits // 4
    levels = max(c.levels for c in node.curves)
    if levels <= FEW_LEVELS:
        found["thresholds"] = levels * (x.bits + 1) // 2 + levels
    size = x.bounds[1] - x.bounds[0] + 1
    if size <= SMALL_DOMAIN:
        found["lookup"] = -(-size * len(node.curves) // 64) * bit_width(lo, hi)
    return found
