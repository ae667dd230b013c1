"""One multiplier width for all channels of a layer: a shared shift, or a few different ones, whichever is cheaper.

Each channel has a least shift; a larger one is as good but makes its multiplicand wider. With one shift for all, the
channel that needs the finest slope makes every other multiplicand as wide. With several, a lane has to select the
shift at run time. What is cheaper the caller says: ``price`` of a multiplicand of so many bits and these shifts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from isobit.numerics.curve import Curve
from isobit.numerics.edges import Clamp, Edges, edges_of
from isobit.numerics.multiply_shift import (
    MAX_SHIFT,
    NoMultiplyShift,
    Slopes,
    build,
    least_shift,
    multiplicand_at,
    refusal,
    slopes_of,
    too_many_levels,
)
from isobit.numerics.staircase import MultiplyShift

Price = Callable[[int, Collection[int]], int]
"""Of the bits of a layer's multiplicands and its different shifts what a lane costs, in any unit."""


def fewest_bits(bits: int, shifts: Collection[int]) -> int:
    """A price where hardware is not asked: the shortest multiplicand is the cheapest."""
    return bits


@dataclass(frozen=True)
class TooWide:
    """A multiply and shift exists for every channel, but needs ``bits`` bits at least; ``index`` is such a channel."""

    index: int
    bits: int


def layer_multiply_shift(
    curves: Sequence[Curve], los: Sequence[int], his: Sequence[int], clamp: Clamp, bits: int | None = None,
    price: Price = fewest_bits,
) -> tuple[MultiplyShift, ...] | NoMultiplyShift | TooWide:  # fmt: skip
    """One multiply and shift per curve, equal to it on its ``[lo, hi]``, all with the same clamp.

    Of the multiplier widths from the least possible one to that of a shared shift the cheapest is taken; ``bits`` is
    the most that is allowed.

    Raises:
        ValueError: an interval is empty, or a curve leaves the clamp on it.
    """
    refused = too_many_levels(curves, los, his)
    if refused is not None:
        return refused
    edges = [edges_of(curve, lo, hi, clamp) for curve, lo, hi in zip(curves, los, his, strict=True)]
    return edges_multiply_shift(edges, bits, price)


def edges_multiply_shift(
    edges: Sequence[Edges], bits: int | None = None, price: Price = fewest_bits
) -> tuple[MultiplyShift, ...] | NoMultiplyShift | TooWide:
    """:func:`layer_multiply_shift` of curves that are given as edges."""
    slopes = [slopes_of(e) for e in edges]
    least: list[int] = []
    for index, s in enumerate(slopes):
        k = least_shift(s, 0)
        if k is None:
            return refusal(index, s)
        least.append(k)
    widths = [multiplicand_at(s, k).bit_length() for s, k in zip(slopes, least, strict=True)]
    if bits is not None and max(widths) > bits:
        return TooWide(widths.index(max(widths)), max(widths))
    return _built(edges, slopes, _cheapest(slopes, least, (max(widths), bits), price))


def _cheapest(
    slopes: Sequence[Slopes], least: Sequence[int], widths: tuple[int, int | None], price: Price
) -> list[int]:
    """The shift of each channel at the width that makes a lane cheapest; the fewest shifts and bits among equals."""
    width, bits = widths
    shared = max(multiplicand_at(s, max(least)).bit_length() for s in slopes)
    ranked = []
    for b in range(width, min(shared, bits or shared) + 1):
        shifts = few_shifts([(k, _most_shift(s, b)) for s, k in zip(slopes, least, strict=True)])
        different = sorted(set(shifts))
        ranked.append((price(b, different), len(different), b, shifts))
    return min(ranked)[3]


def _most_shift(s: Slopes, bits: int) -> int:
    """The greatest shift with which the least multiplicand fits ``bits``: ``floor(lower * 2**k) + 1 < 2**bits``."""
    if s.lower == 0:
        return MAX_SHIFT
    limit = ((1 << bits) - 1) * s.lower.denominator
    return max((limit - 1) // s.lower.numerator, 1).bit_length() - 1


def few_shifts(ranges: Sequence[tuple[int, int]]) -> list[int]:
    """One number out of each range, as few different ones as possible, and as small as these allow.

    Ranges in the order of their ends: the end of the first that is not met yet meets the most others.
    """
    chosen = [-1] * len(ranges)
    left = sorted(range(len(ranges)), key=lambda i: ranges[i][1])
    while left:
        point = ranges[left[0]][1]
        met = [i for i in left if ranges[i][0] <= point]
        least = max(ranges[i][0] for i in met)
        for i in met:
            chosen[i] = least
        left = [i for i in left if ranges[i][0] > point]
    return chosen


def _built(edges: Sequence[Edges], slopes: Sequence[Slopes], shifts: Sequence[int]) -> tuple[MultiplyShift, ...]:
    return tuple(build(e, s, k) for e, s, k in zip(edges, slopes, shifts, strict=True))


def align_shifts(found: Sequence[MultiplyShift], bits: int) -> tuple[MultiplyShift, ...]:
    """The same functions with as few different shifts as multiplicands of at most ``bits`` bits allow.

    ``(m x + c) >> k == (2 m x + 2 c) >> (k + 1)``, and a common factor 2 of m may go: it only floors c.
    """
    odd = [_odd(f) for f in found]
    shifts = few_shifts([(f.k, f.k + bits - f.m.bit_length()) for f in odd])
    return tuple(MultiplyShift(f.m << k - f.k, f.c << k - f.k, k, f.lo, f.hi) for f, k in zip(odd, shifts, strict=True))


def _odd(f: MultiplyShift) -> MultiplyShift:
    zeros = min((f.m & -f.m).bit_length() - 1, f.k)
    return MultiplyShift(f.m >> zeros, f.c >> zeros, f.k - zeros, f.lo, f.hi)
