"""Multiply-accumulate units: dense and depthwise, one position or several samples per clock."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from isobit.backends.dataflow import schedules as s
from isobit.backends.dataflow import schedules_windows as windows
from isobit.backends.dataflow.catalogue import cost
from isobit.backends.dataflow.catalogue.kernel import Kernel
from isobit.backends.dataflow.catalogue.template import (
    BLOCK,
    ArrayOf,
    RtlUnit,
    StreamOf,
    Template,
    block_lanes,
    pixel,
    pixels,
    samples_of,
    stream,
)  # fmt: skip
from isobit.backends.dataflow.catalogue.windows import unit_constants
from isobit.backends.dataflow.design import Array, Stream
from isobit.backends.dataflow.geometry import accumulator_of, geometry
from isobit.backends.dataflow.latencies import depth_of_tree
from isobit.backends.dataflow.layer import LayerPlan
from isobit.backends.dataflow.schedule import Constants
from isobit.backends.ports import IntType
from isobit.ir import Graph
from isobit.ir.ops import Const, Linear
from isobit.ir.types import IntArray
from isobit.numerics.bipolar import Bipolar, bits_of, levels_of_threes
from isobit.numerics.formats import Tapered


def linear(graph: Graph, node: Linear, layer: LayerPlan, inputs: list[Stream]) -> Kernel:
    """``isobit::dense`` or ``isobit::depthwise`` on the windows of the input; accumulators hold every partial sum.

    Weights that are known at run time only come on a stream: ``isobit::streamed_dense``.
    """
    weights, g = graph.by_name[node.inputs[1]], geometry(graph, node)
    acc = IntType.of(*accumulator_of(graph, node))
    w_type = IntType.holding(weights.value) if isinstance(weights, Const) else inputs[1].elem
    types: tuple[tuple[str, IntType], ...] = (("in_t", inputs[0].elem), ("weight_t", w_type), ("acc_t", acc))
    folding: tuple[tuple[str, int], ...] = (("OUT", g.outputs), ("SIMD", layer.simd), ("PE", layer.pe))
    if not isinstance(weights, Const):
        constants: tuple[tuple[str, int], ...] = (("IN", g.fan_in), *folding, ("VECTORS", g.positions))
        return Kernel("streamed_dense", constants, types, (), acc, layer.pe)
    if g.depthwise:
        rows = weights.value.reshape(g.channels, g.taps).T.reshape(-1, g.channels if layer.parallel else layer.simd)
        constants = (
            ("CHANNELS", g.channels), ("PE", layer.simd), ("TAPS", g.taps), ("VECTORS", g.positions)
        )  # fmt: skip
        template, folding = "depthwise", ()
    else:
        rows = fold(full_matrix(weights.value, node.groups), layer.pe, layer.simd)
        constants, template = (("IN", g.fan_in), *folding, ("VECTORS", g.positions)), "dense"
    if layer.parallel:
        constants, template = (*unit_constants(graph, node, layer.samples), *folding), "parallel_" + template
    if layer.packing:
        constants = (*constants, ("PACKED", layer.packing.shift), ("CHAIN", layer.packing.chain))
    if isinstance(layer.code, Bipolar):
        w_type, rows = IntType(1, False), bits_of(rows)
        types = tuple((name, w_type if name == "weight_t" else kind) for name, kind in types)
        constants = (*constants, ("BIPOLAR", 1))
    elif layer.code:
        w_type = IntType(layer.code.bits, True)
        constants, types = (*constants, ("RUN", layer.code.run)), (*types, ("code_t", w_type))
        rows = encoded(layer.code, rows)
    array = Array(node.name + "_weights", w_type, rows, layer.memory or "auto")
    return Kernel(template, constants, types, (array,), acc, g.outputs * layer.samples if layer.parallel else layer.pe)


def full_matrix(weights: IntArray, groups: int) -> IntArray:
    """Weights ``(out, *kernel, in / groups)`` as a matrix ``(out, taps * in)``; other groups' inputs get zeros."""
    outputs, per_group = len(weights), weights.shape[-1]
    taps = weights.reshape(outputs, -1, per_group)
    if groups == 1:
        return taps.reshape(outputs, -1)
    full = np.zeros((outputs, taps.shape[1], per_group * groups), dtype=taps.dtype)
    for group in range(groups):
        rows = slice(group * outputs // groups, (group + 1) * outputs // groups)
        full[rows, :, group * per_group : (group + 1) * per_group] = taps[rows]
    return full.reshape(outputs, -1)


def encoded(code: Tapered, weights: IntArray) -> IntArray:
    """Weights as codes in two's complement; every one must be a number of the format."""
    half = 1 << code.bits - 1
    signed = np.where(code.codes >= half, code.codes - 2 * half, code.codes)
    return np.asarray(signed[np.searchsorted(code.numbers, weights)])


def fold(weights: IntArray, pe: int, simd: int) -> IntArray:
    """``(out, in)`` weights as ``(NF * SF, PE, SIMD)``.

    Row ``nf * SF + sf`` serves the PE outputs from ``nf * PE`` on and the SIMD inputs from ``sf * SIMD`` on.
    """
    outputs, fan_in = weights.shape
    blocks = weights.reshape(outputs // pe, pe, fan_in // simd, simd).transpose(0, 2, 1, 3)
    return blocks.reshape(-1, pe, simd)


def _sum_depth(c: Constants) -> int:
    """Clocks of ``SIMD`` products' sum: a tree; packed, chains of products in DSPs and a tree over the chains.

    Weights of one bit: sums of three at a time, and the difference in place of the products.
    """
    if "BIPOLAR" in c:
        return levels_of_threes(c["SIMD"])
    if "PACKED" not in c:
        return depth_of_tree(c["SIMD"])
    return c["CHAIN"] + depth_of_tree(-(-c["SIMD"] // c["CHAIN"]))


def _rtl_dense(c: Constants) -> int:
    return 3 + _sum_depth(c)


def _rtl_parallel_dense(c: Constants) -> int:
    """One more to choose among the words of a block, and one to collect the outputs."""
    return _rtl_dense(c) + (c["KH"] * c["KW"] * c["CHANNELS"] > c["SIMD"]) + (c["OUT"] > c["PE"])


def _unit(file: str, latency: Callable[[Constants], int], further: tuple[str, ...] = ()) -> RtlUnit:
    """A module with its weights in a memory or in the logic."""
    parts = ("rom", "sums", *further)
    return RtlUnit(file, latency, arrays=("WEIGHTS",), in_files=frozenset({"WEIGHTS"}), parts=parts)


_BODIES = ("clocks", "packed", "bipolar", "counts")
"""What multiplies, beside the plain tree, and how long it takes."""
_DECODED = ("tapered", "weights")
"""What reads weights that may be codes."""


_MAC = ("in_t", "weight_t", "acc_t")
_CODES = ("RUN", "code_t")
_WAYS = ("BIPOLAR", "PACKED", "CHAIN")
"""Other ways to multiply."""


TEMPLATES = (
    Template(
        "dense", "dense", ("IN", "OUT", "SIMD", "PE", "VECTORS", "RUN", *_WAYS), (*_MAC, "code_t"),
        (stream("in_t", "SIMD"),), (stream("acc_t", "PE"),), s.dense,
        (ArrayOf(
            "weight_t", lambda c: (c["OUT"] // c["PE"] * (c["IN"] // c["SIMD"]), c["PE"], c["SIMD"]), "code_t", "rows"
        ),),
        optional=(*_CODES, *_WAYS),
        latency=lambda c: 6 + _sum_depth(c), cost=cost.dense,
        rtl=_unit("dense", _rtl_dense, (*_DECODED, "dots", *_BODIES, "kept")),
        make=linear,
        also=("convolution",),
    ),
    Template(
        "depthwise", "depthwise", ("CHANNELS", "PE", "TAPS", "VECTORS"), _MAC,
        (stream("in_t", "PE"),), (StreamOf("acc_t", pixel),), s.per_channel,
        (ArrayOf("weight_t", lambda c: (c["TAPS"] * c["CHANNELS"] // c["PE"], c["PE"]), layout="rows"),),
        latency=lambda c: 6 + depth_of_tree(pixels(c)), cost=cost.dense,
        rtl=_unit("depthwise", lambda c: 3 + depth_of_tree(pixels(c))),
        make=linear,
    ),
    Template(
        "parallel_dense", "parallel_dense", (*BLOCK, "WORDS", "OUT", "SIMD", "PE", "RUN", *_WAYS), (*_MAC, "code_t"),
        (StreamOf("in_t", block_lanes),), (samples_of("acc_t", "OUT"),), windows.parallel_dense,
        (ArrayOf("weight_t", lambda c: (
            c["OUT"] // c["PE"] * (c["KH"] * c["KW"] * c["CHANNELS"] // c["SIMD"]), c["PE"], c["SIMD"]
        ), "code_t", "rows"),),
        optional=(*_CODES, *_WAYS),
        latency=lambda c: 6 + _sum_depth(c), cost=cost.dense,
        rtl=_unit("parallel_dense", _rtl_parallel_dense, (*_DECODED, "dots", *_BODIES)),
        make=linear,
    ),
    Template(
        "parallel_depthwise", "parallel_depthwise", (*BLOCK, "WORDS"), _MAC,
        (StreamOf("in_t", block_lanes),), (samples_of("acc_t", "CHANNELS"),), windows.per_block,
        (ArrayOf("weight_t", lambda c: (c["KH"] * c["KW"], c["CHANNELS"]), layout="rows"),),
        latency=lambda c: 6 + depth_of_tree(c["KH"] * c["KW"]), cost=cost.dense,
        rtl=RtlUnit(
            "parallel_depthwise", lambda c: 2 + depth_of_tree(c["KH"] * c["KW"]), arrays=("WEIGHTS",), parts=("sums",)
        ),
        make=linear,
    ),
    Template(
        "streamed_dense", "streamed_dense", ("IN", "OUT", "SIMD", "PE", "VECTORS"), _MAC,
        (stream("in_t", "SIMD"), StreamOf("weight_t", lambda c: c["PE"] * c["SIMD"])), (stream("acc_t", "PE"),),
        s.streamed_dense,
        latency=lambda c: 6 + depth_of_tree(c["SIMD"]), cost=cost.streamed_dense,
        rtl=RtlUnit("streamed_dense", _rtl_dense, ("in", "in_weights"), parts=("sums", "dots", *_BODIES, "kept")),
        make=linear,
    ),
)  # fmt: skip
