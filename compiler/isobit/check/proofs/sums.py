"""Checking the proofs of sums again: short coefficients give every reachable pair the level that the exact ones give.

For a fixed value of one operand both sides are monotone in the other, so that they agree on its interval when they do
at both ends, and left and right of every point at which the exact side rises.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from isobit.check.proofs.staircases import Record, cuts, function
from isobit.ir import Graph
from isobit.ir.ops import Add
from isobit.ir.types import ValueType

MOST_POINTS = 1 << 21
"""A claim that needs more points in one channel is refused, not looked at for hours."""
Interval = tuple[int, int]


@dataclass(frozen=True)
class SumCheck:
    """One sum: bits of its longest coefficient in the source and in the graph, and the pairs of operands looked at.

    ``problem`` names the first channel and pair at which the claim is wrong; "" when it holds.
    """

    sum: str
    exact_bits: int
    bits: int
    points: int
    problem: str = ""


def check_sum(graph: Graph, node: Add, claim: Mapping[str, Any] | None, steps: Mapping[str, list[Record]]) -> SumCheck:
    """Check the claim on one sum; ``steps`` are the claims on the steps that read it."""
    bits = _bits([c.tolist() for c in node.coefficients])
    readers = {n.name for n in graph.consumers[node.name]}
    if claim is None or set(claim["steps"]) != readers:
        problem = (
            "it has no proof" if claim is None else f"it is read by {', '.join(sorted(readers))}, the proof differs"
        )
        return SumCheck(node.name, 0, bits, 0, problem)
    points = 0
    for channel, case in _cases(graph, node, claim, steps):
        found, looked = _wrong(*case)
        points += looked
        if found:
            return SumCheck(node.name, _bits(claim["coefficients"]), bits, points, f"{channel}: {found}")
    return SumCheck(node.name, _bits(claim["coefficients"]), bits, points)


def _bits(coefficients: Sequence[Sequence[int]]) -> int:
    return max(abs(int(v)).bit_length() for row in coefficients for v in row)


@dataclass(frozen=True)
class _Side:
    """Coefficients of two operands and the staircase of their sum."""

    a: int
    b: int
    curve: Record

    @property
    def turned(self) -> _Side:
        """The same with the operands in the other order."""
        return _Side(self.b, self.a, self.curve)


def _cases(
    graph: Graph, node: Add, claim: Mapping[str, Any], steps: Mapping[str, list[Record]]
) -> Iterator[tuple[str, tuple[_Side, _Side, Interval, Interval]]]:
    """Exact and built side and the operands' intervals, for every curve of every step."""
    kinds = [graph.types[name] for name in node.inputs]
    built, exact = [c.tolist() for c in node.coefficients], claim["coefficients"]
    if len(built) != 2 or len(exact) != 2:
        raise ValueError(f"{node.name} has {len(built)} operands, its proof {len(exact)}")
    for name, curves in claim["steps"].items():
        made = [c["exact"] for c in steps[name]]
        rows = max(len(v) for v in (curves, made, *built, *exact))
        for row in range(rows):
            before, after = (
                _Side(_at(a, row), _at(b, row), _at(c, row)) for (a, b), c in ((exact, curves), (built, made))
            )
            x, y = (_interval(kind, row, rows) for kind in kinds)
            yield f"{name}, channel {row}", (before, after, x, y)


def _at(values: Sequence[Any], row: int) -> Any:
    return values[row] if len(values) > 1 else values[0]


def _interval(kind: ValueType, row: int, rows: int) -> Interval:
    return kind.bounds if rows == 1 else (int(kind.lo[row % kind.channels]), int(kind.hi[row % kind.channels]))


def _wrong(exact: _Side, built: _Side, x: Interval, y: Interval) -> tuple[str, int]:
    """What is wrong on the box of x and y ("" if nothing), and at how many pairs both sides were evaluated."""
    if y[1] - y[0] > x[1] - x[0]:
        return _wrong(exact.turned, built.turned, y, x)
    f, g = function(exact.curve), function(built.curve)
    ends = [exact.a * u + exact.b * v for u in x for v in y]
    rises = cuts(exact.curve, f, min(ends), max(ends))
    if exact.a * built.a <= 0 or len(rises) * (y[1] - y[0] + 1) > MOST_POINTS:
        return "a coefficient is zero, has another sign, or there are too many pairs to look at", 0
    points = 0
    for v in range(y[0], y[1] + 1):
        for u in sorted(_around(exact, rises, x, v)):
            points += 1
            wanted, got = f(exact.a * u + exact.b * v), g(built.a * u + built.b * v)
            if wanted != got:
                return f"{u} with {v} of the other operand gives {got} and must give {wanted}", points
    return "", points


def _around(side: _Side, rises: Sequence[int], x: Interval, v: int) -> set[int]:
    """The ends of ``x`` and, within it, the values left and right of where the sum with ``v`` passes a cut."""
    passed = ((t - side.b * v) // side.a for t in rises)
    return {*x, *(u for at in passed for u in (at - 1, at, at + 1) if x[0] <= u <= x[1])}
