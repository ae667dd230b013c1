"""From an exact real function and a quantiser to the integer staircase that is their composition.

A quantiser output reaches level ``j`` when its real input passes a boundary; the boundary is pulled back through the
real function, segment by segment, to a boundary on the integer underneath. No floating point is involved; sigmoid
and tanh boundaries are computed to 80 digits, beyond any rational they could be confused with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

from isobit.frontend.qonnx.symbolic import Rationals, Segment
from isobit.numerics import Curve, Cuts, Rounded, Rounding, boundary, from_thresholds, round_rational

_DIGITS = Context(prec=80)


@dataclass(frozen=True)
class Bound:
    """A condition on a real ``v``: ``v > value`` (or ``<`` when falling), or equal too when inclusive.

    ``value`` None means the condition is settled: ``inclusive`` says whether it always or never holds.
    """

    value: Fraction | None
    inclusive: bool
    falling: bool = False

    def accepts(self, v: Fraction) -> bool:
        """Does ``v`` meet the condition?"""
        if self.value is None:
            return self.inclusive
        return (v < self.value if self.falling else v > self.value) or (self.inclusive and v == self.value)


ALWAYS, NEVER = Bound(None, True), Bound(None, False)


@dataclass(frozen=True)
class Uniform:
    """A QONNX quantiser of one channel: ``clamp(round(v / scale + zero_point), lo, hi)``."""

    scale: Fraction
    zero_point: Fraction
    rounding: Rounding
    lo: int
    hi: int

    def __call__(self, v: Fraction) -> int:
        return min(max(round_rational(v / self.scale + self.zero_point, self.rounding), self.lo), self.hi)

    def bound(self, level: int) -> Bound:
        """The condition on ``v`` for reaching ``level``."""
        value, inclusive = boundary(level, self.rounding)
        return Bound((value - self.zero_point) * self.scale, inclusive)

    def bounds(self) -> list[Bound]:
        return [self.bound(level) for level in range(self.lo + 1, self.hi + 1)]


def uniform_curve(segments: Sequence[Segment], channel: int, quantiser: Uniform) -> tuple[Curve, bool]:
    """The staircase of one channel and whether it acts on the negated integer (a falling function)."""
    if len(segments) > 1 or _at(segments[0].scale, channel) == 0:
        return threshold_curve(segments, channel, quantiser.lo, quantiser.bounds())
    segment = segments[0]
    mult = _at(segment.scale, channel) / quantiser.scale
    offset = _at(segment.offset, channel) / quantiser.scale + quantiser.zero_point
    lo = quantiser.lo if segment.lo is None else quantiser(_at(segment.lo, channel))
    hi = quantiser.hi if segment.hi is None else quantiser(_at(segment.hi, channel))
    if lo == hi:
        return Cuts(lo, []), False
    return Rounded(abs(mult), offset, quantiser.rounding, lo, hi), mult < 0


def threshold_curve(
    segments: Sequence[Segment], channel: int, start: int, bounds: Sequence[Bound]
) -> tuple[Curve, bool]:
    """``start + #{bounds met}`` as a staircase of the integer under ``segments``; see :func:`uniform_curve`."""
    pulled = [pull_back(segments, channel, bound) for bound in bounds]
    start += sum(b == ALWAYS for b in pulled)
    open_bounds = [b for b in pulled if b.value is not None]
    falling = bool(open_bounds) and open_bounds[0].falling
    pairs = sorted(
        ((-b.value if falling else b.value, b.inclusive) for b in open_bounds if b.value is not None),
        key=lambda pair: (pair[0], not pair[1]),
    )
    return from_thresholds(start, pairs), falling


def _at(values: Rationals, channel: int) -> Fraction:
    value = values[channel if len(values) > 1 else 0]
    assert isinstance(value, Fraction)
    return value


def pull_back(segments: Sequence[Segment], channel: int, bound: Bound) -> Bound:
    """The condition on the integer under ``segments`` that is equivalent to ``bound`` on their value."""
    for segment in reversed(segments):
        bound = _pull_function(segment, channel, _pull_affine(segment, channel, bound))
    return bound


def _pull_affine(segment: Segment, channel: int, bound: Bound) -> Bound:
    """The condition on ``u`` equivalent to ``bound`` on ``clamp(scale * u + offset, lo, hi)``."""
    if bound.value is None:
        return bound
    floor, ceiling = (segment.hi, segment.lo) if bound.falling else (segment.lo, segment.hi)
    if floor is not None and bound.accepts(_at(floor, channel)):
        return ALWAYS
    if ceiling is not None and not bound.accepts(_at(ceiling, channel)):
        return NEVER
    scale, offset = _at(segment.scale, channel), _at(segment.offset, channel)
    if scale == 0:
        return ALWAYS if bound.accepts(offset) else NEVER
    return Bound((bound.value - offset) / scale, bound.inclusive, bound.falling != (scale < 0))


def _pull_function(segment: Segment, channel: int, bound: Bound) -> Bound:
    if bound.value is None or segment.after in ("", "identity"):
        return bound
    if segment.after == "leaky":
        assert segment.slope is not None
        slope = _at(segment.slope, channel)
        if slope == 0 and bound.accepts(Fraction(0)) != bound.falling:
            return NEVER if bound.falling else ALWAYS
        return bound if bound.value >= 0 else Bound(bound.value / slope, bound.inclusive, bound.falling)
    low, high = _IMAGES[segment.after]
    if bound.value <= low or bound.value >= high:
        return ALWAYS if (bound.value <= low) != bound.falling else NEVER
    return Bound(_INVERSES[segment.after](bound.value), bound.inclusive, bound.falling)


def _ln(ratio: Fraction) -> Fraction:
    if ratio == 1:
        return Fraction(0)
    return Fraction(_DIGITS.ln(_DIGITS.divide(Decimal(ratio.numerator), Decimal(ratio.denominator))))


# Open images of the functions, and their inverses inside.
_IMAGES = {"sigmoid": (Fraction(0), Fraction(1)), "tanh": (Fraction(-1), Fraction(1))}
_INVERSES = {
    "sigmoid": lambda b: _ln(b / (1 - b)),
    "tanh": lambda b: _ln((1 + b) / (1 - b)) / 2,
}
