"""Which foldings of a node are legal, and how many clocks each takes."""

from __future__ import annotations

import math
from typing import NamedTuple

from isobit.backends.dataflow.geometry import (
    Geometry,
    accumulator_of,
    block_lanes,
    box,
    geometry,
    keeps_order,
    upsampling,
)
from isobit.backends.dataflow.planner.blocks import MAX_SAMPLES, MAX_WORD_BITS, block, sample_counts
from isobit.backends.dataflow.rows import width_of, words_of
from isobit.errors import IsobitError, printable
from isobit.ir import Graph, Node
from isobit.ir.memo import per_graph
from isobit.ir.ops import Add, Concat, Const, Linear, MaxPool, Pad, Product, Reindex, Select, Step, Table
from isobit.numerics import bit_width

MAX_UNROLL = 1024
MAX_CONSTANT = 4096
"""Weights of a unit that are constants of its logic and built as additions: the search for these takes seconds."""


class Folding(NamedTuple):
    """How a node is folded, and the clocks per frame it then takes.

    ``pe`` output and ``simd`` input elements of each of ``samples`` positions at a time. ``wide`` marks what the
    planner takes only where a rate asks for it: several samples, whole windows, several pixels of a global pool.
    """

    cycles: int
    pe: int
    simd: int
    samples: int = 1
    wide: bool = False

    @property
    def area(self) -> tuple[int, int, bool, int, int]:
        """Orders foldings: fewest multipliers, then fewest samples, then the squarest, whose streams are narrowest."""
        return self.pe * self.simd * self.samples, self.samples, self.wide, abs(self.pe - self.simd), self.pe


def planned(graph: Graph, node: Node) -> bool:
    """Does the node become a process of its own?"""
    if isinstance(node, Reindex):
        return not keeps_order(graph, node)
    return isinstance(node, Linear | MaxPool | Step | Table | Add | Product | Select | Pad | Concat)


