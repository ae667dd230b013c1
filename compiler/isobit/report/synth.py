"""What synthesis found, for the terminal and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from isobit.backends.base import CostRecord
from isobit.check.synth.datapaths import DatapathProof
from isobit.check.synth.equal import PartVerdict
from isobit.check.synth.netlist import Counts
from isobit.check.synth.result import SynthResult, SynthRow, counts_of, estimate_of, ratio
from isobit.hardware import Cost
from isobit.report.tables import named_table

_NUMBERS = ("LUT", "est.", "ratio", "FF", "carry", "DSP", "est.", "BRAM36", "est.", "URAM", "levels")


def synth_lines(result: SynthResult, *, wide: bool = False) -> list[str | Table]:
    """A row for each unit, one for all FIFOs, the total, and what the figures are.

    Names are cut to fit 80 columns, and carry chains and resources that nothing has are left out, unless ``wide``.
    """
    rows = [[row.layer or row.name, row.template, *_cells(row.counts, row.estimate)] for row in result.units]
    if result.fifos:
        rows.append([f"{len(result.fifos)} FIFOs", "", *_cells(counts_of(result.fifos), estimate_of(result.fifos))])
    sums = [["total", "", *_cells(result.total, result.estimate)]] if len(result.rows) > 1 else []
    said = [i for i in range(2, 2 + len(_NUMBERS)) if wide or any(row[i] not in ("", "0") for row in (*rows, *sums))]
    kept = [0, 1, *(i for i in said if wide or _NUMBERS[i - 2] != "carry")]
    head, *lines = ([row[i] for i in kept] for row in (("part", "built as", *_NUMBERS), *rows, *sums))
    table = named_table(head, lines[: len(rows)], lines[len(rows) :], wide=wide)
    return [
        table,
        f"mapped by Yosys for {result.family}: no place and route, LUTs not combined",
        "levels: LUTs and carry chains in a row between registers, at most",
    ]


def _cells(found: Counts, estimate: Cost | None) -> tuple[str, ...]:
    known = estimate is not None
    cost = estimate or Cost()
    share = ratio(found.lut, cost.lut)
    return (
        f"{found.lut:,}", f"{cost.lut:,}" if known else "", f"{share:.2f}" if share is not None else "",
        f"{found.ff:,}",
        f"{found.carry:,}", str(found.dsp), str(cost.dsp) if known else "", f"{found.bram36:g}",
        str(cost.bram36) if known else "", str(found.uram), str(found.depth),
    )  # fmt: skip


def synth_json(result: SynthResult, verdicts: tuple[PartVerdict, ...] = ()) -> dict[str, Any]:
    """The same, row by row; what was found of the netlists beside their RTL."""
    return {
        "family": result.family,
        "rows": [_row(row) for row in result.rows],
        "total": asdict(result.total),
        "estimate": CostRecord.of(result.estimate).model_dump(),
        "verified": [asdict(v) | {"equal": v.equal} for v in verdicts],
    }


def _row(row: SynthRow) -> dict[str, Any]:
    estimate = CostRecord.of(row.estimate).model_dump() if row.estimate is not None else None
    return {"name": row.name, "template": row.template, "layer": row.layer, "estimate": estimate} | asdict(row.counts)


def verdict_table(verdicts: tuple[PartVerdict, ...]) -> Table:
    """The parts whose mapped netlist was simulated beside the RTL; the FIFOs in one row."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), title="mapped netlist = RTL")
    for column in ("part", "built as"):
        table.add_column(column, no_wrap=True)
    for column in ("clocks", "words equal"):
        table.add_column(column, justify="right")
    table.add_column("")
    for v in verdicts:
        if v.template != "fifo" or not v.equal:
            said = v.problem or ("equal" if v.words else "nothing was compared")
            table.add_row(escape(v.layer or v.name), v.template, f"{v.clocks:,}", f"{v.words:,}", escape(said))
    fifos = [v for v in verdicts if v.template == "fifo" and v.equal]
    if fifos:
        clocks, words = sum(v.clocks for v in fifos), sum(v.words for v in fifos)
        table.add_row(f"{len(fifos)} FIFOs", "", f"{clocks:,}", f"{words:,}", "equal")
    return table


def datapath_table(proofs: tuple[DatapathProof, ...]) -> Table:
    """The requantizers and products of the RTL: how many channels or claims are proven, and what is not."""
    title = "RTL = staircase or sum, for all inputs"
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), title=title)
    for column in ("layer", "built as"):
        table.add_column(column, no_wrap=True)
    for column in ("claims", "proven", "left"):
        table.add_column(column, justify="right")
    table.add_column("")
    for p in proofs:
        said = escape(p.problem) or ("proven" if not p.left else "not proven: too large, or out of time (--limit)")
        table.add_row(escape(p.layer), p.template, str(p.different), str(p.proven), str(p.left), said)
    return table
