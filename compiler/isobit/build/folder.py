"""A build on disk: writing it, loading it back, and what its manifest says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isobit.backends.dataflow.backend import DATAFLOW
from isobit.backends.dataflow.design import Design
from isobit.backends.dataflow.rtl import rtl_design, rtl_files
from isobit.backends.ports import Port
from isobit.backends.registry import AnyBackend
from isobit.build.files import MANIFEST, atomic_folder, file_hash, file_hashes, write_files
from isobit.build.manifest import (
    EXACT_ARITHMETIC,
    FORMAT,
    AnyManifest,
    ArithmeticRecord,
    ErrorsRecord,
    EstimateRecord,
    RefitRecord,
    SourceRecord,
    Target,
    manifest_type,
    read_manifest,
    refuse_another,
)
from isobit.errors import IsobitError, printable
from isobit.hardware import Board
from isobit.ir import Graph, parse_graph, print_graph
from isobit.ir.types import IntArray
from isobit.passes.proofs import proofs_text
from isobit.rescale import Rescaled
from isobit.version import __version__

HLS, RTL = "hls", "rtl"
GRAPH = "graph.txt"
ONNX, TFLITE = "source.onnx", "source.tflite"
EXACT, PROOFS = "exact.txt", "proofs.json"


@dataclass(frozen=True, eq=False, repr=False)
class Build:
    """A compiled project: its folder, the integer graph, the design, and what the manifest says.

    ``design`` is of its back end's own type; ``exact`` the graph that equals the source, where that is another one.
    """

    path: Path
    graph: Graph
    manifest: AnyManifest
    backend: AnyBackend
    design: object
    exact: Graph | None = None

    def __repr__(self) -> str:
        m = self.manifest
        size = f"{m.estimate.lut} LUT, {m.estimate.dsp} DSP, {m.estimate.bram36} BRAM36"
        speed = f"one frame every {m.estimate.interval} clocks at {m.board.clock_mhz:g} MHz"
        return f"<isobit build {str(self.path)!r}: {printable(m.source.name)} on {m.board.name}, {size}, {speed}>"

    @property
    def reference(self) -> Graph:
        """The graph that equals the source: another one than :attr:`graph` only where a budget changed steps."""
        return self.exact or self.graph

    @property
    def ports(self) -> tuple[Port, ...]:
        """The project's streams: the graph's inputs, then its outputs."""
        return self.backend.ports(self.design)

    @property
    def hls(self) -> Path:
        """The Vitis HLS project folder."""
        return self.path / HLS

    @property
    def rtl(self) -> Path | None:
        """The folder of the SystemVerilog; None where the build was made without."""
        return self.path / RTL if self.manifest.target != "hls" else None

    def refuse_without_cpp(self) -> None:
        """E509 for a build that was made without its C++."""
        if self.manifest.target == "rtl":
            hint = "compile with --target both; of the RTL there are isobit cosim and isobit package --rtl"
            raise IsobitError("E509", "this build has no C++", where=printable(self.path), hint=hint)

    @property
    def source(self) -> Path:
        """The model the build was made from, an ONNX or a TFLite file."""
        return self.path / (TFLITE if TFLITE in self.manifest.files else ONNX)


@dataclass(frozen=True)
class Origin:
    """What the manifest says of the source beyond its bytes; ``refit`` is a :class:`isobit.refitting.model.Refit`."""

    name: str
    input_type: str | None = None
    input_scale: str = "1"
    refit: Mapping[str, Any] | None = None
    arithmetic: ArithmeticRecord = EXACT_ARITHMETIC
    label: str = ""

    def record(self, source: bytes) -> SourceRecord:
        """The manifest's record of the source with these bytes."""
        refit = RefitRecord.model_validate(self.refit) if self.refit is not None else None
        digest = hashlib.sha256(source).hexdigest()
        return SourceRecord(
            name=self.name, sha256=digest, input_type=self.input_type, input_scale=self.input_scale, refit=refit,
            arithmetic=self.arithmetic, label=self.label,
        )  # fmt: skip


def write_build(
    destination: Path, graph: Graph, board: Board, plan: Any, design: Any, source: bytes, origin: Origin,
    vectors: Mapping[str, IntArray], rescaled: Rescaled | None = None, backend: AnyBackend = DATAFLOW,
    target: Target = "hls",
) -> Build:  # fmt: skip
    """:func:`write_folder`, read back."""
    write_folder(destination, graph, board, plan, design, source, origin, vectors, rescaled, backend, target)
    return load_build(destination)


