"""Rules and the driver that applies them.

A rule looks at one node and returns the nodes that replace it (the last one keeps the node's name), or None. The
driver sweeps the graph, applies every rule that fires on nodes untouched in this sweep, and repeats until none fires;
the work is linear in the graph per sweep. A rule never changes a reachable output integer: that is its law, stated as
an equation in its docstring and tested.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

from isobit.errors import IsobitError
from isobit.ir import Graph, Node, toposort, verify
from isobit.ir.facts import Fact, NoProduct
from isobit.ir.ops import Step

_MAX_SWEEPS = 1000


@dataclass(frozen=True)
class Pass(ABC):
    """A rewrite of the whole graph that keeps every reachable output integer: a record whose fields are its options."""

    @property
    def name(self) -> str:
        """The class's name in lower case, with dashes."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", type(self).__name__).lower()

    @property
    def equation(self) -> str:
        """The first paragraph of the class's docstring: what the pass claims."""
        return (type(self).__doc__ or "").split("\n\n")[0].strip()

    @abstractmethod
    def __call__(self, graph: Graph) -> Graph:
        """The graph after the pass."""


@dataclass(frozen=True)
class Rule(Pass):
    """A pass that looks at one node at a time. Its docstring begins with its equation."""

    @abstractmethod
    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        """What replaces the node, the last one under its name, or None."""

    def __call__(self, graph: Graph) -> Graph:
        return apply_rule(graph, self)


def apply_rule(graph: Graph, rule: Rule) -> Graph:
    """``graph`` after ``rule`` has fired wherever it can."""
    for _ in range(_MAX_SWEEPS):
        swept = _sweep(graph, rule)
        if swept is graph:
            return graph
        graph = swept
    raise IsobitError(
        "E901", "a rule does not terminate", where=rule.name, hint="this is a bug of isobit: please report it"
    )


def _sweep(graph: Graph, rule: Rule) -> Graph:
    nodes: dict[str, Node] = dict(graph.by_name)
    touched: set[str] = set()
    for node in graph.nodes:
        if node.name in touched or any(i in touched for i in node.inputs):
            continue
        made = rule.rewrite(graph, node)
        if made is None or any(new.name in touched for new in made):  # two rewrites of one node: one in each sweep
            continue
        for new in made:
            nodes[new.name] = _with_history(graph, node, new, rule)
        touched |= _neighbourhood(graph, node, made)
    return verify(Graph(toposort(nodes.values()))) if touched else graph


def _neighbourhood(graph: Graph, node: Node, made: tuple[Node, ...]) -> set[str]:
    """Everything whose type or readers the rewrite may have changed: not looked at again in this sweep."""
    changed = {node.name, *node.inputs, *(n.name for n in made), *(i for n in made for i in n.inputs)}
    return changed | {user.name for name in changed if name in graph.consumers for user in graph.consumers[name]}


def _with_history(graph: Graph, old: Node, new: Node, rule: Rule) -> Node:
    before = graph.by_name.get(new.name, old)
    source = tuple(dict.fromkeys((*new.source, *before.source)))
    rules = tuple(dict.fromkeys((*before.rules, *new.rules, rule.name)))
    return replace(new, source=source, rules=rules, facts=_facts(before, new))


def _facts(before: Node, new: Node) -> tuple[Fact, ...]:
    """The node's facts, each once; that no product equals its curves was said of the curves it had."""
    stale = isinstance(before, Step) and isinstance(new, Step) and before.curves != new.curves
    old = before.facts if stale else ()
    return tuple(dict.fromkeys(f for f in new.facts if not (isinstance(f, NoProduct) and f in old)))


def fresh_name(graph: Graph, stem: str) -> str:
    """A name the graph does not use yet."""
    name, number = stem, 2
    while name in graph.by_name:
        name, number = f"{stem}_{number}", number + 1
    return name


def sole_reader(graph: Graph, name: str) -> bool:
    """Is the value read exactly once?"""
    return len(graph.consumers[name]) == 1
