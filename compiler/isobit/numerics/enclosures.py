"""Functions of rationals that have no rational value, enclosed between two rationals.

``exp`` and ``ln`` are those of :mod:`decimal`, which rounds them correctly to the context's digits; everything else is
made of them, of square roots, and of the power series of the error function. An enclosure is at most ``1e-38`` wide
relative to the greater of its value and one; that of the error function ``1e-28``.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from functools import cache
from math import isqrt

Enclosure = tuple[Fraction, Fraction]
_DIGITS = 42
_NEAREST, _DOWN, _UP = (
    Context(prec=_DIGITS, rounding=r, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
    for r in (ROUND_HALF_EVEN, ROUND_FLOOR, ROUND_CEILING)
)
_SLACK = Fraction(1, 10 ** (_DIGITS - 1))
"""More than the relative error of a result that is correctly rounded to so many digits."""
_LEAST_POWER = -2000
"""``e`` to less than it is enclosed between zero and this: its digits would be all zeros."""
_SERIES_BITS, _SERIES_ERROR = 288, 152
_FAR = 8
"""Beyond it ``1 - erf(x)`` is below ``exp(-64)``, and the series would cancel."""


def exp(x: Fraction) -> Enclosure:
    """``e^x``; ``e^0`` is exact."""
    if x == 0:
        return Fraction(1), Fraction(1)
    if x < _LEAST_POWER:
        return Fraction(0), exp(Fraction(_LEAST_POWER))[1]
    low, high = _decimals(x)
    return _below(_NEAREST.exp(low)), _above(_NEAREST.exp(high))


def ln(x: Fraction) -> Enclosure:
    """The natural logarithm of a positive rational; that of one is exact. ValueError for others."""
    if x <= 0:
        raise ValueError(x)
    if x == 1:
        return Fraction(0), Fraction(0)
    low, high = _decimals(x)
    return _below(_NEAREST.ln(low)), _above(_NEAREST.ln(high))


def _below(rounded: Decimal) -> Fraction:
    value = Fraction(rounded)
    return value - abs(value) * _SLACK


def _above(rounded: Decimal) -> Fraction:
    value = Fraction(rounded)
    return value + abs(value) * _SLACK


def sqrt(x: Fraction) -> Enclosure:
    """The square root of a rational that is not negative; exact where it is rational."""
    roots = isqrt(x.numerator), isqrt(x.denominator)
    if roots[0] ** 2 == x.numerator and roots[1] ** 2 == x.denominator:
        return Fraction(*roots), Fraction(*roots)
    shift = max(0, 400 - x.numerator.bit_length() + x.denominator.bit_length()) // 2
    whole = isqrt((x.numerator << (2 * shift)) // x.denominator)
    return Fraction(whole, 1 << shift), Fraction(whole + 1, 1 << shift)


def sigmoid(x: Fraction) -> Enclosure:
    """``1 / (1 + e^-x)``."""
    low, high = exp(-x)
    return 1 / (1 + high), 1 / (1 + low)


def tanh(x: Fraction) -> Enclosure:
    """``(e^2x - 1) / (e^2x + 1)``."""
    low, high = exp(2 * x)
    return 1 - 2 / (low + 1), 1 - 2 / (high + 1)


def softplus(x: Fraction) -> Enclosure:
    """``ln(1 + e^x)``."""
    low, high = exp(-abs(x))
    base = max(x, Fraction(0))
    return base + ln(1 + low)[0], base + ln(1 + high)[1]


def erf(x: Fraction) -> Enclosure:
    """The error function."""
    if x < 0:
        low, high = erf(-x)
        return -high, -low
    if x > _FAR:  # 1 - erf(x) < exp(-x^2) / (x sqrt(pi)) (Abramowitz and Stegun 7.1.13)
        return 1 - exp(-x * x)[1], Fraction(1)
    if x == 0:
        return x, x
    total, slack = _erf_series(x), Fraction(1, 1 << _SERIES_ERROR)
    low, high = _two_over_root_pi()
    return max((total - slack) * low, Fraction(0)), (total + slack) * high


def _erf_series(x: Fraction) -> Fraction:
    """``sum (-1)^n x^(2n+1) / (n! (2n+1))`` in fixed point (A. and S. 7.1.5).

    Every division loses less than ``2^-288``; until the terms shrink such a loss grows by less than ``e^64 < 2^93``;
    there are less than ``2^10`` of each kind, the last term included: the sum is off by less than ``2^-152``.
    """
    one = 1 << _SERIES_BITS
    fixed = (x.numerator << _SERIES_BITS) // x.denominator
    square, power, total, n = (fixed * fixed) >> _SERIES_BITS, fixed, 0, 0
    while power:
        total += (-power if n % 2 else power) // (2 * n + 1)
        n += 1
        power = ((power * square) >> _SERIES_BITS) // n
    return Fraction(total, one)


@cache
def pi() -> Enclosure:
    """By Machin's formula in fixed point: 16 atan(1/5) - 4 atan(1/239)."""
    units = 16 * _atan(5, _SERIES_BITS) - 4 * _atan(239, _SERIES_BITS)
    return Fraction(units - (1 << 20), 1 << _SERIES_BITS), Fraction(units + (1 << 20), 1 << _SERIES_BITS)


@cache
def _two_over_root_pi() -> Enclosure:
    low, high = pi()
    return 2 / sqrt(high)[1], 2 / sqrt(low)[0]


def _atan(inverse: int, bits: int) -> int:
    """``atan(1 / inverse)`` in units of ``2^-bits``, off by less than the number of terms."""
    power, total, n = (1 << bits) // inverse, 0, 0
    while power:
        total += (-power if n % 2 else power) // (2 * n + 1)
        power //= inverse * inverse
        n += 1
    return total


def _decimals(x: Fraction) -> tuple[Decimal, Decimal]:
    """The nearest decimals below and above."""
    numerator, denominator = Decimal(x.numerator), Decimal(x.denominator)
    return _DOWN.divide(numerator, denominator), _UP.divide(numerator, denominator)


RISING: dict[str, Callable[[Fraction], Enclosure]] = {
    "erf": erf, "exp": exp, "log": ln, "sigmoid": sigmoid, "softplus": softplus, "sqrt": sqrt, "tanh": tanh,
}  # fmt: skip
"""The functions by name; all of them rise strictly."""
