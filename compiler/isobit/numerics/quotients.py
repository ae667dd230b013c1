"""Quotients of a linear function by large integers, at machine speed where that is exact."""

from __future__ import annotations

from typing import Any

import numpy as np

from isobit.numerics.intervals import INT64_MAX, IntArray, as_int_array, magnitude


def quotients(step: int, first: int, divisor: int, at: IntArray, less: Any) -> IntArray:
    """``floor((step * at + first - less) / divisor)`` elementwise; ``step, divisor > 0``, and ``less`` of 0 and 1."""
    if not at.size:
        return at
    bound = step * (magnitude(at) + 1) + abs(first) + divisor
    if bound > INT64_MAX and at.dtype != object:
        found = _fixed_point(step, first, divisor, at, less)
        if found is not None:
            return found
        at = at.astype(object)
    return as_int_array((step * at + first - less) // divisor)


def _fixed_point(step: int, first: int, divisor: int, at: IntArray, less: Any) -> IntArray | None:
    """The same in binary fractions that fit 64 bits, None where these do not decide.

    With ``t = at - least`` the quotient is ``whole + t * steps`` and the floor of a sum of two proper fractions, the
    second times t. Of each fraction the binary digits that are left out are less than one unit of the last one, and
    ``less`` takes at most one: so the sum lies between two numbers, and where both have one floor it is that.
    """
    least, most = int(at.min()), int(at.max())
    whole, rest = divmod(step * least + first, divisor)
    steps, slope = divmod(step, divisor)
    digits = 61 - (most - least + 1).bit_length()
    if digits < 1 or divisor >> digits == 0 or abs(whole) + (most - least + 1) * (steps + 1) > INT64_MAX >> 1:
        return None
    t = at - least
    low = t * ((slope << digits) // divisor) + (rest << digits) // divisor
    floors = low + t + 1 >> digits
    return t * steps + whole + floors if np.array_equal(low - less >> digits, floors) else None
