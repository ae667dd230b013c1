"""The dataflow back end's part of the manifest: its layers, and its FIFOs for either goal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from isobit.backends.base import CostRecord, LayerRecord, ProjectRecord, Record
from isobit.backends.dataflow.design import Design, FifoGoal
from isobit.backends.dataflow.fifo_figures import GOALS, fifo_cost
from isobit.backends.dataflow.planner import Candidate, LayerPlan, Plan
from isobit.backends.ports import Count, Halves, Positive
from isobit.errors import IsobitError, printable
from isobit.hardware import Board

_SHOWN = 3


class CandidateRecord(CostRecord):
    """One way to build a step, to store weights or to multiply: what it would cost, or why it cannot be."""

    implementation: str
    possible: bool
    reason: str


class DataflowLayer(LayerRecord):
    """How one node is built: see :class:`isobit.backends.dataflow.planner.LayerPlan`."""

    pe: Positive
    simd: Positive
    samples: Positive
    memory: str
    line_buffer: str
    candidates: tuple[CandidateRecord, ...]
    multipliers: tuple[CandidateRecord, ...]

    @property
    def factors(self) -> tuple[int, ...]:
        """PE, SIMD and, where there are several, samples per clock."""
        return (self.pe, self.simd, *([self.samples] if self.samples > 1 else []))

    @property
    def folding(self) -> str:
        """The factors by name."""
        samples = f", {self.samples} samples per clock" if self.samples > 1 else ""
        return f"PE {self.pe}, SIMD {self.simd}{samples}"


class FifoFigures(Record):
    """What all FIFOs take together."""

    bits: Count
    lut: Count
    bram36: Halves
    uram: Count


class FifosRecord(Record):
    """The goal that was taken, what either takes, and the FIFOs that are shallower: depth, and what the goal asks."""

    goal: FifoGoal
    shallow: dict[str, tuple[Positive, Positive]]
    taken: FifoFigures
    throughput: FifoFigures
    least: FifoFigures


class DataflowRecord(ProjectRecord):
    """Layers by node, FIFOs, and what is ``beyond`` the share of the board or the plan file that was asked for."""

    layers: Mapping[str, DataflowLayer]
    fifos: FifosRecord
    beyond: str

    @property
    def lines(self) -> tuple[str, ...]:
        """A line per goal of the FIFOs, the taken one marked, and the FIFOs that the user made shallower."""
        lines = self.beyond.splitlines()
        lines += [self._goal("throughput", "full speed"), self._goal("least", "free of deadlock, may be slower")]
        shallow = [f"{name} ({depth} of {planned})" for name, (depth, planned) in self.fifos.shallow.items()]
        if shallow:
            more = f" and {len(shallow) - _SHOWN} more" if len(shallow) > _SHOWN else ""
            lines.append(f"shallower than planned: {', '.join(shallow[:_SHOWN])}{more}")
            lines.append("  isobit csim --bounded tells whether it can run")
        return tuple(lines)

    def _goal(self, goal: FifoGoal, what: str) -> str:
        figures: FifoFigures = getattr(self.fifos, goal)
        blocks = f"{figures.bram36} BRAM36" + (f", {figures.uram} URAM" if figures.uram else "")
        taken = ", taken" if self.fifos.goal == goal else ""
        return f"FIFOs for {goal} ({what}{taken}): {figures.bits:,} bits, {figures.lut} LUT, {blocks}"


def refuse_other_record(path: Path, design: Design, record: DataflowRecord) -> None:
    """The design at ``path`` must have the layers and the FIFOs of ``record``.

    Raises:
        IsobitError: E608 otherwise.
    """
    layers = {p.node for p in design.processes if p.node} - {p.node for p in design.inputs}
    if not layers <= record.layers.keys() or record.fifos.goal != design.goal:
        what = "the manifest speaks of another design"
        raise IsobitError("E608", what, where=printable(path), hint="compile again")


def describe(plan: Plan, design: Design) -> DataflowRecord:
    """The record of a plan and the design that it became."""
    layers = {name: _layer(layer) for name, layer in plan.layers.items()}
    return DataflowRecord(layers=layers, fifos=_fifos(design, plan.board), beyond=plan.beyond)


def _layer(layer: LayerPlan) -> DataflowLayer:
    return DataflowLayer(
        implementation=layer.implementation, cycles=layer.cycles, cost=CostRecord.of(layer.cost), pe=layer.pe,
        simd=layer.simd, samples=layer.samples, memory=layer.memory, line_buffer=layer.line_buffer,
        candidates=tuple(map(_candidate, layer.candidates)), multipliers=tuple(map(_candidate, layer.multipliers)),
    )  # fmt: skip


def _candidate(c: Candidate) -> CandidateRecord:
    cost = CostRecord.of(c.cost).model_dump()
    return CandidateRecord(implementation=c.implementation, possible=c.possible, reason=c.reason, **cost)


def _fifos(design: Design, board: Board) -> FifosRecord:
    shallow = {s.name: (s.depth, getattr(s, design.goal)) for s in design.streams if s.depth < getattr(s, design.goal)}
    throughput, least = (_figures(design, board, goal) for goal in GOALS)
    taken = _figures(design, board, "depth")
    return FifosRecord(goal=design.goal, shallow=shallow, taken=taken, throughput=throughput, least=least)


def _figures(design: Design, board: Board, depths: str) -> FifoFigures:
    cost = fifo_cost(design, board, depths)
    bits = sum(getattr(s, depths) * s.bits for s in design.streams)
    return FifoFigures(bits=bits, lut=cost.lut, bram36=cost.bram36, uram=cost.uram)
