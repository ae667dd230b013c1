"""Several samples per clock: how many adjacent positions a word may hold, and what windows of several positions cover.

**The rule.** A word holds a share of one position's channels, or P whole positions along the last spatial axis, with
all channels. P divides the width of the map, so rows never share a word, and is at most :data:`MAX_SAMPLES`. A sliding
computation makes P positions from a block, the pixels that its P windows cover; its input words hold P times the
horizontal stride, and its rows give no more words than they take. A border in front of it that nothing else reads is
made while the block is: it costs nothing. No word has more than :data:`MAX_WORD_BITS` bits, and no row of a line buffer
more than HLS reshapes.
"""

from __future__ import annotations

from dataclasses import dataclass

from isobit.backends.dataflow.geometry import Geometry, geometry
from isobit.hardware.prices import MOST_ROW_BITS
from isobit.ir import Graph, Node
from isobit.ir.memo import per_graph
from isobit.ir.ops import Linear, MaxPool, Pad

MAX_SAMPLES = 16
MAX_WORD_BITS = 4096
"""Vitis HLS refuses wider words of a stream (2023.2: github.com/Xilinx/Vitis-Tutorials/issues/426)."""
MAX_PORT_BITS, PORT_BITS = 512, 64


@dataclass(frozen=True)
class Block:
    """P windows at a time: the frame without its border, the border, and the sizes that follow.

    ``border`` is the pixels above, below, left and right, all ``value``; ``pad`` the node that they replace ("" where
    there is none). ``columns`` is the pixels of a block's row, ``words`` and ``blocks`` what a row takes and gives.
    """

    samples: int
    height: int
    width: int
    border: tuple[int, int, int, int]
    value: int
    pad: str
    columns: int
    words: int
    blocks: int
    out_height: int


def width_of(shape: tuple[int, ...]) -> int:
    """Positions along the last spatial axis of a channels-last shape; 1 where there is none."""
    return shape[-2] if len(shape) > 1 else 1


def sample_counts(*widths: int) -> list[int]:
    """Every legal number of samples per clock for maps of all these widths, ascending from 1."""
    return [p for p in range(1, MAX_SAMPLES + 1) if not any(width % p for width in widths)]


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
    legal = (
        width_of(graph.types[node.name].shape) % samples == 0 and width % step == 0 and out_width * sw <= width
        and border[0] <= (kh - 1) * dh and border[2] < columns
        and kh * columns * g.channels * bits <= MAX_WORD_BITS
        and (kh - 1) * dh * step * g.channels * bits <= MOST_ROW_BITS
    )  # fmt: skip
    if not legal:
        return None
    name = pad.name if pad else ""
    sizes = (columns, width // step, out_width // samples, out_height)
    return Block(samples, height, width, border, value, name, *sizes)


def port_lanes(frame: int, elem_bits: int, interval: int = 1 << 60) -> int:
    """Elements of ``elem_bits`` bits per AXI word: words of 8 to 64 bits that divide the frame, as DMAs move them.

    Wider ones, up to 512 bits, only while 64 bits would need more than ``interval`` clocks for a frame.
    """
    widths = [elem_bits << k for k in range(7) if elem_bits << k <= MAX_PORT_BITS and frame % (1 << k) == 0]
    lanes = max(bits for bits in widths if bits <= PORT_BITS) // elem_bits
    for bits in widths:
        if bits > PORT_BITS and frame // lanes > interval:
            lanes = bits // elem_bits
    return lanes
