"""Maps of quantisers with a zero point: their integers where they take the fewest bits."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from isobit.ir import Graph, Node
from isobit.ir.channels import Curves
from isobit.ir.ops import Add, Output, Step
from isobit.ir.types import IntArray
from isobit.numerics import (
    MAX_LEVELS,
    Curve,
    Cuts,
    MultiplyShift,
    Rounded,
    Rounding,
    as_int_array,
    bit_width,
    least_move,
)
from isobit.passes.affine import behind, in_64_bits, reached, row_sums, stepped
from isobit.passes.bodies import has_product
from isobit.passes.rewrite import Rule, sole_reader
from isobit.passes.weights import const_weights


@dataclass(frozen=True)
class MoveToFewerBits(Rule):
    """``f(W (y - m)) = (f o (a - m W 1))(a)``, ``a = W y``: a step makes ``y = s + m`` where that takes fewer bits.

    A quantiser's integers less its zero point: ``-90 .. 165`` takes nine bits, ``-128 .. 127`` eight. The same of a
    sum ``k s``, of a step behind a step, and of a sum with a step of its own. Between them may be what moves or
    compares values, and a border of a value that s may have, which moves with it. Behind layers and sums the constant
    goes into steps, or a sum before a selection. The map stays where something else reads them, as an output does, or
    where no product and shift makes y as one makes s.
    """

    zero_borders: bool = False

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        low, high = graph.types[node.name].bounds
        move = least_move(low, high)
        source = _source(graph, node) if move and high - low <= MAX_LEVELS else None
        step = None if source is None else _raised_step(graph, source, move)
        found = reached(graph, node, lambda v: v + move if low <= v <= high and not self.zero_borders else None)
        if step is None or found is None:
            return None
        moved, readers, names = found
        made: list[Node] = []
        for reader in readers:
            changed = _moved_reader(graph, reader, -move, names)
            if changed is None or any(isinstance(new, Output) for new in changed):  # users' integers stay
                return None
            made += changed
        return (*moved, *made, step) if step.name == node.name else (*moved, *made, step, replace(node))


def _source(graph: Graph, node: Node) -> Step | None:
    """The step that gives a map its place: itself, or one that nothing but this sum reads."""
    if isinstance(node, Step):
        return node
    if not isinstance(node, Add):
        return None
    terms = zip(node.inputs, node.coefficients, strict=True)
    steps = (graph.by_name[name] for name, k in terms if (k == 1).all() and sole_reader(graph, name))
    return next((s for s in steps if isinstance(s, Step)), None)


def _raised_step(graph: Graph, node: Step, by: int) -> Step | None:
    """A step with ``by`` more everywhere; None where it takes more bits then, or a product is of no use any more."""
    if not in_64_bits(graph, node):
        return None
    x, (low, high) = graph.types[node.inputs[0]], graph.types[node.name].bounds
    step = replace(node, curves=Curves(_raised(c, by) for c in node.curves.narrowed(x)))
    wider = bit_width(low + by, high + by) > bit_width(low, high)
    return None if wider or (has_product(node, x) and not has_product(step, x)) else step


def _moved_reader(graph: Graph, reader: Node, by: int, names: frozenset[str]) -> list[Node] | None:
    """What a reader of values that are ``by`` lower than what it will read becomes, or what is behind it."""
    if isinstance(reader, Step):
        return [stepped(graph, reader, 1, np.array([by]))] if in_64_bits(graph, reader) else None
    weights = const_weights(graph, reader)
    if weights is not None:
        return behind(graph, reader, 1, by * row_sums(weights.value))
    if isinstance(reader, Add):
        factors = [k.astype(object) for i, k in zip(reader.inputs, reader.coefficients, strict=True) if i in names]
        total: IntArray = sum(factors[1:], factors[0])
        return behind(graph, reader, 1, as_int_array(by * total))
    return None


def _raised(curve: Curve, by: int) -> Curve:
    """``x -> y(x) + by``, in the same form where its rounding does not look at where it is."""
    if isinstance(curve, MultiplyShift):
        return MultiplyShift(curve.m, curve.c + (by << curve.k), curve.k, curve.lo + by, curve.hi + by)
    still = isinstance(curve, Rounded) and (
        curve.rounding in (Rounding.FLOOR, Rounding.CEIL) or (curve.rounding is Rounding.ROUND and by % 2 == 0)
    )
    if isinstance(curve, Rounded) and still:
        return Rounded(curve.mult, curve.offset + by, curve.rounding, curve.lo + by, curve.hi + by)
    return Cuts(curve.start + by, curve.cuts())
