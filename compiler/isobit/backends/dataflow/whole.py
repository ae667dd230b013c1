"""What a whole design takes under a plan, with its FIFOs, ports and what lies between the layers."""

from __future__ import annotations

from isobit.backends.dataflow.catalogue.cost import fifo_at_least
from isobit.backends.dataflow.fifo import size_fifos
from isobit.backends.dataflow.fifo_figures import converter_cost, fifo_cost
from isobit.backends.dataflow.lower import lower
from isobit.backends.dataflow.network import Network
from isobit.backends.dataflow.planner import Plan, PlanRequest
from isobit.backends.dataflow.planner.search import Keeps, Whole
from isobit.hardware import Cost
from isobit.ir import Graph


def whole_design(graph: Graph, plan: Plan, request: PlanRequest, keeps: Keeps | None = None) -> Whole:
    """The interval, the cost, the slowest process and the latency of the design that ``plan`` makes of ``graph``.

    Where ``keeps`` refuses what the design takes with FIFOs of any depth, they are not sized: the cost is that.

    Raises:
        IsobitError: E504 for an operation or an arrangement that no template covers.
    """
    design = lower(graph, plan)
    network, around = Network(design), plan.cost + converter_cost(design)
    slowest = network.slowest.node or network.slowest.name
    at_least = around + sum((fifo_at_least(s.bits) for s in design.streams), Cost())
    if keeps is not None and not keeps(at_least):
        return Whole(network.interval, at_least, slowest)
    streams = {s.name for s in design.streams}
    depths = {name: depth for name, depth in request.depths_of(plan).items() if name in streams}
    sized = size_fifos(design, request.fifos, fixed=depths, network=network)
    return Whole(sized.interval, around + fifo_cost(sized, plan.board), slowest, sized.latency)
