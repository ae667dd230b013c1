"""Which tensors of a model may be scaled together without changing what the model computes.

Multiplying a tensor by ``r > 0`` commutes with every positively homogeneous operator (ReLU, pooling, movement, sums,
a quantiser whose scale is multiplied too) and can be undone or absorbed by a layer with weights. So the tensors of a
network fall into groups with one factor each, separated by the layers with weights. Groups that hold an input, an
output, or the operand or result of anything else keep the factor 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from math import prod

from isobit.frontend.onnx.model import SourceModel, SourceNode
from isobit.frontend.qonnx.builder import attribute_ints
from isobit.refitting.edit import odd_part

LINEAR = frozenset({"Conv", "MatMul", "Gemm"})
HOMOGENEOUS = frozenset(
    "Add AveragePool Concat DepthToSpace Flatten Gather GlobalAveragePool GlobalMaxPool LeakyRelu MaxPool Neg PRelu "
    "ReduceMean Relu Reshape Resize Slice SpaceToDepth Split Squeeze Sub Transpose Unsqueeze Upsample".split()
)
"""Operators that commute with a positive factor; a constant term is multiplied along."""


@dataclass
class Group:
    """Tensors with one factor: the quantisers among them, and why the factor is 1 ("" when it is free).

    ``entry`` and ``exit`` tell whether an input or output of the model is among them, ``read`` whether a layer with
    weights reads one.
    """

    quants: list[SourceNode] = field(default_factory=list)
    fixed: str = ""
    entry: bool = False
    exit: bool = False
    read: bool = False


class Groups:
    """The groups of a model; ``dynamic`` holds the tensors that depend on its inputs.

    ``absorbed`` are the outputs of nodes that a layer with weights will stand for, ``layers`` those of the layers that
    can absorb a factor; any other such layer fixes the groups on both of its sides.
    """

    def __init__(self, model: SourceModel, absorbed: Set[str], layers: Set[str]) -> None:
        self.absorbed, self.layers = absorbed, layers
        self.dynamic = _dynamic(model)
        self._parent = {name: name for name in self.dynamic}
        self._of: dict[str, Group] = {}
        for node in model.nodes:
            self._join(node)
        for node in model.nodes:
            self._describe(node)
        for info in model.inputs:
            self.of(info.name).entry = True
        for info in model.outputs:
            self.of(info.name).exit = True

    def of(self, tensor: str) -> Group:
        """The group of a dynamic tensor."""
        return self._of.setdefault(self._root(tensor), Group())

    def distinct(self) -> list[Group]:
        """Every group once, in the order of the model."""
        return list({id(g): g for g in map(self.of, self.dynamic)}.values())

    def _root(self, name: str) -> str:
        while self._parent[name] != name:
            name = self._parent[name]
        return name

    def _moving(self, names: Iterable[str]) -> list[str]:
        return [n for n in names if n in self.dynamic]

    def _join(self, node: SourceNode) -> None:
        inputs, outputs = self._moving(node.inputs), self._moving(node.outputs)
        if not inputs or node.outputs[0] in self.layers:
            return
        for name in (*inputs[1:], *outputs):
            self._parent[self._root(name)] = self._root(inputs[0])

    def _describe(self, node: SourceNode) -> None:
        for name in self._moving(node.inputs):
            self.of(name).read |= node.outputs[0] in self.layers
            if node.op == "Quant" and name == node.inputs[0]:
                self.of(name).quants.append(node)
            elif node.outputs[0] not in self.layers and not self.commutes(node):
                for side in (name, node.outputs[0]):
                    self.of(side).fixed = f"{node.op} {node.name}"

    def commutes(self, node: SourceNode) -> bool:
        """Does the operator commute with a positive factor, once its constant terms are multiplied too?"""
        zeros = node.op == "Pad" and node.attrs.get("mode", "constant") == "constant" and len(node.inputs) < 3
        limits = node.op == "Clip" and len(node.inputs) > 1
        return node.op in HOMOGENEOUS or zeros or limits or node.outputs[0] in self.absorbed

    def odd_divisor(self, tensor: str, maker: Mapping[str, SourceNode], model: SourceModel) -> int:
        """The odd number by which averages have divided since the quantisers before; 0 where there is anything else."""
        node = maker.get(tensor)
        if node is None or node.op == "Quant":
            return int(node is not None)
        if node.op in LINEAR or not self.commutes(node):
            return 0
        below = [self.odd_divisor(n, maker, model) for n in node.inputs if n in self.dynamic]
        return 0 if 0 in below else max(below) * odd_part(pool_size(node, model))


def _dynamic(model: SourceModel) -> dict[str, None]:
    found = dict.fromkeys(info.name for info in model.inputs)
    for node in model.nodes:
        if any(name in found for name in node.inputs):
            found |= dict.fromkeys(name for name in node.outputs if name)
    return found


def pool_size(node: SourceNode, model: SourceModel) -> int:
    """How many elements an averaging operator divides by; 1 for any other."""
    shape = model.shapes[node.inputs[0]] if node.inputs else ()
    if node.op == "AveragePool":
        return prod(attribute_ints(node, "kernel_shape", ()))
    if node.op in ("GlobalAveragePool", "ReduceMean"):
        return prod(shape) // prod(model.shapes[node.outputs[0]])
    return 1
