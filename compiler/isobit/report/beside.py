"""A vendor's report beside the estimate of a build: what differs, by how much, and a user's own calibration file.

The estimate is of what Vivado places. ``csynth`` counts LUTs before logic optimisation and typically shows about twice
as many, so of it the factor is told and no verdict.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from isobit.backends.base import CostRecord
from isobit.build.folder import Build
from isobit.errors import IsobitError, middle_cut, printable
from isobit.report.tables import lined_table
from isobit.report.vendor import Used, VendorReport

RESOURCES = (("LUT", "lut"), ("FF", "ff"), ("DSP", "dsp"), ("BRAM36", "bram36"), ("URAM", "uram"))
COLUMNS = (
    "graph", "part", "stage", "tool", "clock_ns", "interval",
    *(f"{name}_{side}" for name, _ in RESOURCES for side in ("estimated", "reported")),
)  # fmt: skip
_NAME = 30


@dataclass(frozen=True)
class Pair:
    """One quantity of a build or layer: the estimate (None: it has none) and what the report says."""

    name: str
    estimated: float | None
    reported: float

    @property
    def factor(self) -> float | None:
        """Reported over estimated."""
        return self.reported / self.estimated if self.estimated else None


@dataclass(frozen=True)
class Beside:
    """A build and a report of it: the whole, the layers whose modules the report names, and what differs in words."""

    report: VendorReport
    whole: tuple[Pair, ...]
    layers: Mapping[str, tuple[Pair, ...]]
    differences: tuple[str, ...]


def beside(build: Build, report: VendorReport) -> Beside:
    """``report`` beside the estimate of ``build``."""
    estimate = build.manifest.estimate
    whole = _pairs(estimate, report.used)
    layers = {}
    for name, record in build.manifest.project.layers.items():
        module = module_of(name, report.parts)
        if module is not None:
            layers[name] = _pairs(record.cost, report.parts[module])
    return Beside(report, whole, layers, tuple(_differences(build, report, whole)))


def module_of(layer: str, modules: Mapping[str, Used]) -> str | None:
    """The module that a template's call with the configuration ``cfg_<layer>`` became, if the report has one.

    HLS names a function template after its arguments: ``dense_cfg_fc1_s`` for ``isobit::dense<cfg_fc1>``, or an
    instance of it ``dense_cfg_fc1_U0``; what a name has behind the configuration is no letter of another one. A process
    of one iteration a frame is the function ``run_fc1``.
    """
    parts = ((m, m.partition(mark)) for m in modules for mark in (f"cfg_{layer}", f"run_{layer}"))
    found = [m for m, (_, mark, rest) in parts if mark and _ends(rest)]
    return min(found, key=lambda m: (len(m), m), default=None)


def _ends(rest: str) -> bool:
    return rest in ("", "_s", "_U0") or rest.startswith(("_s_", "_U0_")) or not (rest[0].isalnum() or rest[0] == "_")


def _pairs(estimate: CostRecord, used: Used) -> tuple[Pair, ...]:
    return tuple(Pair(name, getattr(estimate, key, None), float(getattr(used, key))) for name, key in RESOURCES)


def _differences(build: Build, report: VendorReport, whole: Sequence[Pair]) -> Iterator[str]:
    """What is not as planned, in words, the whole before the resources."""
    board, estimate = build.manifest.board, build.manifest.estimate
    if report.part and not _same_part(report.part, board.part):
        yield f"it is of part {report.part}, the build is for {board.part}"
    period = 1000 / board.clock_mhz
    if report.clock_ns and round(report.clock_ns, 3) != round(period, 3):
        yield f"it was asked for a period of {report.clock_ns:g} ns, the build for {period:g} ns"
    if report.clock_ns and report.reached_ns > report.clock_ns:
        yield f"the period of {report.clock_ns:g} ns is not reached: {report.reached_ns:g} ns are estimated"
    if report.interval and report.interval != estimate.interval:
        yield f"a frame takes {report.interval:,} clocks, {estimate.interval:,} by the declared schedules"
    if report.latency and report.latency != estimate.latency:
        yield f"the latency is {report.latency:,} clocks, {estimate.latency:,} by the declared schedules"
    for pair in whole:
        if pair.estimated is not None and pair.reported != pair.estimated:
            factor = f", {pair.factor:.2f} times the estimate" if pair.factor is not None else ""
            yield f"{pair.reported:.15g} {pair.name} where {pair.estimated:,} were estimated{factor}"


def _same_part(first: str, second: str) -> bool:
    """The tools leave out hyphens, and some reports the temperature grade at the end."""
    a, b = (part.replace("-", "").lower() for part in (first, second))
    return a.startswith(b) or b.startswith(a)


def beside_table(found: Beside) -> RenderableType:
    """The verdict first, then the whole and the layers that were found."""
    what = {"csynth": "HLS' estimate before synthesis: about twice the LUTs that Vivado keeps",
            "synthesised": "Vivado after synthesis", "placed": "Vivado after placement"}  # fmt: skip
    report = found.report
    lines = [f"{report.tool}: {what[report.stage]}", *found.differences]
    if not found.differences:
        lines.append("nothing differs from the estimate")
    table = lined_table("", ("", "resource"), ("estimate", "report", "factor"))
    for name, pairs in (("whole design", found.whole), *found.layers.items()):
        for i, pair in enumerate(p for p in pairs if p.reported or p.estimated):
            shown = "-" if pair.estimated is None else f"{pair.estimated:,}"
            factor = "-" if pair.factor is None else f"{pair.factor:.2f}"
            table.add_row("" if i else middle_cut(name, _NAME), pair.name, shown, f"{pair.reported:,.15g}", factor)
    return Group(*(Text(line) for line in lines), table)


def add_point(path: Path, build: Build, found: Beside) -> dict[str, tuple[int, float, float, float]]:
    """Add the build's point to a user's calibration file, in the place of an earlier one of the same graph and stage.

    Returns:
        For every resource with an estimate how many points the file has, and the least, median and greatest factor of
        reported over estimated, of this report's stage.

    Raises:
        IsobitError: E620 where the file is none of ours.
    """
    rows = _points(path)
    pairs = {p.name: p for p in found.whole}
    row = {
        "graph": build.graph.digest[:16], "part": build.manifest.board.part, "stage": found.report.stage,
        "tool": found.report.tool, "clock_ns": f"{found.report.clock_ns:g}",
        "interval": str(build.manifest.estimate.interval),
    }  # fmt: skip
    for name, pair in pairs.items():
        row[f"{name}_estimated"] = "" if pair.estimated is None else str(pair.estimated)
        row[f"{name}_reported"] = f"{pair.reported:.15g}"
    key = ("graph", "part", "stage", "interval")
    rows = [r for r in rows if any(r[k] != row[k] for k in key)] + [row]
    text = "\n".join("\t".join(r[c] for c in COLUMNS) for r in ({c: c for c in COLUMNS}, *rows))
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
    return factors([r for r in rows if r["stage"] == found.report.stage])


def spread_lines(spread: Mapping[str, tuple[int, float, float, float]]) -> list[str]:
    """How far the points of a calibration file lie from their estimates, a line per resource."""
    return [
        f"{name}: {count} point{'s' * (count > 1)}, {median:.2f} times the estimate, from {least:.2f} to {most:.2f}"
        for name, (count, least, median, most) in spread.items()
    ]


def beside_json(found: Beside, spread: Mapping[str, tuple[int, float, float, float]]) -> dict[str, Any]:
    """Everything that the table shows, as plain values."""
    report = found.report

    def plain(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
        return [{"name": p.name, "estimated": p.estimated, "reported": p.reported, "factor": p.factor} for p in pairs]

    return {
        "tool": report.tool, "part": report.part, "stage": report.stage, "differences": list(found.differences),
        "whole": plain(found.whole), "layers": {name: plain(pairs) for name, pairs in found.layers.items()},
        "calibration": {name: list(values) for name, values in spread.items()},
    }  # fmt: skip


def factors(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[int, float, float, float]]:
    """Points, least, median and greatest factor of every resource that was estimated above 0."""
    spread = {}
    for name, _ in RESOURCES:
        both = [(r[f"{name}_reported"], r[f"{name}_estimated"]) for r in rows]
        found = sorted(float(a) / float(b) for a, b in both if b not in ("", "0"))
        if found:
            spread[name] = (len(found), found[0], statistics.median(found), found[-1])
    return spread


def _points(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    try:
        head, *lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()] or [[]]
    except (OSError, UnicodeDecodeError) as error:
        raise IsobitError("E620", printable(error), where=printable(path)) from error
    hint = "give a new name, or a file that --calibration wrote"
    try:
        if tuple(head) != COLUMNS:
            raise ValueError("other columns")
        rows = [dict(zip(COLUMNS, line, strict=True)) for line in lines]
        factors(rows)
    except (ValueError, ArithmeticError) as error:
        raise IsobitError("E620", "it is no calibration file of isobit", where=printable(path), hint=hint) from error
    return rows
