"""What random networks hold, counted: a generator that stops making something is noticed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from isobit.backends.dataflow import lower
from isobit.backends.dataflow.geometry import box, keeps_order, upsampling
from isobit.backends.dataflow.planner import PlanRequest, plan_for
from isobit.frontend.onnx.file import load_onnx
from isobit.frontend.qonnx.importer import import_model
from isobit.hardware import load_board
from isobit.ir import Graph, Node
from isobit.ir.ops import Add, Concat, Const, Linear, Reindex
from isobit.passes import optimise
from tests.models.random_nets import random_network
from tests.onnx_builder import save

_BOARD = load_board("zcu104")


def census(seeds: Iterable[int]) -> Counter[str]:
    """In how many of the networks of these seeds every trait occurs."""
    return Counter(trait for seed in seeds for trait in traits(seed))


@cache
def traits(seed: int) -> frozenset[str]:
    """The source operators whose results are used, the graph's operations and kinds of them, and the templates."""
    with TemporaryDirectory() as folder:
        model = load_onnx(save(random_network(seed), Path(folder)))
    graph = import_model(model, None)
    small = optimise(graph)
    design = lower(small, plan_for(small, _BOARD, PlanRequest()))
    return frozenset(
        {node.op for node in model.nodes}
        | {node.op for candidate in (graph, small) for node in candidate.nodes}
        | {kind for node in graph.nodes for kind in _kinds(graph, node)}
        | {f"{process.template}.hpp" for process in design.processes}
        | {name for name, ends in (("two inputs", graph.inputs), ("two outputs", graph.outputs)) if len(ends) > 1}
        | ({"image one pixel wide"} if any(1 in node.shape[:-1] for node in graph.inputs) else set())
    )


def _kinds(graph: Graph, node: Node) -> Iterator[str]:
    if isinstance(node, Linear):
        yield from _linear_kinds(graph, node)
    elif isinstance(node, Add):
        yield from _add_kinds(graph, node)
    elif isinstance(node, Concat):
        last = node.axis == len(graph.types[node.name].shape) - 1
        yield "concat of channels" if last else "concat of pixels"
        if len(node.inputs) > 2:
            yield f"{'channel' if last else 'pixel'} concat of three or more"
    elif isinstance(node, Reindex):
        whole = upsampling(graph, node) is not None
        yield (
            "reshape"
            if keeps_order(graph, node)
            else "upsampling"
            if whole
            else "slice"
            if box(graph, node)
            else ("reordering")
        )


def _linear_kinds(graph: Graph, node: Linear) -> Iterator[str]:
    weights = graph.by_name[node.inputs[1]]
    assert isinstance(weights, Const)
    outputs, *kernel, fan_in = weights.value.shape
    yield f"{len(kernel)}-D convolution" if kernel else "dense"
    if node.groups > 1:
        yield "grouped convolution" if fan_in > 1 else "depthwise convolution"
    if fan_in == 1 < node.groups < outputs:
        yield "depthwise convolution with a multiplier"
    if any(d > 1 < k for d, k in zip(node.dilations, kernel, strict=True)):
        yield "dilated convolution"
    if any(s > 1 for s in node.strides):
        yield "strided convolution"
    if kernel and (weights.value == 1).all():
        yield "sum of a window"


def _add_kinds(graph: Graph, node: Add) -> Iterator[str]:
    """Joins of two values, told apart by their coefficients."""
    if sum(not isinstance(graph.by_name[i], Const) for i in node.inputs) < 2:
        return
    factors = [np.asarray(c, dtype=object) for c in node.coefficients]
    if all((abs(f) > 1).all() for f in factors):
        yield "sum of unrelated scales"
    if any((f < 0).any() for f in factors):
        yield "difference"
    if any(len(f) > 1 for f in factors):
        yield "sum with scales per channel"
