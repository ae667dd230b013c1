"""What the FIFOs of a build take for either goal and how fast they let it run, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from isobit.check.csim.clocks import FifoChoice


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
