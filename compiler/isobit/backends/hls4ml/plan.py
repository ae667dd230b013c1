"""How every layer is built: hls4ml's strategy and reuse factor where it multiplies, the body of every step.

hls4ml's own factors are kept to: a reuse factor of ``r`` lets a layer of ``n`` products share ``n / r`` multipliers, one
result every ``r`` clocks. What the plan does not fix is fully parallel (Latency, reuse 1) as in hls4ml itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Literal, get_args

from isobit.backends.base import Estimate
from isobit.backends.dataflow.catalogue.cost import product
from isobit.backends.dataflow.planner.steps import candidates, multiplicand_bits
from isobit.backends.hls4ml.design import IoType
from isobit.errors import IsobitError, did_you_mean, printable
from isobit.hardware import Board, Cost
from isobit.ir import Graph, Node
from isobit.ir.ops import Add, Const, Linear, Step, Table

Strategy = Literal["Latency", "Resource"]
_JOIN_LUTS = 2


@dataclass(frozen=True)
class LayerRequest:
    """What is fixed of one layer; None leaves it to the plan."""

    strategy: Strategy | None = None
    reuse: int | None = None
    implementation: str | None = None


@dataclass(frozen=True)
class Request:
    """What a user asks of the back end.

    ``io_type`` is hls4ml's; None takes io_parallel for networks without spatial axes, else io_stream. ``strategy`` and
    ``reuse`` hold for every layer that multiplies, ``layers`` for single ones, by name.
    """

    io_type: IoType | None = None
    strategy: Strategy = "Latency"
    reuse: int = 1
    layers: Mapping[str, LayerRequest] = field(default_factory=dict)


@dataclass(frozen=True)
class LayerPlan:
    """One layer: ``implementation`` is the body of a step, or the strategy; ``cycles`` of a frame; its cost."""

    implementation: str
    strategy: Strategy
    reuse: int
    cycles: int
    cost: Cost


@dataclass(frozen=True)
class Plan:
    """Every layer that takes hardware of its own, by node."""

    board: Board
    io_type: IoType
    layers: Mapping[str, LayerPlan]

    @property
    def estimate(self) -> Estimate:
        """The sum of all layers; the slowest one sets the interval."""
        cost = sum((layer.cost for layer in self.layers.values()), Cost())
        cycles = [layer.cycles for layer in self.layers.values()]
        return Estimate(cost, max(cycles, default=1), sum(cycles))


def plan_for(graph: Graph, board: Board, request: Request) -> Plan:
    """The plan of a graph.

    Raises:
        IsobitError: E503, naming the layer, for what is asked and cannot be.
    """
    _refuse_unknown(graph, request)
    spatial = any(len(graph.types[node.name].shape) > 1 for node in graph.nodes if not isinstance(node, Const))
    io_type: IoType = request.io_type or ("io_stream" if spatial else "io_parallel")
    layers = {node.name: _layer(graph, node, board, request, io_type) for node in graph.nodes
              if isinstance(node, Linear | Step | Table | Add)}  # fmt: skip
    return Plan(board, io_type, layers)


def multiplicands(graph: Graph, plan: Plan) -> dict[str, int]:
    """Bits of the widest multiplicand of every step that has one."""
    steps = [node for node in graph.nodes if isinstance(node, Step)]
    return {n.name: multiplicand_bits(graph, n, plan.layers[n.name].implementation) for n in steps}


def _layer(graph: Graph, node: Node, board: Board, request: Request, io_type: IoType) -> LayerPlan:
    asked = request.layers.get(node.name, LayerRequest())
    shape = graph.types[node.name].shape
    lanes = shape[-1] if io_type == "io_stream" else prod(shape)
    positions = prod(shape[:-1]) if io_type == "io_stream" else 1
    if isinstance(node, Linear):
        return _linear(graph, node, board, request, asked, (lanes, positions))
    if isinstance(node, Step | Table):
        found = candidates(graph, node, shape[-1], board)
        chosen = found[0]
        if asked.implementation is not None:
            chosen = next((c for c in found if c.implementation == asked.implementation), chosen)
        if not chosen.possible or asked.implementation not in (None, chosen.implementation):
            reasons = "; ".join(f"{c.implementation}: {c.reason}" for c in found)
            raise IsobitError("E503", f"the step cannot be built so ({reasons})", where=node.name)
        copies = max(lanes // shape[-1], 1)
        return LayerPlan(chosen.implementation, "Latency", 1, positions, chosen.cost.times(copies))
    bits = graph.types[node.name].bits
    return LayerPlan("sum", "Latency", 1, positions, Cost(lut=lanes * bits * _JOIN_LUTS))


def _linear(
    graph: Graph, node: Linear, board: Board, request: Request, asked: LayerRequest, size: tuple[int, int]
) -> LayerPlan:  # fmt: skip
    weights, x = graph.types[node.inputs[1]], graph.types[node.inputs[0]]
    strategy = asked.strategy or request.strategy
    reuse = asked.reuse or request.reuse
    separate = node.groups > 1 and node.groups == weights.shape[0]
    if separate and asked.strategy is None:
        strategy = "Latency"  # hls4ml has no Resource kernels of one filter per channel
    # hls4ml sees dilated kernels and groups as kernels with zeros (isobit.backends.hls4ml.windows)
    taps = prod((k - 1) * d + 1 for k, d in zip(weights.shape[1:-1], node.dilations, strict=True))
    fan_in, outputs = taps * (1 if separate else x.channels), weights.shape[0]
    _check(node, strategy, reuse, fan_in, outputs, separate)
    products = fan_in * outputs
    one = product(x.bits, weights.bits, board.dsp)
    adder = Cost() if one.dsp else Cost(lut=graph.types[node.name].bits // 2)
    parallel = max(size[0] // outputs, 1)
    cost = (one + adder).times(-(-products // reuse)).times(parallel)
    return LayerPlan(strategy.lower(), strategy, reuse, reuse * size[1], cost)


def _check(node: Node, strategy: str, reuse: int, fan_in: int, outputs: int, separate: bool) -> None:
    """E503 for a strategy or a factor that hls4ml's kernels do not have; it would silently take another."""
    if separate and strategy == "Resource":
        raise IsobitError("E503", "hls4ml has no Resource kernels of one filter per channel", where=node.name,
                          hint="Latency")  # fmt: skip
    if strategy == "Resource" and not valid_reuse(fan_in, outputs, reuse):
        valid = [r for r in range(1, fan_in * outputs + 1) if valid_reuse(fan_in, outputs, r)]
        near = sorted(valid, key=lambda r: (abs(r - reuse), r))[:3]
        text = f"a reuse factor of {reuse} does not divide {fan_in} inputs by {outputs} outputs"
        raise IsobitError("E503", text, where=node.name, hint=f"one of {', '.join(map(str, sorted(near)))}")
    if reuse < 1 or reuse > fan_in * outputs:
        raise IsobitError("E503", f"a reuse factor of {reuse}", where=node.name, hint=f"1 to {fan_in * outputs}")


def valid_reuse(fan_in: int, outputs: int, reuse: int) -> bool:
    """Is the factor one of those that hls4ml's Resource kernels compute correctly with?

    The rule is that of its dense kernels: multipliers in whole columns, and above ``fan_in`` whole columns in turn.
    """
    if reuse < 1 or fan_in * outputs % reuse:
        return False
    multipliers = -(-fan_in * outputs // min(fan_in, reuse))
    return (multipliers % outputs == 0 or reuse >= fan_in) and (reuse % fan_in == 0 or reuse < fan_in)


def _refuse_unknown(graph: Graph, request: Request) -> None:
    """E503 for a name or a word that is none."""
    names = [node.name for node in graph.nodes if isinstance(node, Linear | Step | Table)]
    for name in request.layers:
        if name not in names:
            text = f"no layer {printable(name)!r} to plan"
            raise IsobitError("E503", text, hint=did_you_mean(name, names))
    words = {"io_type": (request.io_type, (None, *get_args(IoType))), "strategy": (request.strategy, get_args(Strategy))}
    for what, (given, known) in words.items():
        if given not in known:
            text = f"{what} {printable(str(given))!r}"
            raise IsobitError("E503", text, hint="one of " + ", ".join(str(w) for w in known if w))
