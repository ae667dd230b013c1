"""A constant matrix times a vector by additions alone: what is left of ``W x`` when ``W`` is known.

A weight is a sum of signed powers of two, in its canonical form the fewest (canonical signed digits, CSD: no two
digits side by side). So every output is a sum of terms ``+-(x_i << s)``: zeros vanish, powers of two are wires. A pair
of terms that occurs in several places, up to one shift and one sign, is summed once; the pair that occurs most often
comes first, again and again (two-term common subexpressions: Hartley, "Subexpression sharing in filters using canonic
signed digit multipliers", IEEE TCAS-II 43, 1996). What is left of an output is summed as a tree, the shallowest first.
"""

from __future__ import annotations

import heapq
from bisect import insort
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from isobit.numerics.intervals import bit_width

Term = tuple[int, int]
"""A node and the shift to the left."""
_Pair = tuple[int, int, int, int]
"""Two nodes, the shift of the second against the first, and whether their signs are equal (1) or not (-1)."""


@dataclass(frozen=True)
class Adder:
    """``(a << shift_a) + sign * (b << shift_b)`` of nodes ``a`` and ``b``: inputs come first, then adders in order."""

    a: int
    b: int
    shift_a: int
    shift_b: int
    sign: int


@dataclass(frozen=True)
class Tap:
    """An output: ``sign * (node << shift)``; a sign of 0 is a zero."""

    node: int
    shift: int
    sign: int


