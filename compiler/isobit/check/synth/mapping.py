"""One run of Yosys: some parts side by side, each a module of its own, mapped to the cells of a family."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from isobit import templates
from isobit.backends.dataflow.rtl import PART, Part
from isobit.build.files import write_files
from isobit.check.synth.kept import key_of
from isobit.check.synth.yosys import Yosys
from isobit.errors import IsobitError, printable
from isobit.hardware import Board

FAMILIES = {"DSP48E1": "xc7", "DSP48E2": "xcup"}
"""What Yosys calls the family of a board with such DSP blocks."""
_MAPS = ("selection.v", "choices.v", "roms.v", "dsp48e2.v")
NETLIST, VERILOG = "netlist.json", "netlist.v"


def script(sources: Sequence[str], board: Board, verilog: bool = False) -> dict[str, str]:
    """What Yosys is told, and what it needs for that; ``verilog``: the netlist as Verilog too."""
    folder = templates.root() / "synth"
    context = {
        "family": FAMILIES[board.dsp], "uram": board.uram > 0, "sources": sorted(sources), "verilog": verilog,
    }  # fmt: skip
    text = templates.environment(folder).get_template("synth.ys.j2").render(context)
    return {"synth.ys": text} | {name: (folder / name).read_text(encoding="utf-8") for name in _MAPS}


def counts_key(yosys: Yosys, part: Part, board: Board) -> str:
    """Under which the counts of a part are kept; a netlist that is written as Verilog too is the same."""
    batch = {"batch.sv.j2": (templates.root() / "synth" / "batch.sv.j2").read_text(encoding="utf-8")}
    return key_of(yosys.version, dict(part.texts) | script([PART], board) | batch)


def mapped(
    yosys: Yosys, batch: Mapping[str, Part], board: Board, timeout: float, folder: Path, *, verilog: bool = False
) -> dict[str, str]:
    """Map the parts of ``batch``, by key, in ``folder``; the names of their modules in the netlist left there.

    Raises:
        IsobitError: E618 when Yosys refuses a part or does not end, with the names of the parts.
    """
    names = {key: f"part_{key[:24]}" for key in batch}
    texts: dict[str, str] = {}
    for key, part in batch.items():
        texts |= part.named(names[key])
    tops = templates.environment(templates.root() / "synth").get_template("batch.sv.j2")
    texts["isobit_batch.sv"] = tops.render(names=list(names.values()))
    texts |= script([name for name in texts if name.endswith(".sv")], board, verilog)
    write_files(folder, {name: text.encode("utf-8") for name, text in texts.items()})
    try:
        yosys.run("synth.ys", folder, timeout)
    except IsobitError as error:
        where = ", ".join(part.name for part in batch.values())
        raise IsobitError(error.code, error.message, where=printable(where, 200), hint=error.hint) from error
    return names


def read_netlist(folder: Path) -> dict[str, Any]:
    """What Yosys left in ``folder``.

    Raises:
        IsobitError: E618 where that is nothing, or no netlist.
    """
    try:
        found = json.loads((folder / NETLIST).read_bytes())
    except (OSError, ValueError) as error:
        raise IsobitError("E618", f"Yosys left no netlist: {printable(error)}") from error
    if not isinstance(found, dict) or not isinstance(found.get("modules"), dict):
        raise IsobitError("E618", "what Yosys left is no netlist")
    return found
