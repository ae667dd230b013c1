"""coarsen-before-select: the order of all operands stays, ties included, in far fewer bits."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isobit.interp import run
from isobit.ir import Graph, frozen_ints
from isobit.ir.ops import Add, Const, Input, Output, Select
from isobit.passes.order import CoarsenBeforeSelect
from isobit.passes.rewrite import apply_rule

RULE = CoarsenBeforeSelect()


def selection(factor: int, bias: list[int], k: int = 1) -> Graph:
    """The ``k`` greatest of ``factor * x + bias`` for x in -9 .. 9."""
    return Graph(
        (
            Input(name="x", shape=(len(bias),), lo=frozen_ints(-9), hi=frozen_ints(9)),
            Const(name="b", value=frozen_ints(np.array(bias, dtype=object))),
            Add(name="t", inputs=("x", "b"), coefficients=(frozen_ints(factor), frozen_ints(1))),
            Select(name="s", inputs=("t",), k=k),
            Output(name="y", inputs=("s",)),
        )
    )


@given(
    st.integers(2, 60), st.lists(st.integers(-300, 300), min_size=2, max_size=6), st.sampled_from([1, 2]),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_the_selection_stays(factor: int, bias: list[int], k: int, seed: int) -> None:
    graph = selection(factor, bias, k)
    x = np.random.default_rng(seed).integers(-9, 10, (200, len(bias)))
    assert np.array_equal(run(graph, {"x": x})["y"], run(apply_rule(graph, RULE), {"x": x})["y"])


def test_bits_are_saved() -> None:
    graph = selection(10**15, [7, -(10**15) - 3, 7, 3 * 10**15 + 1])
    coarse = apply_rule(graph, RULE)
    assert graph.types["t"].bits > 50
    assert coarse.types["t_order"].bits <= 7


def test_nothing_is_done_where_nothing_is_gained() -> None:
    graph = selection(2, [0, 1, 2, 3])
    assert apply_rule(graph, RULE) is graph
