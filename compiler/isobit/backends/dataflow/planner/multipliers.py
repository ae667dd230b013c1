"""How a matrix unit multiplies: a product a multiplier, or two products that share an operand in one DSP48.

Two outputs meet in an input, two samples in a weight. Whether their widths admit it, those of the streams and of the
stored weights, says :func:`isobit.numerics.packing.packing`. Products of few bits lie in LUTs; they share DSPs only
where a plan file says so or a rate that was asked for does not fit otherwise.
"""

from __future__ import annotations

from collections.abc import Callable

from isobit.backends.dataflow.catalogue.cost import product
from isobit.backends.dataflow.geometry import geometry
from isobit.backends.dataflow.layer import Candidate, LayerChoice
from isobit.backends.dataflow.planner.foldings import Folding, streamed_weights
from isobit.errors import IsobitError
from isobit.hardware import Board, Cost
from isobit.hardware.requantizer import dsp_ports
from isobit.ir import Graph, Node
from isobit.ir.ops import Linear
from isobit.numerics.packing import Operand, Packing, multipliers, packing, shares_weight

MOST_CHAINED = 8
"""Pairs of products that are summed in their DSPs: the operands of the last one wait for as many clocks."""


def ways_to_multiply(
    graph: Graph, node: Linear, board: Board, folding: Folding, choice: LayerChoice,
    cost: Callable[[Packing | None], Cost],
) -> tuple[Packing | None, tuple[Candidate, ...]]:  # fmt: skip
    """How ``node`` multiplies, and the ways it could, the chosen first (the cheaper, or what ``choice`` asks for).

    No ways where there is no choice: products in LUTs, or no two that share an operand.

    Raises:
        IsobitError: E503 when ``choice`` asks for packed products that cannot be.
    """
    found, reason = _packing(graph, node, board, folding)
    in_luts = narrow(graph, node, board)
    if in_luts and choice.multiplier != "packed":
        return None, ()
    if found is None:
        if choice.multiplier == "packed":
            hint = 'multiplier = "single", or leave the line out'
            raise IsobitError("E503", f"its products cannot be packed: {reason}", where=node.name, hint=hint)
        return None, ()
    alone = multipliers(folding.samples, folding.pe)[1]
    ways: list[tuple[Candidate, Packing | None]] = [
        (Candidate("single", cost(None), True, "products in LUTs" if in_luts else "a DSP for every product"), None),
        (Candidate("packed", cost(found), True, reason + (f", {alone} without a partner" if alone else "")), found),
    ]
    ways.sort(key=lambda w: (choice.multiplier not in ("", w[0].implementation), w[0].cost.weight))
    return ways[0][1], tuple(way for way, _ in ways)


def may_share(graph: Graph, node: Node, board: Board) -> bool:
    """Is it a matrix unit of narrow products?"""
    return isinstance(node, Linear) and not streamed_weights(graph, node) and narrow(graph, node, board)


def narrow(graph: Graph, node: Linear, board: Board) -> bool:
    """Are its products made in LUTs, where each is made alone?"""
    x, w = (graph.types[name] for name in node.inputs[:2])
    return product(x.bits, w.bits, board.dsp).dsp == 0


def _packing(graph: Graph, node: Linear, board: Board, folding: Folding) -> tuple[Packing | None, str]:
    """How two products fit a multiplier, and which they are; or None, and why not."""
    _, pe, simd, samples, _ = folding
    if geometry(graph, node).depthwise:
        return None, "a depthwise unit reads every operand once"
    if multipliers(samples, pe)[0] == 0:
        return None, "at PE 1 and 1 sample no two of them share an operand"
    x, w = (graph.types[name] for name in node.inputs[:2])
    if min(x.bits, w.bits) == 1:
        return None, "a product of one bit is a selection"
    if product(x.bits, w.bits, board.dsp).dsp > 1:
        return None, f"a product of {x.bits} and {w.bits} bits takes several DSPs"
    by_weight = shares_weight(samples, pe)
    operands = [Operand(kind.bits, kind.bounds[0] < 0) for kind in ((x, w) if by_weight else (w, x))]
    found = packing(operands[0], operands[1], dsp_ports(board.dsp), min(simd, MOST_CHAINED))
    if found is None:
        return None, f"products of {x.bits} and {w.bits} bits are too wide for two in a {board.dsp}"
    what = "samples that meet in a weight" if by_weight else "outputs that meet in an input"
    chains = "" if found.chain == 1 else f", {found.chain} products summed in it"
    return found, f"a DSP for two {what}, {found.shift} bits apart{chains}"
