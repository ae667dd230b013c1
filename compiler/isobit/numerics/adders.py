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
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from isobit.numerics.intervals import bit_width

_SHIFT, _NODE = 8, 40
"""Bits of a shift in a term, and of a term in a pair."""
_MOST, _LEAST = (1 << _SHIFT) - 1, 1 << _SHIFT - 1


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
            total += max(wide[number] - adder.shift_b - (adder.shift_a if adder.sign > 0 else 0), 0)
        negated = sum(wide[tap.node] for tap in self.taps if tap.sign < 0)
        return total + negated

    def registers(self, spans: list[tuple[int, int]]) -> int:
        """Registers with one behind every input, adder and output, and one a stage for what is read later."""
        wide, depths = [bit_width(*span) for span in self.intervals(spans)], self.depths
        last = list(depths)  # the stage in which a node is read last
        for number, adder in enumerate(self.adders, self.inputs):
            for read in (adder.a, adder.b):
                last[read] = max(last[read], depths[number] - 1)
        for tap in self.taps:
            last[tap.node] = max(depths)
        stages = sum(bits * (end - depth + 1) for bits, end, depth in zip(wide, last, depths, strict=True))
        return stages + sum(wide[tap.node] + tap.shift for tap in self.taps if tap.sign)


def signed_digits(value: int) -> list[tuple[int, int]]:
    """``value`` as powers of two with signs, no two side by side: pairs of sign and exponent, ascending."""
    digits, exponent = list[tuple[int, int]](), 0
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
    """The search. Terms and pairs are integers, whose order is that of what they stand for.

    A term is its node and its shift; a pair the node of its lower term, the other term less the lower one's shift, and
    whether their signs are equal. Millions of pairs are counted: as tuples they would take most of the time.
    """

    def __init__(self, rows: list[list[int]]) -> None:
        self.inputs = len(rows[0])
        self.adders: list[Adder] = []
        self.rows = [_Row((i, *digit) for i, w in enumerate(row) for digit in signed_digits(w)) for row in rows]
        self.count = Counter[int]()

    def run(self) -> AdderGraph:
        for row in self.rows:
            terms = list(row.terms.items())
            for number, (term, sign) in enumerate(terms):
                self.count.update(_pairs(term, sign, terms[:number]))
        # of nodes that are there, a pair never gets more
        self.count = Counter({pair: count for pair, count in self.count.items() if count > 1})
        heap = [(-count, pair) for pair, count in self.count.items()]
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

    def _share(self, pair: int) -> set[int]:
        """Put a node of its own in the place of every occurrence of ``pair``; the pairs that there are more of now."""
        first, second, shift, equal = _parts(pair)
        places = [(row, place) for row in self.rows for place in row.places(first, second, shift, equal)]
        if len(places) < 2:  # the others overlapped
            del self.count[pair]
            return set()
        low = min(shift, 0)
        node = self._add(Adder(first, second, -low, shift - low, equal))
        grown = set[int]()
        for row, at in places:
            sign = row.terms[_term(first, at)]
            self._remove(row, _term(first, at))
            self._remove(row, _term(second, at + shift))
            made = _term(node, at + low)
            found = _pairs(made, sign, row.terms.items())
            self.count.update(found)
            grown.update(found)
            row.put(made, sign)
        self.count.pop(pair, None)
        return grown

    def _remove(self, row: _Row, term: int) -> None:
        count = self.count
        for pair in _pairs(term, row.take(term), row.terms.items()):
            if pair in count:
                count[pair] -= 1

    def _add(self, adder: Adder) -> int:
        self.adders.append(adder)
        return self.inputs + len(self.adders) - 1

    def _summed(self, row: dict[int, int], depths: list[int]) -> Tap:
        """All terms of an output as one node, the two shallowest first."""
        terms = [(term >> _SHIFT, term & _MOST, sign) for term, sign in row.items()]
        heap = [(depths[node], node, shift, sign) for node, shift, sign in terms]
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


def _term(node: int, shift: int) -> int:
    return (node << _SHIFT) + shift


def _pairs(term: int, sign: int, others: Iterable[tuple[int, int]]) -> list[int]:
    """What a term has in common with each of ``others``, and with all pairs like these up to a shift and a sign."""
    as_first, as_second = ((term >> _SHIFT) << _NODE) - (term & _MOST) + _LEAST, term + _LEAST
    return [
        (as_first + other << 1) + (sign == its)
        if other > term
        else (((other >> _SHIFT) << _NODE) + as_second - (other & _MOST) << 1) + (sign == its)
        for other, its in others
    ]


def _parts(pair: int) -> tuple[int, int, int, int]:
    """The two nodes of a pair, the shift of the second against the first, and their signs' product."""
    first, second = divmod(pair >> 1, 1 << _NODE)
    return first, second >> _SHIFT, (second & _MOST) - _LEAST, 1 if pair & 1 else -1


class _Row:
    """An output's terms: their signs, and the shifts of every node."""

    def __init__(self, terms: Iterable[tuple[int, int, int]]) -> None:
        self.terms: dict[int, int] = {}
        self.shifts: defaultdict[int, list[int]] = defaultdict(list)
        for node, sign, shift in terms:
            self.put(_term(node, shift), sign)

    def put(self, term: int, sign: int) -> None:
        self.terms[term] = sign
        insort(self.shifts[term >> _SHIFT], term & _MOST)

    def take(self, term: int) -> int:
        self.shifts[term >> _SHIFT].remove(term & _MOST)
        return self.terms.pop(term)

    def places(self, first: int, second: int, shift: int, equal: int) -> list[int]:
        """Shifts of the node ``first`` at which the pair is there, no term in two of them."""
        found, taken = list[int](), set[int]()
        if second not in self.shifts:
            return found
        for at in self.shifts.get(first, ()):
            a, b = _term(first, at), _term(second, at + shift)
            if self.terms.get(b) == self.terms[a] * equal and a not in taken and b not in taken:
                taken.update((a, b))
                found.append(at)
        return found
