"""Where a file meets its user: the integers of every input and output, in the layout of the source model.

The graph holds them channels last; a file takes and gives them as the source has them, so that only the scales are left
to the caller. Names are the source's own where each stands for one port, else the graph's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from isobit.errors import IsobitError
from isobit.interp.host import apply_host_op
from isobit.ir import Graph
from isobit.ir.ops import HostOp, Input, Output
from isobit.ir.types import IntArray, ValueType

_MOVES = ("reshape", "transpose")
_KINDS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64")


@dataclass(frozen=True)
class Port:
    """An input or output of a file.

    ``shape`` is that of one sample outside, ``moves`` the host's transposes and reshapes on the way into or out of the
    graph, ``dtype`` the numpy name of its elements.
    """

    node: str
    name: str
    shape: tuple[int, ...]
    inner: tuple[int, ...]
    moves: tuple[HostOp, ...]
    dtype: str
    is_input: bool

    def entering(self, integers: IntArray) -> IntArray:
        """An input's integers ``(batch, *inner)`` as the file takes them, ``(batch, *shape)``."""
        for op in reversed(self.moves):
            if op.kind == "transpose":
                integers = integers.transpose(0, *(int(a) + 1 for a in np.argsort(op.shape)))
        return np.ascontiguousarray(integers.reshape(len(integers), *self.shape)).astype(self.dtype)

    def leaving(self, integers: IntArray) -> IntArray:
        """An output's integers ``(batch, *inner)`` as the file gives them, ``(batch, *shape)``."""
        for op in self.moves:
            integers = apply_host_op(op, integers)
        return integers.reshape(len(integers), *self.shape)

    @property
    def permutation(self) -> IntArray:
        """For every element on the far side, row by row, its flat position on the near side.

        For an input: where in the file's array each element of the graph's value lies; for an output: where in the
        graph's value each element of the file's array lies.
        """
        near = np.arange(prod(self.shape), dtype=np.int64)
        if not self.is_input:
            return np.asarray(self.leaving(near.reshape(1, *self.inner)).reshape(-1))
        x: Any = near.reshape(1, *self.shape)
        for op in self.moves:
            x = apply_host_op(op, x)
        return np.asarray(x.reshape(-1))


def ports(graph: Graph) -> tuple[Port, ...]:
    """The inputs, then the outputs, each in the graph's order."""
    nodes: tuple[Input | Output, ...] = (*graph.inputs, *graph.outputs)
    uses = Counter(node.outside for node in nodes)
    unique = all(node.outside and uses[node.outside] == 1 for node in nodes)
    return tuple(_port(node, graph.types[node.name], node.outside if unique else node.name) for node in nodes)


def _port(node: Input | Output, kind: ValueType, name: str) -> Port:
    known = prod(node.outside_shape) == kind.size and node.outside_shape != ()
    shape = node.outside_shape if known else kind.shape
    moves = tuple(op for op in node.host if op.kind in _MOVES) if known else ()
    if isinstance(node, Output):
        return Port(node.name, name, shape, kind.shape, moves, "int64", False)
    dtype = node.dtype if node.dtype in _KINDS and _holds(node.dtype, *kind.bounds) else narrowest(*kind.bounds)
    return Port(node.name, name, shape, kind.shape, moves, dtype, True)


def narrowest(lo: int, hi: int) -> str:
    """The numpy name of the narrowest integer type that holds ``[lo, hi]``.

    Raises:
        IsobitError: E615 when none does.
    """
    found = next((kind for kind in _KINDS if _holds(kind, lo, hi)), None)
    if found is None:
        raise IsobitError("E615", f"integers of {lo} .. {hi}, which do not fit 64 bits")
    return found


def _holds(kind: str, lo: int, hi: int) -> bool:
    limits = np.iinfo(kind)
    return limits.min <= lo and hi <= limits.max


def outside(graph: Graph, values: Mapping[str, IntArray]) -> dict[str, IntArray]:
    """Integers of the graph's inputs or outputs, by node, as a file takes or gives them, by its own names."""
    found = [p for p in ports(graph) if p.node in values]
    return {p.name: p.entering(values[p.node]) if p.is_input else p.leaving(values[p.node]) for p in found}
