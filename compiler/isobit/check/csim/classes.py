"""Outputs as classes: which output has them, their order for a sample, a user's labels.

The classes of a sample are ordered by what the model hands to its user, the greatest real value first, the lower class
of equal ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.errors import IsobitError, printable
from isobit.ir import Graph
from isobit.ir.ops import Output, Reindex, Select
from isobit.ir.types import IntArray


def classifier(graph: Graph, name: str | None) -> Output:
    """The output that has one vector of classes a sample.

    Raises:
        IsobitError: E607 where none has, or several have and none is named.
    """
    named = {node.outside: node for node in graph.outputs}
    if name is None and len(named) > 1:
        hint = "name the one with the classes: " + " or ".join(map(printable, named))
        raise IsobitError("E607", "the model has several outputs", hint=hint)
    node = next(iter(named.values())) if name is None else named.get(name)
    if node is None:
        held = ", ".join(map(printable, named))
        raise IsobitError("E607", f"no output {printable(name)!r}", hint=f"the model has {held}")
    if sum(size > 1 for size in node.outside_shape) > 1:
        shape = ", ".join(map(str, node.outside_shape))
        what = f"{printable(node.outside)!r} has shape (batch, {shape}): accuracy is of one class a sample"
        raise IsobitError("E607", what, hint="isobit predict gives the values")
    return node


def selected(graph: Graph, node: Output) -> Select | None:
    """The selection in the fabric whose indices an output has, None where it has values."""
    maker = graph.by_name[node.inputs[0]]
    while isinstance(maker, Reindex):
        maker = graph.by_name[maker.inputs[0]]
    return maker if isinstance(maker, Select) else None


def class_count(graph: Graph, node: Output) -> int:
    """Of how many classes an output is."""
    select = selected(graph, node)
    return graph.types[select.inputs[0]].shape[-1] if select else max(int(np.prod(node.outside_shape)), 1)


def ranking(graph: Graph, node: Output, values: NDArray[Any]) -> IntArray:
    """Classes ``(batch, n)``, the likeliest first: all of them, or those that the fabric selects."""
    flat = values.reshape(len(values), -1)
    if selected(graph, node):
        return np.asarray(np.round(flat).astype(np.int64))
    return np.argsort(-flat, axis=1, kind="stable")


def checked_labels(labels: Any, count: int, classes: int) -> IntArray:
    """A user's labels, one class a sample.

    Raises:
        IsobitError: E607 where they are something else.
    """
    found = np.asarray(labels)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim != 1 or not np.issubdtype(found.dtype, np.integer):
        hint = "labels.argmax(axis=1) makes classes of one-hot rows" if found.ndim == 2 else "one integer a sample"
        raise IsobitError("E607", f"labels of shape {found.shape} and type {found.dtype}", hint=hint)
    if len(found) != count:
        raise IsobitError("E607", f"{len(found)} labels for {count} samples")
    if int(found.min()) < 0 or int(found.max()) >= classes:
        what = f"labels from {found.min()} to {found.max()} of {classes} classes"
        raise IsobitError("E607", what, hint="classes count from 0")
    return found.astype(np.int64)


def hits(ranked: IntArray, truth: IntArray, k: int) -> int:
    """How many of the first samples have their class among the first ``k``."""
    return int(np.count_nonzero((ranked[:, :k] == truth[: len(ranked), None]).any(axis=1)))
