"""What a whole design takes under a plan, with its FIFOs, ports and what lies between the layers."""

from __future__ import annotations

from dataclasses import replace
from weakref import WeakKeyDictionary

from isobit.backends.dataflow.catalogue.cost import fifo_at_least
from isobit.backends.dataflow.design import Design
from isobit.backends.dataflow.fifo import size_fifos
from isobit.backends.dataflow.fifo_figures import between_cost, fifo_cost
from isobit.backends.dataflow.lower import lower
from isobit.backends.dataflow.network import Network
from isobit.backends.dataflow.planner import Plan, PlanRequest
from isobit.backends.dataflow.planner.search import Keeps, Whole
from isobit.hardware import Cost
from isobit.ir import Graph

_LAST: WeakKeyDictionary[Graph, tuple[Plan, PlanRequest, Design]] = WeakKeyDictionary()


def sized_design(graph: Graph, plan: Plan, request: PlanRequest) -> Design:
    """Processes and streams, and the depths of the FIFOs; what ``request`` fixes of other streams counts for nothing.

    The last one of a graph is kept: it is mostly the plan's, which the back end asks for after the planner.

    Raises:
        IsobitError: E504 for an operation or an arrangement that no template covers.
    """
    known = _LAST.get(graph)
    if known is None or known[:2] != (replace(plan, beyond=""), request):
        design = lower(graph, plan)
        return _sized(graph, plan, request, design, Network(design))
    return known[2]


def _sized(graph: Graph, plan: Plan, request: PlanRequest, design: Design, network: Network) -> Design:
    streams = {s.name for s in design.streams}
    depths = {name: depth for name, depth in request.depths_of(plan).items() if name in streams}
    sized = size_fifos(design, request.fifos, fixed=depths, network=network)
    _LAST[graph] = replace(plan, beyond=""), request, sized
    return sized


def whole_design(graph: Graph, plan: Plan, request: PlanRequest, keeps: Keeps | None = None) -> Whole:
    """The interval, the cost, the slowest process and the latency of the design that ``plan`` makes of ``graph``.

    Where ``keeps`` refuses what the design takes with FIFOs of any depth, they are not sized: the cost is that.

    Raises:
        IsobitError: E504 for an operation or an arrangement that no template covers.
    """
    design = lower(graph, plan)
    network, around = Network(design), plan.cost + between_cost(design)
    slowest = network.slowest.node or network.slowest.name
    at_least = around + sum((fifo_at_least(s.bits) for s in design.streams), Cost())
    if keeps is not None and not keeps(at_least):
        return Whole(network.interval, at_least, slowest)
    sized = _sized(graph, plan, request, design, network)
    return Whole(sized.interval, around + fifo_cost(sized, plan.board), slowest, sized.latency)
