"""Splitting a step at zero: the law on every input, where it fires and where it must not."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from isobit.interp import run
from isobit.ir import Graph, frozen_ints
from isobit.ir.ops import Add, Input, Output, Step
from isobit.numerics import Cuts, MultiplyShift, Rounded, Rounding
from isobit.passes import apply_rule, optimise
from isobit.passes.split import SplitAtZero

REACH = 90_000


def rounded(mult: Fraction, rounding: Rounding, lo: int = -4000, hi: int = 4000, offset: int = 0) -> Graph:
    x = Input(name="x", shape=(1,), lo=frozen_ints(-REACH), hi=frozen_ints(REACH))
    step = Step(name="f", inputs=("x",), curves=(Rounded(mult, Fraction(offset), rounding, lo, hi),))
    return Graph((x, step, Output(name="y", inputs=("f",))))


@pytest.mark.parametrize("limit", [120, 4000])  # thresholds could build the first, at a higher price
@pytest.mark.parametrize("mult", [Fraction(1, 60), Fraction(7, 411), Fraction(3, 100)])
def test_rounding_towards_zero_becomes_two_multiply_shifts(mult: Fraction, limit: int) -> None:
    graph = rounded(mult, Rounding.DOWN, -limit, limit)
    made = optimise(graph)
    halves = [n for n in made.nodes if isinstance(n, Step)]
    assert len(halves) == 2 and all(isinstance(c, MultiplyShift) for n in halves for c in n.curves)
    assert isinstance(made.by_name["f"], Add) and "split-at-zero" in made.by_name["f"].rules
    everything = {"x": np.arange(-REACH, REACH + 1).reshape(-1, 1)}
    assert np.array_equal(run(graph, everything)["y"], run(made, everything)["y"])


@pytest.mark.parametrize(
    "graph",
    [
        rounded(Fraction(1, 60), Rounding.FLOOR),  # one multiply-shift does it
        rounded(Fraction(1, 60), Rounding.DOWN, -3, 3),  # so few levels that thresholds are cheaper
        rounded(Fraction(1, 60), Rounding.DOWN, 0, 4000),  # one side only
    ],
)
def test_a_step_that_has_a_body_stays(graph: Graph) -> None:
    assert apply_rule(graph, SplitAtZero()) is graph


def test_halves_without_a_body_stay() -> None:
    rng = np.random.default_rng(1)
    cuts = np.sort(rng.integers(-REACH, REACH, 900))
    x = Input(name="x", shape=(1,), lo=frozen_ints(-REACH), hi=frozen_ints(REACH))
    graph = Graph((x, Step(name="f", inputs=("x",), curves=(Cuts(-450, cuts),)), Output(name="y", inputs=("f",))))
    assert apply_rule(graph, SplitAtZero()) is graph
