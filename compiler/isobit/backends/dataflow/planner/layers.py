"""One node at one folding: how it is built and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from isobit.backends.dataflow.catalogue import IMPLEMENTATIONS, cost_of
from isobit.backends.dataflow.catalogue.constants import multiplied, on_block
from isobit.backends.dataflow.catalogue.cost import input_vector
from isobit.backends.dataflow.catalogue.matrix import full_matrix
from isobit.backends.dataflow.catalogue.windows import block_constants
from isobit.backends.dataflow.geometry import Geometry, box, geometry, upsampling
from isobit.backends.dataflow.layer import AS_PLANNED, Candidate, LayerChoice, LayerPlan
from isobit.backends.dataflow.planner.additions import with_additions
from isobit.backends.dataflow.planner.blocks import Block, block
from isobit.backends.dataflow.planner.clocks import clocks_of
from isobit.backends.dataflow.planner.foldings import Folding, accumulator_bits, streamed_weights
from isobit.backends.dataflow.planner.multipliers import ways_to_multiply
from isobit.backends.dataflow.planner.steps import candidates
from isobit.backends.dataflow.planner.weights import Code, storages
from isobit.errors import IsobitError, printable
from isobit.hardware import Board, Cost, Memory, Prices, ram_memory, rom_memory
from isobit.hardware.prices import MOST_LEVELS
from isobit.ir import Graph, Node
from isobit.ir.ops import Add, Const, Linear, MaxPool, Product, Reindex, Step, Table
from isobit.numerics.bipolar import Bipolar
from isobit.numerics.packing import Packing

IN_WINDOW = "in_window"
_WIDEST = 32
"""Bits of a value that no quantiser made and a step still rounds; more only come of scales without a common step."""


def layer_plan(
    graph: Graph, node: Node, board: Board, folding: Folding, choice: LayerChoice = AS_PLANNED
) -> LayerPlan:  # fmt: skip
    """The plan of ``node`` at ``folding``, with the body and memories that ``choice`` fixes.

    Raises:
        IsobitError: E504 when no body can build a step, E503 when what ``choice`` asks for cannot be.
    """
    if isinstance(node, Step | Table):
        made = _step(graph, node, board, folding, choice.implementation)
    elif isinstance(node, Linear):
        made = _linear(graph, node, board, folding, choice)
    else:
        made = _other(graph, node, board, folding, choice)
    if choice.implementation not in ("", made.implementation):
        asked = printable(choice.implementation)
        hint = f"{made.implementation} at this folding: remove the line, or take the folding back"
        raise IsobitError("E503", f"implementation = {asked}: it cannot be built so", where=node.name, hint=hint)
    _refuse_memories(node, board, choice, made)
    return replace(made, clocks=clocks_of(graph, node, made))


def _refuse_memories(node: Node, board: Board, choice: LayerChoice, made: LayerPlan) -> None:
    for key in ("memory", "line_buffer"):
        asked, there = getattr(choice, key), getattr(made, key)
        if asked != "auto" and not there:
            raise IsobitError("E505", f"{key} = {asked}, but it has none", where=node.name, hint="remove that line")
    if choice.memory == "uram":
        raise IsobitError(
            "E505", "memory = uram: weights cannot lie in UltraRAM, which no bitstream fills", where=node.name,
            hint="lutram, bram or auto; UltraRAM serves line buffers and FIFOs",
        )  # fmt: skip
    if choice.line_buffer == "uram" and not board.uram:
        found = f"line_buffer = uram: {board.title} has no UltraRAM"
        raise IsobitError("E505", found, where=node.name, hint="lutram, bram or auto")


def _other(graph: Graph, node: Node, board: Board, folding: Folding, choice: LayerChoice) -> LayerPlan:
    cycles, pe, simd, samples, _ = folding
    x, y = graph.types[node.inputs[0]], graph.types[node.name]
    words = simd * samples, x.bits, y.bits
    if isinstance(node, MaxPool):
        blocked = _blocked(graph, node, folding)
        lines, window = _window(geometry(graph, node), simd, x.bits, board, choice.line_buffer, blocked)
        name = "parallel_max_pool" if blocked else "max_pool"
        compared = (simd - pe if blocked else simd) * samples  # with each other, or with the greatest so far
        return LayerPlan(
            pe, simd, cycles, cost_of(name, compared, x.bits) + window, name, line_buffer=lines, samples=samples
        )  # fmt: skip
    if isinstance(node, Reindex):
        row = upsampling(graph, node)
        if not row and box(graph, node):
            return LayerPlan(pe, simd, cycles, cost_of("slice", *words), "slice", samples=samples)
        lanes, leaving = simd * samples, graph.types[node.name].size
        if row:
            area = cost_of("upsample", *words, (x.size // x.shape[0] if row[0] > 1 else x.channels) // lanes)
            return LayerPlan(pe, simd, cycles, area, "upsample", samples=samples)
        area = cost_of("reorder", *words, x.size // lanes, leaving // lanes)
        return LayerPlan(pe, simd, cycles, area, "reorder", samples=samples)
    if isinstance(node, Product):
        return _multiplied(graph, node, board, folding)
    if isinstance(node, Add):
        return LayerPlan(pe, simd, cycles, _joined(graph, node, board, simd * samples), node.op, samples=samples)
    if node.op not in IMPLEMENTATIONS:
        raise IsobitError("E504", f"no template for {node.op}", where=node.name)
    # values are concatenated two at a time
    area = cost_of(node.op, *words).times(max(len(node.inputs) - 1, 1))
    return LayerPlan(pe, simd, cycles, area, node.op, samples=samples)


def _joined(graph: Graph, node: Add, board: Board, lanes: int) -> Cost:
    """Products with the coefficients, and their sum; what is added as a constant is no product."""
    operands = [
        (graph.types[name].bits, [int(c) for c in coefficients])
        for name, coefficients in zip(node.inputs, node.coefficients, strict=True)
        if not isinstance(graph.by_name[name], Const)
    ]
    return cost_of(node.op, Prices.of(board), lanes, operands, graph.types[node.name].bits)


def _multiplied(graph: Graph, node: Product, board: Board, folding: Folding) -> LayerPlan:
    """A multiplier per lane, and where a map meets a factor per channel the memory that keeps the factors."""
    cycles, pe, simd, samples, _ = folding
    x, y = (graph.types[name] for name in node.inputs)
    lanes = simd * samples, x.bits, y.bits
    if x.shape == y.shape:
        return LayerPlan(pe, simd, cycles, cost_of("product", *lanes, board.dsp), "product", samples=samples)
    area = cost_of("channel_product", *lanes, y.channels // simd, simd * y.bits, board.dsp)
    return LayerPlan(pe, simd, cycles, area, "channel_product", samples=samples)


def in_window(node: Node, choice: LayerChoice) -> LayerPlan:
    """The plan of a border that the sliding computation behind it makes itself: it takes no clocks of its own.

    Raises:
        IsobitError: E503 when ``choice`` asks for something else.
    """
    if choice.implementation not in ("", IN_WINDOW):
        asked = printable(choice.implementation)
        hint = "remove that line, or give its reader 1 sample"
        raise IsobitError(
            "E503", f"implementation = {asked}: its reader makes the border", where=node.name, hint=hint
        )  # fmt: skip
    return LayerPlan(1, 1, 0, Cost(), IN_WINDOW)


def _linear(graph: Graph, node: Linear, board: Board, folding: Folding, choice: LayerChoice) -> LayerPlan:
    cycles, pe, simd, samples, _ = folding
    g, x, w = geometry(graph, node), graph.types[node.inputs[0]], graph.types[node.inputs[1]]
    blocked = _blocked(graph, node, folding)
    lines, window = _window(g, g.window_lanes(simd), x.bits, board, choice.line_buffer, blocked)
    if streamed_weights(graph, node):
        rows, sizes = (g.outputs // pe) * (g.fan_in // simd), (x.bits, w.bits, accumulator_bits(graph, node))
        area = cost_of("streamed_dense", pe, simd, rows, *sizes, board.dsp, g.positions) + window
        return LayerPlan(pe, simd, cycles, area, "streamed_dense", line_buffer=lines)
    lanes = simd // pe if g.depthwise else simd
    rows = g.fan_in // simd if g.depthwise else (g.outputs // pe) * (g.fan_in // simd)
    unit = ("parallel_" if blocked else "") + ("depthwise" if g.depthwise else "dense")
    acc = accumulator_bits(graph, node)

    def place(code: Code | None) -> Memory:
        width = pe * lanes * (code.bits if code else w.bits)
        return rom_memory(rows, width) if choice.memory == "auto" else choice.memory

    def body(code: Code | None, pack: Packing | None) -> Cost:
        made = _made(graph, node, samples, blocked, pack) if rows == 1 and not code else None
        return cost_of(unit, pe, lanes, rows, x.bits, w.bits, acc, board.dsp, place(code), samples, code, pack, made)

    pack, multipliers = ways_to_multiply(graph, node, board, folding, choice, lambda p: body(None, p))
    ways = storages(
        graph, node, 1 if g.depthwise else rows, choice,
        lambda code: body(code, None if isinstance(code, Bipolar) else pack),
    )  # fmt: skip
    best, code = ways[0]
    if isinstance(code, Bipolar):  # which multiplies nothing
        pack, multipliers = None, ()
    if not g.depthwise:
        window += input_vector(g.fan_in // simd, simd * x.bits, samples, g.outputs // pe)
    name = "convolution" if g.windowed and unit == "dense" else unit
    made = LayerPlan(
        pe, simd, cycles, best.cost + window, name, tuple(w for w, _ in ways) if len(ways) > 1 else (), place(code),
        lines, samples, code=code, multipliers=multipliers, packing=pack,
    )  # fmt: skip
    return with_additions(graph, node, made, choice, window)


def _made(graph: Graph, node: Linear, samples: int, blocked: Block | None, packing: Packing | None) -> int | None:
    """The multipliers of constant weights; None where they are no constants."""
    weights = graph.by_name[node.inputs[1]]
    if not isinstance(weights, Const):
        return None
    matrix = full_matrix(weights.value, node.groups)
    if blocked and not packing:  # neighbouring windows multiply the same pixels
        return multiplied(on_block(matrix, dict(block_constants(geometry(graph, node), samples))))
    return multiplied(matrix, samples, packing)


def _blocked(graph: Graph, node: Linear | MaxPool, folding: Folding) -> Block | None:
    """The blocks that a wide folding takes; None for a whole frame, of which it takes several pixels."""
    sliding = geometry(graph, node).windowed or folding.samples > 1
    return block(graph, node, folding.samples) if folding.wide and sliding else None


def _window(
    g: Geometry, lanes: int, bits: int, board: Board, asked: Memory, blocked: Block | None = None
) -> tuple[Memory | Literal[""], Cost]:  # fmt: skip
    """Where the line buffer of a window lies ("" without one), and its cost."""
    if not g.windowed:
        return "", Cost()
    if blocked:
        depth, width = blocked.words, (g.kernel[0] - 1) * g.dilations[0] * blocked.step * g.channels * bits
        out = g.kernel[0] * blocked.columns * g.channels * bits
        memory = ram_memory(depth, width, board) if width and asked == "auto" else asked
        return memory if width else "", cost_of("parallel_window", depth, width, out, board, memory)
    depth, width = g.kept * g.channels // lanes, lanes * bits
    memory = ram_memory(depth, width, board) if asked == "auto" else asked
    return memory, cost_of("sliding_window", depth, width, board, memory)


def _step(graph: Graph, node: Step | Table, board: Board, folding: Folding, body: str) -> LayerPlan:
    cycles, pe, _, samples, _ = folding
    # Every sample's lanes have constants of their own, as a lane's are wired to it.
    ranked = [replace(c, cost=c.cost.times(samples)) for c in candidates(graph, node, pe, board)]
    chosen = [c for c in ranked if c.possible and body in ("", c.implementation)]
    if not chosen:
        raise _unbuildable(node, ranked, body)
    best = chosen[0]
    others = tuple(c for c in ranked if c is not best)
    return LayerPlan(pe, pe, cycles, best.cost, best.implementation, (best, *others), samples=samples)


def _unbuildable(node: Step | Table, ranked: Sequence[Candidate], body: str) -> IsobitError:
    """Why no body, or not the one that was asked for, can build a step; and what would let one."""
    reasons = "; ".join(f"{c.implementation}: {c.reason}" for c in ranked)
    if body:
        found = f"implementation = {printable(body)}: the step cannot be built so ({reasons})"
        able = [c.implementation for c in ranked if c.possible]
        return IsobitError("E503", found, where=node.name, hint=f"one of {', '.join(able)}" if able else "")
    levels = max(c.levels for c in node.curves) if isinstance(node, Step) else 0
    if levels <= MOST_LEVELS:
        return IsobitError("E504", f"no body builds this step exactly ({reasons})", where=node.name)
    bits = MOST_LEVELS.bit_length()
    if levels >> _WIDEST:
        found = f"its values have {levels.bit_length()} bits: scales or constants that have no coarser common step meet"
        hint = "let a quantiser follow the addition before it, or give what is added one scale"
        return IsobitError("E504", f"{found} before it without a quantiser between", where=node.name, hint=hint)
    return IsobitError(
        "E504", f"no body builds this step of {levels:,} levels exactly ({reasons})", where=node.name,
        hint=f"at most {bits} bits of output, or one rounding where there are two in a row, which a product builds",
    )  # fmt: skip
