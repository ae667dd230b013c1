"""An immutable integer graph: nodes in topological order, each making one named value."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

from isobit.ir.attributes import meaning
from isobit.ir.ops import Input, Node, Output
from isobit.ir.ranges import infer_type
from isobit.ir.types import ValueType


@dataclass(frozen=True, eq=False)
class Graph:
    """``nodes`` in topological order; names unique; at least one output. :func:`isobit.ir.verify` checks the rest."""

    nodes: tuple[Node, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        return MappingProxyType({node.name: node for node in self.nodes})

    @cached_property
    def types(self) -> Mapping[str, ValueType]:
        """Range inference: the shape and per-channel interval of every value."""
        types: dict[str, ValueType] = {}
        for node in self.nodes:
            types[node.name] = infer_type(node, tuple(types[i] for i in node.inputs), self.by_name)
        return MappingProxyType(types)

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Node, ...]]:
        """For every value, the nodes that read it, once per use, in order."""
        uses: dict[str, list[Node]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for name in node.inputs:
                uses[name].append(node)
        return MappingProxyType({name: tuple(users) for name, users in uses.items()})

    @property
    def inputs(self) -> tuple[Input, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Input))

    @property
    def outputs(self) -> tuple[Output, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Output))

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """For every value a hash of what it computes: operation, attributes and the digests of its inputs.

        ``docs/graph.md`` says which bytes are hashed.
        """
        digests: dict[str, str] = {}
        for node in self.nodes:
            parts = [node.op, meaning(node), *(digests[i] for i in node.inputs)]
            if isinstance(node, Input):
                parts.append(node.name)
            digests[node.name] = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        return MappingProxyType(digests)

    @cached_property
    def digest(self) -> str:
        """A hash of the whole graph's meaning, independent of the names of its inner values."""
        return hashlib.sha256("\n".join(self.digests[o.name] for o in self.outputs).encode()).hexdigest()


def toposort(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """The nodes that some output needs (inputs always stay), in dependency order, otherwise in the order given."""
    by_name = {node.name: node for node in nodes}
    ordered: dict[str, Node] = {name: n for name, n in by_name.items() if isinstance(n, Input)}
    for output in [n for n in by_name.values() if isinstance(n, Output)]:
        _visit(output, by_name, ordered)
    return tuple(ordered.values())


def _visit(root: Node, by_name: Mapping[str, Node], ordered: dict[str, Node]) -> None:
    stack = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if node.name in ordered:
            continue
        if ready:
            ordered[node.name] = node
            continue
        stack.append((node, True))
        stack.extend((by_name[i], False) for i in reversed(node.inputs) if i not in ordered)


def substitute(graph: Graph, replacements: Mapping[str, str]) -> Graph:
    """Make every reader of an old name (key) read the new name (value) instead, and drop what nobody reads."""
    if not replacements:
        return graph
    nodes = [
        replace(n, inputs=tuple(replacements.get(i, i) for i in n.inputs))
        if any(i in replacements for i in n.inputs)
        else n
        for n in graph.nodes
    ]
    return Graph(toposort(nodes))
