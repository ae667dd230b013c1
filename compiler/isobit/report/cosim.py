"""The third verdict for the terminal."""

from __future__ import annotations

from rich import box
from rich.markup import escape
from rich.table import Table

from isobit.check.cosim.result import CosimResult


def cosim_lines(result: CosimResult) -> list[str | Table]:
    """What was compared, the clocks, and the fullest FIFOs."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), title="RTL = graph", title_justify="left")
    for column in ("frames", "outputs", "mismatches", "compile s", "run s"):
        table.add_column(column, justify="right", no_wrap=True)
    seconds = f"{result.compile_seconds:.1f}", f"{result.run_seconds:.2f}"
    table.add_row(f"{result.frames:,}", f"{result.outputs:,}", f"{result.mismatches:,}", *seconds)
    lines: list[str | Table] = [table]
    if result.mismatch is not None:
        lines.append(f"first: {escape(str(result.mismatch))}")
    if result.interval:
        what = "with gaps and waits" if result.stalled else f"declared {result.declared:,}"
        lines.append(f"interval {result.interval:,} clocks ({what}), latency {result.latency:,}")
    full = [f for f in result.levels if f.highest == f.depth]
    lines.append(f"FIFOs: {len(full)} of {len(result.levels)} were full at some time")
    lines.append("EQUAL" if result.equal else "NOT EQUAL")
    return lines
