"""A constant matrix as additions: exact, of few signed digits, and with nothing summed twice."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, pairwise

import numpy as np
import pytest

from isobit.numerics.adders import Adder, Tap, adder_graph, signed_digits


def test_signed_digits_are_canonical() -> None:
    """The value, no two digits side by side, and no more of them than any other way has (that of Booth's recoding)."""
    for value in range(-600, 601):
        digits = signed_digits(value)
        assert sum(sign << exponent for sign, exponent in digits) == value
        exponents = [exponent for _, exponent in digits]
        assert all(b - a > 1 for a, b in pairwise(exponents))
        assert len(digits) == bin(value ^ 3 * value).count("1") if value >= 0 else len(signed_digits(-value))


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 11])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1), (4, 6), (12, 9)])
def test_the_graph_multiplies_with_its_matrix(shape: tuple[int, int], bits: int) -> None:
    rng = np.random.default_rng(bits)
    matrix = rng.integers(-(1 << bits - 1), (1 << bits - 1) + 1, size=shape).tolist()
    graph = adder_graph(matrix)
    assert graph.weights() == matrix
    xs = rng.integers(-9, 10, size=shape[1]).tolist()
    nodes, ends = list(xs), graph.intervals([(-9, 9)] * shape[1])
    for adder in graph.adders:
        nodes.append((nodes[adder.a] << adder.shift_a) + adder.sign * (nodes[adder.b] << adder.shift_b))
    assert all(lo <= value <= hi for value, (lo, hi) in zip(nodes, ends, strict=True))
    sums = [tap.sign * (nodes[tap.node] << tap.shift) for tap in graph.taps]
    assert sums == [sum(w * x for w, x in zip(row, xs, strict=True)) for row in matrix]


Row = dict[tuple[int, int], int]
"""An output's terms (node and shift) and their signs."""


def _pairs(row: Row) -> list[tuple[int, int, int, int]]:
    """Two nodes, the shift of the second against the first, and their signs' product."""
    return [(a, b, d - c, row[a, c] * row[b, d]) for (a, c), (b, d) in combinations(sorted(row), 2)]


def _shared(matrix: list[list[int]]) -> list[Adder]:
    """The shared adders by the definition: everything is counted again before each."""
    rows: list[Row] = [{(i, e): sign for i, w in enumerate(row) for sign, e in signed_digits(w)} for row in matrix]
    adders, done = list[Adder](), set[tuple[int, int, int, int]]()
    while True:
        count = Counter(pair for row in rows for pair in _pairs(row) if pair not in done)
        most = max(count.values(), default=0)
        if most < 2:
            return adders
        pair = first, second, shift, equal = min(p for p, c in count.items() if c == most)
        done.add(pair)
        places, taken = list[tuple[int, int]](), set[tuple[int, int, int]]()
        for number, row in enumerate(rows):
            for at in sorted(e for node, e in row if node == first):
                terms = {(number, first, at), (number, second, at + shift)}
                if row.get((second, at + shift)) == row[first, at] * equal and not terms & taken:
                    places.append((number, at))
                    taken |= terms
        if len(places) < 2:
            continue
        low, node = min(shift, 0), len(matrix[0]) + len(adders)
        adders.append(Adder(first, second, -low, shift - low, equal))
        for number, at in places:
            rows[number][node, at + low] = rows[number].pop((first, at))
            del rows[number][second, at + shift]


@pytest.mark.parametrize(("shape", "bits"), [((3, 2), 12), ((6, 5), 4), ((5, 7), 8)])
def test_the_most_frequent_pair_is_shared_first(shape: tuple[int, int], bits: int) -> None:
    for seed in range(8):
        rng = np.random.default_rng(seed)
        matrix = rng.integers(-(1 << bits - 1), 1 << bits - 1, size=shape).tolist()
        shared = _shared(matrix)
        assert shared and list(adder_graph(matrix).adders[: len(shared)]) == shared


def test_zeros_and_powers_of_two_take_nothing() -> None:
    graph = adder_graph([[0, 0, 0], [0, 4, 0], [1, 0, 0], [0, 0, -2]])
    assert graph.adders == () and graph.luts([(-8, 7)] * 3) == 4  # the negated one
    assert graph.taps == (Tap(0, 0, 0), Tap(1, 2, 1), Tap(0, 0, 1), Tap(2, 1, -1))


def test_what_is_common_is_summed_once() -> None:
    """x + 4 y is in all three: shifted, negated, and with more beside it."""
    graph = adder_graph([[1, 4, 0], [-2, -8, 0], [1, 4, 1]])
    assert graph.adders == (Adder(0, 1, 0, 2, 1), Adder(2, 3, 0, 0, 1))
    assert graph.taps == (Tap(3, 0, 1), Tap(3, 1, -1), Tap(4, 0, 1))


def test_sharing_takes_fewer_adders_than_digits() -> None:
    rng = np.random.default_rng(5)
    matrix = rng.integers(-128, 128, size=(16, 16)).tolist()
    graph = adder_graph(matrix)
    digits = sum(len(signed_digits(w)) for row in matrix for w in row)
    assert len(graph.adders) < 0.6 * (digits - 16)
    assert max(graph.depths) <= 10


def test_an_adder_is_priced_by_its_carry_chain() -> None:
    assert adder_graph([[1, 1]]).luts([(0, 15)] * 2) == 5
    assert adder_graph([[1, 4]]).luts([(0, 15)] * 2) == 7 - 2  # the two low bits are wires
    assert adder_graph([[4, -1]]).luts([(0, 15)] * 2) == 7  # 4 x - y: none is
