"""``isobit synth``: every unit and FIFO of a build's RTL through Yosys, each distinct one once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from isobit.backends.dataflow.catalogue.cost import fifo
from isobit.backends.dataflow.fifo_figures import between
from isobit.backends.dataflow.rtl import Part
from isobit.build.folder import Build
from isobit.check.synth.kept import keep, kept
from isobit.check.synth.mapping import FAMILIES, counts_key, mapped, read_netlist
from isobit.check.synth.netlist import Counts, counts
from isobit.check.synth.parts import asked_parts
from isobit.check.synth.result import SynthResult, SynthRow
from isobit.check.synth.yosys import Yosys, find_yosys
from isobit.hardware import Board, Cost

DEFAULT_TIMEOUT = 1800.0
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
    (design, parts), board = asked_parts(build, layer), build.manifest.board
    found = _all(parts, board, jobs or os.cpu_count() or 1, timeout, progress)
    others = {s.name: fifo(s.depth, s.bits, board) for s in design.streams}
    others |= dict.fromkeys(design.flags, fifo(design.flag_depth, 1, board))
    others |= {p.name: cost for p in design.processes if (cost := between(p)) is not None}
    rows = tuple(SynthRow(p.name, p.template, p.node, _estimate(p, build, others), c) for p, c in found)
    return SynthResult(FAMILIES[board.dsp], layer, rows)


def _estimate(part: Part, build: Build, others: Mapping[str, Cost]) -> Cost | None:
    """The estimate of a layer, or of what lies between layers (``others``); None of what has no line of its own."""
    layer = build.manifest.project.layers.get(part.node) if part.node else None
    if layer is not None:
        return layer.cost.cost
    return others.get(part.name)


def _all(
    parts: tuple[Part, ...], board: Board, jobs: int, timeout: float, progress: Callable[[str], None]
) -> list[tuple[Part, Counts]]:  # fmt: skip
    """The counts of every part, in order; what was kept is not done again."""
    yosys = find_yosys()
    keys = [counts_key(yosys, p, board) for p in parts]
    results = {key: found for key in keys if (found := kept(key)) is not None}
    todo = [(key, part) for key, part in dict(zip(keys, parts, strict=True)).items() if key not in results]
    batches = [dict(todo[i : i + BATCH]) for i in range(0, len(todo), BATCH)]
    with ThreadPoolExecutor(max_workers=max(min(jobs, len(batches)), 1)) as pool:
        runs = [pool.submit(map_parts, yosys, batch, board, timeout) for batch in batches]
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


def map_parts(yosys: Yosys, batch: Mapping[str, Part], board: Board, timeout: float) -> dict[str, Counts]:
    """Some parts through one run of Yosys, each a module of its own; by key."""
    with tempfile.TemporaryDirectory(prefix="isobit-synth-") as scratch:
        names = mapped(yosys, batch, board, timeout, Path(scratch))
        netlist = read_netlist(Path(scratch))
    return {key: counts(netlist, name) for key, name in names.items()}
