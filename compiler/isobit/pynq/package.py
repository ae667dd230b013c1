"""A build as a package for a PYNQ board: sources, Vivado Tcl, driver, notebook, vectors with expected integers.

Everything is hand-written in ``templates/pynq`` but a few small files: ``settings.tcl`` (part, clock, streams),
``model.json`` (what the driver must know of ports and quantisers), ``README.md``, ``vectors.npz``, and around an
accelerator in SystemVerilog the Verilog that Vivado's IP packager wants.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from isobit import templates
from isobit.backends.ports import Port
from isobit.build.files import MANIFEST, atomic_folder, file_hashes, write_files
from isobit.build.folder import Build
from isobit.errors import IsobitError, printable, promised
from isobit.fewshot import head_of
from isobit.hardware import Board
from isobit.interp import quantise, run
from isobit.interp.host import Floats
from isobit.ir.ops import HostOp, Input, Output
from isobit.pynq.lines import line_reach
from isobit.version import __version__

KIND = "isobit PYNQ package"
_BY_CHANNEL = "scale n + offset, by channel"
_COPIED = ("build.tcl", "Makefile", "driver.py", "arithmetic.py", "selftest.py", "notebook.ipynb")
_WITH_HEAD = ("fewshot.py", "fewshot.ipynb")
_WITH_LINE = ("lines.py",)
_RENDERED = ("settings.tcl", "README.md")
_OF_RTL = ("ip.tcl",)
_DMA_WIDTHS = (8, 16, 32, 64, 128, 256, 512, 1024)
"""Stream widths of the AXI DMA in bits (PG021, table of the stream data width)."""


@dataclass(frozen=True)
class Accelerator:
    """What the IP is made of.

    Args:
        interval: clocks from frame to frame.
        rtl: its SystemVerilog and constants, name to text; None: it is the build's HLS project.
    """

    interval: int
    rtl: Mapping[str, str] | None = None

    @property
    def ip(self) -> str:
        """The IP's name in Vivado's catalogue, without its version: what its packager writes."""
        return "xilinx.com:hls:isobit_top" if self.rtl is None else "isobit:rtl:isobit_top"

    @property
    def repository(self) -> str:
        """The folder of the package that Vivado searches for the IP."""
        return "hls" if self.rtl is None else "ip"


def write_package(
    build: Build, board: Board, destination: Path, samples: Mapping[str, Floats], accelerator: Accelerator,
    own: Mapping[str, Any] = MappingProxyType({}),
) -> None:  # fmt: skip
    """Write the package to ``destination``, all at once or not at all; an earlier package there is replaced.

    Args:
        board: the board the build was compiled for, with a processing system.
        samples: float32 ``(batch, *outside_shape)`` for every input, by the source's names; shipped with the integers
            they are quantised to and the integers the interpreter computes from those.
        own: the arrays of ``samples.npz`` (:mod:`isobit.pynq.labelled`), which is left out without any.

    Raises:
        IsobitError: E509 when the build has no hardware of that kind; E507 when the board has no processing system or
            the build is for another one; E601 or E602 when the folder cannot be written or holds something else.
    """
    if accelerator.rtl is None:
        build.refuse_without_cpp()
        if not build.hls.is_dir():
            raise IsobitError(
                "E509", f"{build.backend.name} makes nothing that a board runs", where=printable(build.path)
            )
    _refuse_other_board(build, board)
    _refuse_other_folder(build, destination)
    model = model_record(build, board, accelerator.interval)
    with atomic_folder(destination) as work:
        added = _OF_RTL if accelerator.rtl else ()
        further = (*(_WITH_HEAD if model["head"] else ()), *(_WITH_LINE if model["line"] else ()))
        for name in (*_COPIED, *added, *further):
            shutil.copyfile(templates.root() / "pynq" / name, work / name)
        texts = {"model.json": json.dumps(model, indent=1) + "\n"}
        texts |= _rendered(build, board, model, accelerator, bool(own))
        if accelerator.rtl is None:
            shutil.copytree(build.hls, work / "hls")
        else:
            texts |= {f"rtl/{name}": text for name, text in accelerator.rtl.items()}
        write_files(work, {name: text.encode("utf-8") for name, text in texts.items()})
        arrays: dict[str, Any] = _vectors(build, samples)
        np.savez_compressed(work / "vectors.npz", **arrays)
        if own:
            np.savez_compressed(work / "samples.npz", **own)
        manifest = {"kind": KIND, "isobit": __version__, "graph": build.graph.digest, "files": file_hashes(work)}
        (work / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def model_record(build: Build, board: Board, interval: int) -> dict[str, Any]:
    """``model.json``: title, board, clock, ``interval`` in clocks, and every port as ``driver.Port`` takes it.

    ``head`` has the names of a few-shot head's tensors, ``line`` the reach of a line's outputs, or nothing.
    """
    head, reach = head_of(build.graph), line_reach(build.graph)
    return {
        "title": templates.comment_text(build.manifest.source.name),
        "board": board.title,
        "clock_mhz": board.clock_mhz,
        "interval": interval,
        "ports": [_port(build, port, i) for side in _sides(build.ports) for i, port in enumerate(side)],
        "head": {} if head is None else {
            "prototypes": head.prototypes.outside, "features": head.features.outside, "label": head.label.outside,
        },
        "line": {} if reach is None else asdict(reach),
    }  # fmt: skip


def _sides(ports: Sequence[Port]) -> tuple[list[Port], list[Port]]:
    return [p for p in ports if p.is_input], [p for p in ports if not p.is_input]


def _port(build: Build, port: Port, dma: int) -> dict[str, Any]:
    promised(port.word_bits in _DMA_WIDTHS, f"no DMA has words of {port.word_bits} bits", where=port.name)
    node, kind = build.graph.by_name[port.node], build.graph.types[port.node]
    assert isinstance(node, Input | Output)
    (lo, hi), row = kind.bounds, port.row or port.frame
    return {
        "name": port.outside, "stream": port.name, "dma": f"dma_{dma}", "is_input": port.is_input,
        "frame": port.frame, "row": row, "filled": port.words * port.lanes // (port.frame // row),
        "dtype": port.dtype.str, "shape": list(kind.shape), "lo": int(lo), "hi": int(hi),
        "host": host_record(node, kind.shape),
    }  # fmt: skip


def host_record(node: Input | Output, shape: tuple[int, ...]) -> dict[str, Any]:
    """One tensor as ``templates/pynq/arithmetic.py`` takes it. A float's shortest decimal text is the float again."""
    return {
        "outside": list(node.outside_shape),
        "shape": list(shape),
        "scale": [float(s) for s in node.scale],
        "offset": [float(o) for o in node.offset],
        "functions": [_function(op) for op in node.host],
    } | ({"quantiser": _quantiser(node), "dtype": node.dtype} if isinstance(node, Input) else {})