def write_folder(
    destination: Path,
    graph: Graph,
    board: Board,
    plan: Any,
    design: Any,
    source: bytes,
    origin: Origin,
    vectors: Mapping[str, IntArray],
    rescaled: Rescaled | None = None,
    backend: AnyBackend = DATAFLOW,
    target: Target = "hls",
    told: Callable[[str], None] = lambda _: None,
) -> None:
    """Write everything to ``destination``, all at once or not at all.

    Args:
        plan: the back end's plan of ``graph`` for ``board``, and ``design`` what it made of that.
        source: the bytes of the model: an ONNX or a TFLite file.
        vectors: integers ``(batch, ...)`` of every graph input and output, by name, for the testbench.
        rescaled: the proofs of the steps, and the exact graph where the one built is another.
        target: which projects are written; of SystemVerilog the dataflow back end's alone.
        told: hears of how many parts are done.

    Raises:
        IsobitError: E508 for a target that the back end does not have, E601 or E602 (see
            :func:`isobit.build.files.atomic_folder`).
        DoesNotFit: E502 when the design exceeds the board.
    """
    told("writing the project: 0 of 4 parts")
    estimate = EstimateRecord.made_of(backend.estimate(plan, design), board)
    rtl = {} if target == "hls" else _rtl_files(design, board, origin.name, backend)
    with atomic_folder(destination) as work:
        told("writing the project: 1 of 4 parts")
        files = dict(backend.write(plan, design, origin.name, vectors)) | rtl
        if target == "rtl":
            files = {name: content for name, content in files.items() if not name.startswith(f"{HLS}/")}
        told("writing the project: 2 of 4 parts")
        texts = {GRAPH: print_graph(graph)} | _rescale_texts(rescaled)
        write_files(work, files | {name: text.encode("utf-8") for name, text in texts.items()})
        write_files(work, {_source_name(source): source})
        del files, texts, rtl  # as large as the weights
        told("writing the project: 3 of 4 parts")
        manifest = manifest_type(backend)(
            format=FORMAT, isobit=__version__, backend=backend.name, source=origin.record(source), graph=graph.digest,
            board=board, estimate=estimate, project=backend.describe(graph, plan, design),
            versions={"numpy": np.__version__}, files=file_hashes(work),
            budget=tuple(map(ErrorsRecord.made_of, rescaled.errors if rescaled else ())), target=target,
        )  # fmt: skip
        (work / MANIFEST).write_text(manifest.text, encoding="utf-8")


def load_build(path: Path | str) -> Build:
    """Read a build back.

    Raises:
        IsobitError: E603 when the folder is no build, E611 when another version of isobit made it, E608 when its
            manifest or one of its files was changed or lost.
    """
    path = Path(path)
    manifest, backend = read_manifest(path / MANIFEST)
    _refuse_changes(path, manifest.files, _needed(manifest, backend))
    graph = parse_graph(_text(path, GRAPH))
    design = backend.read(path, manifest.project)
    refuse_another(path / MANIFEST, manifest, backend.ports(design), graph)
    exact = parse_graph(_text(path, EXACT)) if EXACT in manifest.files else None
    return Build(path, graph, manifest, backend, design, exact)


def _rtl_files(design: Any, board: Board, title: str, backend: AnyBackend) -> dict[str, bytes]:
    if not isinstance(design, Design):
        hint = "leave --target out"
        raise IsobitError("E508", f"--target: {printable(backend.name)} has no RTL", hint=hint)
    texts = rtl_files(rtl_design(design), board, title)
    return {f"{RTL}/{name}": text.encode("utf-8") for name, text in texts.items()}


def _needed(manifest: AnyManifest, backend: AnyBackend) -> frozenset[str]:
    """The files that a build of this back end and target cannot be without."""
    needed = backend.needed
    if manifest.target == "rtl":
        needed = frozenset(name for name in needed if not name.startswith(f"{HLS}/"))
    return needed if manifest.target == "hls" else needed | {f"{RTL}/top.sv"}


def _source_name(source: bytes) -> str:
    """The source's name in the build, by the identifier that TFLite files have."""
    return TFLITE if source[4:8] == b"TFL3" else ONNX


def _text(path: Path, name: str) -> str:
    try:
        return (path / name).read_text(encoding="utf-8")
    except ValueError as error:
        raise IsobitError("E608", f"{name}: {printable(error)}", where=printable(path), hint="compile again") from error


def _rescale_texts(rescaled: Rescaled | None) -> dict[str, str]:
    if rescaled is None:
        return {}
    exact = {EXACT: print_graph(rescaled.exact)} if rescaled.errors else {}
    return exact | {PROOFS: proofs_text(rescaled.proofs, rescaled.sums)}


def _refuse_changes(path: Path, recorded: Mapping[str, str], needed: frozenset[str]) -> None:
    needed |= {GRAPH, TFLITE if TFLITE in recorded else ONNX}
    for name in sorted(needed - recorded.keys()):
        raise IsobitError("E608", f"the manifest does not list {name}", where=printable(path), hint="compile again")
    for name, digest in recorded.items():
        file = path / name
        if not file.is_file() or file_hash(file) != digest:
            what = "changed" if file.is_file() else "missing"
            raise IsobitError("E608", f"{printable(name)} is {what}", where=printable(path), hint="compile again")
