"""``isobit synth``: every unit and FIFO of a build's RTL through Yosys, each distinct one once."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from isobit import templates
from isobit.backends.dataflow.rtl import PART, Part, parts_of
from isobit.build.files import write_files
from isobit.build.folder import Build
from isobit.check.cosim.sources import rtl_sources
from isobit.check.synth.kept import keep, kept, key_of
from isobit.check.synth.netlist import Counts, counts
from isobit.check.synth.result import SynthResult, SynthRow
from isobit.check.synth.yosys import Yosys, find_yosys
from isobit.errors import IsobitError, did_you_mean, printable
from isobit.hardware import Board, Cost, ram

DEFAULT_TIMEOUT = 1800.0
FAMILIES = {"DSP48E1": "xc7", "DSP48E2": "xcup"}
"""What Yosys calls the family of a board with such DSP blocks."""
BATCH = 6
"""Parts in a run of Yosys: its own start costs as much as a few small ones."""


def synth(
    build: Build, layer: str | None = None, *, jobs: int = 0, timeout: float = DEFAULT_TIMEOUT,
    progress: Callable[[str], None] = lambda _: None,
) -> SynthResult:  # fmt: skip
    """Map the RTL of ``build`` to the cells of its board's family, part by part.

    Args:
        layer: only what makes this value of the graph.
        jobs: runs of Yosys side by side; 0 for one a processor.
        timeout: seconds for a run, of several parts.

    Raises:
        IsobitError: E609 for a layer that has no hardware, E509 for a build without a dataflow design, E617 without
            Yosys, E618 when it refuses a part or does not end.
    """
    (design, texts), board = rtl_sources(build), build.manifest.board
    parts = parts_of(design, board, texts)
    if layer is not None:
        known = sorted({p.node for p in parts if p.node})
        parts = tuple(p for p in parts if p.node == layer)
        if not parts:
            hint = did_you_mean(layer, known)
            raise IsobitError("E609", f"{printable(layer)!r} has no hardware of its own", hint=hint)
    found = _all(parts, board, jobs or os.cpu_count() or 1, timeout, progress)
    fifos = {s.name: ram(s.depth, s.bits, board) for s in design.streams}
    rows = tuple(SynthRow(p.name, p.template, p.node, _estimate(p, build, fifos), c) for p, c in found)
    return SynthResult(FAMILIES[board.dsp], layer, rows)


def _estimate(part: Part, build: Build, fifos: Mapping[str, Cost]) -> Cost | None:
    """The estimate of a layer or a stream; None of what the estimate has no line for."""
    layer = build.manifest.project.layers.get(part.node) if part.node else None
    if layer is not None:
        return Cost(layer.cost.lut, layer.cost.dsp, layer.cost.bram36, layer.cost.uram)
    return fifos.get(part.name) if part.template == "fifo" else None


def _all(
    parts: tuple[Part, ...], board: Board, jobs: int, timeout: float, progress: Callable[[str], None]
) -> list[tuple[Part, Counts]]:  # fmt: skip
    """The counts of every part, in order; what was kept is not done again."""
    yosys = find_yosys()
    batch = {"batch.sv.j2": (templates.root() / "synth" / "batch.sv.j2").read_text(encoding="utf-8")}
    keys = [key_of(yosys.version, dict(p.texts) | _script([PART], board) | batch) for p in parts]
    results = {key: found for key in keys if (found := kept(key)) is not None}
    todo = [(key, part) for key, part in dict(zip(keys, parts, strict=True)).items() if key not in results]
    batches = [dict(todo[i : i + BATCH]) for i in range(0, len(todo), BATCH)]
    with ThreadPoolExecutor(max_workers=max(min(jobs, len(batches)), 1)) as pool:
        runs = [pool.submit(_mapped, yosys, batch, board, timeout) for batch in batches]
        try:
            if todo:
                progress(f"synthesis of {len(todo)} parts; the first start of Yosys takes a minute")
            for run in as_completed(runs):
                for key, found in run.result().items():
                    keep(key, found)
                    results[key] = found
                progress(f"synthesis: {len(results)} of {len(set(keys))} parts")
        finally:
            yosys.stop()
            pool.shutdown(cancel_futures=True)
    return [(part, results[key]) for part, key in zip(parts, keys, strict=True)]


def _script(sources: Sequence[str], board: Board) -> dict[str, str]:
    """What Yosys is told, and what it needs for that."""
    folder = templates.root() / "synth"
    context = {"family": FAMILIES[board.dsp], "uram": board.uram > 0, "sources": sorted(sources)}
    script = templates.environment(folder).get_template("synth.ys.j2").render(context)
    return {"synth.ys": script, "selection.v": (folder / "selection.v").read_text(encoding="utf-8")}


def _mapped(yosys: Yosys, batch: Mapping[str, Part], board: Board, timeout: float) -> dict[str, Counts]:
    """Some parts through one run of Yosys, each a module of its own; by key."""
    names = {key: f"part_{key[:24]}" for key in batch}
    texts: dict[str, str] = {}
    for key, part in batch.items():
        texts |= part.named(names[key])
    tops = templates.environment(templates.root() / "synth").get_template("batch.sv.j2")
    texts["isobit_batch.sv"] = tops.render(names=list(names.values()))
    texts |= _script([name for name in texts if name.endswith(".sv")], board)
    with tempfile.TemporaryDirectory(prefix="isobit-synth-") as scratch:
        folder = Path(scratch)
        write_files(folder, {name: text.encode("utf-8") for name, text in texts.items()})
        try:
            yosys.run("synth.ys", folder, timeout)
        except IsobitError as error:
            where = ", ".join(part.name for part in batch.values())
            raise IsobitError(error.code, error.message, where=printable(where, 200), hint=error.hint) from error
        netlist = _netlist(folder / "netlist.json")
    return {key: counts(netlist, name) for key, name in names.items()}


def _netlist(path: Path) -> dict[str, Any]:
    """What Yosys left.

    Raises:
        IsobitError: E618 where that is nothing, or no netlist.
    """
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise IsobitError("E618", f"Yosys left no netlist: {printable(error)}") from error
    if not isinstance(found, dict) or not isinstance(found.get("modules"), dict):
        raise IsobitError("E618", "what Yosys left is no netlist")
    return found
