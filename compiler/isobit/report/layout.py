"""A layered drawing of a directed acyclic graph: who stands in which row, where, and how the lines run.

The steps are those of Sugiyama, Tagawa and Toda (1981): rows by longest path, a dummy vertex where a line crosses a
row, order within the rows by the mean of the neighbours, then places that keep neighbours above each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

BOX_WIDTH, BOX_HEIGHT = 208, 46
_COLUMN_GAP, _ROW_GAP, _LINE_WIDTH, _MARGIN, _SWEEPS = 24, 34, 24, 10, 6
Point = tuple[int, int]


@dataclass(frozen=True)
class Line:
    """From the bottom of ``source`` to the top of ``target``, through ``points``."""

    source: str
    target: str
    points: tuple[Point, ...]

    @property
    def path(self) -> str:
        """The line as SVG path data: vertical at every point."""
        (x, y), *rest = self.points
        text = f"M{x} {y}"
        for px, py in rest:
            middle = (y + py) // 2
            text += f"C{x} {middle} {px} {middle} {px} {py}"
            x, y = px, py
        return text


@dataclass(frozen=True)
class Drawing:
    """``boxes`` holds the upper left corner of every vertex."""

    width: int
    height: int
    boxes: Mapping[str, Point]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class _Vertex:
    """A vertex (``step`` 0) or the place where the line ``name -> target`` crosses the row ``step`` below ``name``."""

    name: str
    target: str = ""
    step: int = 0

    @property
    def width(self) -> int:
        return _LINE_WIDTH if self.step else BOX_WIDTH


def layered(inputs: Mapping[str, Sequence[str]]) -> Drawing:
    """Draw the graph that has an edge from every one of ``inputs[name]`` to ``name``; keys in topological order."""
    rank: dict[str, int] = {}
    for name, sources in inputs.items():
        rank[name] = 1 + max((rank[s] for s in sources), default=-1)
    chains = {(s, t): _chain(s, t, rank[t] - rank[s]) for t, sources in inputs.items() for s in dict.fromkeys(sources)}
    rows: list[list[_Vertex]] = [[] for _ in range(1 + max(rank.values(), default=0))]
    for name, row in rank.items():
        rows[row].append(_Vertex(name))
    for chain in chains.values():
        for vertex in chain[1:-1]:
            rows[rank[vertex.name] + vertex.step].append(vertex)
    above, below = _neighbours(list(chains.values()))
    x = _places(_ordered(rows, above, below), above, below)
    return _drawing(rows, chains, x, rank)


def _chain(source: str, target: str, rows: int) -> list[_Vertex]:
    return [_Vertex(source), *(_Vertex(source, target, i) for i in range(1, rows)), _Vertex(target)]


Neighbours = dict[_Vertex, list[_Vertex]]


def _neighbours(chains: Sequence[Sequence[_Vertex]]) -> tuple[Neighbours, Neighbours]:
    above: Neighbours = {}
    below: Neighbours = {}
    for chain in chains:
        for upper, lower in pairwise(chain):
            above.setdefault(lower, []).append(upper)
            below.setdefault(upper, []).append(lower)
    return above, below


def _ordered(rows: list[list[_Vertex]], above: Neighbours, below: Neighbours) -> list[list[_Vertex]]:
    """Sort every row, downwards and upwards in turn, by the mean position of its neighbours in the row before."""
    for sweep in range(_SWEEPS):
        near = above if sweep % 2 == 0 else below
        for row in rows if sweep % 2 == 0 else reversed(rows):
            place = {v: i for other in rows for i, v in enumerate(other)}
            row.sort(key=lambda v: _mean([place[n] for n in near.get(v, [])], place[v]))
    return rows


def _places(rows: list[list[_Vertex]], above: Neighbours, below: Neighbours) -> dict[_Vertex, int]:
    """The horizontal middle of every vertex, in whole pixels."""
    x: dict[_Vertex, float] = {}
    for row in rows:
        x |= _spread(row, [0.0] * len(row))
    for sweep in range(2 * _SWEEPS):
        near = below if sweep % 2 == 0 else above
        for row in reversed(rows) if sweep % 2 == 0 else rows:
            x |= _spread(row, [_mean([x[n] for n in near.get(v, [])], x[v]) for v in row])
    return {v: round(middle) for v, middle in x.items()}


def _spread(row: Sequence[_Vertex], wanted: Sequence[float]) -> dict[_Vertex, float]:
    """Places near the wanted ones that do not overlap: the mean of pushing to the right and pushing to the left."""
    gaps = [(a.width + b.width) / 2 + _COLUMN_GAP for a, b in pairwise(row)]
    right, left = list(wanted), list(wanted)
    for i, gap in enumerate(gaps):
        right[i + 1] = max(right[i + 1], right[i] + gap)
    for i, gap in reversed(list(enumerate(gaps))):
        left[i] = min(left[i], left[i + 1] - gap)
    return {v: (a + b) / 2 for v, a, b in zip(row, right, left, strict=True)}


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _drawing(
    rows: list[list[_Vertex]], chains: Mapping[tuple[str, str], list[_Vertex]], x: Mapping[_Vertex, int],
    rank: Mapping[str, int],
) -> Drawing:  # fmt: skip
    left = min((x[v] - v.width // 2 for row in rows for v in row), default=0) - _MARGIN
    right = max((x[v] + v.width // 2 for row in rows for v in row), default=0) + _MARGIN
    height, step = len(rows) * (BOX_HEIGHT + _ROW_GAP) - _ROW_GAP + 2 * _MARGIN, BOX_HEIGHT + _ROW_GAP

    def top(row: int) -> int:
        return _MARGIN + row * step

    def line(source: str, target: str) -> Line:
        first, *inner, last = chains[source, target]
        points = [(x[first] - left, top(rank[source]) + BOX_HEIGHT)]
        for vertex in inner:
            row = top(rank[source] + vertex.step)
            points += [(x[vertex] - left, row), (x[vertex] - left, row + BOX_HEIGHT)]
        return Line(source, target, (*points, (x[last] - left, top(rank[target]))))

    boxes = {name: (x[_Vertex(name)] - BOX_WIDTH // 2 - left, top(row)) for name, row in rank.items()}
    return Drawing(right - left, height, boxes, tuple(line(*edge) for edge in chains))
