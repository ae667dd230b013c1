"""The source model as other compilers name it, with the exact values of its tensors and its quantisers' scales."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import Any
from warnings import catch_warnings

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from isobit.check.csim.run import own_samples
from isobit.check.csim.stimuli import float_samples, vectors_for
from isobit.check.source.exact.evaluate import ExactTensor
from isobit.errors import IsobitError, printable
from isobit.frontend.qonnx.importer import import_onnx
from isobit.frontend.qonnx.input_type import InputType
from isobit.interp import quantise

QUANTISERS = ("Quant", "IntQuant", "BipolarQuant")
PRODUCTS = ("MatMul", "Gemm", "Conv")
_AS_IT_IS = ("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze")
"""Operators that leave values and their order alone."""
MOVES = (*_AS_IT_IS, "MaxPool", "Relu", "Transpose")
"""Operators whose values are among those of their input, or zero."""
_HELPERS = ("zp1d_", "zp2d_", "clone_", "repack_")
"""Beginnings of the names of layers that hls4ml puts in front of a node's own or behind it."""


def cleaned(model: Path, target: Path) -> onnx.GraphProto:
    """The model as qonnx's clean-up leaves it, whose node names hls4ml takes."""
    from qonnx.core.modelwrapper import ModelWrapper  # type: ignore[import-untyped, unused-ignore]
    from qonnx.util.cleanup import cleanup_model  # type: ignore[import-untyped, unused-ignore]

    wrapper = cleanup_model(ModelWrapper(onnx.load(str(model))))
    wrapper.save(str(target))
    graph: onnx.GraphProto = wrapper.model.graph
    return graph


def names_as_prepared(clean: Path) -> Iterator[Mapping[str, str]]:
    """The names that its nodes have, by what hls4ml's users do with a cleaned model before they convert it.

    Those of the model itself; those after Gemm has become MatMul; and those with channels last, as maps need them.
    Yields the model's own name of every node that is left, by its new one.
    """
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.channels_last import (  # type: ignore[import-untyped, unused-ignore]
        ConvertToChannelsLastAndClean,
    )
    from qonnx.transformation.gemm_to_matmul import GemmToMatMul  # type: ignore[import-untyped, unused-ignore]
    from qonnx.util.cleanup import cleanup_model

    yield {node.name: node.name for node in onnx.load(str(clean)).graph.node}
    for order in ((GemmToMatMul,), (ConvertToChannelsLastAndClean, GemmToMatMul)):
        wrapper = ModelWrapper(str(clean))
        for node in wrapper.graph.node:
            node.doc_string = node.name  # which nothing of qonnx's looks at
        with (
            suppress(Exception),
            catch_warnings(action="ignore"),
        ):  # what it cannot prepare is in no project of hls4ml's
            for preparation in order:
                wrapper = wrapper.transform(preparation())
            yield {n.name: n.doc_string for n in cleanup_model(wrapper).graph.node if n.doc_string}


def existing(folder: Path, what: str) -> Path:
    """The folder itself.

    Raises:
        IsobitError: E619 where there is none; ``what`` says which one is meant.
    """
    if not folder.is_dir():
        found = "it is a file" if folder.exists() else "there is no such folder"
        raise IsobitError("E619", found, where=printable(folder), hint=what)
    return folder


def samples_of(model: Path, inputs: Any, count: int, input_type: InputType | None = None) -> NDArray[Any]:
    """Real samples ``(batch, *shape)`` in the model's layout: ``inputs``, or ``count`` edge cases and random ones.

    Args:
        inputs: an array, or arrays by the names of the model's inputs; None for our own.
        input_type: of an input that has no quantiser.

    Raises:
        IsobitError: E619 for a model of several inputs, E607 when ``inputs`` do not fit it, every refusal of the model.
    """
    graph = import_onnx(model, input_type)
    if len(graph.inputs) != 1:
        raise IsobitError("E619", f"the model has {len(graph.inputs)} inputs", where=printable(model))
    (entry,) = graph.inputs
    if inputs is None:
        return np.asarray(float_samples(entry, vectors_for(graph, count, 1)[entry.name], np.random.default_rng(0)))
    given = own_samples(graph, inputs, "real")[entry.outside]
    quantise(entry, given)  # refuses another shape
    return given


