"""The hls4ml back end: isobit's integers in an hls4ml project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from isobit.backends.base import (
    TAPPED,
    Backend,
    Estimate,
    Progress,
    ProjectRecord,
    Simulator,
    refuse_flavour,
    silent,
)
from isobit.backends.hls4ml.csim import FLAVOURS, Hls4mlSimulator
from isobit.backends.hls4ml.design import Design
from isobit.backends.hls4ml.lower import lower
from isobit.backends.hls4ml.names import PLAN, PROJECT, TESTBENCH, TOP
from isobit.backends.hls4ml.plan import Plan, Request, multiplicands, plan_for
from isobit.backends.hls4ml.plan_file import print_plan, read_request
from isobit.backends.hls4ml.record import Hls4mlRecord, damaged, describe, recorded_layers
from isobit.backends.ports import Port
from isobit.errors import IsobitError
from isobit.hardware import Board
from isobit.ir import Graph, parse_graph
from isobit.ir.types import IntArray

_FIRST = tuple(f"{PROJECT}/firmware/{name}" for name in (f"{TOP}.cpp", f"{TOP}.h", "defines.h", "parameters.h"))


class Hls4ml:
    """See :class:`isobit.backends.base.Backend` for what each member is for."""

    name = "hls4ml"
    record: type[ProjectRecord] = Hls4mlRecord
    zero_borders = True
    needed = frozenset({PLAN, *_FIRST, f"{PROJECT}/{TESTBENCH}"})
    on_request = frozenset({TAPPED})

    def request(self) -> Request:
        """hls4ml's own defaults: fully parallel; streams where there are maps."""
        return Request()

    def read_request(self, path: Path) -> Request:
        """``plan.toml``, or a part of one."""
        return read_request(path)

    def plan(self, graph: Graph, board: Board, request: Request, progress: Progress = silent) -> Plan:
        """Strategies, reuse factors and bodies; nothing is refused for its size, as in hls4ml itself."""
        return plan_for(graph, board, request, progress)

    def multiplicands(self, graph: Graph, plan: Plan) -> Mapping[str, int]:
        """Thresholds and tables have no multiplicand."""
        return multiplicands(graph, plan)

    def lower(self, graph: Graph, plan: Plan, request: Request) -> Design:
        """hls4ml's list of layers."""
        return lower(graph, plan.io_type, plan.layers, plan.backend)

    def ports(self, design: Design) -> tuple[Port, ...]:
        """The arguments of the top function."""
        return design.ports

    def estimate(self, plan: Plan, design: Design) -> Estimate:
        """By formulas, the layers alone."""
        return plan.estimate

    def describe(self, graph: Graph, plan: Plan, design: Design) -> ProjectRecord:
        """Layers and io type."""
        return describe(plan)

    def write(self, plan: Plan, design: Design, title: str, vectors: Mapping[str, IntArray]) -> Mapping[str, bytes]:
        """``plan.toml`` and, in ``hls4ml/``, what hls4ml writes; E901 where that is not the design."""
        from isobit.backends.hls4ml.project import project_files

        return project_files(design, plan.board, title, vectors) | {PLAN: print_plan(plan).encode()}

    def read(self, folder: Path, record: ProjectRecord) -> Design:
        """The graph beside the project, lowered again by the plan of the manifest."""
        assert isinstance(record, Hls4mlRecord)
        graph = parse_graph((folder / "graph.txt").read_text(encoding="utf-8"))
        try:
            return lower(graph, record.io_type, recorded_layers(record), record.backend)
        except (IsobitError, KeyError, ValueError) as error:
            raise damaged(folder, error) from error

    def sources(self, files: Sequence[str]) -> tuple[str, ...]:
        """None: what hls4ml writes keeps to rules of its own."""
        return ()

    def flavours(self, checked: bool) -> tuple[str, ...]:
        """hls4ml's C++ as it is."""
        if checked:
            raise refuse_flavour(self.name, "checked")
        return FLAVOURS[:1]

    def simulator(
        self, folder: Path, graph: Graph, design: Design, flavour: str, scratch: Path, compiler: str | None,
        macs: int | None = None,
    ) -> Simulator:  # fmt: skip
        """The project, compiling from now on."""
        if flavour not in FLAVOURS:
            raise refuse_flavour(self.name, flavour)
        return Hls4mlSimulator(folder, graph, design, flavour, scratch, compiler)


HLS4ML: Backend[Request, Plan, Design] = Hls4ml()
