"""Pure mathematics, no graph: rounding, rationals, intervals, staircases and the multiply-shift search; all exact."""

from isobit.numerics.curve import Curve
from isobit.numerics.dyadic import RoundShift, shared_round_shift
from isobit.numerics.edges import CutPair, Edges, is_translation
from isobit.numerics.half_even import HalfEven, shared_half_even
from isobit.numerics.intervals import IntArray, Interval, as_int_array, bit_width, fit_dtype, is_signed, magnitude
from isobit.numerics.layer_shift import (
    Price,
    TooWide,
    align_shifts,
    edges_multiply_shift,
    few_shifts,
    fewest_bits,
    layer_multiply_shift,
)
from isobit.numerics.least_error import Approximation, Weighted, differences, least_error
from isobit.numerics.multiply_shift import (
    MAX_LEVELS,
    MAX_SHIFT,
    NoMultiplyShift,
    Slopes,
    feasible_slopes,
    least_multiply_shift,
    proves,
    shared_multiply_shift,
    wrong_at,
)
from isobit.numerics.plain import plain_multiplicand, plain_multiply_shift
from isobit.numerics.rationals import exact, exact_array, rational_gcd, sqrt_rational
from isobit.numerics.rounding import Rounding, boundary, round_quotient, round_rational, round_shift
from isobit.numerics.staircase import (
    Cuts,
    MultiplyShift,
    Rounded,
    compose,
    equal,
    equal_on,
    from_thresholds,
    listed,
)
from isobit.numerics.sums import Reader, ShortSum, Summed, joint_sums, short_sums, sums_differ

__all__ = [
    "MAX_LEVELS",
    "MAX_SHIFT",
    "Approximation",
    "Curve",
    "CutPair",
    "Cuts",
    "Edges",
    "HalfEven",
    "IntArray",
    "Interval",
    "MultiplyShift",
    "NoMultiplyShift",
    "Reader",
    "RoundShift",
    "Price",
    "Rounded",
    "Rounding",
    "ShortSum",
    "Summed",
    "Slopes",
    "TooWide",
    "Weighted",
    "align_shifts",
    "as_int_array",
    "bit_width",
    "boundary",
    "compose",
    "differences",
    "edges_multiply_shift",
    "equal",
    "equal_on",
    "exact",
    "exact_array",
    "feasible_slopes",
    "few_shifts",
    "fewest_bits",
    "fit_dtype",
    "from_thresholds",
    "is_signed",
    "is_translation",
    "joint_sums",
    "layer_multiply_shift",
    "listed",
    "least_error",
    "least_multiply_shift",
    "magnitude",
    "plain_multiplicand",
    "plain_multiply_shift",
    "proves",
    "rational_gcd",
    "round_quotient",
    "round_rational",
    "round_shift",
    "shared_half_even",
    "shared_multiply_shift",
    "shared_round_shift",
    "short_sums",
    "sqrt_rational",
    "sums_differ",
    "wrong_at",
]
