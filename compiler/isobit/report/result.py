"""One result object of a build: what the terminal, the HTML page and the JSON show are views of it.

:func:`summarise` reads what the build's folder says and is cheap; :func:`report` adds the verdicts that ``isobit csim``
kept and histograms, for which the interpreter runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isobit.build.folder import PROOFS, Build
from isobit.check.csim.last import BOUNDED, CSIM, Record, read_record
from isobit.check.proofs.sums import SumCheck
from isobit.check.proofs.verify import StepCheck, Verification, verify_build
from isobit.ir import Graph
from isobit.report.histogram import Histogram, histograms

_RESOURCES = (("lut", "LUT", "lut"), ("ff", "FF", "ff"), ("dsp", "DSP", "dsps"), ("bram36", "BRAM36", "bram36"),
              ("uram", "URAM", "uram"))  # fmt: skip
_STREAM = re.compile(
    r"^  hls::stream<(?:isobit::lanes<ap_u?int<(\d+)>, (\d+)>|ap_uint<1>), \d+> (\w+)\(.*\n"
    r"#pragma HLS STREAM variable=\w+ depth=(\d+)$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Resource:
    """How much of one of the board's resources is estimated to be used."""

    name: str
    used: int
    available: int

    @property
    def share(self) -> float:
        return self.used / max(self.available, 1)


@dataclass(frozen=True)
class Layer:
    """One value of the graph: its type, its hardware and where it came from.

    ``built_as`` is "" and ``pe``, ``simd``, ``samples``, ``cycles`` are 0 for what is no process of its own; ``cost``
    pairs a resource's name with the estimate.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    source: tuple[str, ...]
    rules: tuple[str, ...]
    shape: tuple[int, ...]
    bits: int
    interval: tuple[int, int]
    built_as: str
    pe: int
    simd: int
    samples: int
    cycles: int
    cost: tuple[tuple[str, int], ...]

    def folding(self, times: str) -> str:
        """PE, SIMD and, where it is more than one, samples per clock, joined by a sign of multiplication."""
        factors = (self.pe, self.simd, *([self.samples] if self.samples > 1 else []))
        return f" {times} ".join(map(str, factors))


@dataclass(frozen=True)
class Fifo:
    """A stream of the generated project: ``depth`` words of ``lanes`` elements of ``bits`` bits."""

    name: str
    bits: int
    lanes: int
    depth: int


@dataclass(frozen=True)
class Summary:
    """What a build is: its source, board, speed and size (declared schedules and estimates), layers and FIFOs."""

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


@dataclass(frozen=True)
class Report:
    """A build with its verdicts (None: not run yet), its requantizers and what its accumulators held.

    ``proofs`` has every step's, and ``sums`` that of every sum with short coefficients, checked again from the build's
    files when the report is made; none in a build that was written without.
    """

    summary: Summary
    csim: Record | None
    bounded: Record | None
    proofs: tuple[StepCheck, ...]
    sums: tuple[SumCheck, ...]
    histograms: tuple[Histogram, ...]

    @property
    def changed(self) -> int:
        """Reachable accumulators that give another output than the source: 0 but under a budget."""
        return sum(step.wrong for step in self.proofs)

    @property
    def claim(self) -> str:
        """What ``csim`` says is equal: the source belongs to it when it was compared with the graph that is built."""
        compared = self.csim is None or (self.csim.source is not None and not self.changed)
        return "C++ = graph = source" if compared else "C++ = graph"


def summarise(build: Build) -> Summary:
    """What the build's manifest, graph and project say; :func:`isobit.build.folder.load_build` has checked them."""
    manifest = build.manifest
    board, estimate, source = manifest["board"], manifest["estimate"], manifest["source"]
    resources = (Resource(title, estimate[k], board[limit]) for k, title, limit in _RESOURCES if k in estimate)
    return Summary(
        source["name"], source["sha256"], manifest["isobit"], board["title"], board["part"], board["clock_mhz"],
        estimate["interval"], estimate["latency"], estimate["frames_per_second"], tuple(resources),
        tuple(_layer(build.graph, record) for record in manifest["layers"]), _fifos(build),
    )  # fmt: skip


def report(build: Build, inputs: Any = None) -> Report:
    """Everything; the histograms are of ``inputs`` (see :func:`isobit.check.csim.run.csim`) or of generated vectors.

    Raises:
        IsobitError: E607 when the inputs do not fit the model, E608 when a kept verdict was edited.
    """
    csim, bounded = (read_record(build, name) for name in (CSIM, BOUNDED))
    proofs = verify_build(build.path) if PROOFS in build.manifest["files"] else Verification(())
    return Report(summarise(build), csim, bounded, proofs.steps, proofs.sums, histograms(build, inputs))


def _layer(graph: Graph, record: Mapping[str, Any]) -> Layer:
    cost = record.get("cost", {})
    return Layer(
        record["name"], record["op"], tuple(i for i in record["inputs"] if graph.by_name[i].op != "const"),
        tuple(record["source"]), tuple(record["rules"]), tuple(record["shape"]), record["bits"],
        (record["interval"][0], record["interval"][1]), record.get("implementation", ""), record.get("pe", 0),
        record.get("simd", 0), record.get("samples", 0), record.get("cycles", 0),
        tuple((title, cost[k]) for k, title, _ in _RESOURCES if k in cost),
    )  # fmt: skip


def _fifos(build: Build) -> tuple[Fifo, ...]:
    """The streams as the generated top function declares them."""
    text = (build.hls / "top.cpp").read_text(encoding="utf-8")
    return tuple(Fifo(m[3], int(m[1] or 1), int(m[2] or 1), int(m[4])) for m in _STREAM.finditer(text))
