"""The processes of a design with the schedules they declare, and the streams between them."""

from __future__ import annotations

from collections.abc import Iterable, Set

from isobit.backends.dataflow.catalogue import schedule_of
from isobit.backends.dataflow.design import Design, Process
from isobit.backends.dataflow.schedule import Port

MIN_DEPTH = 2


class Network:
    """The processes of a design with their schedules and the streams between them, AXI ports and flags left out.

    ``lead``: clocks by which a process that begins with words of its own is ahead of the design's very first word.
    """

    lead = 0

    def __init__(self, design: Design) -> None:
        self.processes = design.processes
        self._ends = {"", *(port.node for port in design.ports)}
        self.schedules = {p.name: schedule_of(p) for p in design.processes}
        self.bits = {s.name: s.bits for s in design.streams}
        inner = self.bits.keys()
        self.inputs = {p.name: self._ports(p.inputs, self.schedules[p.name].reads, inner) for p in design.processes}
        self.outputs = {p.name: self._ports(p.outputs, self.schedules[p.name].writes, inner) for p in design.processes}
        self.reader = {s: p.name for p in design.processes for s in self.inputs[p.name]}
        self.writer = {s: p.name for p in design.processes for s in self.outputs[p.name]}

    @staticmethod
    def _ports(names: Iterable[str], ports: tuple[Port, ...], inner: Set[str]) -> dict[str, Port]:
        return {name: port for name, port in zip(names, ports, strict=True) if name in inner}

    def passes_on(self, name: str) -> bool:
        """Does it read one stream and write one of no more bits, a word of either in every iteration?"""
        sides = [*self.inputs[name].items(), *self.outputs[name].items()]
        if len(self.inputs[name]) != 1 or len(sides) != 2:
            return False
        (source, reads), (behind, writes) = sides
        busier = max(len(reads), len(writes)) == self.schedules[name].trip
        return busier and len(writes) * self.bits[behind] <= len(reads) * self.bits[source]

    def busy(self, name: str) -> int:
        """Clocks of a frame: the next one's first iteration follows its last one at once."""
        return self.schedules[name].trip

    @property
    def interval(self) -> int:
        """Clocks from frame to frame: those of the slowest process."""
        return max(map(self.busy, self.schedules))

    @property
    def slowest(self) -> Process:
        """A process that sets the interval: a layer's before a port's or one between layers that is as slow."""
        return max(self.processes, key=lambda p: (self.busy(p.name), p.node not in self._ends))
