"""``manifest.json``: what a build says of itself, typed, and the checks that make a file a manifest.

The manifest is a file that anyone can edit. Behind :func:`read_manifest` everything is there and of its type, and no
name leads out of the build. What every build has is declared here; what a back end has to say beyond that is its own
record (:class:`isobit.backends.base.ProjectRecord`), under ``project``. Keys that are not declared are left alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar, cast

from pydantic import Field, ValidationError

from isobit.backends.base import CostRecord, Estimate, ProjectRecord, Record
from isobit.backends.ports import CONTAINERS, Count, Port, Positive
from isobit.backends.registry import AnyBackend, find_backend
from isobit.errors import IsobitError, printable
from isobit.hardware import Board
from isobit.ir import Graph
from isobit.ir.ops import Input, Output
from isobit.passes.budget import StepErrors
from isobit.version import __version__
from isobit.wording import worded

FORMAT = 4
_DAMAGED = "compile again"

Target = Literal["hls", "rtl", "both"]
"""Which projects of its design a build holds: the Vitis HLS C++, the SystemVerilog, or both."""
Share = Annotated[str, Field(pattern=r"^[0-9]+(/[1-9][0-9]*)?$")]
Datatype = Annotated[str, Field(pattern=r"^(?i:BIPOLAR|TERNARY|BINARY|U?INT([1-9]|1[0-6]))$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
InnerPath = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$")]


class LayerMove(Record):
    """What a refit moved in one layer's weights, in steps."""

    layer: str
    weights: Count
    changed: Count
    mean: float
    most: float


class ScaleMove(Record):
    """What a refit made of one scale."""

    name: str
    before: float
    after: float
    ratio: float


class RefitRecord(Record):
    """What a refit did to the source."""

    bits: Positive
    layers: tuple[LayerMove, ...]
    scales: tuple[ScaleMove, ...]
    left: tuple[str, ...]


class TiesRecord(Record):
    """A layer in which some accumulators give another integer in float32: see
    :class:`isobit.frontend.qonnx.float_arithmetic.Ties`."""

    layer: str
    moved: Count
    span: Count


class ArithmeticRecord(Record):
    """What the staircases follow behind the exact accumulators, and what was asked for.

    ``ties`` are the layers where exact and float32 arithmetic differ, ``exact`` the tensors that stay exact whatever is
    followed, and whose ties are not counted.
    """

    followed: Literal["exact", "float32"]
    asked: Literal["exact", "float32", "auto"]
    ties: tuple[TiesRecord, ...]
    exact: tuple[str, ...]


EXACT_ARITHMETIC = ArithmeticRecord(followed="exact", asked="exact", ties=(), exact=())
"""Nothing was asked, and nothing is to be said."""


class SourceRecord(Record):
    """The model that a build was made from, and what was declared of its input.

    ``label`` is the output of an argmax that the build adds to it, by its name outside; "" without one.
    """

    name: str
    sha256: Digest
    input_type: Datatype | None
    input_scale: str
    refit: RefitRecord | None = None
    arithmetic: ArithmeticRecord
    label: str


class EstimateRecord(CostRecord):
    """Resources, clocks from frame to frame, clocks of one frame, and the rate at the board's clock."""

    interval: Positive
    latency: Count
    frames_per_second: float

    @classmethod
    def made_of(cls, estimate: Estimate, board: Board) -> EstimateRecord:
        """The record of ``estimate``."""
        rate = round(board.clock_mhz * 1e6 / estimate.interval, 1)
        cost = CostRecord.of(estimate.cost).model_dump()
        return cls(interval=estimate.interval, latency=estimate.latency, frames_per_second=rate, **cost)


class ErrorsRecord(Record):
    """One step that a budget changed: see :class:`isobit.passes.budget.StepErrors`."""

    step: str
    bits: Positive
    reachable: Positive
    wrong: Count
    share: Share
    worst: Count
    seen: Count
    seen_wrong: Count
    seen_share: Share

    @classmethod
    def made_of(cls, errors: StepErrors) -> ErrorsRecord:
        """The record of ``errors``."""
        return cls(**asdict(errors) | {"share": str(errors.share), "seen_share": str(errors.seen_share)})

    @property
    def shares(self) -> tuple[Fraction, Fraction]:
        """The largest share of one channel's reachable accumulators that changed, and of the seen ones."""
        return Fraction(self.share), Fraction(self.seen_share)


