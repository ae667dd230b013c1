"""The clocks of a design's RTL, and the FIFOs that they need.

The modules' loops are the templates' loops, iteration by iteration, so the interval is the same. One thing differs from
what Vitis makes of the C++: a module's latency is known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from isobit.backends.dataflow.design import Design
from isobit.backends.dataflow.fifo import size_fifos
from isobit.backends.dataflow.network import Network
from isobit.backends.dataflow.rtl.units import RTL_UNITS
from isobit.backends.dataflow.timed import timing


class RtlNetwork(Network):
    """The processes of a design with the clocks of their modules.

    A FIFO takes words from the clock behind reset on, a unit writes its border in the clock before.
    """

    lead = 1

    def __init__(self, design: Design) -> None:
        super().__init__(design)
        for process in design.processes:
            constants = {key: int(value) for key, value in process.constants if not isinstance(value, str)}
            latency = int(RTL_UNITS[process.template].latency(constants))
            self.schedules[process.name] = replace(self.schedules[process.name], latency=latency)


def rtl_design(design: Design) -> Design:
    """``design`` with the FIFOs, the interval and the latency of its RTL; depths that the user chose stay."""
    fixed = {s.name: s.depth for s in design.streams if s.depth != getattr(s, design.goal)}
    return size_fifos(design, design.goal, fixed=fixed, network=RtlNetwork(design))


@dataclass(frozen=True)
class LayerClocks:
    """What a layer's unit declares: iterations a frame, and clocks from the design's first word to its own last one."""

    busy: int
    latency: int


def layer_clocks(design: Design) -> dict[str, LayerClocks]:
    """By graph value, in the order of the processes; ``design`` has the FIFOs of its RTL."""
    network = RtlNetwork(design)
    ends = timing(network).ends
    return {p.node: LayerClocks(network.schedules[p.name].trip, ends[p.outputs[0]]) for p in design.processes if p.node}
