"""Several samples per clock: how many adjacent positions a word may hold, and what windows of several positions cover.

**The rule.** A word holds a share of one position's channels, or P whole positions along the last spatial axis, with
all channels. Rows never share a word: P divides the width of the map, or is a power of two and a row's last word is
filled up (:mod:`isobit.backends.dataflow.rows`); it is at most :data:`MAX_SAMPLES`. What moves pixels to other places
in their rows takes divisors alone. A sliding computation makes P positions from a block, the pixels that its P windows
cover; its input words hold P times the horizontal stride, and its rows give no more words than they take. A border in
front of it that nothing else reads is made while the block is: it costs nothing. No word has more than
:data:`MAX_WORD_BITS` bits, and no row of a line buffer more than HLS reshapes.
"""

from __future__ import annotations

from dataclasses import dataclass

from isobit.backends.dataflow.geometry import Geometry, geometry
from isobit.backends.dataflow.rows import frame_words, row_clocks, rows_of, width_of
from isobit.hardware.prices import MOST_ROW_BITS
from isobit.ir import Graph, Node
from isobit.ir.memo import per_graph
from isobit.ir.ops import Linear, MaxPool, Pad
from isobit.ir.types import ValueType

MAX_SAMPLES = 32
MAX_WORD_BITS = 4096
"""Vitis HLS refuses wider words of a stream (2023.2: github.com/Xilinx/Vitis-Tutorials/issues/426)."""
MAX_PORT_BITS, PORT_BITS = 512, 64


@dataclass(frozen=True)
class Block:
    """P windows at a time: the frame without its border, the border, and the sizes that follow.

    ``border`` is the pixels above, below, left and right, all ``value``; ``pad`` the node that they replace ("" where
    there is none). ``step`` is the pixels of a word in, ``columns`` those of a block's row, ``words`` and ``blocks``
    what a row takes and gives. ``ahead`` is the words by which the blocks of a line reach beyond their places, where
    they are read ahead of them (``line_window``), and 0 elsewhere.
    """

    samples: int
    height: int
    width: int
    border: tuple[int, int, int, int]
    value: int
    pad: str
    step: int
    columns: int
    words: int
    blocks: int
    out_height: int
    ahead: int


def sample_counts(*widths: int, whole: bool = False) -> list[int]:
    """Every legal number of samples per clock for maps of all these widths, ascending from 1.

    Args:
        widths: an offset in a row counts as one: 0 is divided by every number.
        whole: rows must be whole words.
    """
    counts = range(1, min(MAX_SAMPLES, *(width for width in widths if width)) + 1)
    dividing = [p for p in counts if not any(width % p for width in widths)]
    if whole:
        return dividing
    powers = [p for p in counts if p & (p - 1) == 0]
    return sorted({*powers, *(p for p in dividing if not _gives_way(p, powers, widths))})


def _gives_way(samples: int, powers: list[int], widths: tuple[int, ...]) -> bool:
    """Is a power of two up to an eighth above as good? Ports and strided layers then need no shifting of words."""
    above = next((p for p in powers if p > samples), 0)
    return 8 * above <= 9 * samples and all(-(-w // above) == w // samples for w in widths) if above else False


@per_graph
def block(graph: Graph, node: Linear | MaxPool, samples: int) -> Block | None:
    """How ``node`` makes ``samples`` positions at a time; None where the sizes do not allow it."""
    g, pad = geometry(graph, node), border_of(graph, node)
    found = _block(graph, node, g, samples, pad) if pad and g.windowed else None
    return found or _block(graph, node, g, samples, None)


def border_of(graph: Graph, node: Node) -> Pad | None:
    """The border in front of ``node``, if it is the only one to read it."""
    source = graph.by_name[node.inputs[0]]
    if isinstance(source, Pad) and len(source.before) <= 2 and len(graph.consumers[source.name]) == 1:
        return source
    return None


def _block(graph: Graph, node: Linear | MaxPool, g: Geometry, samples: int, pad: Pad | None) -> Block | None:
    if g.images > 1:
        return None
    border, value = (0, 0, 0, 0), 0
    if pad:
        (top, left), (bottom, right) = ((0, *side)[-2:] for side in (pad.before, pad.after))
        border, value = (top, bottom, left, right), pad.value
    height, width = g.height - border[0] - border[1], g.width - border[2] - border[3]
    (kh, kw), (sh, sw), (dh, dw) = g.kernel, g.strides, g.dilations
    out_height = (g.height - (kh - 1) * dh - 1) // sh + 1
    out_width = g.positions // out_height
    bits = graph.types[node.inputs[0]].bits
    columns, step = (samples - 1) * sw + (kw - 1) * dw + 1, samples * sw
    words, blocks = -(-width // step), -(-out_width // samples)
    # Where axes were taken together, their rows are several of the map's, and must be whole words of either.
    source, made = graph.types[(pad or node).inputs[0]], graph.types[node.name]
    rows_alone = (width_of(source.shape), rows_of(source)) == (width, height)
    whole = width_of(made.shape) % samples == 0 and width % step == 0
    legal = (
        (rows_alone or whole) and samples in sample_counts(width_of(made.shape)) and step <= width and blocks <= words
        and border[0] <= (kh - 1) * dh and border[2] < columns
        and kh * columns * g.channels * bits <= MAX_WORD_BITS
        and (kh - 1) * dh * step * g.channels * bits <= MOST_ROW_BITS
    )  # fmt: skip
    if not legal:
        return None
    name = pad.name if pad else ""
    ahead = (columns - 1 - border[2]) // step
    if (g.height, kh) != (1, 1) or ahead >= words or ahead * step * g.channels * bits > MAX_WORD_BITS:
        ahead = 0
    sizes = (step, columns, words, blocks, out_height, ahead)
    return Block(samples, height, width, border, value, name, *sizes)


def port_format(
    kind: ValueType, elem_bits: int, interval: int = 1 << 60, *, by_row: bool = False, given: int = 0
) -> tuple[int, int]:  # fmt: skip
    """Elements of ``elem_bits`` bits per AXI word, and those of a row whose last word is filled up (0: none is).

    Words of 8 to 64 bits that divide the frame, as DMAs move them; wider ones, up to 512 bits, only while 64 bits would
    need more than ``interval`` clocks for a frame; words that leave slack, at the end of the frame, only where none
    that divide it are wide enough.

    Args:
        by_row: what takes or gives the words has slack at the ends of its rows: no word may hold parts of two, and
            slack is at the end of every row.
        given: elements of the words that an output's are made of, where that is known.
    """
    row = kind.channels * width_of(kind.shape) if by_row else kind.size
    lanes = [1 << k for k in range(10) if elem_bits << k <= MAX_PORT_BITS]
    formats = [(n, 0) for n in lanes if row % n == 0] + [(n, row) for n in lanes if row % n and n < 2 * row]
    chosen = max(f for f in formats if not f[1] and f[0] * elem_bits <= PORT_BITS)

    def clocks(lanes: int, row: int) -> int:
        return kind.size // row * row_clocks(row, given, lanes) if row and given else frame_words(kind.size, row, lanes)

    for lanes_row in formats:
        if lanes_row[0] > chosen[0] and clocks(*chosen) > interval:
            chosen = lanes_row
    return chosen
