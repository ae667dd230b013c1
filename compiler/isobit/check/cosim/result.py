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
class LayerTimes:
    """A layer's clocks.

    ``busy``, ``declared_latency``: iterations a frame, and clocks from the design's first word in to the layer's last
    one, as declared; ``interval``, ``latency`` as measured: the longest between frames of the second half (0 with fewer
    than three; in front of the slowest layer it is less than the design's while FIFOs fill up), and of the first frame.
    """

    layer: str
    busy: int
    declared_latency: int
    interval: int
    latency: int


@dataclass(frozen=True)
class CosimResult:
    """The third verdict.

    ``outputs``, ``mismatches``: output integers compared and differing; ``mismatch`` the first of them, in its layer.
    ``interval``, ``latency``: clocks from frame to frame in steady state (0 with one frame) and from a frame's first
    word in to its last word out, as measured; ``declared`` the interval that the modules' schedules make, and
    ``declared_latency`` their latency, where FIFOs are deep enough for that interval.
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
    layers: tuple[LayerTimes, ...]
    declared_latency: int
    compile_seconds: float
    run_seconds: float

    @property
    def equal(self) -> bool:
        """Every integer is the graph's and, without stalls, the interval is the declared one."""
        kept = self.stalled or not self.interval or self.interval == self.declared
        return self.mismatches == 0 and kept
