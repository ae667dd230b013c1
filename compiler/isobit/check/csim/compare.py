"""Comparing integers: equal, or the first wrong element is named. There is no third answer and no tolerance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isobit.errors import promised
from isobit.ir import Graph
from isobit.ir.ops import Const, Linear, Output
from isobit.ir.types import IntArray


@dataclass(frozen=True)
class Mismatch:
    """The first element that differs: where, what was expected (interpreter) and what came (C++).

    ``layer`` is the first graph value that is wrong and ``accumulator`` its operand there, when the taps could tell.
    """

    sample: int
    layer: str
    element: tuple[int, ...]
    expected: int
    got: int
    accumulator: int | None = None

    def __str__(self) -> str:
        place = f"sample {self.sample}, layer {self.layer}, element {list(self.element)}"
        text = f"{place}: expected {self.expected}, got {self.got}"
        return text if self.accumulator is None else f"{text} (accumulator {self.accumulator})"


def count_differences(expected: IntArray, got: IntArray) -> int:
    """How many elements differ; shapes must agree."""
    promised(expected.shape == got.shape, f"{got.shape} where {expected.shape} is expected")
    return int(np.count_nonzero(expected != got))


def first_difference(layer: str, expected: IntArray, got: IntArray, sample: int | None = None) -> Mismatch | None:
    """The first differing element of ``(batch, *shape)`` arrays, or None. ``sample`` overrides the batch index."""
    wrong = np.argwhere(expected != got)
    if not len(wrong):
        return None
    where = tuple(int(i) for i in wrong[0])
    return Mismatch(where[0] if sample is None else sample, layer, where[1:], int(expected[where]), int(got[where]))


def locate(graph: Graph, expected: dict[str, IntArray], got: dict[str, IntArray], sample: int) -> Mismatch | None:
    """The first wrong value of a tapped frame in graph order, with the accumulator under it."""
    for node in graph.nodes:
        if isinstance(node, Const | Output) or node.name not in got:
            continue
        found = first_difference(node.name, expected[node.name], got[node.name], sample)
        if found is None:
            continue
        operand = expected.get(node.inputs[0]) if node.inputs else None
        same_shape = operand is not None and operand.shape == expected[node.name].shape and not isinstance(node, Linear)
        value = int(operand[(0, *found.element)]) if operand is not None and same_shape else None
        return Mismatch(sample, node.name, found.element, found.expected, found.got, value)
    return None
