"""The source model as other compilers name it, with the exact values of its tensors and its quantisers' scales."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from isobit.check.csim.run import own_samples
from isobit.check.csim.stimuli import float_samples, vectors_for
from isobit.check.source.exact.evaluate import ExactTensor
from isobit.errors import IsobitError, printable
from isobit.frontend.qonnx.importer import import_onnx
from isobit.interp import quantise

QUANTISERS = ("Quant", "IntQuant", "BipolarQuant")
PRODUCTS = ("MatMul", "Gemm", "Conv")
_AS_IT_IS = ("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze")
"""Operators that leave values and their order alone."""


def cleaned(model: Path, target: Path) -> onnx.GraphProto:
    """The model as qonnx's clean-up leaves it, whose node names hls4ml takes."""
    from qonnx.core.modelwrapper import ModelWrapper  # type: ignore[import-untyped, unused-ignore]
    from qonnx.util.cleanup import cleanup_model  # type: ignore[import-untyped, unused-ignore]

    wrapper = cleanup_model(ModelWrapper(onnx.load(str(model))))
    wrapper.save(str(target))
    graph: onnx.GraphProto = wrapper.model.graph
    return graph


def samples_of(model: Path, inputs: Any, count: int) -> NDArray[Any]:
    """Real samples ``(batch, *shape)`` in the model's layout: ``inputs``, or ``count`` edge cases and random ones.

    Args:
        inputs: an array, or arrays by the names of the model's inputs; None for our own.

    Raises:
        IsobitError: E619 for a model of several inputs, E607 when ``inputs`` do not fit it, every refusal of the model.
    """
    graph = import_onnx(model)
    if len(graph.inputs) != 1:
        raise IsobitError("E619", f"the model has {len(graph.inputs)} inputs", where=printable(model))
    (entry,) = graph.inputs
    if inputs is None:
        return np.asarray(float_samples(entry, vectors_for(graph, count, 1)[entry.name], np.random.default_rng(0)))
    given = own_samples(graph, inputs, "real")[entry.outside]
    quantise(entry, given)  # refuses another shape
    return given


class Source:
    """The nodes of the source by name, their exact values and their scales."""

    def __init__(self, graph: onnx.GraphProto, exact: Mapping[str, ExactTensor]) -> None:
        self.exact = exact
        self.output = graph.output[0].name
        self.by_name = {node.name: node for node in graph.node}
        self.makers = {name: node for node in graph.node for name in node.output}
        self.constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}

    def of_layer(self, layer: str) -> onnx.NodeProto | None:
        """The node whose name a layer carries: alone, behind a prefix or in front of a suffix; the longest of them."""
        names = [n for n in self.by_name if layer == n or layer.endswith("_" + n) or layer.startswith(n + "_")]
        return self.by_name[max(names, key=len)] if names else None

    def quantiser_behind(self, node: onnx.NodeProto) -> onnx.NodeProto | None:
        """The quantiser that a node's value goes to, through nothing but a Relu; None where there is none."""
        while True:
            readers = [n for n in self.by_name.values() if node.output[0] in n.input]
            if len(readers) != 1:
                return None
            (node,) = readers
            if node.op_type in QUANTISERS:
                return node
            if node.op_type != "Relu":
                return None

    def maker_of_output(self) -> onnx.NodeProto | None:
        """The node that makes the values of the first output."""
        node = self.makers.get(self.output)
        while node is not None and node.op_type in _AS_IT_IS:
            node = self.makers.get(node.input[0])
        return node

    def step(self, node: onnx.NodeProto) -> Fraction | None:
        """What the integers of a quantiser or a product count, where that is one number."""
        if node.op_type in QUANTISERS:
            return self.scale(node.output[0])
        scales = [s for s in map(self.scale, node.input[:2]) if s is not None] if node.op_type in PRODUCTS else []
        return scales[0] * scales[1] if len(scales) == 2 else None

    def scale(self, name: str) -> Fraction | None:
        """The scale of the quantiser that makes a tensor, where it is one number."""
        node = self.makers.get(name)
        if node is None or node.op_type not in QUANTISERS:
            return None
        values = self.constants.get(node.input[1])
        return Fraction(float(values.reshape(-1)[0])) if values is not None and values.size == 1 else None

    def least(self, node: onnx.NodeProto) -> int:
        """The least integer of a quantiser."""
        if node.op_type == "BipolarQuant":
            return -1
        flags = {a.name: a.i for a in node.attribute}
        bits = int(self.constants[node.input[3]].reshape(-1)[0])
        return -(1 << bits - 1) + flags.get("narrow", 0) if flags.get("signed", 1) else 0

    def compared(self, node: onnx.NodeProto) -> bool:
        """Does the node's value depend on the input, and is its scale one number?"""
        return node.output[0] in self.exact and self.scale(node.output[0]) is not None
