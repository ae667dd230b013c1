"""One result object of a build: what the terminal, the HTML page and the JSON show are views of it.

:func:`summarise` reads what the build's folder says and is cheap; :func:`report` adds the verdicts that ``isobit csim``
kept and histograms, for which the interpreter runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from isobit.backends.base import LayerRecord
from isobit.backends.dataflow.design import Design
from isobit.backends.dataflow.network import Network
from isobit.build.folder import PROOFS, Build
from isobit.check.csim.accuracy import Accuracy, read_accuracy
from isobit.check.csim.last import BOUNDED, CSIM, Record, read_record
from isobit.check.proofs.sums import SumCheck
from isobit.check.proofs.verify import StepCheck, Verification, verify_build
from isobit.errors import IsobitError
from isobit.frontend.qonnx.input_type import InputType
from isobit.hardware.counted import Bar, bars
from isobit.ir import Graph, Node
from isobit.ir.ops import Const, Step
from isobit.passes.shrink import no_product
from isobit.report.counts import Counts, counts
from isobit.report.histogram import Histogram, histograms
from isobit.report.notes import notes

_RESOURCES = (("lut", "LUT", "lut"), ("ff", "FF", "ff"), ("dsp", "DSP", "dsps"), ("bram36", "BRAM36", "bram36"),
              ("uram", "URAM", "uram"))  # fmt: skip


@dataclass(frozen=True)
class Resource:
    """How much of one of the board's resources is estimated to be used.

    ``error`` is how far synthesis was from the estimate where both were measured; None where that was not.
    """

    name: str
    used: float
    available: int
    error: Bar | None = None

    @property
    def share(self) -> float:
        return self.used / max(self.available, 1)


@dataclass(frozen=True)
class Layer:
    """One value of the graph: its type, its hardware and where it came from.

    ``no_product`` is why no multiply and shift equals a step ("" where one may). ``built_as`` is "", ``factors`` are
    none and ``cycles`` are 0 for what takes no hardware of its own; ``factors`` say how far it is unrolled (PE, SIMD
    and, where there are several, samples per clock); ``cost`` pairs a resource's name with the estimate.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    source: tuple[str, ...]
    rules: tuple[str, ...]
    no_product: str
    shape: tuple[int, ...]
    bits: int
    interval: tuple[int, int]
    built_as: str
    factors: tuple[int, ...]
    cycles: int
    cost: tuple[tuple[str, int], ...]

    def folding(self, times: str) -> str:
        """The factors, joined by a sign of multiplication."""
        return f" {times} ".join(map(str, self.factors))


@dataclass(frozen=True)
class Fifo:
    """A stream of the design: ``depth`` words of ``lanes`` elements of ``bits`` bits."""

    name: str
    bits: int
    lanes: int
    depth: int


