"""What a clock-by-clock simulation of a design's RTL found."""

from __future__ import annotations

from dataclasses import dataclass

from isobit.check.csim.compare import Mismatch


@dataclass(frozen=True)
class FifoLevel:
    """A stream's planned depth and the most words it held, both in words."""

    stream: str
    depth: int
    highest: int


@dataclass(frozen=True)
class CosimResult:
    """The third verdict.

    ``outputs``, ``mismatches``: output integers compared and differing; ``mismatch`` the first of them, in its layer.
    ``interval``, ``latency``: clocks from frame to frame in steady state (0 with one frame) and from a frame's first
    word in to its last word out, as measured; ``declared`` the interval that the modules' schedules make.
    ``stalled``: ran with random gaps and waits, which the clocks then include.
    """

    frames: int
    outputs: int
    mismatches: int
    mismatch: Mismatch | None
    declared: int
    interval: int
    latency: int
    stalled: bool
    levels: tuple[FifoLevel, ...]
    compile_seconds: float
    run_seconds: float

    @property
    def equal(self) -> bool:
        """Every integer is the graph's and, without stalls, the interval is the declared one."""
        kept = self.stalled or not self.interval or self.interval == self.declared
        return self.mismatches == 0 and kept
