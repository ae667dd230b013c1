"""Intervals through residual joins and pools are reached: every end is the value of some input."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isobit.interp import run
from isobit.ir import Graph, frozen_ints, verify
from isobit.ir.ops import Add, Const, Input, Linear, MaxPool, Output, Product, Step
from isobit.numerics import Rounded, Rounding

LEVELS = 3


def steps(factor: int) -> Rounded:
    return Rounded(Fraction(factor, 2), Fraction(1, 3), Rounding.ROUND, -4, 9)


@given(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), st.integers(1, 4), st.integers(1, 4))
def test_a_join_of_two_requantised_branches(coefficients: tuple[int, int], one: int, other: int) -> None:
    ends = {"lo": frozen_ints(-LEVELS), "hi": frozen_ints(LEVELS)}
    graph = verify(
        Graph(
            (
                Input(name="a", shape=(1,), **ends), Input(name="b", shape=(1,), **ends),
                Step(name="f", inputs=("a",), curves=(steps(one),)),
                Step(name="g", inputs=("b",), curves=(steps(other),)),
                Add(name="join", inputs=("f", "g"), coefficients=tuple(frozen_ints(c) for c in coefficients)),
                Step(name="s", inputs=("join",), curves=(steps(1),)), Output(name="y", inputs=("s",)),
            )
        )
    )  # fmt: skip
    a, b = (v.reshape(-1, 1) for v in np.meshgrid(*[np.arange(-LEVELS, LEVELS + 1)] * 2))
    reached = run(graph, {"a": a, "b": b})["y"]
    assert graph.types["y"].bounds == (reached.min(), reached.max())


@pytest.mark.parametrize(("coefficients", "bounds"), [((2, -1), (-3, 5)), ((1, -1), (0, 0)), ((-2, 1), (-5, 3))])
def test_a_value_added_to_itself_is_one_value(coefficients: tuple[int, int], bounds: tuple[int, int]) -> None:
    graph = verify(
        Graph(
            (
                Input(name="x", shape=(2,), lo=frozen_ints(-3), hi=frozen_ints(5)),
                Add(name="twice", inputs=("x", "x"), coefficients=tuple(frozen_ints(c) for c in coefficients)),
                Output(name="y", inputs=("twice",)),
            )
        )
    )
    assert graph.types["twice"].bounds == bounds
    reached = run(graph, {"x": np.arange(-3, 6).repeat(2).reshape(-1, 2)})["y"]
    assert (reached.min(), reached.max()) == bounds


@pytest.mark.parametrize(("x", "y"), [((-3, 5), (-2, 4)), ((1, 5), (-2, -1)), ((-5, -2), (-7, 0)), ((0, 0), (-4, 4))])
def test_a_product_reaches_two_of_its_corners(x: tuple[int, int], y: tuple[int, int]) -> None:
    ends = [{"lo": frozen_ints(lo), "hi": frozen_ints(hi)} for lo, hi in (x, y)]
    graph = verify(
        Graph(
            (
                Input(name="x", shape=(2, 1), **ends[0]), Input(name="y", shape=(1, 1), **ends[1]),
                Product(name="xy", inputs=("x", "y")), Output(name="z", inputs=("xy",)),
            )
        )
    )  # fmt: skip
    pairs = np.array([(a, b) for a in range(x[0], x[1] + 1) for b in range(y[0], y[1] + 1)])
    reached = run(graph, {"x": pairs[:, [0, 0]].reshape(-1, 2, 1), "y": pairs[:, 1].reshape(-1, 1, 1)})["z"]
    assert graph.types["xy"].bounds == (reached.min(), reached.max())


@pytest.mark.parametrize("bounds", [(-3, 5), (2, 5), (-5, -2), (0, 4), (-4, 0), (-(2**40), 3)])
def test_a_square_is_never_below_the_nearest_to_zero(bounds: tuple[int, int]) -> None:
    x = Input(name="x", shape=(1,), lo=frozen_ints(bounds[0]), hi=frozen_ints(bounds[1]))
    graph = verify(Graph((x, Product(name="xx", inputs=("x", "x")), Output(name="z", inputs=("xx",)))))
    squares = [v * v for v in range(max(bounds[0], -9), bounds[1] + 1)] + [bounds[0] ** 2]
    assert graph.types["xx"].bounds == (min(squares), max(squares))


def test_pools_keep_each_channels_own_interval() -> None:
    graph = verify(
        Graph(
            (
                Input(name="x", shape=(4, 2), lo=frozen_ints([-1, 0]), hi=frozen_ints([2, 7])),
                MaxPool(name="max", inputs=("x",), kernel=(2,), strides=(2,), dilations=(1,)),
                Const(name="ones", value=frozen_ints(np.ones((2, 2, 1), np.int64))),
                Linear(name="sum", inputs=("max", "ones"), strides=(2,), dilations=(1,), groups=2),
                Output(name="y", inputs=("sum",)),
            )
        )
    )
    assert [graph.types[n].lo.tolist() for n in ("max", "sum")] == [[-1, 0], [-2, 0]]
    assert [graph.types[n].hi.tolist() for n in ("max", "sum")] == [[2, 7], [4, 14]]
