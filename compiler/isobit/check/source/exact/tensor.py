"""Arrays of exact rationals: Python integers over one common denominator.

Nothing here rounds: every function returns the exact result, in lowest terms for the array as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

Objects = NDArray[np.object_]
_FLOAT64_EXACT = 2**53
_NARROW = ("int2", "uint2", "int4", "uint4")


@dataclass(frozen=True, eq=False)
class ExactTensor:
    """``num / den`` elementwise: ``num`` is an object array of Python ints, ``den`` a positive int."""

    num: Objects
    den: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return self.num.shape

    def __getitem__(self, index: tuple[int, ...]) -> Fraction:
        """The element at a full index."""
        return Fraction(int(self.num[index]), self.den)

    def map(self, function: Callable[[Objects], Any]) -> ExactTensor:
        """The same numbers rearranged by ``function`` (reshape, transpose, select)."""
        return ExactTensor(objects(function(self.num)), self.den)

    def to_float(self) -> NDArray[np.float64]:
        """Each element correctly rounded to float64."""
        return np.asarray(np.vectorize(lambda n: n / self.den, otypes=[np.float64])(self.num))


def objects(array: Any) -> Objects:
    """An object array of Python ints (numpy turns zero-dimensional results into scalars, so wrap them again)."""
    result = np.empty(np.shape(array), dtype=object)
    result[...] = array.item() if isinstance(array, np.generic) else array
    return result


def surrounded(array: Any, before: Sequence[int], after: Sequence[int], fill: Any) -> Any:
    """``array`` with ``fill`` around it; numpy's own pad would put machine integers into an object array."""
    shape = [b + n + a for b, n, a in zip(before, array.shape, after, strict=True)]
    result = np.empty(shape, dtype=array.dtype)
    result.fill(fill)
    result[tuple(slice(b, b + n) for b, n in zip(before, array.shape, strict=True))] = array
    return result


def lowest(num: Any, den: int) -> ExactTensor:
    """``num / den`` with the common factor of all elements removed."""
    num = objects(num)
    factor = common_factor(num, den)
    return ExactTensor(num if factor == 1 else objects(num // factor), den // factor)


def common_factor(num: Objects, of: int = 0) -> int:
    """The greatest number that divides ``of`` and every element; looks no further where that is 1."""
    flat, first, step = num.reshape(-1), 0, 16
    while first < flat.size and of != 1:
        of = math.gcd(of, *flat[first : first + step])
        first, step = first + step, min(2 * step, 1 << 16)
    return of


def from_integers(array: NDArray[Any]) -> ExactTensor:
    """Integers held in any integer, boolean or float array."""
    return ExactTensor(objects(array.astype(np.int64).astype(object)), 1)


def from_floats(array: NDArray[Any]) -> ExactTensor:
    """The rationals that the bits of finite floats (or integers) mean."""
    if array.dtype.kind in "iub" or array.dtype.name in _NARROW:
        return from_integers(array)
    mantissa, exponent = np.frexp(array.astype(np.float64).reshape(-1))
    digits = np.ldexp(mantissa, 53).astype(np.int64).astype(object)
    exponent = np.where(mantissa == 0, 0, exponent.astype(np.int64) - 53)
    least = int(exponent.min(initial=0))
    num = np.left_shift(digits, (exponent - least).astype(object))
    return lowest(num.reshape(array.shape), 1 << -least)


def from_fractions(values: Sequence[Fraction], shape: tuple[int, ...]) -> ExactTensor:
    """Fractions in row-major order."""
    den = math.lcm(*(value.denominator for value in values))
    num = objects([value.numerator * (den // value.denominator) for value in values])
    return ExactTensor(num.reshape(shape), den)


def scalar(value: Fraction | int) -> ExactTensor:
    """A zero-dimensional tensor."""
    return from_fractions([Fraction(value)], ())


def aligned(tensors: Iterable[ExactTensor]) -> tuple[list[Objects], int]:
    """Numerators over one common denominator."""
    tensors = list(tensors)
    den = math.lcm(*(tensor.den for tensor in tensors))
    return [tensor.num if tensor.den == den else tensor.num * (den // tensor.den) for tensor in tensors], den


def add(left: ExactTensor, right: ExactTensor) -> ExactTensor:
    """Sum, with broadcasting."""
    (a, b), den = aligned([left, right])
    return lowest(a + b, den)


def affine(data: ExactTensor, slope: ExactTensor, offset: ExactTensor) -> ExactTensor:
    """``data * slope + offset``, with broadcasting of the two."""
    den = math.lcm(data.den * slope.den, offset.den)
    factor = slope.num * (den // (data.den * slope.den))
    return lowest(data.num * factor + offset.num * (den // offset.den), den)


def subtract(left: ExactTensor, right: ExactTensor) -> ExactTensor:
    """Difference, with broadcasting."""
    (a, b), den = aligned([left, right])
    return lowest(a - b, den)


def multiply(left: ExactTensor, right: ExactTensor) -> ExactTensor:
    """Product, with broadcasting."""
    return lowest(left.num * right.num, left.den * right.den)


def reciprocal(tensor: ExactTensor) -> ExactTensor:
    """1 / x elementwise (ZeroDivisionError if an element is zero)."""
    common = math.lcm(*(int(n) for n in tensor.num.flat))
    if common == 0:
        raise ZeroDivisionError("reciprocal of zero")
    return lowest(common // tensor.num * tensor.den, common)


def divide(left: ExactTensor, right: ExactTensor) -> ExactTensor:
    """Quotient, with broadcasting (ZeroDivisionError if a divisor is zero)."""
    return multiply(left, reciprocal(right))


def maximum(left: ExactTensor, right: ExactTensor) -> ExactTensor:
    """Elementwise maximum, with broadcasting."""
    (a, b), den = aligned([left, right])
    return lowest(np.maximum(a, b), den)


def minimum(left: ExactTensor, right: ExactTensor) -> ExactTensor:
    """Elementwise minimum, with broadcasting."""
    (a, b), den = aligned([left, right])
    return lowest(np.minimum(a, b), den)


def matmul(left: ExactTensor, right: ExactTensor) -> ExactTensor:
    """Matrix product with numpy's rules for stacks."""
    product = dot(*small(left.num), right.num) if right.num.ndim == 2 else np.matmul(left.num, right.num)
    return lowest(product, left.den * right.den)


def small(num: Objects) -> tuple[NDArray[Any], int]:
    """``num`` as machine integers times a common factor (a scale's mantissa), or as it is where they do not fit."""
    factor = common_factor(num) or 1
    try:
        return (num if factor == 1 else num // factor).astype(np.int64), factor
    except OverflowError:
        return num, 1


def dot(left: NDArray[Any], left_factor: int, right: Objects) -> Objects:
    """``left_factor`` times the product of integer matrices, through float64 where every partial sum fits its 53 bits.

    Common factors of the columns on the right come out first, as that on the left has (:func:`small`).
    """
    columns = objects([common_factor(column) or 1 for column in right.T])
    small_right = right // columns
    if not _fits_float64(left, small_right):
        return objects(np.matmul(left.astype(object), right) * left_factor)
    product = left.astype(np.float64) @ small_right.astype(np.float64)
    return objects(product.astype(np.int64).astype(object) * (columns * left_factor))


def _fits_float64(left: NDArray[Any], right: Objects) -> bool:
    if not left.size or not right.size or left.dtype == object:
        return False
    return max(-int(left.min()), int(left.max())) * int(abs(right).sum(axis=0).max()) < _FLOAT64_EXACT
