"""Two chained requantizers become one where one body is cheaper than two, and the build can say so."""

from __future__ import annotations

from fractions import Fraction

import pytest

from isobit.backends.dataflow.planner.steps import candidates
from isobit.hardware import Prices, load_board
from isobit.hardware.prices import PRICES
from isobit.ir import Graph
from isobit.ir.facts import FoldedPair
from isobit.ir.ops import Step
from isobit.numerics import NoMultiplyShift, compose, least_multiply_shift
from isobit.passes import apply_rule, optimise, shrinking
from isobit.passes.bodies import body_luts
from isobit.passes.rules import ComposeSteps, unfolded
from tests.passes.graphs import given, graph, out, rounded, step

COMPOSE = ComposeSteps()


def chain(bits: int, channels: int = 1) -> Graph:
    """An accumulator of 18 bits requantised twice, with unrelated scales of each channel, to ``bits`` bits."""
    top = (1 << bits) - 1
    first = [rounded(Fraction(127, 65_537 + c), 0, 0, 255) for c in range(channels)]
    second = rounded(Fraction(101 * top, 257 * 101), Fraction(1, 3), 0, top)
    x = given(channels, lo=-(1 << 17), hi=1 << 17)
    return graph(x, step("f", "x", *first), step("g", "f", second), out("g"))


def test_the_composition_of_the_example_has_no_multiply_shift() -> None:
    g = chain(7)
    f, s = (g.by_name[n] for n in "fg")
    assert isinstance(f, Step)
    assert isinstance(s, Step)
    found = least_multiply_shift(compose(s.curves[0], f.curves[0]), -(1 << 17), 1 << 17)
    assert isinstance(found, NoMultiplyShift)


def test_many_thresholds_of_many_channels_cost_more_than_two_multiplications() -> None:
    before = chain(7, channels=16)
    after = apply_rule(before, COMPOSE)
    assert after is before
    luts = [body_luts(n, before.types[n.inputs[0]], PRICES) for n in before.nodes if isinstance(n, Step)]
    pair = sum(min(found.values()) for found in luts)
    said = unfolded(after, after.by_name["g"])
    assert said.startswith(f"two steps: {pair} LUT a lane against ")
    assert said.endswith("; kept")
    assert unfolded(after, after.by_name["f"]) == ""


def test_few_thresholds_cost_less() -> None:
    after = apply_rule(chain(2), COMPOSE)
    (node,) = [n for n in after.nodes if isinstance(n, Step)]
    assert node.inputs == ("x",)
    (fact,) = node.facts
    assert isinstance(fact, FoldedPair) and fact.one <= fact.pair
    assert unfolded(after, node) == f"two steps: {fact.pair} LUT a lane against {fact.one}; folded into one"


def test_prices_decide_and_are_an_argument() -> None:
    """With DSPs for nothing two multiplications cost less than the few thresholds that one body needs."""
    before = chain(7)
    assert ComposeSteps(Prices(dearer=(1, 0, 1, 1)))(before) is before
    assert ComposeSteps()(before) is not before


def test_a_step_that_others_read_too_is_not_folded() -> None:
    g = graph(*chain(2).nodes, out("f", "z"))
    assert unfolded(g, g.by_name["g"]) == "not folded with f, which others read too"


@pytest.mark.parametrize("bits", [2, 4, 7])
def test_bodies_are_priced_as_the_planner_prices_them(bits: int) -> None:
    """One model: what a pass weighs is what the planner pays for the same body with one lane."""
    g = optimise(chain(bits), shrinking())
    board = load_board("pynq-z1")
    for name in "fg":
        node = g.by_name[name]
        assert isinstance(node, Step)
        weighed = body_luts(node, g.types[node.inputs[0]], Prices.of(board))
        paid = {c.implementation: c.cost.weight for c in candidates(g, node, 1, board) if c.possible}
        assert weighed == paid
