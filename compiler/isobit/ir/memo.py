"""Remembering what was computed of a graph, or of a node, for as long as that lives, and no longer.

A search makes thousands of graphs. A cache of a fixed size that has graphs as keys keeps that many alive; here what is
known of a graph goes when the graph does. Graphs share nodes: what only depends on a node is known in all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

K = TypeVar("K")
P = ParamSpec("P")
T = TypeVar("T")


def per_graph(function: Callable[Concatenate[K, P], T]) -> Callable[Concatenate[K, P], T]:
    """``function`` of a graph and hashable arguments, computed once for each; results must not hold the graph."""
    known: WeakKeyDictionary[K, dict[object, T]] = WeakKeyDictionary()

    @wraps(function)
    def remembered(graph: K, /, *args: P.args, **kwargs: P.kwargs) -> T:
        results = known.setdefault(graph, {})
        key = (args, *sorted(kwargs.items())) if kwargs else args
        if key not in results:
            results[key] = function(graph, *args, **kwargs)
        return results[key]

    return remembered


per_node = per_graph
"""The same of a node; results must not hold the node."""