def divisors(n: int) -> list[int]:
    """Every divisor of ``n``, ascending."""
    small = [d for d in range(1, int(n**0.5) + 1) if n % d == 0]
    return small + [n // d for d in reversed(small) if d * d != n]


@per_graph
def foldings(graph: Graph, node: Node) -> tuple[Folding, ...]:
    """All legal foldings of a node.

    PE divides the outputs of a linear node; SIMD divides its input channels or is whole pixels of a window. Everything
    else takes and gives ``pe = simd`` elements per clock, a divisor of its channels, or all of them for several samples
    (:mod:`isobit.backends.dataflow.planner.blocks`); a selection gives its indices.
    """
    made = _foldings(graph, node)
    return tuple(f for f in made if f.pe * f.simd == 1 or _word_bits(graph, node, f) <= MAX_WORD_BITS)


def _foldings(graph: Graph, node: Node) -> list[Folding]:
    if isinstance(node, Linear | MaxPool):
        g = geometry(graph, node)
        if streamed_weights(graph, node):
            return _streamed_foldings(graph, node, g)
        return _lane_foldings(graph, node, g) if g.depthwise else _matrix_foldings(graph, node, g)
    made = [Folding(_moved(graph, node, d), d, d) for d in divisors(_word_channels(graph, node))]
    made += _several(graph, node)
    return [f._replace(pe=node.k) for f in made] if isinstance(node, Select) else made


def _word_bits(graph: Graph, node: Node, f: Folding) -> int:
    """The wider of a folding's words in (blocks aside, which are checked where they are made) and out."""
    x, y = graph.types[node.inputs[0]], graph.types[node.name]
    if isinstance(node, Linear):
        blocked = f.wide and (f.samples > 1 or geometry(graph, node).windowed)
        words_in = 0 if blocked else f.simd * x.bits
        if streamed_weights(graph, node):
            words_in = max(words_in, f.pe * f.simd * graph.types[node.inputs[1]].bits)
        return max(words_in, (y.channels * f.samples if blocked else f.pe) * accumulator_bits(graph, node))
    return f.samples * max(f.pe * y.bits, 0 if isinstance(node, MaxPool) and f.wide else f.simd * x.bits)


@per_graph
def accumulator_bits(graph: Graph, node: Linear) -> int:
    """Width of an accumulator that holds every partial sum of every channel."""
    lo, hi = accumulator_of(graph, node)
    return bit_width(lo, hi)


def streamed_weights(graph: Graph, node: Node) -> bool:
    """Does a linear node take weights that are known at run time only?"""
    return isinstance(node, Linear) and not isinstance(graph.by_name[node.inputs[1]], Const)


def _streamed_foldings(graph: Graph, node: Linear | MaxPool, g: Geometry) -> list[Folding]:
    """Weights are taken in the order in which they come: output by output, or several whole ones at a time."""
    if isinstance(node, Linear) and node.groups != 1:
        hint = "make them constants, or one group"
        raise IsobitError("E504", "weights in groups, computed at run time", where=printable(node.name), hint=hint)
    pairs = [(pe, simd) for pe, simd in _matrix_pairs(g) if pe == 1 or simd == g.fan_in]
    return [Folding(max(_matrix_cycles(g, pe, simd), g.window_cycles(g.window_lanes(simd))), pe, simd)
            for pe, simd in pairs]  # fmt: skip


def _matrix_pairs(g: Geometry) -> list[tuple[int, int]]:
    """PE divides the outputs; SIMD divides the channels, or is whole pixels of a window."""
    simds = divisors(g.channels) + [g.channels * d for d in divisors(g.taps)[1:]]
    return [(pe, simd) for pe in divisors(g.outputs) for simd in simds if pe * simd <= MAX_UNROLL]


def _matrix_cycles(g: Geometry, pe: int, simd: int) -> int:
    return g.positions * (g.outputs // pe) * (g.fan_in // simd)


def _matrix_foldings(graph: Graph, node: Linear | MaxPool, g: Geometry) -> list[Folding]:
    pairs, y = _matrix_pairs(g), graph.types[node.name]
    if g.positions == 1 and MAX_UNROLL < g.outputs * g.fan_in <= MAX_CONSTANT:
        pairs.append((g.outputs, g.fan_in))
    made = [_matrix_folding(graph, node, g, pe, simd) for pe, simd in pairs]
    for samples in _wide_samples(g):
        cycles = _block_cycles(graph, node, samples)
        if samples > 1 and cycles:
            inner = g.outputs * g.fan_in
            made += [Folding(max(words_of(y, samples) * (inner // (pe * simd)), cycles), pe, simd, samples, True)
                     for pe, simd in pairs]  # fmt: skip
    return made


def _matrix_folding(graph: Graph, node: Linear | MaxPool, g: Geometry, pe: int, simd: int) -> Folding:
    """One sample at a time. Windows come whole where the window unit's words would be too slow for the matrix unit."""
    computing = _matrix_cycles(g, pe, simd)
    sliding = g.window_cycles(g.window_lanes(simd))
    whole = _block_cycles(graph, node, 1) if g.windowed and simd > g.channels and computing < sliding else 0
    return Folding(max(computing, whole or sliding), pe, simd, 1, whole > 0)


def _lane_foldings(graph: Graph, node: Linear | MaxPool, g: Geometry) -> list[Folding]:
    made = [Folding(g.window_cycles(d), d, d) for d in divisors(g.channels) if d <= MAX_UNROLL]
    wide = g.fan_in
    if not g.windowed and g.taps > 1:  # the whole frame: several pixels of it at a time
        simds = [g.channels * d for d in divisors(g.taps)[1:] if g.channels * d <= MAX_UNROLL]
        return made + [Folding(g.fan_in // simd, g.channels, simd, 1, True) for simd in simds]
    for samples in _wide_samples(g):
        cycles = _block_cycles(graph, node, samples)
        if cycles and wide <= MAX_UNROLL:
            words = words_of(graph.types[node.name], samples)
            made.append(Folding(max(words, cycles), g.channels, wide, samples, True))
    return made


def _wide_samples(g: Geometry) -> range:
    """The numbers of samples worth trying: one only where that makes windows come whole."""
    return range(1 if g.windowed else 2, MAX_SAMPLES + 1)


def _block_cycles(graph: Graph, node: Linear | MaxPool, samples: int) -> int:
    """Clocks per frame of the unit that makes blocks, or 0 where there can be none. (What fills it is not counted.)"""
    found = block(graph, node, samples)
    return found.height * found.words if found else 0


def _several(graph: Graph, node: Node) -> list[Folding]:
    """Foldings of several samples of a node that works position by position."""
    x, y = graph.types[node.inputs[0]], graph.types[node.name]
    widths = [width_of(graph.types[i].shape) for i in (*node.inputs, node.name)]
    whole = isinstance(node, Pad | Reindex) or (isinstance(node, Concat) and node.axis != len(y.shape) - 1)
    if isinstance(node, Product):  # a factor per channel has one position, whatever the width of its map
        widths = [width_of(y.shape)]
    elif isinstance(node, Select):  # its positions are those of its input: what it selects among is the last axis
        widths = [width_of(x.shape)]
    elif isinstance(node, Reindex) and not upsampling(graph, node):
        cut = box(graph, node)
        if cut is None or not x.channels == y.channels == cut.size[2]:
            return []
        widths = [cut.width, cut.size[1], cut.first[1]]
    channels = y.channels if isinstance(node, Concat) else x.channels
    return [
        Folding(_words_moved(graph, node, p), channels, channels, p, True)
        for p in sample_counts(*widths, whole=whole)[1:]
    ]


def _words_moved(graph: Graph, node: Node, samples: int) -> int:
    """Clocks in which a node moves the words of several samples of its busier side."""
    x, y = graph.types[node.inputs[0]], graph.types[node.name]
    if isinstance(node, Select):
        return words_of(x, samples) * (x.channels if node.k > 1 else 1)
    return max(words_of(x, samples), words_of(y, samples))


def _moved(graph: Graph, node: Node, lanes: int) -> int:
    """Clocks in which a node that does not fold a matrix moves what passes its busier side."""
    x, y = graph.types[node.inputs[0]], graph.types[node.name]
    if isinstance(node, Select) and node.k > 1:  # it sorts in one element a clock
        return x.size
    moves_whole_frame = isinstance(node, Reindex) and not upsampling(graph, node) and not box(graph, node)
    return (x.size + y.size if moves_whole_frame else max(x.size, y.size)) // lanes


def _word_channels(graph: Graph, node: Node) -> int:
    """What the width of a word that is no whole sample must divide."""
    if isinstance(node, Reindex) and not upsampling(graph, node):
        return block_lanes(graph, node)
    if isinstance(node, Concat):
        return math.gcd(*(graph.types[i].channels for i in node.inputs))
    return graph.types[node.inputs[0]].channels