def _function(op: HostOp) -> dict[str, Any]:
    return {"kind": op.kind, "values": [float(v) for v in op.values], "shape": list(op.shape)}


def _quantiser(node: Input) -> dict[str, Any] | None:
    q = node.quantiser
    if q is None:
        return None
    return {
        "scale": [float(s) for s in q.scale], "zero_point": [float(z) for z in q.zero_point],
        "rounding": q.rounding, "lo": int(q.lo), "hi": int(q.hi), "shift": int(q.shift),
    }  # fmt: skip


def _layouts(ports: Sequence[Mapping[str, Any]], shape: Callable[[Mapping[str, Any]], Sequence[int]]) -> str:
    """Every tensor with the shape of a batch of it."""
    texts = (f"`{templates.comment_text(p['name'])}` ({', '.join(map(str, ('batch', *shape(p))))})" for p in ports)
    return ", ".join(texts)


def _rendered(
    build: Build, board: Board, model: Mapping[str, Any], accelerator: Accelerator, labelled: bool
) -> dict[str, str]:
    environment = templates.environment(templates.root() / "pynq")
    ports = [p for side in _sides(build.ports) for p in side]
    context = {
        "board": board, "ports": ports, "model": model, "accelerator": accelerator,
        "title": model["title"], "version": __version__, "interval": model["interval"],
        "names": [templates.comment_text(p.outside) for p in ports],
        "widths": [p.word_bits for p in ports], "reals": [_real(p["host"]) for p in model["ports"]],
        "labelled": labelled, "port_layouts": _layouts(model["ports"], lambda p: p["shape"]),
        "own_layouts": _layouts(model["ports"], lambda p: p["host"]["outside"]),
        "by_channel": any(_real(p["host"]) == _BY_CHANNEL for p in model["ports"] if not p["is_input"]),
    }  # fmt: skip
    places = {name: name for name in _RENDERED} | ({"rtl/isobit_ip.v": "isobit_ip.v"} if accelerator.rtl else {})
    return {place: environment.get_template(name + ".j2").render(context) for place, name in places.items()}


