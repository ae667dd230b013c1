"""Folding: the fastest balanced design inside a share of the board, or the smallest one that is fast enough.

For a target of T clocks per frame every layer takes its cheapest legal folding of at most T clocks. The targets worth
trying are the cycle counts that some layer can have; the smallest whose estimate fits wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from isobit.errors import DoesNotFit, IsobitError
from isobit.hardware import Board, Cost
from isobit.ir import Graph, Node
from isobit.ir.ops import Linear
from isobit.plan.layers import foldings, layer_plan, planned
from isobit.plan.plan import LayerChoice, LayerPlan, Plan, checked

DEFAULT_SHARE = 0.6


@dataclass(frozen=True)
class PlanRequest:
    """What the user asks of the plan.

    ``share`` of the board may be used; ``interval`` is the most clocks per frame (None: as fast as the share allows);
    ``layers`` fixes single nodes.
    """

    share: float = DEFAULT_SHARE
    interval: int | None = None
    layers: Mapping[str, LayerChoice] = field(default_factory=dict)


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
    targets = sorted({f[0] for n in graph.nodes if isinstance(n, Linear) for f in foldings(graph, n)}) or [1 << 30]
    smallest = _plan(graph, board, targets[-1], request)
    if not smallest.cost.fits(board):
        hint = "use fewer bits or neurons, or a larger board (--board)"
        raise DoesNotFit("E502", _excess(smallest.cost, board), hint=hint)
    if request.interval is not None:
        return _fast_enough(graph, board, request, request.interval)
    low, high = 0, len(targets) - 1
    while low < high:
        middle = (low + high) // 2
        if _plan(graph, board, targets[middle], request).cost.fits(board, request.share):
            high = middle
        else:
            low = middle + 1
    return _plan(graph, board, targets[low], request)


def _fast_enough(graph: Graph, board: Board, request: PlanRequest, interval: int) -> Plan:
    plan = _plan(graph, board, interval, request)
    if plan.interval > interval:
        name = max(plan.layers, key=lambda n: plan.layers[n].cycles)
        raise IsobitError(
            "E503", f"{name} takes at least {plan.layers[name].cycles} clocks per frame; {interval} were asked for",
            where=name, hint="ask for a lower rate, or give this layer fewer positions or more channels to unroll over",
        )  # fmt: skip
    if not plan.cost.fits(board, request.share):
        hint = "a lower rate, a larger --max-util or a larger board"
        raise DoesNotFit("E502", _excess(plan.cost, board, request.share), hint=hint)
    return plan


def _plan(graph: Graph, board: Board, target: int, request: PlanRequest) -> Plan:
    layers: dict[str, LayerPlan] = {}
    for node in graph.nodes:
        if planned(graph, node):
            choice = request.layers.get(node.name, LayerChoice())
            folding = _folding(graph, node, target, choice)
            layers[node.name] = layer_plan(graph, node, board, folding, choice.implementation)
    return checked(graph, board, layers)


def _folding(graph: Graph, node: Node, target: int, choice: LayerChoice) -> tuple[int, int, int]:
    legal = [f for f in foldings(graph, node) if choice.pe in (0, f[1]) and choice.simd in (0, f[2])]
    if not legal:
        pes, simds = (sorted({f[i] for f in foldings(graph, node)}) for i in (1, 2))
        raise IsobitError("E503", f"PE {choice.pe} and SIMD {choice.simd} are not legal together", where=node.name,
                          hint=f"PE one of {pes}, SIMD one of {simds}")  # fmt: skip
    # Fewest multipliers first; among equals the squarest, whose streams are narrowest.
    return min(
        [f for f in legal if f[0] <= target] or [min(legal)], key=lambda f: (f[1] * f[2], abs(f[1] - f[2]), f[1])
    )


def _excess(total: Cost, board: Board, share: float = 1.0) -> str:
    needs = [("LUT", total.lut, board.lut), ("DSP", total.dsp, board.dsps), ("BRAM36", total.bram36, board.bram36)]
    over = ", ".join(f"{used} of {int(share * limit)} {name}" for name, used, limit in needs if used > share * limit)
    return f"the smallest legal folding is estimated at {over} on {board.title}"
