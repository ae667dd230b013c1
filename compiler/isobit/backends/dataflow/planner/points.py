"""What a node can be: every legal folding with its clocks and its cost, the points that a planner chooses among."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

from isobit.backends.dataflow.catalogue.cost import width_converter
from isobit.backends.dataflow.geometry import geometry
from isobit.backends.dataflow.layer import AS_PLANNED, LayerChoice, LayerPlan, Multiplier
from isobit.backends.dataflow.planner.blocks import block
from isobit.backends.dataflow.planner.foldings import Folding, foldings
from isobit.backends.dataflow.planner.layers import IN_WINDOW, in_window, layer_plan
from isobit.backends.dataflow.planner.steps import other_bodies
from isobit.backends.dataflow.rows import slack_row
from isobit.errors import IsobitError
from isobit.hardware import Board, Cost
from isobit.ir import Graph, Node
from isobit.ir.ops import Linear, MaxPool, Pad
from isobit.ir.types import ValueType

CONTROL = 40
"""LUTs that one process less is worth: what Vitis HLS has around the loop of each, which no netlist of ours shows."""


@dataclass(frozen=True)
class Point:
    """One way to build a node, and the border in front of it where that is part of the choice.

    ``clocks`` per frame of the slower of the two; ``wires`` is the bits of the words in and out, a tie-break that keeps
    streams narrow, and what a converter between the two takes. ``samples`` per clock come first in a choice (and whole
    windows after windows in words), ``order`` prefers what is simplest among equals.
    """

    clocks: int
    layers: tuple[tuple[str, LayerPlan], ...]
    wires: int
    samples: tuple[int, bool]
    order: tuple[int, int, bool, int, int]

    @cached_property
    def cost(self) -> Cost:
        return sum((layer.cost for _, layer in self.layers), Cost())

    @property
    def cycles(self) -> int:
        """Clocks per frame without what fills and empties a loop."""
        return max(layer.cycles for _, layer in self.layers)


def points(graph: Graph, node: Node, board: Board, choice: LayerChoice, least: int = 0) -> tuple[Point, ...]:
    """Every legal way to build ``node`` that agrees with ``choice``. The seam for a planner: nothing else is asked.

    Args:
        least: no choice is made for fewer clocks a frame. It takes the fewest samples that are fast enough
            (:mod:`isobit.backends.dataflow.planner.front`), so that where some are, those of more are left out.

    Raises:
        IsobitError: E503 when ``choice`` is not legal, E504 when nothing can build the node, E505.
    """
    asked = (choice.pe, choice.simd, choice.samples)
    legal = [f for f in foldings(graph, node) if all(a in (0, b) for a, b in zip(asked, f[1:4], strict=True))]
    if not legal:
        raise _illegal(graph, node, choice)
    found, refused, enough = list[Point](), dict[Folding, IsobitError](), False
    for folding in sorted(legal, key=lambda f: (f.samples, f.wide)):
        if enough and (folding.samples, folding.wide) > found[-1].samples:
            break
        try:
            made = layer_plan(graph, node, board, folding, choice)
        except IsobitError as error:
            refused[folding] = error
            continue
        enough = enough or made.clocks < least
        others = _other_multipliers(graph, node, board, folding, choice, made)
        for layer in (made, *others, *(() if choice.implementation else other_bodies(made))):
            wires, samples = _wires(graph, node, folding), (folding.samples, folding.wide)
            found.append(Point(layer.clocks, ((node.name, layer),), wires, samples, folding.area))
    if not found:
        raise next(refused[folding] for folding in legal)
    return tuple(found)


def _other_multipliers(
    graph: Graph, node: Node, board: Board, folding: Folding, choice: LayerChoice, made: LayerPlan
) -> Iterator[LayerPlan]:
    """The same with the other ways to multiply, where ``choice`` leaves it open: the prices say which is cheaper."""
    for way in made.multipliers[1:] if not choice.multiplier else ():
        other = cast(Multiplier, way.implementation)
        yield layer_plan(graph, node, board, folding, replace(choice, multiplier=other))


def joined(
    graph: Graph, pad: Pad, reader: Node, choices: tuple[LayerChoice, LayerChoice], board: Board, least: int = 0
) -> list[Point]:
    """The ways to build a border and the only node that reads it: made by the reader's window, or one after the other.

    Args:
        least: as for :func:`points`.

    Raises:
        IsobitError: as :func:`points`.
    """
    assert isinstance(reader, Linear | MaxPool)
    ways = points(graph, reader, board, choices[1], least if choices[0] == AS_PLANNED else 0)
    inside = [p for p in ways if _absorbs(graph, reader, p, pad)]
    if choices[0].implementation == IN_WINDOW and inside:
        return [_with(p, pad.name, in_window(pad, choices[0])) for p in inside]
    borders = points(graph, pad, board, choices[0])
    fastest_first = sorted(borders, key=lambda p: (p.clocks, p.order))
    if fastest_first[0].clocks >= least > 0:  # the border may be what is slow
        return joined(graph, pad, reader, choices, board)
    found = [
        _both(p, border, _between(graph.types[pad.name], border, lanes))
        for p in ways if p not in inside
        for lanes in (_words_in(graph, reader, p),) for border in _useful(fastest_first, p, lanes)
    ]  # fmt: skip
    if choices[0].implementation == "":
        found += [_with(p, pad.name, in_window(pad, choices[0])) for p in inside]
    if not found:
        in_window(pad, choices[0])  # refuses, with the reason
    return found


def _absorbs(graph: Graph, reader: Linear | MaxPool, point: Point, pad: Pad) -> bool:
    layer = point.layers[0][1]
    blocks = block(graph, reader, layer.samples) if layer.parallel else None
    return blocks is not None and blocks.pad == pad.name


def _words_in(graph: Graph, reader: Linear | MaxPool, point: Point) -> int:
    """Lanes of the words that the reader's window takes."""
    layer, g = point.layers[0][1], geometry(graph, reader)
    blocks = block(graph, reader, layer.samples) if layer.parallel else None
    return blocks.step * g.channels if blocks else g.window_lanes(layer.simd)


