"""What synthesis found, part by part, beside the estimate."""

from __future__ import annotations

from dataclasses import dataclass

from isobit.check.synth.netlist import Counts
from isobit.hardware import Cost


@dataclass(frozen=True)
class SynthRow:
    """A unit or a FIFO: its name in the design, its template (``fifo`` for a FIFO), the layer that it makes or "", its
    estimate, which plumbing between layers does not have, and what Yosys mapped it to."""

    name: str
    template: str
    layer: str
    estimate: Cost | None
    counts: Counts


@dataclass(frozen=True)
class SynthResult:
    """``family`` as Yosys calls it; ``layer`` where one was asked for; ``rows`` in the order of the design."""

    family: str
    layer: str | None
    rows: tuple[SynthRow, ...]

    @property
    def units(self) -> tuple[SynthRow, ...]:
        """All but the FIFOs."""
        return tuple(r for r in self.rows if r.template != "fifo")

    @property
    def fifos(self) -> tuple[SynthRow, ...]:
        return tuple(r for r in self.rows if r.template == "fifo")

    @property
    def total(self) -> Counts:
        """Of all rows; ``depth`` is the deepest one's."""
        return counts_of(self.rows)

    @property
    def estimate(self) -> Cost:
        """Of all rows that have one."""
        return estimate_of(self.rows)


def counts_of(rows: tuple[SynthRow, ...]) -> Counts:
    """The sum."""
    return sum((r.counts for r in rows), Counts())


def estimate_of(rows: tuple[SynthRow, ...]) -> Cost:
    """The sum of those that have one."""
    return sum((r.estimate for r in rows if r.estimate is not None), Cost())


def ratio(found: int, estimate: int) -> float | None:
    """What was found over the estimate; None without an estimate."""
    return found / estimate if estimate else None
