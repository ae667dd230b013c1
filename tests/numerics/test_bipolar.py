"""Weights of -1 and 1 as bits: the law over all weights and inputs of small widths."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from isobit.numerics.bipolar import bipolar_dot, bits_of, is_bipolar, levels_of_threes


@pytest.mark.parametrize(("x", "count"), [((0, 1), 6), (range(4), 3), (range(-2, 2), 3), ((-1, 0, 1), 4)])
def test_every_weight_and_every_input(x: tuple[int, ...], count: int) -> None:
    for values in product(x, repeat=count):
        for bits in product((0, 1), repeat=count):
            assert bipolar_dot(bits, values) == sum((2 * b - 1) * v for b, v in zip(bits, values, strict=True))


def test_inputs_of_minus_one_and_one_as_bits_are_an_xnor_whose_constant_has_moved() -> None:
    for bits, y in product(product((0, 1), repeat=4), repeat=2):
        xnor = 2 * sum(a == b for a, b in zip(bits, y, strict=True)) - 4
        assert xnor == 2 * bipolar_dot(bits, y) - sum(2 * b - 1 for b in bits)


def test_bits_and_what_has_none() -> None:
    weights = np.array([[1, -1], [-1, -1]])
    assert bits_of(weights).tolist() == [[1, 0], [0, 0]] and is_bipolar(weights)
    assert not is_bipolar(np.array([1, 0])) and not is_bipolar(np.array([-1, 2]))


def test_levels() -> None:
    assert [levels_of_threes(n) for n in (1, 2, 3, 4, 9, 10, 27, 28)] == [0, 1, 1, 2, 2, 3, 3, 4]
