"""The graph beside somebody else's tensors of the same file, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from isobit.check.source.tflite.file import File, Tensor
from isobit.check.source.verdict import in_graph_layout, nearest_integers
from isobit.frontend.tflite.importer import ImportedTflite
from isobit.interp import Evaluator
from isobit.ir import Graph
from isobit.ir.ops import Output
from isobit.ir.types import IntArray
from isobit.numerics import exact


@dataclass(frozen=True)
class Beside:
    """A file, its imported graph before any pass, and samples: for the file by tensor, for the graph by input."""

    file: File
    imported: ImportedTflite
    entering: Mapping[int, Any]
    integers: Mapping[str, IntArray]

    def comparable(self) -> dict[int, str]:
        """The graph's value of every tensor of integers that an operator makes."""
        made = {i for operator in self.file.operators for i in operator.outputs}
        return {
            i: value.name
            for i, value in self.imported.values.items()
            if i in made and not value.host and self.file.tensors[i].dtype != "float32"
        }


@dataclass(frozen=True)
class Pair:
    """One tensor's integers around zero: the graph's, from the other's integers below it, and the other's."""

    tensor: int
    layer: str
    mine: IntArray
    theirs: IntArray


def pairs(beside: Beside, tensors: Mapping[int, Any]) -> Iterator[Pair]:
    """Every comparable tensor, each computed from the other's own integers below it: one difference hides no other."""
    graph, values = beside.imported.graph, dict(beside.integers)
    held: dict[str, list[int]] = {}
    for index, name in sorted(beside.comparable().items()):
        held.setdefault(name, []).append(index)
    for node, function in Evaluator(graph).functions:
        mine = function(*(values[i] for i in node.inputs))
        values[node.name] = mine
        for index in held.get(node.name, ()):
            zero = beside.imported.values[index].zero
            theirs = centred(beside.file.tensors[index], tensors[index].astype(np.int64)).reshape(mine.shape)
            yield Pair(index, node.name, mine - zero, theirs)
            kind = graph.types[node.name]
            if (theirs + zero >= kind.lo).all() and (theirs + zero <= kind.hi).all():
                values[node.name] = theirs + zero


def output_integers(graph: Graph, node: Output, tensor: Tensor, integers: IntArray) -> IntArray:
    """A tensor's integers as an output of the graph holds them."""
    theirs = centred(tensor, integers.astype(np.int64)).reshape(len(integers), *node.outside_shape)
    theirs = in_graph_layout(node, graph.types[node.name].shape, theirs)
    scale = exact(np.float32(tensor.scale[0])) if tensor.scale else exact(np.float32(1))
    return nearest_integers(node, theirs * scale.numerator, scale.denominator)


def centred(tensor: Tensor, integers: IntArray) -> IntArray:
    """Integers less their zero point."""
    return integers - (tensor.zero_point[0] if tensor.zero_point else 0)
