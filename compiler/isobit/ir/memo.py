"""Remembering what was computed of a graph for as long as the graph lives, and no longer.

A search makes thousands of graphs. A cache of a fixed size that has graphs as keys keeps that many alive; here what is
known of a graph goes when the graph does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from isobit.ir.graph import Graph

P = ParamSpec("P")
T = TypeVar("T")


def per_graph(function: Callable[Concatenate[Graph, P], T]) -> Callable[Concatenate[Graph, P], T]:
    """``function`` of a graph and hashable arguments, computed once for each; results must not hold the graph."""
    known: WeakKeyDictionary[Graph, dict[object, T]] = WeakKeyDictionary()

    @wraps(function)
    def remembered(graph: Graph, /, *args: P.args, **kwargs: P.kwargs) -> T:
        results = known.setdefault(graph, {})
        key = (args, tuple(sorted(kwargs.items())))
        if key not in results:
            results[key] = function(graph, *args, **kwargs)
        return results[key]

    return remembered
