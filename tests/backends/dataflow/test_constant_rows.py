"""Rows of constants as the hexadecimal digits that $readmemh and literals take: against the integer that a row is."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from isobit.backends.dataflow.rtl import write


@st.composite
def _arrays(draw: st.DrawFn) -> tuple[int, list[list[int]]]:
    bits, signed = draw(st.integers(1, 100)), draw(st.booleans())
    ends = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    length = draw(st.integers(1, 9))
    row = st.lists(st.integers(*ends), min_size=length, max_size=length)
    return bits, draw(st.lists(row, min_size=1, max_size=4))


@given(_arrays())
@example((63, [[-(1 << 62), (1 << 62) - 1]]))
@example((64, [[(1 << 64) - 1, 0]]))
@example((8, [[255, 128, 0]]))
@example((1, [[0] * 9]))
def test_a_row_is_its_elements_side_by_side_the_first_lowest(given: tuple[int, list[list[int]]]) -> None:
    bits, rows = given
    kind = np.int64 if bits <= 62 else object
    found = list(write._rows(np.array(rows, dtype=kind), bits))
    for row, digits in zip(rows, found, strict=True):
        whole = sum((value & (1 << bits) - 1) << n * bits for n, value in enumerate(row))
        assert (int(digits, 16), len(digits)) == (whole, -(-len(row) * bits // 4))


def test_more_than_are_packed_at_once() -> None:
    values = np.arange(write._AT_ONCE + 2).reshape(2, -1) % 7
    rows = list(write._rows(values, 4))
    assert rows == ["".join(f"{v:x}" for v in row[::-1]) for row in values.tolist()]
