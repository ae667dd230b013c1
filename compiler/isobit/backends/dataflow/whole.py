"""What a whole design takes under a plan, with its FIFOs, ports and what lies between the layers."""

from __future__ import annotations

from dataclasses import replace
from weakref import WeakKeyDictionary

from isobit.backends.dataflow.design import Design
from isobit.backends.dataflow.fifo import size_fifos
from isobit.backends.dataflow.fifo_figures import converter_cost, fifo_cost
from isobit.backends.dataflow.lower import lower
from isobit.backends.dataflow.network import Network
from isobit.backends.dataflow.planner import Plan, PlanRequest
from isobit.backends.dataflow.planner.search import Whole
from isobit.ir import Graph

_LAST: WeakKeyDictionary[Graph, tuple[Plan, PlanRequest, Design]] = WeakKeyDictionary()


def sized_design(graph: Graph, plan: Plan, request: PlanRequest) -> Design:
    """Processes and streams, and the depths of the FIFOs; what ``request`` fixes of other streams counts for nothing.

    The last one of a graph is kept: it is mostly the plan's, which the back end asks for after the planner.

    Raises:
        IsobitError: E504 for an operation or an arrangement that no template covers.
    """
    asked = replace(plan, beyond=""), request
    known = _LAST.get(graph)
    if known is None or known[:2] != asked:
        design = lower(graph, plan)
        streams = {s.name for s in design.streams}
        depths = {name: depth for name, depth in request.depths_of(plan).items() if name in streams}
        known = _LAST[graph] = (*asked, size_fifos(design, request.fifos, fixed=depths))
    return known[2]


def whole_design(graph: Graph, plan: Plan, request: PlanRequest) -> Whole:
    """The interval, the cost, the slowest process and the latency of the design that ``plan`` makes of ``graph``.

    Raises:
        IsobitError: E504 for an operation or an arrangement that no template covers.
    """
    sized = sized_design(graph, plan, request)
    slowest = Network(sized).slowest
    cost = plan.cost + fifo_cost(sized, plan.board) + converter_cost(sized)
    return Whole(sized.interval, cost, slowest.node or slowest.name, sized.latency)
