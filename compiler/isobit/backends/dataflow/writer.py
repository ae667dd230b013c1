"""A design as files: the Vitis HLS project, rendered from ``templates/``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from isobit import templates
from isobit.backends.dataflow.catalogue import CATALOGUE, header_names, schedule_of
from isobit.backends.dataflow.design import Design, Process
from isobit.backends.dataflow.design_file import DESIGN, design_text
from isobit.backends.dataflow.fifo_figures import planned_fifos
from isobit.backends.dataflow.initialiser import initialiser
from isobit.backends.dataflow.planner import Plan, print_plan
from isobit.backends.dataflow.words import LAYOUTS, Rom
from isobit.hardware import Board, fifo_storage
from isobit.ir.types import IntArray
from isobit.version import __version__

HLS, PLAN = "hls", "plan.toml"
_INCLUDED = re.compile(r'^#include "isobit/(\w+)\.hpp"$', re.MULTILINE)
_RENDERED = ("top.hpp", "top.cpp", "parameters.hpp", "tb.cpp", "hls_config.cfg", "run_hls.tcl", "Makefile")


def project_files(plan: Plan, design: Design, title: str, vectors: Mapping[str, IntArray]) -> dict[str, bytes]:
    """Every file of the project, by path in the build's folder: sources, testbench with its ``vectors``, plan, design.

    Args:
        vectors: integers ``(batch, ...)`` of every graph input and output, by name.
    """
    texts = {f"{HLS}/{name}": text for name, text in (render(design, plan.board, title) | headers(design)).items()}
    texts |= {PLAN: print_plan(plan, planned_fifos(design, plan.board)), DESIGN: design_text(design)}
    data = {f"{HLS}/tb_data/{port.name}.bin": port.raw(vectors[port.node]) for port in design.ports}
    return {name: text.encode("utf-8") for name, text in texts.items()} | data


def render(design: Design, board: Board, title: str) -> dict[str, str]:
    """The generated files of a project: path to text. ``title`` is shown in comments only."""
    roms = {p.name: _roms(p) for p in design.processes}
    environment = templates.environment(templates.root() / "project")
    environment.filters |= {"initialiser": initialiser, "dimensions": _dimensions}
    environment.filters["call"] = lambda process: _call(process, roms[process.name])
    environment.filters["pragmas"] = lambda process: [text for rom in roms[process.name] for text in rom.pragmas]
    environment.filters["fifo_storage"] = lambda stream: fifo_storage(stream.depth, stream.bits, board)
    environment.tests["wide"] = lambda value: isinstance(value, int) and not -(2**31) < value < 2**31
    environment.tests["single"] = lambda process: schedule_of(process).trip == 1
    environment.tests["wrapped"] = lambda process: schedule_of(process).trip == 1 or _plain(process)
    context = {
        "design": design, "words": _words(design), "headers": header_names(design), "board": board,
        "version": __version__, "title": templates.comment_text(title),
        "period_ns": f"{1000 / board.clock_mhz:g}",
        "arrays": [rom for own in roms.values() for rom in own],
    }  # fmt: skip
    return {name: environment.get_template(name + ".j2").render(context) for name in _RENDERED}


def headers(design: Design) -> dict[str, str]:
    """The copied template headers and those that they include: path to text."""
    folder = templates.root() / "hls" / "isobit"
    texts: dict[str, str] = {}
    missing = {"types", "rom", *header_names(design)}
    while missing:
        texts |= {name: (folder / f"{name}.hpp").read_text(encoding="utf-8") for name in missing}
        missing = {name for text in texts.values() for name in _INCLUDED.findall(text)} - texts.keys()
    return {f"isobit/{name}.hpp": texts[name] for name in sorted(texts)}


def _call(process: Process, roms: Sequence[Rom]) -> str:
    """The call of its template."""
    place = f", isobit::{process.memory.upper()}" if process.memory else ""
    arguments = ", ".join((*process.inputs, *process.outputs, *(rom.name for rom in roms)))
    return f"isobit::{process.template}<cfg_{process.name}{place}>({arguments})"


def _plain(process: Process) -> bool:
    """Are its constants part of the logic, and named where they are used?"""
    return any(array.layout == "plain" for array in CATALOGUE[process.template].arrays)


def _words(design: Design) -> dict[str, str]:
    """The type of a word of everything that a process reads or writes, by name."""
    ports = {port.name: f"beat_{port.name}" for port in design.ports}
    return ports | {stream.name: stream.type for stream in design.streams} | dict.fromkeys(design.flags, "ap_uint<1>")


def _roms(process: Process) -> list[Rom]:
    """Its constant arrays as they are declared."""
    records = CATALOGUE[process.template].arrays
    return [rom for a, r in zip(process.arrays, records, strict=False) for rom in LAYOUTS[r.layout](a)]


def _dimensions(array: Rom) -> str:
    return "".join(f"[{n}]" for n in array.values.shape)
