"""The dataflow back end: every operation a process, streams between them (FINN's architecture, our templates)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from isobit.backends.base import (
    BOUNDED,
    TAPPED,
    Backend,
    Estimate,
    Progress,
    ProjectRecord,
    Simulator,
    refuse_flavour,
    silent,
)
from isobit.backends.dataflow.csim import FLAVOURS, CppSimulator
from isobit.backends.dataflow.design import Design
from isobit.backends.dataflow.design_file import DESIGN, contradictions, read_design
from isobit.backends.dataflow.fifo_figures import total_cost
from isobit.backends.dataflow.planner import DEFAULT_REQUEST, Plan, PlanRequest, plan_for
from isobit.backends.dataflow.planner.refusals import no_such_fifo
from isobit.backends.dataflow.planner.steps import multiplicand_bits
from isobit.backends.dataflow.record import DataflowRecord, describe, refuse_other_record
from isobit.backends.dataflow.whole import sized_design, whole_design
from isobit.backends.dataflow.writer import HLS, PLAN, project_files
from isobit.backends.ports import Port
from isobit.errors import promised
from isobit.hardware import Board
from isobit.ir import Graph
from isobit.ir.ops import Step
from isobit.ir.types import IntArray

_FIRST = ("top.cpp", "top.hpp", "parameters.hpp")


class Dataflow:
    """See :class:`isobit.backends.base.Backend` for what each member is for."""

    name = "dataflow"
    record: type[ProjectRecord] = DataflowRecord
    zero_borders = False
    needed = frozenset({PLAN, DESIGN, f"{HLS}/tb.cpp", *(f"{HLS}/{name}" for name in _FIRST)})
    on_request = frozenset({TAPPED, BOUNDED})

    def request(self) -> PlanRequest:
        """As fast as the usual share of the board allows."""
        return DEFAULT_REQUEST

    def plan(self, graph: Graph, board: Board, request: PlanRequest, progress: Progress = silent) -> Plan:
        """Folding, bodies and memories: :func:`isobit.backends.dataflow.planner.plan_for`."""
        return plan_for(graph, board, request, whole_design)

    def multiplicands(self, graph: Graph, plan: Plan) -> Mapping[str, int]:
        """Thresholds and tables have no multiplicand."""
        steps = [n for n in graph.nodes if isinstance(n, Step) and n.name in plan.layers]
        return {n.name: multiplicand_bits(graph, n, plan.layers[n.name].implementation) for n in steps}

    def lower(self, graph: Graph, plan: Plan, request: PlanRequest) -> Design:
        """Processes and streams, then the depths of the FIFOs."""
        design = sized_design(graph, plan, request)
        streams = {s.name for s in design.streams}
        for name in request.depths_of(plan):
            if name not in streams:
                raise no_such_fifo(name, streams, plan)
        return design

    def ports(self, design: Design) -> tuple[Port, ...]:
        """The AXI streams of the top function."""
        return design.ports

    def estimate(self, plan: Plan, design: Design) -> Estimate:
        """Layers and FIFOs, by formulas; clocks by the declared schedules."""
        return Estimate(total_cost(plan, design), design.interval, design.latency)

    def describe(self, graph: Graph, plan: Plan, design: Design) -> ProjectRecord:
        """Layers and FIFOs."""
        return describe(plan, design)

    def write(self, plan: Plan, design: Design, title: str, vectors: Mapping[str, IntArray]) -> Mapping[str, bytes]:
        """A Vitis HLS project in ``hls/``, ``plan.toml`` and ``design.json``; E901 where the design makes no sense."""
        for problem in contradictions(design):
            promised(False, problem)
        return project_files(plan, design, title, vectors)

    def read(self, folder: Path, record: ProjectRecord) -> Design:
        """``design.json``."""
        assert isinstance(record, DataflowRecord)
        design = read_design(folder / DESIGN)
        refuse_other_record(folder / DESIGN, design, record)
        return design

    def sources(self, files: Sequence[str]) -> tuple[str, ...]:
        """The top function, its constants, then the templates' headers."""
        return (*(f"{HLS}/{name}" for name in _FIRST), *sorted(f for f in files if f.startswith(f"{HLS}/isobit/")))

    def flavours(self, checked: bool) -> tuple[str, ...]:
        """What Vitis would simulate, and our own integers for speed."""
        return ("faithful", "checked" if checked else "native")

    def simulator(
        self, folder: Path, graph: Graph, design: Design, flavour: str, scratch: Path, compiler: str | None,
        macs: int | None = None,
    ) -> Simulator:  # fmt: skip
        """The generated C++, compiling from now on."""
        if flavour not in FLAVOURS:
            raise refuse_flavour(self.name, flavour)
        return CppSimulator(folder, graph, design.ports, flavour, scratch, compiler, macs)


DATAFLOW: Backend[PlanRequest, Plan, Design] = Dataflow()
