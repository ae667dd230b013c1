"""What the FIFOs of a build take for either goal, in lines of text, and how fast they let it run, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table

from isobit.check.csim.clocks import FifoChoice

_SHOWN = 3


def fifo_lines(record: Mapping[str, Any]) -> list[str]:
    """The manifest's ``fifos``: a line per goal, the taken one marked, and the FIFOs that the user made shallower."""
    lines = [_goal(record, "throughput", "full speed"), _goal(record, "least", "free of deadlock, may be slower")]
    shallow = [f"{name} ({depth} of {planned})" for name, (depth, planned) in record["shallow"].items()]
    if shallow:
        more = f" and {len(shallow) - _SHOWN} more" if len(shallow) > _SHOWN else ""
        lines.append(f"shallower than planned: {', '.join(shallow[:_SHOWN])}{more}")
        lines.append("  isobit csim --bounded tells whether it can run")
    return lines


def _goal(record: Mapping[str, Any], goal: str, what: str) -> str:
    figures = record[goal]
    blocks = f"{figures['bram36']} BRAM36" + (f", {figures['uram']} URAM" if figures["uram"] else "")
    taken = ", taken" if record["goal"] == goal else ""
    return f"FIFOs for {goal} ({what}{taken}): {figures['bits']:,} bits, {figures['lut']} LUT, {blocks}"


def fifo_table(choices: Sequence[FifoChoice], clock_mhz: float) -> Table:
    """A line per choice of depths: memory, and how fast the design runs with it."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("FIFOs")
    for column in ("bits", "LUT", "BRAM36", "URAM", "clocks a frame", "frames/s"):
        table.add_column(column, justify="right", no_wrap=True)
    for choice in choices:
        cost, clocks = choice.cost, choice.clocks
        speed = (f"{clocks:,}", f"{clock_mhz * 1e6 / clocks:,.0f}") if clocks else ("locks up", "-")
        table.add_row(choice.name, f"{choice.bits:,}", str(cost.lut), str(cost.bram36), str(cost.uram), *speed)
    return table
