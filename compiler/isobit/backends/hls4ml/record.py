"""The hls4ml back end's part of the manifest: its layers, and what hls4ml was told of the whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from isobit.backends.base import CostRecord, LayerRecord, ProjectRecord
from isobit.backends.hls4ml.adders import AdderGraph
from isobit.backends.hls4ml.design import ACCELERATOR, Tool
from isobit.backends.hls4ml.plan import Kind, LayerPlan, Plan, Strategy
from isobit.backends.ports import Positive
from isobit.errors import IsobitError, printable

_COMMANDS: Mapping[Tool, str] = {
    "Vitis": "vitis-run --mode hls --tcl build_prj.tcl",
    ACCELERATOR: 'vivado_hls -f build_prj.tcl "csim=0 cosim=0 export=1" && vivado -mode batch -source design.tcl',
}


class Hls4mlLayer(LayerRecord):
    """How one node is built: see :class:`isobit.backends.hls4ml.plan.LayerPlan`; ``adders`` as its text, or ""."""

    kind: Kind
    strategy: Strategy
    reuse: Positive
    adders: str
    multipliers: CostRecord | None

    @property
    def factors(self) -> tuple[int, ...]:
        """The reuse factor, where it multiplies."""
        return (self.reuse,) if self.kind == "linear" else ()

    @property
    def folding(self) -> str:
        """hls4ml's two words, where it multiplies; or adders, and what they stand for."""
        if self.multipliers is not None:
            sums = AdderGraph.parse(self.adders).sums
            return f"{len(sums):,} of them; multipliers without DSPs would take {self.multipliers.lut:,} LUT"
        return "" if self.kind != "linear" else f"{self.strategy}, reuse factor {self.reuse}"


class Hls4mlRecord(ProjectRecord):
    """Layers by node, hls4ml's io type and its back end; ``beyond`` says what exceeds the board ("" for nothing)."""

    io_type: Literal["io_parallel", "io_stream"]
    layers: Mapping[str, Hls4mlLayer]
    beyond: str
    backend: Tool = "Vitis"

    @property
    def lines(self) -> tuple[str, ...]:
        """How to build it, and what may not fit."""
        build = f"{self.io_type}; build it with: cd hls4ml && {_COMMANDS[self.backend]}"
        adders = tuple(
            f"{name}: distributed arithmetic, adders of {layer.cost.lut:,} LUT, {layer.folding}"
            for name, layer in self.layers.items() if layer.adders
        )  # fmt: skip
        return (*adders, build, *([self.beyond] if self.beyond else []))


def describe(plan: Plan) -> Hls4mlRecord:
    """The record of a plan."""
    layers = {
        name: Hls4mlLayer(
            kind=layer.kind, implementation=layer.implementation, cycles=layer.cycles, cost=CostRecord.of(layer.cost),
            strategy=layer.strategy, reuse=layer.reuse, adders=str(layer.adders or ""),
            multipliers=CostRecord.of(layer.multipliers) if layer.multipliers else None,
        )
        for name, layer in plan.layers.items()
    }  # fmt: skip
    excess = plan.estimate.cost.excess(plan.board)
    beyond = f"more than {plan.board.name} has: {excess}; a larger board or reuse factor" if excess else ""
    return Hls4mlRecord(io_type=plan.io_type, layers=layers, beyond=beyond, backend=plan.backend)


def recorded_layers(record: Hls4mlRecord) -> dict[str, LayerPlan]:
    """The plan of every layer that a record is of.

    Raises:
        ValueError: where what should be an adder graph is none.
    """
    return {
        name: LayerPlan(
            layer.kind, layer.implementation, layer.strategy, layer.reuse, layer.cycles, layer.cost.cost,
            AdderGraph.parse(layer.adders) if layer.adders else None,
            layer.multipliers.cost if layer.multipliers else None,
        )
        for name, layer in record.layers.items()
    }  # fmt: skip


def damaged(folder: Path, error: Exception) -> IsobitError:
    """E608 for a manifest whose plan is not of the graph beside it."""
    what = f"the manifest's plan is not of this graph: {printable(error)}"
    return IsobitError("E608", what, where=printable(folder), hint="compile again")
