"""How many multipliers constant weights take: by hand, and one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isobit.backends.dataflow.catalogue.constants import multiplied, on_block
from isobit.numerics.packing import Packing

BLOCK = {"SAMPLES": 2, "CHANNELS": 1, "KH": 1, "KW": 3, "SW": 1, "DW": 1}


def test_wires_and_repetitions_take_none() -> None:
    assert multiplied(np.array([[0, 1, -8, 3], [5, 5, 3, 3], [-5, 5, 6, -3]])) == len({5, -5}) + len({5}) + 2 + 2
    assert multiplied(np.array([[3, 0], [7, 4]]), samples=4) == 4 * 2


def test_packed_outputs_are_one_weight() -> None:
    """2^18 of the upper one more: a wire where one of both is nothing and the other a power of two."""
    matrix, packing = np.array([[0, 1, 3, 2], [4, 0, 0, 2], [3, 8, 0, 1]]), Packing(18, 2)
    assert multiplied(matrix, packing=packing) == len(["3", "2 and 2", "3 alone"])
    assert multiplied(matrix[:1], samples=3, packing=packing) == 2


def test_neighbouring_windows_multiply_the_same_pixels() -> None:
    """Of four pixels the two in the middle are multiplied by 3 for one window and by 5 or 3 for the other."""
    assert multiplied(on_block(np.array([[3, 3, 5]]), BLOCK)) == 1 + 1 + 2 + 1
    assert multiplied(on_block(np.array([[3, 7, 5]]), BLOCK)) == 6


@given(st.integers(1, 4).flatmap(lambda n: st.lists(
    st.lists(st.integers(-(1 << 20), 1 << 20), min_size=n, max_size=n), min_size=1, max_size=5
)))  # fmt: skip
def test_as_many_as_there_are_different_ones(rows: list[list[int]]) -> None:
    different = {(i, w) for row in rows for i, w in enumerate(row)}
    assert multiplied(np.array(rows)) == sum(bin(abs(w)).count("1") > 1 for _, w in different)
