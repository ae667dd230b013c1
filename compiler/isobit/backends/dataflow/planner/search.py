"""Folding: the fastest balanced design inside a share of the board, or the smallest one that is fast enough.

For a target of T clocks per frame every layer takes its cheapest legal folding of at most T clocks. The targets worth
trying are the cycle counts that some layer can have; the smallest whose estimate fits wins. Several samples per clock
(:mod:`isobit.backends.dataflow.planner.blocks`) are taken only where a rate is asked for and needs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from isobit.backends.dataflow.design import FifoGoal
from isobit.backends.dataflow.planner.blocks import (
    MAX_PORT_BITS,
    MAX_SAMPLES,
    MAX_WORD_BITS,
    block,
    port_lanes,
    sample_counts,
    width_of,
)
from isobit.backends.dataflow.planner.foldings import Folding, accumulator_bits, foldings, planned
from isobit.backends.dataflow.planner.layers import in_window, layer_plan
from isobit.backends.dataflow.planner.plan import LayerChoice, LayerPlan, Plan, checked
from isobit.errors import DoesNotFit, IsobitError
from isobit.hardware import Board, Cost
from isobit.ir import Graph, Node
from isobit.ir.ops import Input, Linear, MaxPool, Pad

DEFAULT_SHARE = 0.6


@dataclass(frozen=True)
class PlanRequest:
    """What the user asks of the plan.

    ``share`` of the board may be used; ``interval`` is the most clocks per frame (None: as fast as the share allows);
    ``layers`` fixes single nodes. ``fifos`` is what the FIFOs are made for: full throughput or least memory;
    ``depths`` fixes single ones, in words, by stream. ``samples`` of the input per clock must every layer keep up with
    (0: nothing of the kind is asked).
    """

    share: float = DEFAULT_SHARE
    interval: int | None = None
    layers: Mapping[str, LayerChoice] = field(default_factory=dict)
    fifos: FifoGoal = "throughput"
    depths: Mapping[str, int] = field(default_factory=dict)
    samples: int = 0


DEFAULT_REQUEST = PlanRequest()


def plan_for(graph: Graph, board: Board, request: PlanRequest = DEFAULT_REQUEST) -> Plan:
    """The plan that ``request`` asks for.

    Raises:
        DoesNotFit: E502 when even the smallest folding exceeds the whole board; names what exceeds.
        IsobitError: E503 when a layer cannot be as fast as asked, or a choice is not legal; names the layer.
    """
    unknown = [name for name in request.layers if name not in graph.by_name or not planned(graph, graph.by_name[name])]
    if unknown:
        raise IsobitError("E503", f"the plan names {unknown[0]!r}, which is no planned layer of this graph")
    interval = _asked(graph, request)
    linears = [n for n in graph.nodes if isinstance(n, Linear)]
    targets = sorted({f.cycles for n in linears for f in foldings(graph, n) if not f.wide}) or [1 << 30]
    smallest = _plan(graph, board, targets[-1], request)
    if not smallest.cost.fits(board):
        hint = "use fewer bits or neurons, or a larger board (--board)"
        raise DoesNotFit("E502", _excess(smallest.cost, board), hint=hint)
    if interval is not None:
        return _fast_enough(graph, board, request, interval)
    low, high = 0, len(targets) - 1
    while low < high:
        middle = (low + high) // 2
        if _plan(graph, board, targets[middle], request).cost.fits(board, request.share):
            high = middle
        else:
            low = middle + 1
    return _plan(graph, board, targets[low], request)


def _asked(graph: Graph, request: PlanRequest) -> int | None:
    """The most clocks per frame that were asked for, as such or as samples of the inputs per clock."""
    if not request.samples:
        return request.interval
    positions = 0
    for node in graph.inputs:
        counts = sample_counts(width_of(node.shape))
        if request.samples not in counts:
            raise IsobitError(
                "E503", f"{request.samples} samples per clock of an input {width_of(node.shape)} wide", where=node.name,
                hint=f"a divisor of the width up to {MAX_SAMPLES}: {', '.join(map(str, counts))}",
            )  # fmt: skip
        positions = max(positions, graph.types[node.name].size // graph.types[node.name].channels)
    return min(positions // request.samples, request.interval or positions)


def _fast_enough(graph: Graph, board: Board, request: PlanRequest, interval: int) -> Plan:
    plan = _plan(graph, board, interval, request)
    if plan.interval > interval:
        name = max(plan.layers, key=lambda n: plan.layers[n].cycles)
        raise IsobitError(
            "E503", f"{name} takes at least {plan.layers[name].cycles} clocks per frame; {interval} were asked for",
            where=name, hint=_remedy(graph, graph.by_name[name]),
        )  # fmt: skip
    _refuse_slow_ports(graph, plan, interval)
    if not plan.cost.fits(board, request.share):
        hint = "a lower rate, a larger --max-util or a larger board"
        raise DoesNotFit("E502", _excess(plan.cost, board, request.share), hint=hint)
    return plan


def _remedy(graph: Graph, node: Node) -> str:
    """What would let a layer be faster than its fastest legal folding."""
    made, most = width_of(graph.types[node.name].shape), max(f.samples for f in foldings(graph, node))
    if most < min(made, MAX_SAMPLES):
        read = width_of(graph.types[node.inputs[0]].shape)
        return (f"ask for a lower rate, or make widths that more samples per clock divide: it makes {made} positions "
                f"in a row from {read}, at most {most} at a time (in words of up to {MAX_WORD_BITS} bits)")  # fmt: skip
    return "ask for a lower rate, or give this layer fewer positions or more channels to unroll over"


def _refuse_slow_ports(graph: Graph, plan: Plan, interval: int) -> None:
    """No port may need more clocks than were asked for, where ports are made as wide as that takes."""
    ports = [n for n in (*graph.inputs, *graph.outputs) if plan.samples > 1]
    for node in ports:
        value = graph.by_name[node.name if isinstance(node, Input) else node.inputs[0]]
        kind = graph.types[value.name]
        width = accumulator_bits(graph, value) if isinstance(value, Linear) else kind.bits
        bits = next((b for b in (8, 16, 32) if width <= b), 64)
        clocks = kind.size // port_lanes(kind.size, bits, interval)
        if clocks > interval:
            raise IsobitError(
                "E503", f"its {kind.size} elements take {clocks} clocks in AXI words of at most {MAX_PORT_BITS} bits; "
                f"{interval} were asked for",
                where=node.name, hint="ask for a lower rate, or use fewer or shorter elements",
            )  # fmt: skip


def _plan(graph: Graph, board: Board, target: int, request: PlanRequest) -> Plan:
    layers = {n.name: _layer(graph, n, board, target, request) for n in graph.nodes if planned(graph, n)}
    return checked(graph, board, layers)


def _layer(graph: Graph, node: Node, board: Board, target: int, request: PlanRequest) -> LayerPlan:
    choice = request.layers.get(node.name, LayerChoice())
    reader = graph.consumers[node.name][0] if isinstance(node, Pad) and graph.consumers[node.name] else None
    if isinstance(reader, Linear | MaxPool):
        behind = _folding(graph, reader, target, request)
        blocks = block(graph, reader, behind.samples) if behind.wide else None
        if blocks and blocks.pad == node.name:
            return in_window(node, choice)
    return layer_plan(graph, node, board, _folding(graph, node, target, request), choice)


def _folding(graph: Graph, node: Node, target: int, request: PlanRequest) -> Folding:
    choice = request.layers.get(node.name, LayerChoice())
    asked = (choice.pe, choice.simd, choice.samples)
    legal = [f for f in foldings(graph, node) if all(a in (0, b) for a, b in zip(asked, f[1:4], strict=True))]
    if not legal:
        raise _illegal(graph, node, choice)
    if request.interval is None and not request.samples:
        legal = [f for f in legal if not f.wide] or legal
    return min([f for f in legal if f.cycles <= target] or [min(legal)], key=lambda f: f.area)


def _illegal(graph: Graph, node: Node, choice: LayerChoice) -> IsobitError:
    pes, simds, samples = (sorted({f[i] for f in foldings(graph, node)}) for i in (1, 2, 3))
    several = f" and {choice.samples} samples" if choice.samples else ""
    hint = f"PE one of {pes}, SIMD one of {simds}" + (f", samples one of {samples}" if several else "")
    text = f"PE {choice.pe} and SIMD {choice.simd}{several} are not legal together"
    return IsobitError("E503", text, where=node.name, hint=hint)


def _excess(total: Cost, board: Board, share: float = 1.0) -> str:
    return f"the smallest legal folding is estimated at {total.excess(board, share)} on {board.title}"
