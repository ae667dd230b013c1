"""A build on disk: writing it, loading it back, and what its manifest says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isobit.emit.design import Design, Port
from isobit.emit.fifos import fifo_record, planned_fifos, total_cost
from isobit.emit.manifest import FORMAT, read_manifest, refuse_another
from isobit.emit.project import MANIFEST, atomic_folder, file_hashes, headers, raw_bytes, render, write_files
from isobit.errors import IsobitError, printable
from isobit.ir import Graph, parse_graph, print_graph
from isobit.ir.ops import Const
from isobit.ir.types import IntArray
from isobit.passes.proofs import proofs_text
from isobit.plan import LayerPlan, Plan, Rescaled, print_plan
from isobit.version import __version__

GRAPH, PLAN, HLS = "graph.txt", "plan.toml", "hls"
ONNX, TFLITE = "source.onnx", "source.tflite"
EXACT, PROOFS = "exact.txt", "proofs.json"
_NEEDED = frozenset({GRAPH, PLAN, f"{HLS}/top.cpp", f"{HLS}/top.hpp", f"{HLS}/tb.cpp", f"{HLS}/parameters.hpp"})


@dataclass(frozen=True, eq=False)
class Build:
    """A compiled project: its folder, the integer graph, the AXI ports and the manifest."""

    path: Path
    graph: Graph
    ports: tuple[Port, ...]
    manifest: Mapping[str, Any]
    exact: Graph | None = None

    @property
    def reference(self) -> Graph:
        """The graph that equals the source: another one than :attr:`graph` only where a budget changed steps."""
        return self.exact or self.graph

    @property
    def hls(self) -> Path:
        """The Vitis HLS project folder."""
        return self.path / HLS

    @property
    def source(self) -> Path:
        """The model the build was made from, an ONNX or a TFLite file."""
        return self.path / (TFLITE if TFLITE in self.manifest["files"] else ONNX)


def write_build(
    destination: Path,
    graph: Graph,
    plan: Plan,
    design: Design,
    source: bytes,
    origin: Mapping[str, Any],
    vectors: Mapping[str, IntArray],
    rescaled: Rescaled | None = None,
) -> Build:
    """Write everything to ``destination``, all at once or not at all.

    Args:
        source: the bytes of the model: an ONNX or a TFLite file.
        origin: what the manifest says of the source: its ``name``, and where it has them its ``sha256``, the declared
            ``input_type`` and ``input_scale``, and what a ``refit`` did.
        vectors: integers ``(batch, ...)`` of every graph input and output, by name, for the testbench.
        rescaled: the proofs of the steps, and the exact graph where the one built is another.

    Raises:
        IsobitError: E601 or E602 (see :func:`isobit.emit.project.atomic_folder`).
        DoesNotFit: E502 when layers and FIFOs together exceed the board.
    """
    with atomic_folder(destination) as work:
        texts = {
            f"{HLS}/{k}": v for k, v in (render(design, plan.board, str(origin["name"])) | headers(design)).items()
        }
        fifos = planned_fifos(design, plan.board)
        write_files(work, texts | {GRAPH: print_graph(graph), PLAN: print_plan(plan, fifos)})
        write_files(work, _rescale_texts(rescaled))
        (work / _source_name(source)).write_bytes(source)
        (work / HLS / "tb_data").mkdir()
        for port in design.ports:
            (work / HLS / "tb_data" / f"{port.name}.bin").write_bytes(raw_bytes(vectors[port.node], port.dtype))
        said = {"sha256": hashlib.sha256(source).hexdigest(), "input_type": None, "input_scale": "1", **origin}
        manifest = _manifest(graph, plan, design, said) | _rescale_record(rescaled) | {"files": file_hashes(work)}
        (work / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return load_build(destination)


def load_build(path: Path | str) -> Build:
    """Read a build back.

    Raises:
        IsobitError: E603 when the folder is no build, E611 when another version of isobit made it, E608 when its
            manifest or one of its files was changed or lost.
    """
    path = Path(path)
    manifest, ports = read_manifest(path / MANIFEST)
    recorded = manifest["files"]
    _refuse_changes(path, recorded)
    graph = parse_graph(_text(path, GRAPH))
    refuse_another(path / MANIFEST, manifest, ports, graph, _text(path, f"{HLS}/top.hpp"))
    exact = parse_graph(_text(path, EXACT)) if EXACT in recorded else None
    return Build(path, graph, ports, manifest, exact)


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


def _rescale_record(rescaled: Rescaled | None) -> dict[str, Any]:
    """What the manifest says of steps that are not exact."""
    if rescaled is None or not rescaled.errors:
        return {}
    return {"budget": [asdict(e) | {"share": str(e.share), "seen_share": str(e.seen_share)} for e in rescaled.errors]}


def _refuse_changes(path: Path, recorded: Mapping[str, str]) -> None:
    needed = _NEEDED | {TFLITE if TFLITE in recorded else ONNX}
    for name in sorted(needed - recorded.keys()):
        raise IsobitError("E608", f"the manifest does not list {name}", where=printable(path), hint="compile again")
    for name, digest in recorded.items():
        file = path / name
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            what = "changed" if file.is_file() else "missing"
            raise IsobitError("E608", f"{printable(name)} is {what}", where=printable(path), hint="compile again")


def _manifest(graph: Graph, plan: Plan, design: Design, origin: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "isobit": __version__,
        "source": dict(origin),
        "graph": graph.digest,
        "board": plan.board.model_dump(),
        "estimate": _cost(total_cost(plan, design))
        | {"interval": design.interval, "latency": design.latency}
        | {"frames_per_second": round(plan.board.clock_mhz * 1e6 / design.interval, 1), "beyond": plan.beyond},
        "fifos": fifo_record(design, plan.board),
        "ports": [_port_record(p) for p in design.ports],
        "layers": [_layer(graph, n.name, plan.layers.get(n.name)) for n in graph.nodes if not isinstance(n, Const)],
        "versions": {"numpy": np.__version__},
    }


def _port_record(port: Port) -> dict[str, Any]:
    record = {
        k: getattr(port, k) for k in ("name", "node", "outside", "is_input", "frame", "lanes", "elem_bits", "word_bits")
    }
    return record | {"bits": port.elem.bits, "signed": port.elem.signed}


def _layer(graph: Graph, name: str, layer: LayerPlan | None) -> dict[str, Any]:
    node, kind = graph.by_name[name], graph.types[name]
    record: dict[str, Any] = {
        "name": name, "op": node.op, "inputs": list(node.inputs), "source": list(node.source),
        "rules": list(node.rules), "shape": list(kind.shape), "bits": kind.bits, "interval": list(kind.bounds),
    }  # fmt: skip
    if layer is None:
        return record
    keys = ("implementation", "pe", "simd", "samples", "cycles", "memory", "line_buffer")
    chosen = {key: getattr(layer, key) for key in keys}
    rows = [
        {"implementation": c.implementation, "possible": c.possible, "reason": c.reason} | _cost(c.cost)
        for c in layer.candidates
    ]
    return record | chosen | {"cost": _cost(layer.cost), "candidates": rows}


def _cost(cost: Any) -> dict[str, int]:
    return {"lut": cost.lut, "dsp": cost.dsp, "bram36": cost.bram36, "uram": cost.uram}
