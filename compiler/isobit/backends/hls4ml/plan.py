"""How every layer is built: hls4ml's strategy and reuse factor where it multiplies, the body of every step.

A reuse factor of ``r`` lets a layer of ``n`` products share ``n / r`` multipliers, one result every ``r`` clocks.
What the plan does not fix is fully parallel (Latency, reuse 1) as in hls4ml itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isqrt, prod
from typing import Literal, get_args

from isobit.backends.base import Estimate, Progress, silent
from isobit.backends.dataflow.catalogue.cost import product
from isobit.backends.dataflow.layer import Candidate
from isobit.backends.dataflow.planner.steps import candidates, multiplicand_bits
from isobit.backends.hls4ml.adder_search import adder_graph
from isobit.backends.hls4ml.adders import AdderGraph, adder_cost, intervals, problem
from isobit.backends.hls4ml.design import ACCELERATOR, IoType, Tool
from isobit.backends.hls4ml.steps import bisections
from isobit.backends.hls4ml.windows import fan_in, is_separate
from isobit.errors import IsobitError, did_you_mean, printable
from isobit.hardware import Board, Cost, Prices
from isobit.hardware.flipflops import flipflops
from isobit.hardware.memory import rom
from isobit.ir import Graph, Node
from isobit.ir.ops import Add, Const, Linear, Step, Table

Strategy = Literal["Latency", "Resource", "distributed_arithmetic"]
DISTRIBUTED: Strategy = "distributed_arithmetic"
Kind = Literal["linear", "step", "sum"]
ACCELERATOR_BOARDS = ("alveo-u250", "alveo-u50", "pynq-z2", "zcu102")
"""The boards that hls4ml's VivadoAccelerator has scripts for, as far as they are isobit's: with the same parts."""
_JOIN_LUTS = 2
_MOST_STAGES = 10  # of a bisection: 1,023 cuts a lane are constants that a C++ compiler and a user still bear


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
    ``reuse`` hold for every layer that multiplies (a layer takes the nearest factor that it can have, as in hls4ml, and
    Latency where it has no kernel of the strategy), ``layers`` for single ones, by name. ``search_seconds`` is what the
    search for one adder graph may take. ``backend`` is hls4ml's own, which writes the project.
    """

    io_type: IoType | None = None
    strategy: Strategy = "Latency"
    reuse: int = 1
    layers: Mapping[str, LayerRequest] = field(default_factory=dict)
    search_seconds: int = 60
    backend: Tool = "Vitis"


@dataclass(frozen=True)
class LayerPlan:
    """One layer: ``implementation`` is the body of a step, or the strategy; ``cycles`` of a frame; its cost.

    With distributed arithmetic it has ``adders``; ``multipliers`` is what they would cost without DSPs.
    """

    kind: Kind
    implementation: str
    strategy: Strategy
    reuse: int
    cycles: int
    cost: Cost
    adders: AdderGraph | None = None
    multipliers: Cost | None = None


@dataclass(frozen=True)
class Plan:
    """Every layer that takes hardware of its own, by node."""

    board: Board
    io_type: IoType
    layers: Mapping[str, LayerPlan]
    backend: Tool = "Vitis"

    @property
    def estimate(self) -> Estimate:
        """The sum of all layers; the slowest one sets the interval."""
        cost = sum((layer.cost for layer in self.layers.values()), Cost())
        cycles = [layer.cycles for layer in self.layers.values()]
        return Estimate(cost, max(cycles, default=1), sum(cycles))


def plan_for(graph: Graph, board: Board, request: Request, progress: Progress = silent) -> Plan:
    """The plan of a graph.

    Raises:
        IsobitError: E503, naming the layer, for what is asked and cannot be; E303 for adder graphs without da4ml.
    """
    _refuse_unknown(graph, request)
    if request.backend == ACCELERATOR and board.name not in ACCELERATOR_BOARDS:
        text = f"hls4ml's {ACCELERATOR} has no scripts for {printable(board.name)}"
        raise IsobitError("E503", text, hint=f"--board, one of {', '.join(ACCELERATOR_BOARDS)}")
    spatial = any(len(graph.types[node.name].shape) > 1 for node in graph.nodes if not isinstance(node, Const))
    io_type: IoType = request.io_type or ("io_stream" if spatial else "io_parallel")
    layers = {node.name: _registered(_layer(graph, node, board, request, io_type, progress)) for node in graph.nodes
              if isinstance(node, Linear | Step | Table | Add)}  # fmt: skip
    return Plan(board, io_type, layers, request.backend)


def _registered(layer: LayerPlan) -> LayerPlan:
    """With flip-flops: hls4ml's units are not ours, so they follow from the LUTs."""
    return replace(layer, cost=replace(layer.cost, ff=flipflops(layer.cost.lut)))


