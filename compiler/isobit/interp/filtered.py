"""Steps of sums that no machine word holds: in float64 where that is sure of the result, exactly where it is not.

A residual sum of two unrelated scales has coefficients of 40 bits and more; with wide operands its sums are Python's
integers, a hundred times slower. What is behind it is a line, rounded and clamped: both are one line over the operands,
``T = sum of w x + b``, and the result is ``floor(T)``. In float64 T is off by less than a known bound, so its floor is
right unless T lies that near to an integer; there, sum and curve are evaluated as they are defined.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from isobit.interp.steps import StepFunction
from isobit.interp.working import Spread, held
from isobit.ir import Graph, ops
from isobit.ir.types import IntArray
from isobit.numerics import Curve, MultiplyShift, Rounded, Rounding

_ADDED = {
    Rounding.ROUND: Fraction(1, 2), Rounding.HALF_UP: Fraction(1, 2), Rounding.HALF_DOWN: Fraction(1, 2),
    Rounding.FLOOR: Fraction(0), Rounding.CEIL: Fraction(1),
}  # fmt: skip
"""With what added a rounding is that down, but for numbers at the edges."""
_EXACT, _UNSURE = 1 << 53, 0.01


class FilteredStep:
    """``curves`` of ``sum of coefficients * x``, the operands ``(..., channels, batch)`` and at most ``largest``.

    ``sure`` says whether float64 decides nearly everywhere.
    """

    def __init__(
        self, curves: Sequence[Curve], coefficients: Sequence[IntArray], largest: Sequence[int], channels: int,
        dtype: Any,
    ) -> None:  # fmt: skip
        self._curves = tuple(curves) * (channels // len(curves))
        self._factors = [[int(c) for c in np.broadcast_to(x, channels)] for x in coefficients]
        self._dtype, self.sure = dtype, False
        lines = [_line(curve) for curve in self._curves]
        if None in lines or max(largest) > _EXACT:
            return
        slopes, offsets = zip(*(line for line in lines if line is not None), strict=True)
        exact = [[slope * c for slope, c in zip(slopes, row, strict=True)] for row in self._factors]
        reach = [
            sum(abs(w) * most for w, most in zip(column, largest, strict=True)) for column in zip(*exact, strict=True)
        ]
        # Every weight, product and sum is off by 2^-53 of what T can reach: four times that is more than enough.
        bounds = [(r + abs(b)) * (len(largest) + 2) / Fraction(1 << 51) for r, b in zip(reach, offsets, strict=True)]
        self.sure = max(bounds) < _UNSURE
        if self.sure:
            self._weights = [_spread(row) for row in exact]
            self._offset, self._bound = _spread(offsets), _spread(bounds)
            self._lo, self._hi = (_spread([getattr(c, end) for c in self._curves]) for end in ("lo", "hi"))

    def __call__(self, *xs: IntArray) -> IntArray:
        batch = max(x.shape[-1] for x in xs)
        line: IntArray = sum(
            (w.over(batch) * held(x, np.float64) for w, x in zip(self._weights[1:], xs[1:], strict=True)),
            self._weights[0].over(batch) * held(xs[0], np.float64) + self._offset.over(batch),
        )
        floor = np.floor(line)
        above, bound = line - floor, self._bound.over(batch)
        unsure = np.nonzero((above <= bound) | (above >= 1 - bound))
        made = np.clip(floor, self._lo.over(batch), self._hi.over(batch)).astype(self._dtype)
        if len(unsure[0]):
            given = [held(np.broadcast_to(x, made.shape)[unsure], object) for x in xs]
            made[unsure] = self._exactly(unsure[-2], given)
        return made

    def _exactly(self, channels: IntArray, given: Sequence[IntArray]) -> IntArray:
        """The results of operands ``given`` one by one, each in its channel."""
        made = np.empty(len(channels), np.int64)
        for channel in np.unique(channels):
            here = channels == channel
            total = sum(row[channel] * x[here] for row, x in zip(self._factors, given, strict=True))
            made[here] = self._curves[channel](total)
        return made


def filtered(graph: Graph, stages: Sequence[Any]) -> Iterator[Any]:
    """The stages with sums that only a step reads taken together with it, where its curves are evaluated one by one."""
    users = Counter(i for node in graph.nodes for i in node.inputs)
    taken: dict[str, Any] = {}
    for stage in stages:
        if not (isinstance(stage.function, StepFunction) and stage.function.by_curves):
            continue
        add, step = graph.by_name[stage.operands[0]], graph.by_name[stage.name]
        if isinstance(add, ops.Add) and isinstance(step, ops.Step) and users[add.name] == 1:
            largest = [max(abs(v) for v in graph.types[i].bounds) for i in add.inputs]
            channels = graph.types[step.name].channels
            made = FilteredStep(step.curves, add.coefficients, largest, channels, stage.dtype)
            if made.sure:
                taken[stage.name] = replace(stage, operands=add.inputs, function=made)
                taken[add.name] = None
    for stage in stages:
        found = taken.get(stage.name, stage)
        if found is not None:
            yield found


def _line(curve: Curve) -> tuple[Fraction, Fraction] | None:
    """Slope and offset of the line whose floor is the curve between its ends; None where there is none."""
    if isinstance(curve, MultiplyShift):
        return Fraction(curve.m, 1 << curve.k), Fraction(curve.c, 1 << curve.k)
    if isinstance(curve, Rounded) and curve.rounding in _ADDED:
        return curve.mult, curve.offset + _ADDED[curve.rounding]
    return None


def _spread(values: Sequence[Any]) -> Spread:
    return Spread(np.array([[float(v)] for v in values]))
