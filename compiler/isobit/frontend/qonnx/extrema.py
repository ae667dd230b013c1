"""Max and Min: of a tensor and constants a clamp, of functions of one tensor a function, of two tensors a sum.

    max(x, y) = y + max(x - y, 0)

With ``x = u (a X) + o_x`` and ``y = u (b Y) + o_y``, ``u`` the greatest rational of which both scales and the distance
``o_x - o_y = u k`` are whole multiples, everything is integers: ``v = a X - b Y``, ``max(x, y) = u (b Y + max(v, -k)) +
o_y + u k``. The lesser is the same with ``min(v, -k)``.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, cast

import numpy as np

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.model import SourceNode
from isobit.frontend.qonnx import function as functions
from isobit.frontend.qonnx.builder import Builder
from isobit.frontend.qonnx.elementwise import spread_both
from isobit.frontend.qonnx.movement import facing, one_layout
from isobit.frontend.qonnx.symbolic import HostReal, QuantisedConstant, Rationals, Real, Tensor, rationals
from isobit.frontend.qonnx.tabulate import one_source
from isobit.ir.channels import Curves
from isobit.ir.ops import Add, Step, frozen_ints
from isobit.ir.types import IntArray
from isobit.numerics import Rounded, Rounding, rational_gcd


def import_extreme(b: Builder, node: SourceNode) -> Tensor:
    """Min and Max of any number of tensors and constants."""
    parts = [b.tensor(name) for name in node.inputs]
    constants = [p for p in parts if isinstance(p, np.ndarray | QuantisedConstant)]
    moving = [(i, p) for i, p in enumerate(parts) if not isinstance(p, np.ndarray | QuantisedConstant)]
    if any(isinstance(p, HostReal) for _, p in moving):
        raise b.unsupported(node, "the raw input is compared", "quantise the input first")
    place, x = moving[0][0], cast(Any, moving[0][1])
    for other, y in moving[1:]:
        x = _of_two(b, node, (place, x), (other, y))
        place = -1
    for value in constants:
        x = facing(b, node, x, value.integers if isinstance(value, QuantisedConstant) else value)
        limit = b.per_channel(node, value.values() if isinstance(value, QuantisedConstant) else value, x)
        lo, hi = (limit, None) if node.op == "Max" else (None, limit)
        x = x.clamp(lo, hi) if isinstance(x, Real) else functions.clamped(x, lo, hi)
    return cast(Tensor, x)


def _of_two(b: Builder, node: SourceNode, first: tuple[int, Any], second: tuple[int, Any]) -> Any:
    """``first`` and ``second`` are places among the operands, -1 for what was made here, and tensors."""
    (i, x), (j, y) = first, second
    both = one_source(b, x, y)
    if both is not None:
        return functions.joined(both, functions.greater_of if node.op == "Max" else functions.lesser_of)
    if not isinstance(x, Real) or not isinstance(y, Real):
        why = f"{node.op} of two tensors that are no functions of one quantised tensor"
        raise IsobitError("E201", why, where=b.where(node), hint="quantise both before it")
    return _extreme(b, node, x if i < 0 else b.affine(node, i), b.affine(node, j))


def _extreme(b: Builder, node: SourceNode, x: Real, y: Real) -> Real:
    if len(x.layout) == len(y.layout):
        x, y = one_layout(b, node, (x, y))
    x, y = spread_both(b, node, x, y)
    kinds = [b.types[r.value] for r in (x, y)]
    if kinds[0].shape != kinds[1].shape:
        raise IsobitError("E208", "the two tensors have different shapes", where=b.where(node))
    unit, (p, q, k) = _unit(x.scale, y.scale, x.offset - y.offset)
    source = (printable(node.name or node.outputs[0]),)
    one = frozen_ints(1)

    def total(suffix: str, names: tuple[str, str], coefficients: tuple[IntArray, IntArray]) -> str:
        return b.emit(Add(name=b.fresh(b.hint(node) + suffix), inputs=names, coefficients=coefficients, source=source))

    def clamped(suffix: str, value: str, lo: Any, hi: Any) -> str:
        curves = [
            Rounded(Fraction(1), Fraction(0), Rounding.FLOOR, int(low), int(high))
            for low, high in zip(*np.broadcast_arrays(lo, hi), strict=True)
        ]
        return b.emit(Step(name=b.fresh(b.hint(node) + suffix), inputs=(value,), curves=Curves(curves), source=source))

    less = total("_less", (x.value, y.value), (p, frozen_ints(-q)))
    low, high = (np.array([v], object) for v in b.types[less].bounds)
    greater = node.op == "Max"
    sides = (-k, np.maximum(high, -k)) if greater else (np.minimum(low, -k), -k)
    whole = total("_more", (clamped("_positive", less, *sides), y.value), (one, q))
    # the sum's own interval is wider than what the greater of both can be
    ends = [[c.astype(object) * e for e in (kind.lo, kind.hi)] for c, kind in zip((p, q), kinds, strict=True)]
    hulls = [(np.minimum(*pair), np.maximum(*pair)) for pair in ends]
    choose = np.maximum if greater else np.minimum
    limits = (choose(hulls[0][side] + k, hulls[1][side]) - k for side in (0, 1))
    made = clamped("", whole, *limits)
    return Real.of(made, x.layout, unit, y.offset + unit * k)


def _unit(x: Rationals, y: Rationals, distance: Rationals) -> tuple[Rationals, tuple[Any, Any, Any]]:
    """Per channel the greatest rational of which all three are whole multiples, and those multiples."""
    rows = np.broadcast_arrays(x, y, distance)
    unit = rationals([rational_gcd(*v) or 1 for v in zip(*rows, strict=True)])
    p, q, k = (np.array([int(v) for v in s / unit], dtype=object) for s in rows)
    return unit, (frozen_ints(p), frozen_ints(q), k)
