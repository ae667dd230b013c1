"""What ``manifest.json`` must look like: its shape, declared, and that its ports are those of the build's files.

The manifest is a file that anyone can edit. Behind :func:`read_manifest` every key that the rest of isobit reads is
there and of its type, and no name leads out of the build. Keys that are not declared here are left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationError

from isobit.emit.design import IntType, Port
from isobit.errors import IsobitError, printable
from isobit.hardware import Board
from isobit.ir import Graph
from isobit.ir.ops import Const, Input, Output
from isobit.plan import FifoGoal
from isobit.version import __version__

FORMAT = 3
_WIDTHS = re.compile(r"^typedef ap_axiu<(\d+), 0, 0, 0> beat_(\w+);$", re.MULTILINE)
_CONTAINERS = (8, 16, 32, 64)
_DAMAGED = "compile again"


Count = Annotated[int, Field(ge=0, lt=2**63)]
Positive = Annotated[int, Field(ge=1, lt=2**63)]
Share = Annotated[str, Field(pattern=r"^[0-9]+(/[1-9][0-9]*)?$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
InnerPath = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$")]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class _LayerMove(_Record):
    layer: str
    weights: Count
    changed: Count
    mean: float
    most: float


class _ScaleMove(_Record):
    name: str
    before: float
    after: float
    ratio: float


class _Refit(_Record):
    bits: Positive
    layers: tuple[_LayerMove, ...]
    scales: tuple[_ScaleMove, ...]
    left: tuple[str, ...]


class _Source(_Record):
    name: str
    sha256: Digest
    input_type: str | None
    input_scale: str
    refit: _Refit | None = None


class _Cost(_Record):
    lut: Count
    dsp: Count
    bram36: Count
    uram: Count


class _Estimate(_Cost):
    interval: Positive
    latency: Count
    frames_per_second: float
    beyond: str = ""


class _Figures(_Record):
    bits: Count
    lut: Count
    bram36: Count
    uram: Count


class _Fifos(_Record):
    goal: FifoGoal
    shallow: dict[str, tuple[Positive, Positive]]
    taken: _Figures
    throughput: _Figures
    least: _Figures


class _Port(_Record):
    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    node: str
    outside: str
    is_input: bool
    frame: Positive
    lanes: Positive
    elem_bits: Positive
    word_bits: Positive
    bits: Positive
    signed: bool

    def port(self) -> Port:
        elem = IntType(self.bits, self.signed)
        return Port(self.name, self.node, self.outside, self.is_input, self.frame, self.lanes, elem, self.elem_bits)


class _Candidate(_Cost):
    implementation: str
    possible: bool
    reason: str


class _Layer(_Record):
    name: str
    op: str
    inputs: tuple[str, ...]
    source: tuple[str, ...]
    rules: tuple[str, ...]
    shape: tuple[Positive, ...]
    bits: Positive
    interval: tuple[int, int]


class _PlannedLayer(_Layer):
    """One that takes hardware of its own."""

    implementation: str
    pe: Positive
    simd: Positive
    samples: Positive
    cycles: Count
    memory: str
    line_buffer: str
    cost: _Cost
    candidates: tuple[_Candidate, ...]


def _layer_kind(record: Any) -> str:
    plan = _PlannedLayer.model_fields.keys() - _Layer.model_fields.keys()
    return "planned" if isinstance(record, dict) and plan & record.keys() else "unplanned"


_AnyLayer = Annotated[
    Annotated[_PlannedLayer, Tag("planned")] | Annotated[_Layer, Tag("unplanned")], Discriminator(_layer_kind)
]


class _Errors(_Record):
    """One entry of ``budget``: see :class:`isobit.passes.budget.StepErrors`."""

    step: str
    bits: Positive
    reachable: Positive
    wrong: Count
    share: Share
    worst: Count
    seen: Count
    seen_wrong: Count
    seen_share: Share


class _Manifest(_Record):
    isobit: str
    source: _Source
    graph: Digest
    board: Board
    estimate: _Estimate
    fifos: _Fifos
    ports: tuple[_Port, ...]
    layers: tuple[_AnyLayer, ...]
    versions: dict[str, str]
    files: dict[InnerPath, Digest]
    budget: tuple[_Errors, ...] = ()


def read_manifest(path: Path) -> tuple[Mapping[str, Any], tuple[Port, ...]]:
    """The manifest as plain data, and its ports.

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
        raise IsobitError("E603", printable(error), where=printable(path.parent), hint=hint) from error
    try:
        checked = _MANIFEST.validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = printable(".".join(map(str, first["loc"]))) or "the whole"
        raise IsobitError("E608", f"{place}: {first['msg']}", where=printable(path), hint=_DAMAGED) from error
    return manifest, tuple(p.port() for p in checked.ports)


def refuse_another(path: Path, manifest: Mapping[str, Any], ports: tuple[Port, ...], graph: Graph, header: str) -> None:
    """The manifest at ``path`` must be of this graph, with ports in words as wide as ``top.hpp`` declares them.

    Raises:
        IsobitError: E608 otherwise.
    """
    nodes: tuple[Input | Output, ...] = (*graph.inputs, *graph.outputs)
    widths = {name: int(bits) for bits, name in _WIDTHS.findall(header)}
    layers = [(record["name"], record["op"], tuple(record["inputs"])) for record in manifest["layers"]]
    right = {
        "graph": manifest["graph"] == graph.digest,
        "layers": layers == [(n.name, n.op, n.inputs) for n in graph.nodes if not isinstance(n, Const)],
        "ports": len(ports) == len(nodes) and all(_carries(graph, n, p) for n, p in zip(nodes, ports, strict=True)),
        "widths of ports": all(widths.get(p.name) == p.word_bits for p in ports),
    }
    wrong = ", ".join(name for name, holds in right.items() if not holds)
    if wrong:
        what = f"{wrong}: not those of graph.txt and top.hpp"
        raise IsobitError("E608", what, where=printable(path), hint=_DAMAGED)


def _carries(graph: Graph, node: Input | Output, port: Port) -> bool:
    """Are these the port's node and the integers of it?"""
    kind = graph.types[node.name]
    if (port.node, port.outside, port.is_input) != (node.name, node.outside, isinstance(node, Input)):
        return False
    if port.frame != kind.size or port.frame % port.lanes or not port.elem.bits <= port.elem_bits <= 64:
        return False
    least = -(1 << port.elem.bits - 1) if port.elem.signed else 0
    return port.elem_bits in _CONTAINERS and least <= kind.bounds[0] and kind.bounds[1] < least + (1 << port.elem.bits)


def _refuse_format(path: Path, found: Any) -> None:
    if isinstance(found, bool) or not isinstance(found, int):
        raise ValueError(f"format {found!r}")
    if found != FORMAT:
        what = f"format {found}; this isobit ({__version__}) reads format {FORMAT}"
        raise IsobitError("E611", what, where=printable(path.parent), hint="compile again")


_MANIFEST: TypeAdapter[_Manifest] = TypeAdapter(_Manifest)
