"""What the tests of the exact evaluator share."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from isobit.check.source.exact.tensor import ExactTensor, from_floats


def values(tensor: ExactTensor) -> list[Fraction]:
    """The elements in row-major order."""
    return [Fraction(int(n), tensor.den) for n in tensor.num.flat]


def assert_same(tensor: ExactTensor, floats: NDArray[Any], what: str = "") -> None:
    """Every element equal, or the first wrong one is named."""
    assert tensor.shape == floats.shape
    other = from_floats(floats)
    wrong = np.argwhere(tensor.num * other.den != other.num * tensor.den)
    if len(wrong):
        index = tuple(int(i) for i in wrong[0])
        pytest.fail(f"{what}{index}: exact {tensor[index]}, float {floats[index]} ({len(wrong)} differ)")
