"""Template instances that take several samples per clock: whole windows, from blocks."""

from __future__ import annotations

from isobit.backends.dataflow.catalogue.kernel import Kernel
from isobit.backends.dataflow.design import Stream
from isobit.backends.dataflow.planner import LayerPlan
from isobit.backends.dataflow.planner.geometry import Geometry, geometry
from isobit.backends.ports import IntType
from isobit.ir import Graph
from isobit.ir.ops import MaxPool

Numbers = tuple[tuple[str, int], ...]


def block_constants(g: Geometry, samples: int) -> Numbers:
    """What the layout of a block is made from."""
    return (
        ("SAMPLES", samples), ("CHANNELS", g.channels), ("KH", g.kernel[0]), ("KW", g.kernel[1]),
        ("SW", g.strides[1]), ("DW", g.dilations[1]),
    )  # fmt: skip


def unit_constants(g: Geometry, samples: int) -> Numbers:
    """The constants of a unit that takes blocks."""
    return (*block_constants(g, samples), ("WORDS", g.positions // samples))


def max_pool(graph: Graph, node: MaxPool, layer: LayerPlan, x: Stream) -> Kernel:
    """``isobit::parallel_max_pool``."""
    constants = unit_constants(geometry(graph, node), layer.samples)
    return Kernel("parallel_max_pool", constants, (("elem_t", x.elem),), (), x.elem, layer.lanes[1])


def concat(words: int, samples: int, channels: tuple[int, int], types: tuple[tuple[str, IntType], ...]) -> Kernel:
    """``isobit::parallel_concat``."""
    constants = (("WORDS", words), ("SAMPLES", samples), ("A", channels[0]), ("B", channels[1]))
    return Kernel("parallel_concat", constants, types, (), types[-1][1], samples * sum(channels))