class Source:
    """The nodes of the source by name, their exact values and their scales.

    ``input_type`` is that of an input without a quantiser.
    """

    def __init__(
        self, graph: onnx.GraphProto, exact: Mapping[str, ExactTensor], input_type: InputType | None = None
    ) -> None:
        self.exact, self.entry, self.input_type = exact, graph.input[0].name, input_type
        self.output = graph.output[0].name
        self.by_name = {node.name: node for node in graph.node}
        self.makers = {name: node for node in graph.node for name in node.output}
        self.constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}

    def of_layer(self, layer: str, names: Mapping[str, str]) -> onnx.NodeProto | None:
        """The node whose name a layer carries: alone, behind a prefix or in front of a suffix; the longest of them.

        Args:
            names: the nodes' own names by those that the layers carry.
        """
        if layer.startswith(_HELPERS):
            return None
        found = [n for n in names if layer == n or layer.endswith("_" + n) or layer.startswith(n + "_")]
        return self.by_name.get(names[max(found, key=len)]) if found else None

    def quantiser_behind(self, node: onnx.NodeProto, named: Collection[str]) -> onnx.NodeProto | None:
        """The quantiser that a node's value goes to, through nothing but a Relu that is not ``named``; None without."""
        while True:
            readers = [n for n in self.by_name.values() if node.output[0] in n.input]
            if len(readers) != 1:
                return None
            (node,) = readers
            if node.op_type in QUANTISERS:
                return node
            if node.op_type != "Relu" or node.name in named:
                return None

    def maker_of_output(self) -> onnx.NodeProto | None:
        """The node that makes the values of the first output."""
        node = self.makers.get(self.output)
        while node is not None and node.op_type in _AS_IT_IS:
            node = self.makers.get(node.input[0])
        return node

    def step(self, node: onnx.NodeProto) -> Fraction | None:
        """What the integers of a node count, where that is one number: of a quantiser, a product, a mean, a sum of two
        whose units divide each other, and of what moves such values.
        """
        if node.op_type in QUANTISERS:
            return self.scale(node.output[0])
        if node.op_type in MOVES:
            return self.unit(node.input[0])
        if node.op_type == "GlobalAveragePool":
            unit, x = self.unit(node.input[0]), self.exact.get(node.input[0])
            return unit / prod(x.num.shape[2:]) if unit is not None and x is not None else None
        units = [u for u in map(self.unit, node.input[:2]) if u is not None]
        if len(units) != 2 or node.op_type not in (*PRODUCTS, "Add"):
            return None
        if node.op_type in PRODUCTS:
            return units[0] * units[1]
        least, most = sorted(units)
        return least if (most / least).denominator == 1 else None

    def unit(self, name: str) -> Fraction | None:
        """What the integers of a tensor count: :meth:`step` of its maker; of the input what is said."""
        if name == self.entry and self.input_type is not None:
            return self.input_type.scale
        node = self.makers.get(name)
        return self.step(node) if node is not None else None

    def scale(self, name: str) -> Fraction | None:
        """The scale of the quantiser that makes a tensor, where it is one number."""
        node = self.makers.get(name)
        if node is None or node.op_type not in QUANTISERS:
            return None
        values = self.constants.get(node.input[1])
        return Fraction(float(values.reshape(-1)[0])) if values is not None and values.size == 1 else None

    def integers(self, node: onnx.NodeProto) -> tuple[ExactTensor, Fraction] | None:
        """A node's exact values and their step; None where they are no integers in any (a bias of another unit)."""
        exact, step = self.exact.get(node.output[0]), self.step(node)
        if exact is None or step is None or (exact.num * step.denominator % (exact.den * step.numerator)).any():
            return None
        return exact, step

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