def multiplicands(graph: Graph, plan: Plan) -> dict[str, int]:
    """Bits of the widest multiplicand of every step that has one."""
    steps = [node for node in graph.nodes if isinstance(node, Step)]
    return {n.name: multiplicand_bits(graph, n, plan.layers[n.name].implementation) for n in steps}


def _layer(
    graph: Graph, node: Node, board: Board, request: Request, io_type: IoType, progress: Progress
) -> LayerPlan:  # fmt: skip
    asked = request.layers.get(node.name, LayerRequest())
    _refuse_idle(node, asked)
    shape = graph.types[node.name].shape
    lanes = shape[-1] if io_type == "io_stream" else prod(shape)
    positions = prod(shape[:-1]) if io_type == "io_stream" else 1
    if isinstance(node, Linear):
        if _is_distributed(node, request):
            return _distributed(graph, node, request, io_type, progress)
        return _linear(graph, node, board, request, asked, io_type)
    if isinstance(node, Step | Table):
        found = bodies(graph, node, shape[-1], board)
        chosen = found[0]
        if asked.implementation is not None:
            chosen = next((c for c in found if c.implementation == asked.implementation), chosen)
        if not chosen.possible or asked.implementation not in (None, chosen.implementation):
            reasons = "; ".join(f"{c.implementation}: {c.reason}" for c in found)
            raise IsobitError("E503", f"the step cannot be built so ({reasons})", where=node.name)
        copies = max(lanes // shape[-1], 1)
        return LayerPlan("step", chosen.implementation, "Latency", 1, positions, chosen.cost.times(copies))
    bits = graph.types[node.name].bits
    return LayerPlan("sum", "sum", "Latency", 1, positions, Cost(lut=lanes * bits * _JOIN_LUTS))


def bodies(graph: Graph, node: Step | Table, lanes: int, board: Board) -> Sequence[Candidate]:
    """The bodies of a step, the possible and cheap ones first. Thresholds are found by bisection here: every stage has
    a comparator and reads one of its cuts in each lane, however many levels there are.
    """
    found = list(candidates(graph, node, lanes, board))
    if isinstance(node, Step):
        bits, stages = graph.types[node.inputs[0]].bits, bisections(graph, node)
        lane = sum((rom(1 << stage, bits + 1) + Cost(lut=-(-bits // 2) + 1) for stage in range(stages)), Cost())
        possible, said = stages <= _MOST_STAGES, f"{stages} comparisons, one after the other"
        own = Candidate(
            "thresholds", lane.times(lanes), possible, said if possible else f"{said}: more than {_MOST_STAGES}"
        )
        found = [own if c.implementation == "thresholds" else c for c in found]
    weigh = Prices.of(board).weigh
    return sorted(found, key=lambda c: (not c.possible, weigh(c.cost)))


def _refuse_idle(node: Node, asked: LayerRequest) -> None:
    """E503 for what is asked of a layer that has no such choice: it would change nothing."""
    if isinstance(node, Linear):
        idle = ["implementation"] if asked.implementation is not None else []
    else:
        idle = [name for name in ("strategy", "reuse") if getattr(asked, name) is not None]
    if idle:
        hint = "strategy and reuse" if isinstance(node, Linear) else "implementation"
        raise IsobitError("E503", f"{' and '.join(idle)} of a {node.op}", where=node.name, hint=hint)


def _linear(
    graph: Graph, node: Linear, board: Board, request: Request, asked: LayerRequest, io_type: IoType
) -> LayerPlan:  # fmt: skip
    weights, x, y = (graph.types[name] for name in (node.inputs[1], node.inputs[0], node.name))
    separate, inputs, outputs = is_separate(graph, node, io_type), fan_in(graph, node, io_type), y.channels
    reuse = request.reuse if asked.reuse is None else asked.reuse
    strategy = asked.strategy or request.strategy
    if separate and asked.strategy is None:
        strategy = "Latency"  # hls4ml has no Resource kernels of one filter per channel
    if asked.reuse is None:
        reuse = _nearest(graph, node, io_type, strategy, reuse)
    _check(graph, node, io_type, strategy, reuse)
    one = product(x.bits, weights.bits, board.dsp)
    adder = Cost() if one.dsp else Cost(lut=y.bits // 2)
    positions = y.size // outputs
    side_by_side, in_turn = (1, positions) if io_type == "io_stream" else (positions, 1)
    cost = (one + adder).times(-(-inputs * outputs // reuse) * side_by_side)
    return LayerPlan("linear", strategy.lower(), strategy, reuse, reuse * in_turn, cost)


def _is_distributed(node: Linear, request: Request) -> bool:
    """Is the layer to be an adder graph?

    Raises:
        IsobitError: E503 where it is asked of one with a reuse factor.
    """
    asked = request.layers.get(node.name, LayerRequest())
    if asked.strategy != DISTRIBUTED:
        return asked.strategy is None and request.strategy == DISTRIBUTED
    if asked.reuse not in (None, 1):
        text = f"an adder graph is fully parallel: no reuse factor of {asked.reuse}"
        raise IsobitError("E503", text, where=node.name, hint="reuse = 1")
    return True


def _distributed(graph: Graph, node: Linear, request: Request, io_type: IoType, progress: Progress) -> LayerPlan:
    """The layer as an adder graph, beside multipliers of as many look-up tables as a product has pairs of bits.

    In io_parallel there is one for every position, in io_stream one that has the positions of its input in turn.
    """
    weights, lo, hi = problem(graph, node)
    made = adder_graph(node.name, weights, lo, hi, request.search_seconds, progress)
    value = graph.types[node.name]
    given, stream = graph.types[node.inputs[0]], io_type == "io_stream"
    positions, cycles = (1, given.size // given.channels) if stream else (value.size // value.channels, 1)
    cost = adder_cost(made, intervals(made.forms()[0], lo, hi)).times(positions)
    x, w, y = (graph.types[name].bits for name in (*node.inputs, node.name))
    multipliers = Cost(lut=x * w + y // 2).times(graph.types[node.inputs[1]].size * positions)
    return LayerPlan("linear", "adders", DISTRIBUTED, 1, cycles, cost, made, multipliers)


def _nearest(graph: Graph, node: Linear, io_type: IoType, strategy: str, reuse: int) -> int:
    """The factor that a layer can have nearest to one for all layers, the smaller of two: hls4ml's own rule."""
    if strategy == "Latency":
        return min(reuse, fan_in(graph, node, io_type) * graph.types[node.name].channels)
    return min(resource_factors(graph, node, io_type), key=lambda r: (abs(r - reuse), r))


def _check(graph: Graph, node: Linear, io_type: IoType, strategy: str, reuse: int) -> None:
    """E503 for a strategy or a factor that hls4ml's kernels do not have, or are not right with."""
    if strategy == "Latency":
        most = fan_in(graph, node, io_type) * graph.types[node.name].channels
        if not 1 <= reuse <= most:
            raise IsobitError("E503", f"a reuse factor of {reuse}", where=node.name, hint=f"1 to {most}")
        return
    if is_separate(graph, node, io_type):
        text = "hls4ml has no Resource kernels of one filter per channel"
        raise IsobitError("E503", text, where=node.name, hint="Latency")
    factors = resource_factors(graph, node, io_type)
    if reuse not in factors:
        near = sorted(sorted(factors, key=lambda r: (abs(r - reuse), r))[:3])
        text = f"hls4ml's Resource kernels are not right with a reuse factor of {reuse} here"
        raise IsobitError("E503", text, where=node.name, hint=f"one of {', '.join(map(str, near))}")


def resource_factors(graph: Graph, node: Linear, io_type: IoType) -> tuple[int, ...]:
    """The reuse factors with which hls4ml's Resource kernels compute every product once, ascending.

    Up to the fan-in ``n`` they take multipliers in whole columns, above it whole columns in turn: :func:`valid_reuse`.
    Its convolutions in io_parallel leave products out above ``n``.
    """
    inputs, outputs = fan_in(graph, node, io_type), graph.types[node.name].channels
    convolution = len(graph.types[node.inputs[0]].shape) > 1
    most = inputs if convolution and io_type == "io_parallel" else inputs * outputs
    small = {d for d in range(1, isqrt(inputs * outputs) + 1) if inputs * outputs % d == 0}
    divisors = small | {inputs * outputs // d for d in small}
    return tuple(sorted(d for d in divisors if d <= most and valid_reuse(inputs, outputs, d)))


def valid_reuse(inputs: int, outputs: int, reuse: int) -> bool:
    """Does hls4ml itself take the factor for ``inputs`` times ``outputs`` products?"""
    if reuse < 1 or inputs * outputs % reuse:
        return False
    multipliers = -(-inputs * outputs // min(inputs, reuse))
    return (multipliers % outputs == 0 or reuse >= inputs) and (reuse % inputs == 0 or reuse < inputs)


def _refuse_unknown(graph: Graph, request: Request) -> None:
    """E503 for a name or a word that is none."""
    names = [node.name for node in graph.nodes if isinstance(node, Linear | Step | Table)]
    for name in request.layers:
        if name not in names:
            text = f"no layer {printable(name)!r} to plan"
            raise IsobitError("E503", text, hint=did_you_mean(name, names))
    words = {
        "io_type": (request.io_type, (None, *get_args(IoType))),
        "strategy": (request.strategy, get_args(Strategy)),
        "backend": (request.backend, get_args(Tool)),
    }
    for what, (given, known) in words.items():
        if given not in known:
            text = f"{what} {printable(str(given))!r}"
            raise IsobitError("E503", text, hint="one of " + ", ".join(str(w) for w in known if w))
