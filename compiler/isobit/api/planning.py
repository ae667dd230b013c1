"""``isobit plan``: what fits, how fast, and what a change costs; the command line and Python alike."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import cast, get_args

from isobit.api.arguments import number, one_of, shape_of
from isobit.api.compile import Asked, request_of, target_board
from isobit.backends.dataflow.optimal.frontier import FrontPoint, front
from isobit.backends.dataflow.optimal.search import Optimum, Search
from isobit.backends.dataflow.optimal.shortfall import latency_refusal, refusal
from isobit.backends.dataflow.optimal.ways import Goal
from isobit.backends.dataflow.planner import Plan, PlanRequest, plan_for, read_plan
from isobit.backends.dataflow.planner.search import Whole
from isobit.backends.dataflow.whole import whole_design
from isobit.backends.registry import DEFAULT
from isobit.errors import IsobitError, printable
from isobit.flow import Exporter, import_source
from isobit.frontend.qonnx.float_arithmetic import arithmetic_of
from isobit.hardware import Board
from isobit.ir import Graph
from isobit.passes import optimise

_UNITS = {"s": Fraction(1), "ms": Fraction(1, 1000), "us": Fraction(1, 10**6), "ns": Fraction(1, 10**9)}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|ms|us|ns)")


@dataclass(frozen=True)
class Model:
    """A model as ``isobit compile`` takes it: the file, and what must be said beside it."""

    source: str
    input_shape: str | None = None
    input_type: str | None = None
    input_scale: str = "1"
    exporter: str = "torchscript"
    arithmetic: str = "auto"

    def graph(self) -> Graph:
        """The integer graph that would be built."""
        one_of("exporter", self.exporter, get_args(Exporter), "E302")
        graph = import_source(
            self.source, input_shape=shape_of(self.input_shape), input_type=self.input_type,
            input_scale=self.input_scale, exporter=cast(Exporter, self.exporter),
            arithmetic=arithmetic_of(self.arithmetic),
        )  # fmt: skip
        return optimise(graph)


@dataclass(frozen=True)
class Planned:
    """The best plan, and the front where it was asked for."""

    optimum: Optimum
    front: list[FrontPoint]


def _quiet(_: str) -> None:
    """No progress is told."""


def plan_model(
    model: Model, board: str | Board, clock_mhz: float | None, asked: Asked, *, minimise: str = "area",
    latency: str | None = None, points: int = 0, progress: Callable[[str], None] = _quiet,
) -> Planned:  # fmt: skip
    """The plan of ``model`` with the least of ``minimise``, at the rate or latency that is asked for or the fastest.

    Args:
        asked: share of the board, targets, samples per clock and a plan file that fixes layers.
        latency: the most time from a frame's first word to its last: ``1ms``, ``20us``.
        points: of the front of throughput against ``minimise``; 0 for none.

    Raises:
        DoesNotFit: E502 by how much it does not, in which layer, and the smallest changes that help.
        IsobitError: E503 for targets that no folding reaches, E303 without OR-Tools, and all of an import.
    """
    one_of("minimise", minimise, get_args(Goal))
    target = target_board(board, clock_mhz)
    request: PlanRequest = request_of(DEFAULT, target, asked)
    most = None if latency is None else int(seconds(latency) * Fraction(target.clock_mhz) * 10**6)
    number("points", points, 0, 1000, whole=True)
    progress("reading the model")
    graph = model.graph()
    progress("collecting every way to build each layer")
    search = Search(graph, target, request, cast(Goal, minimise))
    progress("solving")
    if most is None:
        found = search.best()
        if found is None:
            raise refusal(search)
    else:
        found, shortest = search.within_latency(most)
        if found is None:
            raise latency_refusal(search, shortest, most)
    progress("solving for the front")
    return Planned(found, front(replace(search, request=replace(request, interval=None)), points) if points else [])


def seconds(text: str) -> Fraction:
    """A duration such as ``1ms``, ``2.5us``.

    Raises:
        IsobitError: E613 for anything else.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None or Fraction(found[1]) == 0:
        raise IsobitError("E613", f"latency = {printable(repr(text))}", hint="a time with its unit: 1ms, 20us, 500ns")
    return Fraction(found[1]) * _UNITS[found[2]]


def plan_of_file(graph: Graph, path: Path, board: str | Board | None, clock_mhz: float | None) -> tuple[Plan, Whole]:
    """The plan that a plan file fixes and its whole design, on ``board`` or the one that the file names.

    Raises:
        IsobitError: E501, E503, and all that a plan may have wrong.
    """
    file = read_plan(path)
    if board is None and not file.board:
        raise IsobitError("E503", "the plan names no board", where=printable(path), hint="add --board")
    target = target_board(board or file.board, (file.clock_mhz or None) if clock_mhz is None else clock_mhz)
    request = PlanRequest(1.0, None, file.layers, depths=file.depths, depths_for=file.depths_for)
    plan = plan_for(graph, target, request, whole_design)
    return plan, whole_design(graph, plan, request)
