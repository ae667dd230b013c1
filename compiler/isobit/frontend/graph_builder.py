"""The integer graph while an import builds it, whatever the source's format."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from isobit.ir import Graph, Node, ValueType, toposort, verify
from isobit.ir.ops import Add, Const, Input, frozen_ints
from isobit.ir.ranges import infer_type
from isobit.ir.types import IntArray

_KEYWORDS = frozenset(
    """
    alignas alignof and asm auto bool break case catch char class compl const constexpr continue decltype default
    delete do double else enum explicit export extern false float for friend goto if inline int long mutable namespace
    new noexcept not nullptr operator or private protected public register return short signed sizeof static struct
    switch template this throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t
    while xor main std hls input output linear add step
    """.split()
)

# Module names that Brevitas' exporters put into every path and that tell a reader nothing.
_BOILERPLATE = frozenset({"export_handler", "act_quant", "weight_quant", "bias_quant", "activation_impl", ""})


@dataclass(kw_only=True)
class GraphBuilder:
    """Grows the integer graph node by node; every value's type is known as soon as it is emitted."""

    nodes: dict[str, Node] = field(default_factory=dict)
    types: dict[str, ValueType] = field(default_factory=dict)

    def emit(self, node: Node) -> str:
        """Append ``node`` and return its name."""
        self.types[node.name] = infer_type(node, tuple(self.types[i] for i in node.inputs), self.nodes)
        self.nodes[node.name] = node
        return node.name

    def const(self, hint: str, value: Any) -> str:
        return self.emit(Const(name=self.fresh(hint), value=frozen_ints(value)))

    def fresh(self, hint: str) -> str:
        """An unused C++ identifier that resembles ``hint`` (any text from the file)."""
        parts = [p for p in re.split(r"[/:]+", hint) if p not in _BOILERPLATE]
        parts = [p for p, after in zip(parts, [*parts, ""][1:], strict=True) if not after.startswith(p)]
        stem = re.sub(r"\W+", "_", "_".join(parts), flags=re.ASCII).strip("_")[-40:].strip("_") or "v"
        stem = re.sub(r"__+", "_", stem)
        if stem[0].isdigit() or stem in _KEYWORDS or stem.lower().startswith(("isobit", "ap_")):
            stem = "n_" + stem
        name, suffix = stem, 2
        while name in self.nodes:
            name, suffix = f"{stem}_{suffix}", suffix + 1
        return name

    def scaled(self, hint: str, value: str, factors: IntArray, source: tuple[str, ...]) -> str:
        """``factors * value`` (per channel), or ``value`` itself when every factor is one."""
        if (factors == 1).all():
            return value
        return self.emit(
            Add(name=self.fresh(hint), inputs=(value,), coefficients=(frozen_ints(factors),), source=source)
        )

    def graph(self) -> Graph:
        """The finished graph, verified: dead values and, if any is read, unread inputs dropped."""
        nodes = toposort(self.nodes.values())
        read = {name for node in nodes for name in node.inputs}
        live = tuple(node for node in nodes if not isinstance(node, Input) or node.name in read)
        return verify(Graph(live if any(isinstance(node, Input) for node in live) else nodes))
