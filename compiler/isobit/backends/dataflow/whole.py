"""What a whole design takes under a plan, with its FIFOs, ports and what lies between the layers."""

from __future__ import annotations

from isobit.backends.dataflow.fifo import size_fifos
from isobit.backends.dataflow.fifo_figures import converter_cost, fifo_cost
from isobit.backends.dataflow.lower import lower
from isobit.backends.dataflow.network import Network
from isobit.backends.dataflow.planner import Plan, PlanRequest
from isobit.backends.dataflow.planner.search import Whole
from isobit.ir import Graph


def whole_design(graph: Graph, plan: Plan, request: PlanRequest) -> Whole:
    """The interval, the cost, the slowest process and the latency of the design that ``plan`` makes of ``graph``.

    Raises:
        IsobitError: E504 for an operation or an arrangement that no template covers.
    """
    design = lower(graph, plan)
    streams = {s.name for s in design.streams}
    depths = {name: depth for name, depth in request.depths_of(plan).items() if name in streams}
    sized = size_fifos(design, request.fifos, fixed=depths)
    slowest = Network(design).slowest
    cost = plan.cost + fifo_cost(sized, plan.board) + converter_cost(sized)
    return Whole(sized.interval, cost, slowest.node or slowest.name, sized.latency)
