"""The third verdict for the terminal."""

from __future__ import annotations

from rich import box
from rich.markup import escape
from rich.table import Table

from isobit.check.cosim.result import CosimResult


def cosim_lines(result: CosimResult, *, wide: bool = False) -> list[str | Table]:
    """What was compared, the clocks of every layer as declared and as measured; ``wide``: every FIFO's level too."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), title="RTL = graph", title_justify="left")
    for column in ("frames", "outputs", "mismatches", "compile s", "run s"):
        table.add_column(column, justify="right", no_wrap=True)
    seconds = f"{result.compile_seconds:.1f}", f"{result.run_seconds:.2f}"
    table.add_row(f"{result.frames:,}", f"{result.outputs:,}", f"{result.mismatches:,}", *seconds)
    lines: list[str | Table] = [table]
    if result.mismatch is not None:
        lines.append(f"first: {escape(str(result.mismatch))}")
    lines.append(_clocks(result))
    lines += ["with random gaps on the inputs and waits on the outputs"] if result.stalled else []
    full = [f for f in result.levels if f.highest == f.depth]
    lines.append(f"FIFOs: {len(full)} of {len(result.levels)} were full at some time")
    lines += [_fifos(result)] if wide else []
    lines.append("EQUAL" if result.equal else "NOT EQUAL")
    return lines


def _clocks(result: CosimResult) -> Table:
    """Measured beside declared: a layer keeps up where its own loop is no longer than the design's interval."""
    table = _table("layer", "interval", "declared", "latency", "declared")
    for one in result.layers:
        times = f"{one.busy:,} or more", f"{one.latency:,}", f"{one.declared_latency:,}"
        table.add_row(escape(one.layer), f"{one.interval:,}" if one.interval else "", *times)
    table.add_section()
    whole = f"{result.declared:,}", f"{result.latency:,}", f"{result.declared_latency:,}"
    table.add_row("whole", f"{result.interval:,}" if result.interval else "", *whole)
    return table


def _fifos(result: CosimResult) -> Table:
    table = _table("FIFO", "depth", "highest")
    for level in result.levels:
        table.add_row(level.stream, f"{level.depth:,}", f"{level.highest:,}")
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first, no_wrap=True)
    for column in others:
        table.add_column(column, justify="right", no_wrap=True)
    return table