T = TypeVar("T", bound=ProjectRecord)


class Manifest(Record, Generic[T]):
    """What a build says of itself; ``project`` is its back end's own record, ``files`` every other file's SHA-256,
    ``target`` which projects it holds."""

    format: int
    isobit: str
    backend: str
    source: SourceRecord
    graph: Digest
    board: Board
    estimate: EstimateRecord
    project: T
    versions: dict[str, str]
    files: dict[InnerPath, Digest]
    target: Target
    budget: tuple[ErrorsRecord, ...] = ()

    @property
    def text(self) -> str:
        """The file's content."""
        return json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=True) + "\n"


AnyManifest = Manifest[ProjectRecord]


def manifest_type(backend: AnyBackend) -> type[AnyManifest]:
    """The manifest of a back end's builds."""
    return cast(type[AnyManifest], Manifest.__class_getitem__(backend.record))


def read_manifest(path: Path) -> tuple[AnyManifest, AnyBackend]:
    """The manifest at ``path``, and the back end that made the build.

    Raises:
        IsobitError: E603 when the file is missing or no manifest at all, E611 when another version of isobit wrote it,
            E608 when a key is missing or not what isobit writes.
    """
    try:
        text = path.read_text(encoding="utf-8")
        manifest = json.loads(text)
        _refuse_format(path, manifest["format"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        hint = "make one with: isobit compile model.onnx -o build/"
        found = f"there is no {path.name} in it" if path.parent.is_dir() and not path.exists() else printable(error)
        raise IsobitError("E603", found, where=printable(path.parent), hint=hint) from error
    try:
        backend = find_backend(str(manifest.get("backend")))
        return manifest_type(backend).model_validate_json(text, strict=True), backend
    except ValidationError as error:
        raise IsobitError("E608", worded(error.errors()[0]), where=printable(path), hint=_DAMAGED) from error
    except IsobitError as error:
        raise IsobitError("E608", f"backend: {error.message}", where=printable(path), hint=_DAMAGED) from error


def refuse_another(path: Path, manifest: AnyManifest, ports: Sequence[Port], graph: Graph) -> None:
    """The manifest at ``path`` must be of this graph, and so must the design's ports.

    Raises:
        IsobitError: E608 otherwise.
    """
    nodes: tuple[Input | Output, ...] = (*graph.inputs, *graph.outputs)
    right = {
        "graph": manifest.graph == graph.digest,
        "layers": manifest.project.layers.keys() <= graph.by_name.keys(),
        "ports": len(ports) == len(nodes) and all(_carries(graph, n, p) for n, p in zip(nodes, ports, strict=True)),
    }
    wrong = ", ".join(name for name, holds in right.items() if not holds)
    if wrong:
        raise IsobitError("E608", f"{wrong}: not those of graph.txt", where=printable(path), hint=_DAMAGED)


def _carries(graph: Graph, node: Input | Output, port: Port) -> bool:
    """Are these the port's node and the integers of it?"""
    kind = graph.types[node.name]
    if (port.node, port.outside, port.is_input) != (node.name, node.outside, isinstance(node, Input)):
        return False
    if port.frame != kind.size or not port.whole or not port.elem.bits <= port.elem_bits <= 64:
        return False
    least, most = port.elem.interval
    return port.elem_bits in CONTAINERS and least <= kind.bounds[0] and kind.bounds[1] <= most


def _refuse_format(path: Path, found: Any) -> None:
    if isinstance(found, bool) or not isinstance(found, int):
        raise ValueError(f"format {found!r}")
    if found != FORMAT:
        what = f"format {found}; this isobit ({__version__}) reads format {FORMAT}"
        raise IsobitError("E611", what, where=printable(path.parent), hint="compile again")
