"""A layer of another compiler's beside exact values: how many integers differ, and by how much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray

from isobit.check.source.exact.evaluate import ExactTensor


@dataclass(frozen=True)
class Layer:
    """A layer beside the source's node: integers compared, how many differ, by how many at most, and the first."""

    name: str
    node: str
    compared: int
    different: int
    worst: float
    first: str


def layouts(exact: ExactTensor) -> Iterator[list[list[Fraction]]]:
    """Exact values, a row per sample: as they lie, and channels last."""
    num = exact.num
    orders = [num] if num.ndim < 3 else [num, np.moveaxis(num, 1, -1)]
    for order in orders:
        yield [[Fraction(int(v), exact.den) for v in row] for row in order.reshape(len(num), -1)]


def differences(
    values: NDArray[np.float64], exact: list[list[Fraction]], factor: Fraction, step: Fraction, rounds: bool
) -> tuple[int, float, str]:
    """How many of ``values * factor`` are not ``exact / step``, the worst of them, and the first.

    ``rounds``: the values are real numbers, whose nearest integers count.
    """
    different, worst, first, endless = 0, Fraction(0), "", False
    for sample, (row, wanted) in enumerate(zip(values, exact, strict=True)):
        for element, (value, right) in enumerate(zip(row, wanted, strict=True)):
            integer = right / step
            if not isfinite(value):  # other programs' floats may be: no integer, and infinitely far from each
                different, endless = different + 1, True
                first = first or f"sample {sample}, element {element}: {value:g}, exactly {float(integer):g}"
                continue
            got = Fraction(float(value)) * factor
            got = Fraction(round(got)) if rounds else got
            if got != integer:
                different += 1
                worst = max(worst, abs(got - integer))
                first = first or f"sample {sample}, element {element}: {float(got):g}, exactly {float(integer):g}"
    return different, inf if endless else float(worst), first
