"""The processes of a design with the schedules they declare, and the streams between them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from isobit.backends.dataflow.catalogue import schedule_of
from isobit.backends.dataflow.design import Design

Times = NDArray[np.int64]

MIN_DEPTH = 2
RESTART = 2  # clocks between a frame's last write and the next frame's first iteration


class Network:
    """The processes of a design with their schedules and the streams between them, AXI ports and flags left out."""

    def __init__(self, design: Design, *, flushing: bool = False) -> None:
        self.processes = design.processes
        self.schedules = {p.name: schedule_of(p) for p in design.processes}
        self.flushing = flushing
        inner = {s.name for s in design.streams}
        self.inputs = {p.name: self._ports(p.inputs, self.schedules[p.name].reads, inner) for p in design.processes}
        self.outputs = {p.name: self._ports(p.outputs, self.schedules[p.name].writes, inner) for p in design.processes}
        self.phases = {
            p.name: dict(zip((*p.inputs, *p.outputs), self.schedules[p.name].phases, strict=True))
            for p in design.processes
        }
        self.reader = {s: p.name for p in design.processes for s in self.inputs[p.name]}
        self.writer = {s: p.name for p in design.processes for s in self.outputs[p.name]}

    @staticmethod
    def _ports(names: Iterable[str], iterations: tuple[Times, ...], inner: set[str]) -> dict[str, Times]:
        return {name: t for name, t in zip(names, iterations, strict=True) if name in inner}

    def hold(self, name: str) -> int:
        """How many iterations later a result leaves."""
        return 0 if self.flushing else self.schedules[name].latency

    def pause(self, name: str) -> int:
        """Clocks from a frame's last iteration to the next frame's first one."""
        return self.schedules[name].latency + RESTART

    def busy(self, name: str) -> int:
        """Clocks a process needs for a frame at least."""
        return self.schedules[name].trip + self.pause(name)
