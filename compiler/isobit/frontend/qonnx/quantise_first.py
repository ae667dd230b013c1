"""Quantisers in front of what only moves elements, instead of behind it.

``Q(move(x)) = move(Q(x))`` for a quantiser with one scale and anything that moves, copies or joins elements, and
``Q(max(x)) = max(Q(x))``, because a quantiser never falls. A tensor whose channels have scales of their own, a function
of integers or the raw input of the network cannot always be moved exactly, or joined with others; its quantised
integers can.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from isobit.frontend.onnx.model import SourceModel, SourceNode

_QUANTISERS = frozenset({"Quant", "QuantizeLinear"})
_MOVES = frozenset(
    """
    Concat DepthToSpace Expand Flatten Gather GlobalMaxPool MaxPool ReduceMax Reshape Resize Slice SpaceToDepth Split
    Squeeze Tile Transpose Unsqueeze Upsample
    """.split()
)


def quantised_first(model: SourceModel) -> SourceModel:
    """The same network with every such quantiser where the moved elements come from; ``model`` itself without any."""
    work = _Work(model)
    for node in model.nodes:
        work.add(node)
    return work.finished()


@dataclass
class _Work:
    """The new nodes in an order of execution, and the shapes of the tensors that are new."""

    model: SourceModel
    nodes: list[SourceNode] = field(default_factory=list)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.maker = {name: node for node in self.model.nodes for name in node.outputs}

    def add(self, node: SourceNode) -> None:
        """``node`` as it is, or its quantiser ahead of what moves its input."""
        if self._has_one_scale(node) and self._moves(node.inputs[0]):
            self._ahead(node, node.inputs[0], {}, node.outputs[0])
        else:
            self.nodes.append(node)

    def _has_one_scale(self, node: SourceNode) -> bool:
        sizes = [self.model.constants[n].size if n in self.model.constants else 0 for n in node.inputs[1:] if n]
        return node.op in _QUANTISERS and all(size == 1 for size in sizes) and not node.attrs.get("block_size", 0)

    def _moves(self, tensor: str) -> bool:
        """Is the tensor only moved elements of other tensors?"""
        node = self.maker.get(tensor)
        if node is None or node.op not in _MOVES or (node.op == "MaxPool" and len(node.outputs) > 1):
            return False
        if node.op in ("Resize", "Upsample") and node.attrs.get("mode", "nearest") != "nearest":
            return False
        return all(not name or name in self.model.constants for name in node.inputs[1:]) or node.op == "Concat"

    def _ahead(self, quantiser: SourceNode, tensor: str, made: dict[str, str], name: str = "") -> str:
        """The quantised form of ``tensor``, called ``name``; ``made`` are those that this quantiser has already."""
        if tensor in made:
            return made[tensor]
        made[tensor] = name or f"{tensor} for {quantiser.outputs[0]}"
        if not self._moves(tensor):
            attrs = {k: v for k, v in quantiser.attrs.items() if k != "axis"}  # of one scale there is none
            inputs = (tensor, *quantiser.inputs[1:])
            self._append(quantiser, {made[tensor]: self.model.shapes[tensor]}, inputs, attrs)
            return made[tensor]
        node = self.maker[tensor]
        data = len(node.inputs) if node.op == "Concat" else 1
        inputs = tuple(self._ahead(quantiser, n, made) if i < data else n for i, n in enumerate(node.inputs))
        outputs = [made.setdefault(n, f"{n} for {quantiser.outputs[0]}") if n else "" for n in node.outputs]
        shapes = {new: self.model.shapes[old] for old, new in zip(node.outputs, outputs, strict=True)}
        self._append(node, shapes, inputs, node.attrs)
        return made[tensor]

    def _append(
        self,
        like: SourceNode,
        shapes: Mapping[str, tuple[int, ...]],
        inputs: tuple[str, ...],
        attrs: Mapping[str, object],
    ) -> None:
        self.nodes.append(replace(like, inputs=inputs, outputs=tuple(shapes), attrs=MappingProxyType(dict(attrs))))
        self.shapes |= shapes

    def finished(self) -> SourceModel:
        if not self.shapes:
            return self.model
        used, kept = {info.name for info in self.model.outputs}, []
        for node in reversed(self.nodes):
            if used.intersection(node.outputs):
                kept.append(node)
                used.update(node.inputs)
        shapes = MappingProxyType({**self.model.shapes, **self.shapes})
        return replace(self.model, nodes=tuple(reversed(kept)), shapes=shapes)