@dataclass(frozen=True)
class AdderGraph:
    """``inputs`` inputs, the adders behind them, and what each output is."""

    inputs: int
    adders: tuple[Adder, ...]
    taps: tuple[Tap, ...]

    @property
    def depths(self) -> tuple[int, ...]:
        """Adders on the longest way to every node."""
        found = [0] * self.inputs
        for adder in self.adders:
            found.append(1 + max(found[adder.a], found[adder.b]))
        return tuple(found)

    def weights(self) -> list[list[int]]:
        """The matrix that it multiplies with: what every output has of every input."""
        nodes = np.zeros((self.inputs + len(self.adders), self.inputs), dtype=object)
        nodes[: self.inputs] = np.identity(self.inputs, dtype=object).astype(int).astype(object)
        for number, adder in enumerate(self.adders, self.inputs):
            nodes[number] = nodes[adder.a] * (1 << adder.shift_a) + nodes[adder.b] * (adder.sign << adder.shift_b)
        return [[int(v) * (tap.sign << tap.shift) for v in nodes[tap.node]] for tap in self.taps]

    def intervals(self, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """The interval of every node where input ``i`` is in ``spans[i]``."""
        found = list(spans)
        for adder in self.adders:
            (a_lo, a_hi), (b_lo, b_hi) = found[adder.a], found[adder.b]
            ends = sorted(adder.sign * (end << adder.shift_b) for end in (b_lo, b_hi))
            found.append(((a_lo << adder.shift_a) + ends[0], (a_hi << adder.shift_a) + ends[1]))
        return found

    def luts(self, spans: list[tuple[int, int]]) -> int:
        """LUTs of all adders, one a bit of a carry chain: the low bits of a sum that only one term has are wires."""
        wide, total = [bit_width(*span) for span in self.intervals(spans)], 0
        for number, adder in enumerate(self.adders, self.inputs):
            total += wide[number] - adder.shift_b - (adder.shift_a if adder.sign > 0 else 0)
        negated = sum(wide[tap.node] for tap in self.taps if tap.sign < 0)
        return total + negated


def signed_digits(value: int) -> list[Term]:
    """``value`` as powers of two with signs, no two side by side: pairs of sign and exponent, ascending."""
    digits, exponent = list[Term](), 0
    while value:
        if value & 1:
            digit = 2 - (value & 3)
            digits.append((digit, exponent))
            value -= digit
        value >>= 1
        exponent += 1
    return digits


def adder_graph(rows: list[list[int]]) -> AdderGraph:
    """The additions that make every row's sum ``sum(w * x)``."""
    return _Search(rows).run()


class _Search:
    def __init__(self, rows: list[list[int]]) -> None:
        self.inputs = len(rows[0])
        self.adders: list[Adder] = []
        # an output's terms: their signs by node and shift
        self.rows = [_Row((i, *digit) for i, w in enumerate(row) for digit in signed_digits(w)) for row in rows]
        self.count: defaultdict[_Pair, int] = defaultdict(int)

    def run(self) -> AdderGraph:
        for row in self.rows:
            terms = list(row.terms.items())
            for number, term in enumerate(terms):
                for other in terms[:number]:
                    self.count[_pair(term, other)] += 1
        heap = [(-count, pair) for pair, count in self.count.items() if count > 1]
        heapq.heapify(heap)
        while heap:
            count, pair = heapq.heappop(heap)
            now = self.count.get(pair, 0)
            if now < 2:
                continue
            if now < -count:
                heapq.heappush(heap, (-now, pair))
                continue
            for changed in self._share(pair):
                if self.count[changed] > 1:
                    heapq.heappush(heap, (-self.count[changed], changed))
        depths = [0] * self.inputs
        for adder in self.adders:
            depths.append(1 + max(depths[adder.a], depths[adder.b]))
        taps = tuple(self._summed(row.terms, depths) for row in self.rows)
        return AdderGraph(self.inputs, tuple(self.adders), taps)

    def _share(self, pair: _Pair) -> set[_Pair]:
        """Put a node of its own in the place of every occurrence of ``pair``; the pairs that there are more of now."""
        first, second, shift, equal = pair
        places = [(row, place) for row in self.rows for place in row.places(pair)]
        if len(places) < 2:  # the others overlapped
            self.count[pair] = 0
            return set()
        low = min(shift, 0)
        node = self._add(Adder(first, second, -low, shift - low, equal))
        grown = set[_Pair]()
        for row, at in places:
            sign = row.terms[first, at]
            self._remove(row, (first, at))
            self._remove(row, (second, at + shift))
            made = ((node, at + low), sign)
            for other in row.terms.items():
                found = _pair(made, other)
                self.count[found] += 1
                grown.add(found)
            row.put(*made)
        self.count.pop(pair, None)
        return grown

    def _remove(self, row: _Row, term: Term) -> None:
        gone = (term, row.take(term))
        for other in row.terms.items():
            pair = _pair(gone, other)
            if self.count[pair] > 1:
                self.count[pair] -= 1
            else:
                del self.count[pair]

    def _add(self, adder: Adder) -> int:
        self.adders.append(adder)
        return self.inputs + len(self.adders) - 1

    def _summed(self, row: dict[Term, int], depths: list[int]) -> Tap:
        """All terms of an output as one node, the two shallowest first."""
        heap = [(depths[node], node, shift, sign) for (node, shift), sign in row.items()]
        if not heap:
            return Tap(0, 0, 0)
        heapq.heapify(heap)
        while len(heap) > 1:
            a, b = heapq.heappop(heap), heapq.heappop(heap)
            if a[3] < b[3]:  # the positive one first
                a, b = b, a
            low = min(a[2], b[2])
            node = self._add(Adder(a[1], b[1], a[2] - low, b[2] - low, a[3] * b[3]))
            depths.append(1 + max(a[0], b[0]))
            heapq.heappush(heap, (depths[node], node, low, a[3]))
        _, node, shift, sign = heap[0]
        return Tap(node, shift, sign)


def _pair(a: tuple[Term, int], b: tuple[Term, int]) -> _Pair:
    """What two terms have in common with all that are like them up to a shift and a sign."""
    ((i, s), sign), ((j, t), other) = (a, b) if a[0] < b[0] else (b, a)
    return i, j, t - s, sign * other


class _Row:
    """An output's terms: their signs, and the shifts of every node."""

    def __init__(self, terms: Iterable[tuple[int, int, int]]) -> None:
        self.terms: dict[Term, int] = {}
        self.shifts: defaultdict[int, list[int]] = defaultdict(list)
        for node, sign, shift in terms:
            self.put((node, shift), sign)

    def put(self, term: Term, sign: int) -> None:
        self.terms[term] = sign
        insort(self.shifts[term[0]], term[1])

    def take(self, term: Term) -> int:
        self.shifts[term[0]].remove(term[1])
        return self.terms.pop(term)

    def places(self, pair: _Pair) -> list[int]:
        """Shifts of the first node of ``pair`` at which it is there, no term in two of them."""
        first, second, shift, equal = pair
        found, taken = list[int](), set[Term]()
        if second not in self.shifts:
            return found
        for at in self.shifts.get(first, ()):
            terms = (first, at), (second, at + shift)
            if self.terms.get(terms[1]) == self.terms[terms[0]] * equal and taken.isdisjoint(terms):
                taken.update(terms)
                found.append(at)
        return found
