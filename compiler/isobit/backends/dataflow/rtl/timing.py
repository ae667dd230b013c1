"""The clocks of a design's RTL: the iterations that the templates declare, without a gap from frame to frame."""

from __future__ import annotations

from isobit.backends.dataflow.design import Design
from isobit.backends.dataflow.catalogue import schedule_of


def rtl_interval(design: Design) -> int:
    """Clocks from frame to frame: the longest loop of any process. A unit's next frame follows its last at once."""
    return max(schedule_of(process).trip for process in design.processes)