@dataclass(frozen=True)
class Summary:
    """What a build is: its source, board, speed and size (declared schedules and estimates), layers and FIFOs.

    ``lines`` is what its back end says beyond that.
    """

    name: str
    sha256: str
    isobit: str
    board: str
    part: str
    clock_mhz: float
    interval: int
    latency: int
    frames_per_second: float
    resources: tuple[Resource, ...]
    layers: tuple[Layer, ...]
    fifos: tuple[Fifo, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Pace:
    """The process that sets the pace: the node it computes, or its own name, and the clocks it is busy per frame."""

    name: str
    clocks: int


@dataclass(frozen=True)
class Report:
    """A build with its verdicts and accuracy (None: not run yet), its requantizers and what its layers held.

    ``histograms`` are the accumulators'. ``pace`` is what limits the design, ``counts`` what every layer computes and
    stores, ``operators`` how often each operator of the source occurs, all of them read exactly, and ``notes`` what
    its user should hear.

    ``proofs`` has every step's, and ``sums`` that of every sum with short coefficients, checked again from the build's
    files when the report is made; none in a build that was written without.
    """

    summary: Summary
    csim: Record | None
    bounded: Record | None
    proofs: tuple[StepCheck, ...]
    sums: tuple[SumCheck, ...]
    histograms: tuple[Histogram, ...]
    activations: tuple[Histogram, ...] = ()
    weights: tuple[Histogram, ...] = ()
    accuracy: Accuracy | None = None
    pace: Pace | None = None
    counts: tuple[Counts, ...] = ()
    operators: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> int:
        """Reachable accumulators that give another output than the source: 0 but under a budget."""
        return sum(step.wrong for step in self.proofs)

    @property
    def claim(self) -> str:
        """What ``csim`` says is equal: the source belongs to it when it was compared with the graph that is built."""
        compared = self.csim is None or (self.csim.source is not None and not self.changed)
        return "C++ = graph = source" if compared else "C++ = graph"


def slowest(build: Build) -> Pace | None:
    """What limits a dataflow design by its declared schedules; None for any other."""
    if not isinstance(build.design, Design):
        return None
    network = Network(build.design)
    found = network.slowest
    return Pace(found.node or found.name, network.busy(found.name))


def _packs(design: Design) -> bool:
    """Do two products share a DSP somewhere? Such designs have an error bar of their own (docs/cost.md)."""
    return any("CHAIN" in dict(process.constants) for process in design.processes)


def summarise(build: Build) -> Summary:
    """What the build's manifest, graph and design say; :func:`isobit.build.folder.load_build` has checked them."""
    m = build.manifest
    used, there = m.estimate.model_dump(), m.board.model_dump()
    errors = bars(_packs(build.design)) if isinstance(build.design, Design) else {}
    resources = (
        Resource(title, used[k], there[limit], errors.get(title)) for k, title, limit in _RESOURCES if k in used
    )  # fmt: skip
    nodes = (n for n in build.graph.nodes if not isinstance(n, Const))
    return Summary(
        m.source.name, m.source.sha256, m.isobit, m.board.title, m.board.part, m.board.clock_mhz,
        m.estimate.interval, m.estimate.latency, m.estimate.frames_per_second, tuple(resources),
        tuple(_layer(build.graph, node, m.project.layers.get(node.name)) for node in nodes), _fifos(build.design),
        m.project.lines,
    )  # fmt: skip


def report(build: Build, inputs: Any = None) -> Report:
    """Everything; the histograms are of ``inputs`` (see :func:`isobit.check.csim.run.csim`) or of generated vectors.

    Raises:
        IsobitError: E607 when the inputs do not fit the model, E608 when a kept verdict was edited.
    """
    csim, bounded = (read_record(build, name) for name in (CSIM, BOUNDED))
    proofs = verify_build(build.path) if PROOFS in build.manifest.files else Verification(())
    found = read_accuracy(build)
    held = histograms(build, inputs)
    return Report(
        summarise(build), csim, bounded, proofs.steps, proofs.sums, held.accumulators, held.activations, held.weights,
        found, slowest(build), counts(build.graph), _operators(build),
        notes(build),
    )  # fmt: skip


def _operators(build: Build) -> dict[str, int]:
    """The operators of the source; none where it is not read operator by operator."""
    from isobit.frontend.coverage import check_model  # with all frontends

    origin = build.manifest.source
    declared = InputType.parse(origin.input_type, origin.input_scale) if origin.input_type else None
    try:
        found = check_model(build.source, declared)
    except IsobitError:  # a file that is read as a whole, such as one that isobit exported
        return {}
    counted = {op: sum(statuses.values()) for op, statuses in found.counts.items() if op != "output"}
    return counted if found.reads else {}


def _layer(graph: Graph, node: Node, record: LayerRecord | None) -> Layer:
    kind, cost = graph.types[node.name], record.cost.model_dump() if record else {}
    inputs = tuple(i for i in node.inputs if not isinstance(graph.by_name[i], Const))
    unscaled = no_product(node) if isinstance(node, Step) else ""
    built = (record.implementation, record.factors, record.cycles) if record else ("", (), 0)
    return Layer(
        node.name, node.op, inputs, node.source, node.rules, unscaled, kind.shape, kind.bits, kind.bounds, *built,
        tuple((title, cost[k]) for k, title, _ in _RESOURCES if k in cost),
    )  # fmt: skip


def _fifos(design: object) -> tuple[Fifo, ...]:
    """The streams of a dataflow design, and of its frame-end flags; none of any other."""
    if not isinstance(design, Design):
        return ()
    streams = tuple(Fifo(s.name, s.elem.bits, s.lanes, s.depth) for s in design.streams)
    return streams + tuple(Fifo(name, 1, 1, design.flag_depth) for name in design.flags)
