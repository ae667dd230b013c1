"""The rewrite rules. Notation: ``W x`` a linear, ``f`` a staircase, ``k * x`` an add with coefficient ``k``."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from isobit.hardware.prices import MOST_ENTRIES, PRICES, Prices
from isobit.ir import Graph, Node, frozen_ints
from isobit.ir.channels import Curves, of_channel, rows
from isobit.ir.facts import FoldedPair
from isobit.ir.ops import Add, Const, Linear, Output, Step, Table
from isobit.ir.types import IntArray, ValueType
from isobit.numerics import MAX_LEVELS, as_int_array, compose, listed, magnitude
from isobit.numerics.intervals import widened
from isobit.passes.bodies import body_luts
from isobit.passes.rewrite import Rule, fresh_name, sole_reader
from isobit.passes.weights import const_weights, is_dense


@dataclass(frozen=True)
class FoldScaleIntoWeights(Rule):
    """``k * (W x) = (k W) x``: an integer factor per channel moves into the weights (also a negative slope's -1)."""

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        if not isinstance(node, Add) or len(node.inputs) != 1 or not sole_reader(graph, node.inputs[0]):
            return None
        linear = graph.by_name[node.inputs[0]]
        weights = const_weights(graph, linear)
        if not isinstance(linear, Linear) or weights is None:
            return None
        factors = node.coefficients[0].reshape(-1, *([1] * (weights.value.ndim - 1)))
        bound = magnitude(weights.value) * magnitude(factors)
        scaled = as_int_array(widened(weights.value, bound) * widened(factors, bound))
        new = Const(name=fresh_name(graph, weights.name + "_s"), value=frozen_ints(scaled))
        return new, replace(linear, name=node.name, inputs=(linear.inputs[0], new.name))


@dataclass(frozen=True)
class FoldBiasIntoStep(Rule):
    """``f(x + b) = (shift_b f)(x)``: an added constant moves the cuts."""

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        if not isinstance(node, Step) or not sole_reader(graph, node.inputs[0]):
            return None
        split = _constant_addend(graph, graph.by_name[node.inputs[0]])
        if split is None:
            return None
        value, bias = split
        curves = Curves(node.curves.of(c).shift(int(of_channel(bias, c))) for c in range(rows(node.curves, bias)))
        return (replace(node, inputs=(value,), curves=curves),)


@dataclass(frozen=True)
class FoldBiasIntoOutput(Rule):
    """``s (x + b) + o = s x + (s b + o)``: a constant before an output joins its exact offset."""

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        if not isinstance(node, Output) or not sole_reader(graph, node.inputs[0]):
            return None
        split = _constant_addend(graph, graph.by_name[node.inputs[0]])
        if split is None:
            return None
        value, bias = split
        offset = tuple(
            of_channel(node.offset, c) + of_channel(node.scale, c) * int(of_channel(bias, c))
            for c in range(rows(bias, node.scale, node.offset))
        )
        return (replace(node, inputs=(value,), offset=offset),)


@dataclass(frozen=True)
class ComposeSteps(Rule):
    """``f(g(x)) = (f o g)(x)``: chained requantizers are one staircase (their scales are never just multiplied).

    They stay two where the composition has no integers of its own to compute it and its thresholds or table would cost
    more than both steps.
    """

    prices: Prices = PRICES

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        if not isinstance(node, Step) or not sole_reader(graph, node.inputs[0]):
            return None
        inner = graph.by_name[node.inputs[0]]
        if not isinstance(inner, Step) or _too_many_cuts(node, inner):
            return None
        composed = _composed(node, inner)
        one, pair = (
            min(luts.values(), default=None) for luts in _composition_luts(graph, inner, node, composed, self.prices)
        )
        if one is None or (pair is not None and pair < one):
            return None
        found = () if pair is None else (FoldedPair(pair, one),)
        return (replace(composed, rules=inner.rules, facts=(*inner.facts, *node.facts, *found)),)


def unfolded(graph: Graph, node: Node, prices: Prices = PRICES) -> str:
    """Why a step stands behind another one, or what two steps would have cost that became one; "" where neither is."""
    if not isinstance(node, Step):
        return ""
    folded = [f"two steps: {f.pair} LUT a lane against {f.one}" for f in node.facts if isinstance(f, FoldedPair)]
    inner = graph.by_name[node.inputs[0]]
    if folded or not isinstance(inner, Step):
        return f"{folded[0]}; folded into one" if folded else ""
    if _too_many_cuts(node, inner):
        return f"two steps: of {node.name} more levels would have to be listed than {MAX_LEVELS:,}; kept"
    if not sole_reader(graph, inner.name):
        return f"not folded with {inner.name}, which others read too"
    both = _composition_luts(graph, inner, node, _composed(node, inner), prices)
    one, pair = (min(luts.values(), default=None) for luts in both)
    return f"two steps: {pair} LUT a lane against " + ("no body at all for one" if one is None else f"{one}; kept")


def _too_many_cuts(node: Step, inner: Step) -> bool:
    """Would the composition list more cuts than the search for its bodies takes?"""
    pairs = ((node.curves.of(c), inner.curves.of(c)) for c in range(rows(node.curves, inner.curves)))
    return sum(listed(*pair) for pair in pairs) > MAX_LEVELS


def _composed(node: Step, inner: Step) -> Step:
    channels = range(rows(node.curves, inner.curves))
    curves = Curves(compose(node.curves.of(c), inner.curves.of(c)) for c in channels)
    return replace(node, inputs=inner.inputs, curves=curves, source=inner.source + node.source)


def _composition_luts(
    graph: Graph, inner: Step, outer: Step, composed: Step, prices: Prices
) -> tuple[dict[str, int], dict[str, int]]:
    """What the composition costs by body, and the cheapest pair of bodies (empty where one of the two has none)."""
    x = graph.types[inner.inputs[0]]
    first, second = body_luts(inner, x, prices), body_luts(outer, graph.types[inner.name], prices)
    pair = {"pair": min(first.values()) + min(second.values())} if first and second else {}
    return body_luts(composed, x, prices), pair


@dataclass(frozen=True)
class NarrowSteps(Rule):
    """``f = f`` restricted to the reachable interval: levels and cuts that no input reaches are dropped."""

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        if not isinstance(node, Step):
            return None
        curves = node.curves.narrowed(graph.types[node.inputs[0]])
        return None if curves == node.curves else (replace(node, curves=curves),)


@dataclass(frozen=True)
class DropIdentitySteps(Rule):
    """``f(x) = x`` on the reachable interval: the readers of a step that changes nothing read its input."""

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        replaced = [i for i in node.inputs if _is_identity(graph, graph.by_name[i])]
        if not replaced:
            return None
        inputs = tuple(graph.by_name[i].inputs[0] if i in replaced else i for i in node.inputs)
        return (replace(node, inputs=inputs),)


@dataclass(frozen=True)
class DropDeadChannels(Rule):
    """``W2 f(W1 x) = W2[:, live] f[live](W1[live] x) + W2[:, dead] v``: constant or unread channels go.

    A channel is dead when its step is a constant ``v`` or no weight reads it. The constant term is added after ``W2``
    and folds into the next step. Dense layers only.
    """

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        found = _dense_chain(graph, node)
        if found is None:
            return None
        first, w1, step, second, w2 = found
        kind = graph.types[step.name]
        constant, unread = kind.lo == kind.hi, ~w2.value.any(axis=0)
        live = ~(constant | unread)
        if live.all() or not live.any():
            return None
        bias = as_int_array(w2.value[:, ~live].astype(object) @ kind.lo[~live].astype(object))
        new_w1 = Const(name=fresh_name(graph, w1.name + "_l"), value=frozen_ints(w1.value[live]))
        new_w2 = Const(name=fresh_name(graph, w2.name + "_l"), value=frozen_ints(w2.value[:, live]))
        new_first = replace(first, inputs=(first.inputs[0], new_w1.name))
        kept = step.curves if step.curves.shared else Curves(step.curves[c] for c in np.flatnonzero(live))
        new_step = replace(step, curves=kept)
        if not bias.any():
            return new_w1, new_w2, new_first, new_step, replace(second, inputs=(step.name, new_w2.name))
        inner = replace(second, name=fresh_name(graph, second.name + "_live"), inputs=(step.name, new_w2.name))
        constant_node = Const(name=fresh_name(graph, second.name + "_bias"), value=frozen_ints(bias))
        total = Add(
            name=second.name, inputs=(inner.name, constant_node.name), coefficients=(frozen_ints(1), frozen_ints(1))
        )
        return new_w1, new_w2, new_first, new_step, inner, constant_node, total


@dataclass(frozen=True)
class FallingStepToTable(Rule):
    """``f(k * x) = t[x]``: a factor that no weights can take (nothing linear below) makes a small table."""

    most_entries: int = MOST_ENTRIES

    def rewrite(self, graph: Graph, node: Node) -> tuple[Node, ...] | None:
        if not isinstance(node, Step) or not sole_reader(graph, node.inputs[0]):
            return None
        scale = graph.by_name[node.inputs[0]]
        if not isinstance(scale, Add) or len(scale.inputs) != 1:
            return None
        x = graph.types[scale.inputs[0]]
        lo, hi = x.bounds
        factors = scale.coefficients[0]
        count = rows(node.curves, factors)
        if (hi - lo + 1) * count > self.most_entries:
            return None
        domain = np.arange(lo, hi + 1).astype(object)
        values = [node.curves.of(c)(as_int_array(domain * int(of_channel(factors, c)))) for c in range(count)]
        return (Table(name=node.name, inputs=scale.inputs, lo=frozen_ints(lo), values=frozen_ints(np.stack(values))),)


# --------------------------------------------------------------------------------------------------------------- parts


def _constant_addend(graph: Graph, node: Node) -> tuple[str, IntArray] | None:
    """``x + b`` as ``(x, b)`` when one operand is a constant vector and the other has coefficient one."""
    if not isinstance(node, Add) or len(node.inputs) != 2:
        return None
    for value, constant in ((0, 1), (1, 0)):
        bias = graph.by_name[node.inputs[constant]]
        same_shape = graph.types[node.inputs[value]].shape == graph.types[node.name].shape
        if isinstance(bias, Const) and bias.value.ndim == 1 and same_shape and (node.coefficients[value] == 1).all():
            return node.inputs[value], as_int_array(bias.value.astype(object) * node.coefficients[constant])
    return None


def _is_identity(graph: Graph, node: Node) -> bool:
    """Checked at the cuts: a staircase through (lo, lo) and (hi, hi) whose cuts are lo+1 .. hi is the identity."""
    if not isinstance(node, Step):
        return False
    x: ValueType = graph.types[node.inputs[0]]
    return all(
        curve.interval_on(lo, hi) == (lo, hi)
        and curve.levels <= 1 << 17
        and np.array_equal(curve.restrict(lo, hi).cuts(), np.arange(lo + 1, hi + 1))
        for curve, lo, hi in node.curves.each(x.channels).reached(x)
    )


def _dense_chain(graph: Graph, node: Node) -> tuple[Linear, Const, Step, Linear, Const] | None:
    w2 = const_weights(graph, node)
    step = graph.by_name[node.inputs[0]] if node.inputs else None
    if w2 is None or not is_dense(node, w2) or not isinstance(node, Linear) or not isinstance(step, Step):
        return None
    first = graph.by_name[step.inputs[0]]
    w1 = const_weights(graph, first)
    if w1 is None or not is_dense(first, w1) or not isinstance(first, Linear):
        return None
    if not (sole_reader(graph, first.name) and sole_reader(graph, step.name)):
        return None
    return first, w1, step, node, w2
