"""A constant matrix as additions: what a matrix unit is whose weights are all constants of its logic."""

from __future__ import annotations

import numpy as np

from isobit.backends.dataflow import schedules as s
from isobit.backends.dataflow.catalogue.constants import on_block
from isobit.backends.dataflow.catalogue.kernel import Kernel
from isobit.backends.dataflow.catalogue.matrix import full_matrix
from isobit.backends.dataflow.catalogue.template import ArrayOf, RtlUnit, Template, stream
from isobit.backends.dataflow.catalogue.windows import block_constants
from isobit.backends.dataflow.design import Array, Stream
from isobit.backends.dataflow.geometry import accumulator_of, geometry
from isobit.backends.dataflow.layer import LayerPlan
from isobit.backends.dataflow.rows import words_of
from isobit.backends.ports import IntType
from isobit.errors import promised
from isobit.hardware import Cost
from isobit.ir import Graph
from isobit.ir.memo import per_graph
from isobit.ir.ops import Const, Linear
from isobit.ir.types import IntArray
from isobit.numerics import as_int_array, bit_width
from isobit.numerics.adders import Adder, AdderGraph, adder_graph

Spans = list[tuple[int, int]]


@per_graph
def additions(graph: Graph, node: Linear, samples: int = 0) -> AdderGraph:
    """The additions that multiply with the weights of ``node``, which are constants.

    Of one window; or of a block, with the outputs of ``samples`` windows one after the other: what neighbouring windows
    have in common is summed once.
    """
    weights = graph.by_name[node.inputs[1]]
    assert isinstance(weights, Const)
    matrix = full_matrix(weights.value, node.groups)
    if samples:
        matrix = on_block(matrix, dict(block_constants(geometry(graph, node), samples)))
    rows = [[int(w) for w in row] for row in matrix]
    found = adder_graph(rows)
    promised(found.weights() == rows, "the additions are not the weights", where=node.name)
    return found


def spans(graph: Graph, node: Linear, inputs: int) -> Spans:
    """The interval of each of ``inputs`` elements, whole pixels: that of its channel, and zero."""
    x = graph.types[node.inputs[0]]
    pixel = [(min(int(lo), 0), max(int(hi), 0)) for lo, hi in zip(x.lo, x.hi, strict=True)]
    return pixel * (inputs // len(pixel))


def cost(graph: Graph, node: Linear, samples: int = 0) -> Cost:
    """A LUT for every bit of every adder, and the registers behind them."""
    found = additions(graph, node, samples)
    reach = spans(graph, node, found.inputs)
    return Cost(lut=found.luts(reach), ff=found.registers(reach))


def constant_dense(graph: Graph, node: Linear, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::constant_dense``: every output of a vector, or of a block, in one clock."""
    samples = layer.samples if layer.parallel else 0
    found, words = additions(graph, node, samples), geometry(graph, node).positions
    if samples:
        words = words_of(graph.types[node.name], samples)
    adders = found.adders or (Adder(0, 0, 0, 0, 1),)  # an array has at least one row
    found = AdderGraph(found.inputs, adders, found.taps)
    acc, ends = IntType.of(*accumulator_of(graph, node)), found.intervals(spans(graph, node, found.inputs))
    shifted = [(lo << most, hi << most) for (lo, hi), most in zip(ends, _most_shifts(found), strict=True)]
    total = IntType(bit_width(min(lo for lo, _ in shifted), max(max(hi, -lo) for lo, hi in shifted)) + 1, True)
    depths = found.depths
    nodes = _rows([[a.a, a.b] for a in adders])
    forms = _rows([
        [a.shift_b - a.shift_a, a.sign, bit_width(*ends[n]) + 1, depths[n]] for n, a in enumerate(adders, found.inputs)
    ])  # fmt: skip
    taps = _rows([[t.node, t.shift, t.sign] for t in found.taps])
    constants = (
        ("IN", found.inputs), ("OUT", len(found.taps)), ("VECTORS", words), ("ADDERS", len(adders)),
        ("DEPTH", max(depths)),
    )  # fmt: skip
    kinds = [IntType.holding(values) for values in (nodes, forms, taps)]
    names = ("node_t", "form_t", "tap_t")
    types = (("in_t", inputs[0].elem), ("sum_t", total), ("acc_t", acc), *zip(names, kinds, strict=True))
    arrays = tuple(
        Array(f"{node.name}_{name}", kind, values)
        for name, kind, values in zip(("adders", "forms", "taps"), kinds, (nodes, forms, taps), strict=True)
    )
    return Kernel("constant_dense", constants, types, arrays, acc, len(found.taps))


def _rows(values: list[list[int]]) -> IntArray:
    return as_int_array(np.array(values, dtype=object))


def _most_shifts(found: AdderGraph) -> list[int]:
    """How far to the left every node is shifted at most."""
    most = [0] * (found.inputs + len(found.adders))
    for adder in found.adders:
        most[adder.a], most[adder.b] = max(most[adder.a], adder.shift_a), max(most[adder.b], adder.shift_b)
    for tap in found.taps:
        most[tap.node] = max(most[tap.node], tap.shift)
    return most


TEMPLATES = (
    Template(
        "constant_dense", "constant_dense", ("IN", "OUT", "VECTORS", "ADDERS", "DEPTH"),
        ("in_t", "sum_t", "acc_t", "node_t", "form_t", "tap_t"),
        (stream("in_t", "IN"),), (stream("acc_t", "OUT"),), s.vectors,
        (
            ArrayOf("node_t", lambda c: (c["ADDERS"], 2), layout="plain"),
            ArrayOf("form_t", lambda c: (c["ADDERS"], 4), layout="plain"),
            ArrayOf("tap_t", lambda c: (c["OUT"], 3), layout="plain"),
        ),
        latency=lambda c: 4 + c["DEPTH"], cost=cost,
        rtl=RtlUnit("constant_dense", lambda c: 2 + c["DEPTH"], arrays=("ADDS", "FORMS", "TAPS")),
        make=constant_dense,
        also=("parallel_constant_dense",),
    ),
)  # fmt: skip
