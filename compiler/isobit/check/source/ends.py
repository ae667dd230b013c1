"""End to end: the graph's outputs beside those of the source's own float run, sample by sample.

Integers are compared where an output has them: at the output itself, or in front of the Softmax, Sigmoid or Tanh that
the host computes at the end. Predictions are compared on what both sides hand to their user.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from isobit.check.source.float.run import FloatRun
from isobit.check.source.oracles import EndToEnd
from isobit.check.source.verdict import in_graph_layout
from isobit.frontend.onnx.model import SourceModel
from isobit.interp import dequantise
from isobit.ir import Graph
from isobit.ir.ops import Output
from isobit.ir.types import IntArray

LAYOUT_OPS = frozenset({"reshape", "transpose"})
SMOOTH = frozenset({"sigmoid", "tanh"})
_LAST = SMOOTH | {"softmax", "logsoftmax"}


def read_back(tensor: Any, scale: Any, offset: Any) -> IntArray:
    """The integers nearest to float values ``scale * integer + offset``."""
    s, o = (np.array([float(v) for v in a]) for a in (scale, offset))
    return np.asarray(np.round((tensor.astype(np.float64) - o) / s).astype(np.int64))


def before_last(model: SourceModel, node: Output) -> str:
    """The source's tensor in front of the float function that ends an output, "" where it ends otherwise."""
    first = next((op.kind for op in node.host if op.kind not in LAYOUT_OPS), "")
    if first not in _LAST:
        return ""
    makers = {name: made for made in model.nodes for name in made.outputs}
    names = {info.label: info.name for info in model.outputs}
    maker = makers.get(names[node.outside])
    while maker is not None and maker.op.lower() != first:
        maker = makers.get(maker.inputs[0])
    return maker.inputs[0] if maker is not None else ""


def before_smooth(model: SourceModel, node: Output) -> str:
    """The tensor that a final sigmoid or tanh reads, "" where the output ends otherwise.

    The function rises and has no integers of its own: what it reads is compared in the place of what it makes.
    """
    makers = {name: made for made in model.nodes for name in made.outputs}
    names = {info.label: info.name for info in model.outputs}
    last = makers.get(names[node.outside])
    others = [op.kind for op in node.host if op.kind not in LAYOUT_OPS]
    if last is None or last.op.lower() not in SMOOTH or others != [last.op.lower()]:
        return ""
    return last.inputs[0]


def end_to_end(
    oracle: str, model: SourceModel, graph: Graph, mine: Mapping[str, IntArray], execution: FloatRun
) -> EndToEnd:
    """Count what is equal; ``mine`` holds the graph's outputs for the samples of ``execution``."""
    counts = np.zeros(4, dtype=np.int64)
    samples = 0
    for node in graph.outputs:
        integers = mine[node.name]
        samples = len(integers)
        theirs = _integers(model, graph, node, execution, samples)
        if theirs is not None:
            counts[:2] += theirs.size, int(np.count_nonzero(theirs == integers))
        if integers.shape[-1] > 1:
            predictions = [
                _predicted(graph, node, v) for v in (dequantise(node, integers), execution.outputs[node.outside])
            ]
            counts[2:] += predictions[0].size, int(np.count_nonzero(predictions[0] == predictions[1]))
    return EndToEnd(oracle, samples, int(counts[0]), int(counts[1]), int(counts[2]), int(counts[3]))


def _predicted(graph: Graph, node: Output, values: Any) -> IntArray:
    laid = in_graph_layout(node, graph.types[node.name].shape, values.reshape(len(values), *node.outside_shape))
    return np.asarray(np.argmax(laid, axis=-1))


def _integers(model: SourceModel, graph: Graph, node: Output, execution: FloatRun, count: int) -> IntArray | None:
    others = [op.kind for op in node.host if op.kind not in LAYOUT_OPS]
    tensor, host = execution.outputs[node.outside].reshape(count, *node.outside_shape), node.host
    if others:
        name = before_last(model, node)
        if not name or name not in execution.tensors:
            return None
        tensor, host = execution.tensors[name], node.host[: [op.kind for op in node.host].index(others[0])]
    laid = in_graph_layout(replace(node, host=host), graph.types[node.name].shape, tensor)
    if laid.shape != (count, *graph.types[node.name].shape):
        return None
    return read_back(laid, node.scale, node.offset)