def _real(host: Mapping[str, Any]) -> str:
    """What an integer n of a port stands for."""
    if len(set(host["scale"])) > 1 or len(set(host["offset"])) > 1:
        return _BY_CHANNEL
    scale, offset = host["scale"][0], host["offset"][0]
    return f"{scale:.9g} n" + (f" {'+' if offset > 0 else '-'} {abs(offset):.9g}" if offset else "")


def _vectors(build: Build, samples: Mapping[str, Floats]) -> dict[str, Floats]:
    """Floats, the integers they become and the integers that come out, by port name, in the ports' own types.

    ``scale_`` and ``offset_`` of a port, float64 by channel, say what its integers stand for.
    """
    by_node = {port.node: port for port in build.ports}
    integers = {node.name: quantise(node, samples[node.outside]) for node in build.graph.inputs}
    results = integers | run(build.graph, integers)
    floats = {
        "float_" + by_node[node.name].name: np.asarray(samples[node.outside], np.float32) for node in build.graph.inputs
    }
    meant = {
        f"{name}_{by_node[node.name].name}": np.array([float(v) for v in values])
        for side in (build.graph.inputs, build.graph.outputs)
        for node in side
        for name, values in (("scale", node.scale), ("offset", node.offset))
    }
    carried = {by_node[n].name: values.astype(by_node[n].dtype) for n, values in results.items() if n in by_node}
    return floats | meant | carried


def _refuse_other_board(build: Build, board: Board) -> None:
    if board.ps is None:
        hint = 'add ps = "zynq7" or "zynqmp"; for a part without one the IP in hls/ is what there is'
        raise IsobitError("E507", f"the file of {board.name} names no processing system", hint=hint)
    if not (board.board_part or board.ps_config):
        raise IsobitError(
            "E507",
            f"the file of {board.name} says nothing of its memory and clocks",
            hint="add board_part (a board Vivado knows) or ps_config",
        )
    compiled = build.manifest.board
    if (compiled.part, compiled.clock_mhz) != (board.part, board.clock_mhz):
        raise IsobitError(
            "E507",
            f"the build is for {compiled.part} at {compiled.clock_mhz:g} MHz, {board.name} is {board.part}",
            hint=f"compile again with --board {board.name}",
        )


def _refuse_other_folder(build: Build, destination: Path) -> None:
    """An isobit build has a manifest too, but is nothing to be replaced by a package."""
    manifest = destination / MANIFEST
    try:
        ours = not manifest.exists() or json.loads(manifest.read_text(encoding="utf-8")).get("kind") == KIND
    except (OSError, ValueError, AttributeError):
        ours = False
    if not ours or build.path.resolve().is_relative_to(destination.resolve()):
        raise IsobitError(
            "E602", "the folder holds something else than a package", where=printable(destination),
            hint="choose another -o",
        )  # fmt: skip