def _useful(borders: list[Point], reader: Point, lanes: int) -> Iterator[Point]:
    """The fastest border, the slowest that the reader still hides, and one of the reader's own words that it hides."""
    hidden = [b for b in borders if b.clocks <= reader.clocks]
    alike = [b for b in hidden if b.layers[0][1].lanes[1] == lanes]
    found = [borders[0], *hidden[-1:], *alike[:1]]
    yield from {id(b): b for b in found}.values()


def _with(point: Point, name: str, layer: LayerPlan) -> Point:
    return replace(point, layers=(*point.layers, (name, layer)))


def _between(kind: ValueType, border: Point, lanes: int) -> int:
    """LUTs of a converter from a border's words to ``lanes``; without one a stream is counted once too often."""
    layer = border.layers[0][1]
    own, row = layer.lanes[1], slack_row(kind, layer.samples) or kind.size
    if own == lanes:
        return -lanes * kind.bits
    return CONTROL + width_converter({"ROW": row, "IN_LANES": own, "OUT_LANES": lanes}, kind.bits).lut


def _both(point: Point, border: Point, between: int) -> Point:
    made = _with(point, *border.layers[0])
    return replace(made, clocks=max(point.clocks, border.clocks), wires=point.wires + border.wires + between)


def _wires(graph: Graph, node: Node, folding: Folding) -> int:
    x, y = graph.types[node.inputs[0]], graph.types[node.name]
    return (folding.simd * x.bits + folding.pe * y.bits) * folding.samples


def _illegal(graph: Graph, node: Node, choice: LayerChoice) -> IsobitError:
    legal = sorted({(f.pe, f.simd, f.samples) for f in foldings(graph, node)})
    asked = [(key, getattr(choice, key)) for key in ("pe", "simd", "samples") if getattr(choice, key)]
    text = f"{', '.join(f'{key} = {value}' for key, value in asked)}: no such folding"
    if all(pe == simd for pe, simd, _ in legal):
        hint = f"simd is pe, one of {sorted({pe for pe, _, _ in legal})}"
    else:
        hint = ", ".join(f"{k} one of {sorted({f[i] for f in legal})}" for i, k in enumerate(("pe", "simd", "samples")))
    return IsobitError("E503", text, where=node.name, hint=hint)
